"""Reference measurements: what the microfluidic device said of a sample."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries.references import references_of_samples
from app.db.tables import ReferenceMeasurement
from app.domain.agreement import ReferenceScore, score_reference
from app.domain.errors import InvalidInput
from app.domain.outlets import OUTLETS
from app.domain.scoring import REFERENCE_METHOD, Floats, shares_of
from app.security.permissions import Principal
from app.services import audit
from app.services.visibility import visible_sample

SUM_TOLERANCE: Final = 0.05
"""Twelve fractions rounded to two digits may miss 1 by this much; more is a slip."""


@dataclass(frozen=True)
class EnteredReference:
    """What a person or a program typed in: exactly one of counts, fractions or a score."""

    counts: Mapping[int, int] | None = None
    fractions: Mapping[int, float] | None = None
    n_cells: int | None = None
    rigidity_score: float | None = None
    sorted_at: dt.datetime | None = None
    device: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class ReferenceView:
    id: uuid.UUID
    entered_as: str
    counts: dict[str, int] | None
    fractions: dict[str, float] | None
    n_cells: int | None
    rigidity_score: float
    interval: tuple[float, float]
    deformable_fraction: float | None
    method: str
    sorted_at: dt.datetime | None
    device: str | None
    source: str | None
    created_at: dt.datetime


def view(row: ReferenceMeasurement) -> ReferenceView:
    return ReferenceView(
        id=row.id,
        entered_as=row.entered_as,
        counts=row.counts,
        fractions=row.fractions,
        n_cells=row.n_cells,
        rigidity_score=row.rigidity_score,
        interval=(row.interval_low, row.interval_high),
        deformable_fraction=row.deformable_fraction,
        method=row.method,
        sorted_at=row.sorted_at,
        device=row.device,
        source=row.source,
        created_at=row.created_at,
    )


def list_references(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> list[ReferenceView]:
    visible_sample(session, principal, sample_id)
    return [view(row) for row in references_of_samples(session, [sample_id])]


def add_reference(
    session: Session,
    principal: Principal,
    sample_id: uuid.UUID,
    entered: EnteredReference,
    *,
    run_sd: float,
) -> ReferenceView:
    """Score and record one sort; a sample may have many."""
    sample = visible_sample(session, principal, sample_id)
    scored = score_entered(entered, run_sd=run_sd)
    shares = _shares(entered)
    row = ReferenceMeasurement(
        sample_id=sample.id,
        entered_as=_form(entered),
        counts=_by_text(entered.counts),
        fractions=None
        if shares is None
        else {str(i): float(f) for i, f in enumerate(shares, 1) if f > 0},
        n_cells=_n_cells(entered),
        rigidity_score=scored.rigidity_score,
        interval_low=scored.interval[0],
        interval_high=scored.interval[1],
        deformable_fraction=scored.deformable_fraction,
        method=REFERENCE_METHOD,
        sorted_at=entered.sorted_at,
        device=entered.device,
        source=entered.source,
        created_by=principal.id,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=principal.id,
        action="reference.added",
        entity="sample",
        entity_id=str(sample.id),
        after={"reference_id": str(row.id), "rigidity_score": row.rigidity_score},
    )
    return view(row)


def score_entered(entered: EnteredReference, *, run_sd: float) -> ReferenceScore:
    """The reference score of what was typed in.

    Raises
    ------
    InvalidInput
        `reference_ambiguous`, `reference_counts` or `reference_score`, naming what to correct.
    """
    given = (entered.counts, entered.fractions, entered.rigidity_score)
    if sum(value is not None for value in given) != 1:
        raise InvalidInput(
            "reference_ambiguous",
            "Enter exactly one of counts, fractions or a rigidity score for a reference.",
        )
    if entered.rigidity_score is not None and not 1 <= entered.rigidity_score <= 12:
        raise InvalidInput(
            "reference_score", "A rigidity score is an outlet number between 1 and 12; correct it."
        )
    if entered.fractions is not None and (entered.n_cells is None or entered.n_cells < 1):
        raise InvalidInput(
            "reference_counts", "Fractions need the number of sorted cells; enter n_cells too."
        )
    if entered.fractions is not None and abs(sum(entered.fractions.values()) - 1) > SUM_TOLERANCE:
        raise InvalidInput(
            "reference_counts", "The fractions do not add up to 1; correct them, or enter counts."
        )
    return score_reference(_shares(entered), _n_cells(entered), entered.rigidity_score, run_sd)


def _shares(entered: EnteredReference) -> Floats | None:
    values = entered.counts if entered.counts is not None else entered.fractions
    if values is None:
        return None
    try:
        return shares_of({outlet: float(value) for outlet, value in values.items()})
    except ValueError as error:
        raise InvalidInput(
            "reference_counts", f"The outlets cannot be read: {error}; correct them."
        ) from error


def _n_cells(entered: EnteredReference) -> int | None:
    return sum(entered.counts.values()) if entered.counts is not None else entered.n_cells


def _form(entered: EnteredReference) -> str:
    if entered.counts is not None:
        return "counts"
    return "fractions" if entered.fractions is not None else "score"


def _by_text(counts: Mapping[int, int] | None) -> dict[str, int] | None:
    return None if counts is None else {str(outlet): n for outlet, n in counts.items()}


def scores_of(rows: Sequence[ReferenceMeasurement]) -> tuple[ReferenceScore, ...]:
    return tuple(
        ReferenceScore(
            row.rigidity_score, (row.interval_low, row.interval_high), row.deformable_fraction
        )
        for row in rows
    )


def mean_fractions(runs: Sequence[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Mean shares by outlet over the runs that were entered with shares; None without any."""
    known = [fractions for fractions in runs if fractions]
    if not known:
        return None
    return {
        str(outlet): sum(fractions.get(str(outlet), 0.0) for fractions in known) / len(known)
        for outlet in OUTLETS
    }
