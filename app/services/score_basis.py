"""What a donor score rests on beside its cells: other donors, other wells, earlier samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries.analyses import earlier_wells
from app.db.queries.corrections import count_corrections
from app.db.tables import Analysis, Score
from app.domain.look_correction import LookCorrectedScore
from app.domain.method_comparison.descriptions import PERCENT_METHOD
from app.domain.outlets import CROSSING_METHOD
from app.domain.release import Condition
from app.domain.score_conditions import StoredScore, score_conditions
from app.domain.scoring import REFERENCE_METHOD
from app.domain.well_effects import EarlierWell, WellSpread, pool_wells

METHODS_OF_VIEW: Final = {
    "crossing_um": CROSSING_METHOD,
    "comparison.rigidity_score": REFERENCE_METHOD,
    "comparison.percent_deviation": PERCENT_METHOD,
}
"""Behind what is worked out from a stored score when it is told."""


@dataclass(frozen=True)
class PopulationBasis:
    """How far the sample's looks lie from the training donors', and from where that is too far."""

    method: str
    distance: float | None
    edge_from: float | None
    outside_from: float | None
    nearest_donors: tuple[str, ...]
    n_training_donors: int
    bars_release: bool
    needs_acknowledgement: bool


@dataclass(frozen=True)
class Replicates:
    """First minus second well, or the range of more; its usual and its largest size."""

    difference: float
    expected: float | None
    largest: float


@dataclass(frozen=True)
class WellHistory:
    """Spread of replicate wells in this laboratory's earlier samples, same model version.

    `called` is of the wells' shares called deformable, and known for models of two classes only.
    """

    scores: WellSpread | None
    called: WellSpread | None


def read_well_history(session: Session, analysis: Analysis) -> WellHistory:
    samples = earlier_wells(session, analysis)
    return WellHistory(
        scores=_pool(samples, "rigidity_score", "standard_error"),
        called=_pool(samples, "called", "called_error"),
    )


def _pool(samples: list[list[dict[str, Any]]], figure: str, error: str) -> WellSpread | None:
    return pool_wells(
        [
            [
                EarlierWell(well[figure], well[error])
                for well in wells
                if well.get(error) is not None
            ]
            for wells in samples
        ]
    )


def population_basis(details: Mapping[str, Any]) -> PopulationBasis | None:
    """None in scores from before there was a guard."""
    values = details.get("placement")
    if values is None:
        return None
    known = {name: value for name, value in values.items() if name != "standing"}
    return PopulationBasis(**{**known, "nearest_donors": tuple(values["nearest_donors"])})


def methods_told(details: Mapping[str, Any], method: str) -> dict[str, str]:
    """The method behind each figure; scores from before they were kept name the score's own."""
    return {"rigidity_score": method, **details.get("methods", {}), **METHODS_OF_VIEW}


def replicates_of(details: Mapping[str, Any]) -> Replicates | None:
    values = details.get("replicates")
    if values is None:
        return None
    return Replicates(values["difference"], values["expected"], values["largest"])


def look_corrected_of(details: Mapping[str, Any]) -> LookCorrectedScore | None:
    values = details.get("look_corrected")
    if values is None:
        return None
    low, high = values["rigidity_interval"]
    return LookCorrectedScore(**{**values, "rigidity_interval": (low, high)})


def count_missing_corrections(session: Session, analysis: Analysis) -> int:
    """Corrections that an analysis does not hold: they are on their way, or that failed."""
    return max(count_corrections(session, analysis.sample_id) - analysis.n_corrections, 0)


def conditions_of_score(
    session: Session, analysis: Analysis, score: Score
) -> tuple[Condition, ...]:
    """What a stored score says of its release."""
    return score_conditions(
        StoredScore(
            method=score.method,
            rigidity_score=score.rigidity_score,
            reasons=score.reasons,
            details=score.details,
            n_missing_corrections=count_missing_corrections(session, analysis),
        )
    )
