"""Impact previews as they end and as people read them.

Nothing here touches an analysis: what a candidate would have said is never a sample's score.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from app.db.queries.model_versions import active_version, version_by_id
from app.db.queries.promotions import OPEN, count_tried, lock_preview, newest_preview
from app.db.tables import ImpactPreview, ModelVersion
from app.domain.errors import NotFound
from app.domain.impact import ImpactSummary, SampleImpact, ScoreInBrief, summarise
from app.services import audit
from app.services.visibility import known_version


@dataclass(frozen=True)
class ImpactProgress:
    samples_done: int
    samples_total: int | None


@dataclass(frozen=True)
class VersionBrief:
    id: uuid.UUID
    name: str
    sha256: str
    demonstration: bool


@dataclass(frozen=True)
class LockedSetView:
    """The samples every candidate is tried on, and how many versions were."""

    sha256: str
    n_samples: int
    versions_tried: int


@dataclass(frozen=True)
class SampleImpactView:
    """One sample of a preview; `delta` is new minus old, in outlets."""

    sample_id: uuid.UUID
    donor_code: str
    is_locked: bool
    old: ScoreInBrief
    new: ScoreInBrief
    delta: float | None
    leaves_interval: bool
    reference: float | None


@dataclass(frozen=True)
class ImpactView:
    """What a version would change; `is_current` while the version compared with is active."""

    id: uuid.UUID
    model_version_id: uuid.UUID
    state: str
    progress: ImpactProgress
    failure: dict[str, str] | None
    compared_with: VersionBrief | None
    is_current: bool
    locked_set: LockedSetView | None
    summary: ImpactSummary | None
    samples: tuple[SampleImpactView, ...]
    created_at: dt.datetime
    finished_at: dt.datetime | None


def note_verified(session: Session, version_id: uuid.UUID) -> None:
    """A worker has loaded the version's file: hash, operators and golden crops are as recorded."""
    version = session.get_one(ModelVersion, version_id)
    version.verified_at = func.clock_timestamp()


def note_progress(session: Session, preview_id: uuid.UUID, samples_done: int) -> None:
    session.execute(
        update(ImpactPreview)
        .where(ImpactPreview.id == preview_id, ImpactPreview.state == "running")
        .values(samples_done=samples_done)
    )


def record_preview(
    session: Session, preview_id: uuid.UUID, samples: Sequence[SampleImpact]
) -> None:
    """Write the result, in the transaction that finishes the job."""
    preview = lock_preview(session, preview_id)
    if preview is None or preview.state != "running":
        return
    preview.state = "done"
    preview.samples_done = len(samples)
    preview.samples = [sample.to_json() for sample in samples]
    preview.finished_at = func.clock_timestamp()
    _record(session, preview, {"n_samples": len(samples)})


def fail_preview(session: Session, preview_id: uuid.UUID, *, code: str, message: str) -> None:
    preview = lock_preview(session, preview_id)
    if preview is None or preview.state not in OPEN:
        return
    preview.state = "failed"
    preview.failure = {"code": code, "message": message}
    preview.finished_at = func.clock_timestamp()
    _record(session, preview, {"failure": code})


def _record(session: Session, preview: ImpactPreview, outcome: dict[str, Any]) -> None:
    audit.record(
        session,
        actor="system",
        action=f"impact_preview.{preview.state}",
        entity="model_version",
        entity_id=str(preview.model_version_id),
        after={"preview_id": str(preview.id), **outcome},
    )


def get_impact(session: Session, version_id: uuid.UUID) -> ImpactView:
    """The newest preview of a version.

    Raises
    ------
    NotFound
        `model_version_unknown`, or `impact_unknown` where none was asked for.
    """
    known_version(session, version_id)
    preview = newest_preview(session, version_id)
    if preview is None:
        raise NotFound(
            "impact_unknown", "No preview was made of this version; an administrator asks for one."
        )
    return view(session, preview)


def view(session: Session, preview: ImpactPreview) -> ImpactView:
    active = active_version(session)
    compared_with = preview.compared_with_id and version_by_id(session, preview.compared_with_id)
    samples = samples_of(preview)
    return ImpactView(
        id=preview.id,
        model_version_id=preview.model_version_id,
        state=preview.state,
        progress=ImpactProgress(preview.samples_done, preview.samples_total),
        failure=preview.failure,
        compared_with=version_brief(compared_with) if compared_with else None,
        is_current=preview.compared_with_id == (None if active is None else active.id),
        locked_set=_locked_set(session, preview, samples),
        summary=summarise(samples) if preview.state == "done" else None,
        samples=tuple(_sample_view(sample) for sample in samples),
        created_at=preview.created_at,
        finished_at=preview.finished_at,
    )


def samples_of(preview: ImpactPreview) -> tuple[SampleImpact, ...]:
    return tuple(SampleImpact.from_json(values) for values in preview.samples or [])


def version_brief(version: ModelVersion) -> VersionBrief:
    return VersionBrief(version.id, version.name, version.sha256, version.is_demonstration)


def _locked_set(
    session: Session, preview: ImpactPreview, samples: Sequence[SampleImpact]
) -> LockedSetView | None:
    if preview.locked_set_sha256 is None:
        return None
    return LockedSetView(
        sha256=preview.locked_set_sha256,
        n_samples=sum(sample.is_locked for sample in samples),
        versions_tried=count_tried(session, preview.locked_set_sha256),
    )


def _sample_view(sample: SampleImpact) -> SampleImpactView:
    return SampleImpactView(
        sample_id=uuid.UUID(sample.sample_id),
        donor_code=sample.donor_code,
        is_locked=sample.is_locked,
        old=sample.old,
        new=sample.new,
        delta=sample.delta,
        leaves_interval=sample.leaves_interval,
        reference=sample.reference,
    )
