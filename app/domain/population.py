"""Population guard: whether a sample looks like the donors that the model was fitted to.

The distance is Mahalanobis's over donors, with a covariance shrunk towards independence because
donors are few. Its limits come from the training donors themselves: each is measured against all
the others, and the logarithms of these distances predict that of one more donor of the same kind.

References
----------
Ledoit and Wolf, Journal of Multivariate Analysis 88 (2004) 365-411: the shrinkage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from sklearn.covariance import LedoitWolf

from app.domain.cell_looks import VERSION as LOOKS_VERSION
from app.domain.quality import Finding, Level

Floats = NDArray[np.float64]

METHOD: Final = "population-mahalanobis/1"
FEWEST_DONORS: Final = 20
"""Below it a limit would rest on guesswork."""
EDGE_SHARE: Final = 0.90
OUTSIDE_SHARE: Final = 0.96
"""Shares of donors like the training donors that are expected below the two limits."""
FEWEST_CELLS: Final = 500
FEWEST_WELLS: Final = 2
"""With fewer, chance and one well's light alone put ordinary donors outside."""
N_NEAREST: Final = 3


class Standing(StrEnum):
    INSIDE = "inside"
    EDGE = "edge"
    OUTSIDE = "outside"
    UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True)
class Limits:
    """Distances from which a sample counts as at the edge, and as outside."""

    edge: float
    outside: float


@dataclass(frozen=True)
class Placement:
    """Where a sample lies among the training donors.

    Attributes
    ----------
    distance
        In standard deviations over training donors, all measures together; None where the
        sample's looks or the model's training donors are not known.
    limits
        None under `FEWEST_DONORS` training donors.
    nearest
        Codes of the most similar training donors, most similar first.
    n_donors
        Training donors behind it.
    is_small
        Whether the sample has too few cells or wells to be held against the limits.
    """

    standing: Standing
    distance: float | None
    limits: Limits | None
    nearest: tuple[str, ...]
    n_donors: int
    is_small: bool = False

    @classmethod
    def unknown(cls) -> Self:
        return cls(Standing.UNCALIBRATED, None, None, (), 0)

    @property
    def bars_release(self) -> bool:
        """Whether no acknowledgement may release the score."""
        return self.standing is Standing.OUTSIDE

    @property
    def needs_acknowledgement(self) -> bool:
        return self.standing is Standing.UNCALIBRATED

    def to_json(self) -> dict[str, Any]:
        return {
            "method": METHOD,
            "standing": str(self.standing),
            "distance": self.distance,
            "edge_from": None if self.limits is None else self.limits.edge,
            "outside_from": None if self.limits is None else self.limits.outside,
            "nearest_donors": list(self.nearest),
            "n_training_donors": self.n_donors,
            "bars_release": self.bars_release,
            "needs_acknowledgement": self.needs_acknowledgement,
        }


@dataclass(frozen=True)
class TrainingDonors:
    """What the cells of the donors behind a model look like.

    Attributes
    ----------
    codes
        d donor codes.
    looks
        Shape (d, f): mean looks of each donor's unsorted cells (`app.domain.cell_looks`).
    limits
        As `calibrate_limits` gave them; None under `FEWEST_DONORS` donors.
    """

    codes: tuple[str, ...]
    looks: Floats
    limits: Limits | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Self | None:
        """Read a manifest's member; None where it has none or measured looks otherwise."""
        if values is None or values["looks_version"] != LOOKS_VERSION:
            return None
        limits = values["limits"]
        return cls(
            codes=tuple(values["codes"]),
            looks=np.asarray(values["looks"], dtype=np.float64),
            limits=None if limits is None else Limits(limits["edge"], limits["outside"]),
        )

    def to_json(self) -> dict[str, Any]:
        limits = self.limits
        return {
            "looks_version": LOOKS_VERSION,
            "codes": list(self.codes),
            "looks": [[float(f"{value:.5g}") for value in row] for row in self.looks],
            "limits": None if limits is None else {"edge": limits.edge, "outside": limits.outside},
        }

    @cached_property
    def _shape(self) -> "_Shape":
        return _Shape.of(self.looks)

    def place(self, looks: Floats | None, *, n_cells: int, n_wells: int) -> Placement:
        """Place a sample by its mean looks, shape (f,), over so many cells and wells."""
        if looks is None or len(self.codes) < 2:
            return Placement.unknown()
        whitened = self._shape.whiten(looks[np.newaxis])[0]
        distance = float(np.linalg.norm(whitened))
        apart = np.linalg.norm(self._shape.whiten(self.looks) - whitened, axis=1)
        nearest = np.argsort(apart, kind="stable")[:N_NEAREST]
        is_small = n_cells < FEWEST_CELLS or n_wells < FEWEST_WELLS
        return Placement(
            standing=Standing.UNCALIBRATED if is_small else _standing(distance, self.limits),
            distance=distance,
            limits=self.limits,
            nearest=tuple(self.codes[i] for i in nearest),
            n_donors=len(self.codes),
            is_small=is_small,
        )


