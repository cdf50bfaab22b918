"""What samples of known truth say of a network: its error over donors, wells and looks.

The donors are others than those that fitted the network. Their figures go into the manifest, where
scoring finds them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.cell_looks import LOOK_NAMES
from app.domain.look_correction import LookCorrection, fit_look_correction
from app.domain.population import TrainingDonors, calibrate_limits
from app.domain.well_effects import EarlierWell, SpreadSource, WellSpread, pool_wells

Floats = NDArray[np.float64]

ERROR_DEFINITION: Final = (
    "RS as samples are scored (rs-image-outlets/1) minus RS of the outlets of all cells drawn in "
    "the same images; one unsorted sample per donor, none of whose cells fitted the network."
)


@dataclass(frozen=True)
class KnownSample:
    """One donor's unsorted sample.

    Attributes
    ----------
    mean_looks
        Shape (f,), `app.domain.cell_looks` over its accepted cells.
    rigidity_score, true_score
        As scored, and of the cells drawn.
    n_cells
        Accepted cells.
    wells
        Each well's score and standard error.
    well_errors
        Each well's score minus that of the cells drawn in it, in the same order.
    """

    code: str
    mean_looks: Floats
    rigidity_score: float
    true_score: float
    n_cells: int
    wells: tuple[EarlierWell, ...]
    well_errors: tuple[float, ...]


@dataclass(frozen=True)
class DonorError:
    """Error of the score over donors, outlets.

    Attributes
    ----------
    well_sd
        SD of a well's error within its donor: what wells and images add to an error, and an
        interval adds again. None where donors had one well, or it was not measured.
    n_wells
        Wells behind each donor's score.
    """

    sd: float
    bias: float
    mean_absolute: float
    n_donors: int
    definition: str
    well_sd: float | None = None
    n_wells: int = 1


@dataclass(frozen=True)
class Calibration:
    """A manifest's member ``calibration``.

    Attributes
    ----------
    donors
        How the donors came about, as JSON values.
    wells
        None where donors had one well.
    look_correction
        None with too few donors.
    """

    donors: dict[str, Any]
    donor_error: DonorError
    wells: WellSpread | None
    look_correction: LookCorrection | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a manifest's member.

        Raises
        ------
        KeyError, TypeError, ValueError
            A figure is missing or is none.
        """
        correction = LookCorrection.from_json(values["look_correction"])
        if correction is not None and correction.weights.shape != (len(LOOK_NAMES),):
            raise ValueError("not one weight per look")
        return cls(
            donors=dict(values["donors"]),
            donor_error=DonorError(**values["donor_error"]),
            wells=WellSpread.of_model(values["wells"]),
            look_correction=correction,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "donors": self.donors,
            "donor_error": asdict(self.donor_error),
            "wells": None if self.wells is None else self.wells.to_json(),
            "look_correction": None
            if self.look_correction is None
            else self.look_correction.to_json(),
        }


def calibrate(samples: Sequence[KnownSample], donors: dict[str, Any]) -> Calibration:
    """Figures over two or more donors that did not fit the network."""
    looks = np.stack([sample.mean_looks for sample in samples])
    scores = np.array([sample.rigidity_score for sample in samples])
    truths = np.array([sample.true_score for sample in samples])
    errors = scores - truths
    return Calibration(
        donors=donors,
        donor_error=DonorError(
            sd=float(errors.std(ddof=1)),
            bias=float(errors.mean()),
            mean_absolute=float(np.abs(errors).mean()),
            n_donors=len(errors),
            definition=ERROR_DEFINITION,
            well_sd=_spread_within([sample.well_errors for sample in samples]),
            n_wells=min(len(sample.well_errors) for sample in samples),
        ),
        wells=pool_wells([sample.wells for sample in samples], SpreadSource.MODEL),
        look_correction=fit_look_correction(looks, scores, truths),
    )


def _spread_within(donors: Sequence[Sequence[float]]) -> float | None:
    """Pooled SD of the wells' errors about their donor's mean."""
    degrees = sum(len(errors) - 1 for errors in donors)
    if not degrees:
        return None
    squares = sum(float(np.var(errors)) * len(errors) for errors in donors)
    return float(np.sqrt(squares / degrees))


def describe_training_donors(codes: Sequence[str], looks: Floats) -> TrainingDonors:
    """Training donors by their mean looks, shape (d, f), with the limits of their guard."""
    return TrainingDonors(tuple(codes), looks, calibrate_limits(looks))
