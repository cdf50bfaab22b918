"""The digital control: what the pipeline says of sealed images, held against sealed answers.

Sealed images never change, so neither may what the program says of them: on one machine to the
last bit, on other machines within a tolerance that only their rounding needs.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.control_charts import USUAL_RULES, ControlLimits, Rule, WestgardOptions
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.scoring import rigidity_scores

CONTROL_METHOD: Final = "digital-control/1"
SAME_MACHINE: Final = 1e-8
"""Relative; the same program on the same machine gives the same bits."""
SEALED_OPTIONS: Final = WestgardOptions(USUAL_RULES - {Rule.TEN_X})
"""Another machine may lie on one side of the sealed answer for ever, which is no drift."""


@dataclass(frozen=True)
class FigureKind:
    """One figure of a control run.

    Attributes
    ----------
    title, unit
        For people; the unit is empty for a count or a share.
    tolerance
        Largest difference from the sealed answer, in the figure's unit.
    from_network
        Whether it comes from the classifying network, so that each model version has its own.
    """

    title: str
    unit: str
    tolerance: float
    from_network: bool


# At least fifty times what other arithmetic changes, below what any planted fault does
# (docs/decisions/0012; `python -m bench.controls`). Half a cell: the count is exact.
FIGURES: Final[Mapping[str, FigureKind]] = MappingProxyType(
    {
        "n_cells": FigureKind("Accepted cells", "", 0.5, from_network=False),
        "mean_diameter_um": FigureKind("Mean diameter", "µm", 1e-4, from_network=False),
        "mean_grey": FigureKind("Mean grey", "of 255", 1e-3, from_network=False),
        "rim_width_um": FigureKind("Rim width", "µm", 1e-4, from_network=False),
        "mean_p_deformable": FigureKind(
            "Mean probability of deformable", "", 1e-4, from_network=True
        ),
        "crossing": FigureKind("Crossing of one half", "outlets", 1e-3, from_network=True),
    }
)


@dataclass(frozen=True)
class ControlImage:
    """What the pipeline found in one sealed image of n accepted cells, m of them classified.

    Attributes
    ----------
    mean_grey
        Of all pixels, 0 to 255.
    rim_width_um
        Median over cells, the image's focus.
    diameters_um
        Shape (n,).
    p_outlet
        Shape (m, k), probabilities over the version's outlets.
    """

    mean_grey: float
    rim_width_um: float
    diameters_um: NDArray[np.float32]
    p_outlet: NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """A figure that is not what was sealed."""

    figure: str
    expected: float
    found: float
    allowed: float

    @property
    def message(self) -> str:
        title = FIGURES[self.figure].title
        return f"{title} {self.found:.7g} instead of {self.expected:.7g} (± {self.allowed:.2g})"


def control_figures(images: Sequence[ControlImage], outlets: tuple[int, ...]) -> dict[str, float]:
    """Figures of one run over the images of a control.

    Parameters
    ----------
    images
        One or more.
    outlets
        Of the columns of `p_outlet`, ascending.

    Returns
    -------
    dict
        One finite value for each of `FIGURES`; NaN where no cell was accepted.
    """
    diameters = np.concatenate([image.diameters_um for image in images]).astype(np.float64)
    p_outlet = np.concatenate([image.p_outlet for image in images]).astype(np.float64)
    figures = {
        "n_cells": float(len(diameters)),
        "mean_diameter_um": _mean(diameters),
        "mean_grey": _mean(np.array([image.mean_grey for image in images])),
        "rim_width_um": _mean(np.array([image.rim_width_um for image in images])),
        "mean_p_deformable": math.nan,
        "crossing": math.nan,
    }
    if len(p_outlet):
        shares = p_outlet.mean(axis=0)
        is_deformable = np.asarray(outlets) <= LAST_DEFORMABLE_OUTLET
        figures["mean_p_deformable"] = float(shares[is_deformable].sum())
        figures["crossing"] = float(rigidity_scores(shares[np.newaxis] / shares.sum(), outlets)[0])
    return figures


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def differences(
    expected: Mapping[str, float], found: Mapping[str, float]
) -> tuple[Difference, ...]:
    """Figures beyond their tolerance; one that is missing or no number is beyond any.

    Parameters
    ----------
    expected
        The sealed answer: all figures, or those that do not come from the network.
    """
    compared = [
        Difference(name, value, found.get(name, math.nan), FIGURES[name].tolerance)
        for name, value in expected.items()
    ]
    return tuple(one for one in compared if not abs(one.found - one.expected) <= one.allowed)


def changes(earlier: Mapping[str, float], found: Mapping[str, float]) -> tuple[Difference, ...]:
    """Figures that are not those of an earlier run on the same machine, to all but the bit."""
    compared = [
        Difference(name, value, found.get(name, math.nan), SAME_MACHINE * max(1.0, abs(value)))
        for name, value in earlier.items()
    ]
    return tuple(one for one in compared if not abs(one.found - one.expected) <= one.allowed)


def sealed_limits(answer: Mapping[str, float]) -> dict[str, ControlLimits]:
    """Limits by figure: the sealed answer, and its tolerance at three standard deviations.

    So the rules of control charts hold for sealed images too, although a figure that never
    changes has no spread to make limits from.
    """
    return {
        name: ControlLimits(
            method=CONTROL_METHOD,
            mean=value,
            sd=FIGURES[name].tolerance / 3,
            sd_interval=(FIGURES[name].tolerance / 3,) * 2,
            n_runs=0,
            n_days=0,
            is_provisional=False,
        )
        for name, value in answer.items()
    }


def without_network(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that are the same whatever model version is asked."""
    return {name: value for name, value in figures.items() if not FIGURES[name].from_network}


def sealed_text(figures: Mapping[str, float]) -> str:
    """Canonical JSON of an answer; refuses what is no number, since that seals nothing."""
    return json.dumps(dict(figures), sort_keys=True, separators=(",", ":"), allow_nan=False)


def sealed_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