@dataclass(frozen=True)
class _Shape:
    """Centre of the donors, and what turns looks into independent standard deviations."""

    centre: Floats  # (f,)
    whitening: Floats  # (f, f)

    @classmethod
    def of(cls, looks: Floats) -> Self:
        centre = looks.mean(axis=0)
        sd = np.maximum(looks.std(axis=0, ddof=1), 1e-9)
        precision = LedoitWolf().fit((looks - centre) / sd).precision_
        return cls(centre, np.linalg.cholesky(precision) / sd[:, np.newaxis])

    def whiten(self, looks: Floats) -> Floats:
        return np.asarray((looks - self.centre) @ self.whitening)


def calibrate_limits(looks: Floats) -> Limits | None:
    """Limits from the training donors, each measured against all the others.

    Parameters
    ----------
    looks
        Shape (d, f).

    Returns
    -------
    Limits
        ``exp(m + t s sqrt(1 + 1/d))`` with m and s the mean and standard deviation of the log
        distances and t Student's quantile with d - 1 degrees of freedom: the usual prediction
        interval for one more donor. None under `FEWEST_DONORS` donors.
    """
    if len(looks) < FEWEST_DONORS:
        return None
    logs = np.log([_distance_to_others(looks, left_out) for left_out in range(len(looks))])
    spread = float(logs.std(ddof=1)) * np.sqrt(1 + 1 / len(logs))
    edge, outside = student_t.ppf([EDGE_SHARE, OUTSIDE_SHARE], len(logs) - 1)
    return Limits(
        edge=float(np.exp(logs.mean() + edge * spread)),
        outside=float(np.exp(logs.mean() + outside * spread)),
    )


def _distance_to_others(looks: Floats, left_out: int) -> float:
    others = _Shape.of(np.delete(looks, left_out, axis=0))
    return float(np.linalg.norm(others.whiten(looks[left_out : left_out + 1])))


def _standing(distance: float, limits: Limits | None) -> Standing:
    if limits is None:
        return Standing.UNCALIBRATED
    if distance > limits.outside:
        return Standing.OUTSIDE
    return Standing.EDGE if distance > limits.edge else Standing.INSIDE


def report_population(placement: Placement) -> tuple[Finding, ...]:
    """Say what the placement means for the score; nothing for a donor inside."""
    if placement.standing is Standing.INSIDE:
        return ()
    if placement.distance is None:
        return (
            Finding(
                "population_unknown",
                Level.WARNING,
                None,
                None,
                "How near this donor lies to the model's training donors is not known; the "
                "verifier must judge the score without it.",
            ),
        )
    return (_report_distance(placement, placement.distance),)


def _report_distance(placement: Placement, distance: float) -> Finding:
    near = ", ".join(placement.nearest)
    if placement.is_small:
        return Finding(
            "population_small_sample",
            Level.WARNING,
            distance,
            None,
            f"Too little was seen to place this donor: {FEWEST_CELLS} cells in {FEWEST_WELLS} "
            f"wells are needed (distance {distance:.1f}, nearest {near}). Add images, or the "
            "verifier must acknowledge it.",
        )
    if placement.limits is None:
        return Finding(
            "population_uncalibrated",
            Level.WARNING,
            distance,
            None,
            f"The model has {placement.n_donors} training donors, too few to say how near is near "
            f"enough; this donor's distance is {distance:.1f}, nearest {near}. The verifier must "
            "acknowledge it.",
        )
    if placement.standing is Standing.OUTSIDE:
        return Finding(
            "donor_outside_training",
            Level.REJECT,
            distance,
            placement.limits.outside,
            "Unseen donor: the cells look unlike those of every training donor (distance "
            f"{distance:.1f}, limit {placement.limits.outside:.1f}; nearest {near}). The score may "
            "be far off and cannot be released; check focus and light, then sort this donor.",
        )
    return Finding(
        "donor_at_edge",
        Level.WARNING,
        distance,
        placement.limits.edge,
        f"The cells look somewhat unlike those of the training donors (distance {distance:.1f}, "
        f"usual below {placement.limits.edge:.1f}; nearest {near}); compare with a sort.",
    )
