"""Analyses: one run over a sample's images with one model version, closed image by image.

Locks are taken in one order everywhere: job, sample, images, analyses, the audit trail's end.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.queries.analyses import (
    classified_images,
    copy_images,
    count_open_images,
    has_open_analysis,
    images_to_analyse,
    latest_analysis,
    latest_scored,
    lock_analysis,
    lock_sample_of_analysis,
    open_analyses_of_image,
    progress_of_analyses,
)
from app.db.queries.corrections import count_corrections, latest_corrector
from app.db.queries.samples import locked_for_change
from app.db.queries.verdicts import USABLE
from app.db.tables import Analysis, AnalysisImage, Sample, ScanImage
from app.domain.life_cycle import Act
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import Principal
from app.services import audit
from app.services.life_cycle import advance
from app.services.model_versions import version_to_use
from app.services.visibility import (
    CLOSED_STATES,
    refuse_if_out_of_hand,
    visible_analysis,
    visible_sample,
)
from app.settings import Settings

OVER: Final = ("done", "failed")


@dataclass(frozen=True)
class AnalysisView:
    id: uuid.UUID
    sample_id: uuid.UUID
    model_version_id: uuid.UUID
    state: str
    images_done: int
    images_total: int
    failure: dict[str, str] | None
    created_at: dt.datetime
    finished_at: dt.datetime | None


def requirements_of(settings: Settings) -> dict[str, int]:
    """What a donor score needs here, as saved with each analysis."""
    return {
        "min_wells": settings.min_wells,
        "min_images_per_well": settings.min_images_per_well,
        "min_cells": settings.min_cells,
    }


def request_analysis(
    session: Session,
    principal: Principal,
    sample_id: uuid.UUID,
    *,
    model_version_id: uuid.UUID | None = None,
    parameters: dict[str, int],
) -> AnalysisView:
    """Freeze the sample's images and queue what is missing; images sent later need a new one.

    Rejected images are part of it, too: a technician may restore one, and the score follows.
    A submission ends with it: what was handed in is not what will be there to sign.
    """
    visible_sample(session, principal, sample_id)
    sample = locked_for_change(session, sample_id)
    refuse_if_out_of_hand(sample)
    before = sample.state
    version = version_to_use(session, model_version_id)
    images = images_to_analyse(session, sample.id)
    analysis = Analysis(
        sample_id=sample.id,
        model_version_id=version.id,
        parameters=parameters,
        n_corrections=count_corrections(session, sample.id),
        state="running",
        created_by=principal.id,
    )
    session.add(analysis)
    session.flush()
    _wait_for(session, analysis, list(images))
    advance(session, sample, Act.ANALYSE)
    audit.record(
        session,
        actor=principal.id,
        action="analysis.requested",
        entity="sample",
        entity_id=str(sample.id),
        before={"state": before},
        after={"analysis_id": str(analysis.id), "n_images": len(images), "state": sample.state},
    )
    return view(session, analysis)


def _wait_for(session: Session, analysis: Analysis, images: list[ScanImage]) -> None:
    """One row per image; used but unclassified ones get a job, pending ones have theirs."""
    version_id = analysis.model_version_id
    classified = classified_images(session, [image.id for image in images], version_id)
    over = classified | {image.id for image in images if _verdict_of(image) == "rejected"}
    rows = [
        AnalysisImage(
            id=uuid.uuid4(),
            analysis_id=analysis.id,
            image_id=image.id,
            is_done=image.id in over,
        )
        for image in images
    ]
    session.add_all(rows)
    session.flush()
    for image, row in zip(images, rows, strict=True):
        if not row.is_done and image.verdict != "pending":
            _queue_classification(session, row)
    if all(row.is_done for row in rows):
        _queue_score(session, analysis.id)


def _verdict_of(image: ScanImage) -> str:
    return image.corrected_verdict or image.verdict


def follow_corrections(session: Session, sample: Sample) -> None:
    """Score anew what corrections have changed since; call it with the sample's row locked.

    While the newest analysis runs nothing is queued: its end comes here again, so that any number
    of corrections made meanwhile costs one more analysis, and the last of them is never left out.
    An analysis that failed after all of them would fail again, and is not repeated.
    """
    newest = latest_analysis(session, sample.id)
    scored = latest_scored(session, sample.id)
    if newest is None or scored is None or newest.state not in OVER:
        return
    n_corrections = count_corrections(session, sample.id)
    if newest.n_corrections >= n_corrections:
        return
    before = scored.Analysis
    analysis = Analysis(
        sample_id=sample.id,
        model_version_id=before.model_version_id,
        parameters=before.parameters,
        n_corrections=n_corrections,
        frozen_at=before.frozen_at,
        state="running",
        created_by=latest_corrector(session, sample.id),
    )
    session.add(analysis)
    session.flush()
    waiting = copy_images(session, before, to=analysis)
    for row in waiting:
        _queue_classification(session, row)
    if not waiting:
        _queue_score(session, analysis.id)
    advance(session, sample, Act.ANALYSE)


def close_image(session: Session, image: ScanImage) -> None:
    """Tell every analysis that waits for this image that it was judged, and maybe classified.

    Call it last in the transaction that records the image, with the image's row already updated.
    The analysis row is locked before its open images are counted: without the lock, two closers
    could each miss the other and nobody would queue the score.
    """
    for analysis, waiting in open_analyses_of_image(session, image.id):
        version_id = analysis.model_version_id
        is_usable = _verdict_of(image) in USABLE
        if is_usable and not classified_images(session, [image.id], version_id):
            _queue_classification(session, waiting)
            continue
        waiting.is_done = True
        session.flush()
        if count_open_images(session, analysis.id) == 0:
            _queue_score(session, analysis.id)
        notify(session, PROGRESS_CHANNEL, str(analysis.id))


def _queue_classification(session: Session, waiting: AnalysisImage) -> None:
    """Once: whoever closes an image finds the other analyses that wait for it, too."""
    key = f"{JobKind.CLASSIFY_IMAGE}:{waiting.id}"
    ledger.enqueue(session, JobKind.CLASSIFY_IMAGE, waiting.id, dedupe_key=key)


def _queue_score(session: Session, analysis_id: uuid.UUID) -> None:
    ledger.enqueue(session, JobKind.SCORE_ANALYSIS, analysis_id, dedupe_key=f"score:{analysis_id}")


def fail_analysis(session: Session, analysis_id: uuid.UUID, *, code: str, message: str) -> None:
    """End an analysis that cannot be finished; its sample keeps whatever score it had."""
    analysis = lock_open_analysis(session, analysis_id)
    if analysis is not None:
        end_analysis(session, analysis, failure={"code": code, "message": message})


def lock_open_analysis(session: Session, analysis_id: uuid.UUID) -> Analysis | None:
    """The analysis, locked after its sample; None once it is over."""
    lock_sample_of_analysis(session, analysis_id)
    analysis = lock_analysis(session, analysis_id)
    return None if analysis is None or analysis.state in OVER else analysis


def end_analysis(
    session: Session, analysis: Analysis, *, failure: dict[str, str] | None = None
) -> None:
    """Close a locked analysis whose score is written, or that failed."""
    analysis.state = "done" if failure is None else "failed"
    analysis.failure = failure
    analysis.finished_at = func.clock_timestamp()
    session.flush()
    _settle(session, session.get_one(Sample, analysis.sample_id))
    notify(session, PROGRESS_CHANNEL, str(analysis.id))
    notify(session, PROGRESS_CHANNEL, str(analysis.sample_id))


def _settle(session: Session, sample: Sample) -> None:
    """Let the state follow the analyses: one that runs, else the newest that came to an answer."""
    if sample.state in CLOSED_STATES:
        return
    follow_corrections(session, sample)
    if has_open_analysis(session, sample.id):
        advance(session, sample, Act.ANALYSE)
        return
    found = latest_scored(session, sample.id)
    has_score = found is not None and found.Score.rigidity_score is not None
    advance(session, sample, Act.COMPUTE if has_score else Act.REFUSE)


def get_analysis(session: Session, principal: Principal, analysis_id: uuid.UUID) -> AnalysisView:
    analysis, _, _ = visible_analysis(session, principal, analysis_id)
    return view(session, analysis)


def latest_of_sample(session: Session, sample_id: uuid.UUID) -> AnalysisView | None:
    analysis = latest_analysis(session, sample_id)
    return None if analysis is None else view(session, analysis)


def view(session: Session, analysis: Analysis) -> AnalysisView:
    done, total = progress_of_analyses(session, [analysis.id]).get(analysis.id, (0, 0))
    return AnalysisView(
        id=analysis.id,
        sample_id=analysis.sample_id,
        model_version_id=analysis.model_version_id,
        state=analysis.state,
        images_done=done,
        images_total=total,
        failure=analysis.failure,
        created_at=analysis.created_at,
        finished_at=analysis.finished_at,
    )
