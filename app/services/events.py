"""What other programs are told of: each event is written out with the change it tells of.

The outbox rows are in the transaction of the change, so that neither is ever there without the
other. Bodies hold ids, states and hashes; what they stand for is fetched by whoever may read it.
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import deliveries as queries
from app.db.queries.analyses import latest_scored
from app.db.tables import (
    Analysis,
    Delivery,
    ModelVersion,
    Report,
    Sample,
    ScanImage,
    TrainingRun,
    Well,
)
from app.domain.quality import Level
from app.observability import current_request_id
from app.services.deliveries import wake


class EventType(StrEnum):
    SAMPLE_SCORED = "sample.scored"
    SAMPLE_RELEASED = "sample.released"
    SAMPLE_AMENDED = "sample.amended"
    IMAGE_REJECTED = "image.rejected"
    TRAINING_RUN_FINISHED = "training_run.finished"
    MODEL_VERSION_ACTIVATED = "model_version.activated"


TEST_EVENT: Final = "webhook.test"
REPORT_EVENTS: Final = frozenset({EventType.SAMPLE_RELEASED, EventType.SAMPLE_AMENDED})
SAMPLE_EVENTS: Final = REPORT_EVENTS | {EventType.SAMPLE_SCORED, EventType.IMAGE_REJECTED}
"""About one sample: a lims hears of these, of its own samples."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened; `owner` is who made the sample it is about, None for others."""

    type: EventType
    subject_id: uuid.UUID
    data: Mapping[str, Any]
    owner: str | None = None
    report_id: uuid.UUID | None = None


def sample_scored(session: Session, analysis: Analysis) -> None:
    """Call it once the score is written and the sample's state has followed."""
    sample = session.get_one(Sample, analysis.sample_id)
    version = session.get_one(ModelVersion, analysis.model_version_id)
    if not _may_leave(sample, version):
        return
    told = {"analysis_id": str(analysis.id)} | _named(version)
    _announce(session, _about(EventType.SAMPLE_SCORED, sample, told))


def report_kept(session: Session, report: Report) -> None:
    """The first version of a report is a release, every later one an amendment."""
    sample = session.get_one(Sample, report.sample_id)
    analysis = session.get_one(Analysis, report.analysis_id)
    version = session.get_one(ModelVersion, analysis.model_version_id)
    if not _may_leave(sample, version):
        return
    kind = EventType.SAMPLE_RELEASED if report.version == 1 else EventType.SAMPLE_AMENDED
    told = {
        "analysis_id": str(analysis.id),
        "report_id": str(report.id),
        "report_version": report.version,
        "report_status": report.status,
        "content_sha256": report.content_sha256,
    } | _named(version)
    _announce(session, _about(kind, sample, told, report_id=report.id))


def image_rejected(session: Session, image: ScanImage) -> None:
    """By what was found in the image, not by a person's correction."""
    sample = session.get_one(Sample, session.get_one(Well, image.well_id).sample_id)
    scored = latest_scored(session, sample.id)
    if scored is not None and not _may_leave(sample, scored.ModelVersion):
        return
    found = [one["code"] for one in image.findings if one["level"] == Level.REJECT]
    told = {
        "image_id": str(image.id),
        "well_id": str(image.well_id),
        "sha256": image.sha256,
        "findings": found,
    }
    _announce(session, _about(EventType.IMAGE_REJECTED, sample, told))


def training_run_ended(session: Session, run: TrainingRun) -> None:
    """Done, failed or cancelled: the state tells."""
    version_id = run.model_version_id
    told = {
        "training_run_id": str(run.id),
        "state": run.state,
        "model_version_id": None if version_id is None else str(version_id),
        "dataset_sha256": run.dataset_sha256,
        "demonstration": run.is_demonstration,
    }
    _announce(session, Event(type=EventType.TRAINING_RUN_FINISHED, subject_id=run.id, data=told))


def model_version_activated(session: Session, version: ModelVersion) -> None:
    told = _named(version) | {
        "state": version.state,
        "demonstration": version.is_demonstration,
    }
    _announce(
        session, Event(type=EventType.MODEL_VERSION_ACTIVATED, subject_id=version.id, data=told)
    )


def body_of(event: str, at: dt.datetime, data: Mapping[str, Any]) -> str:
    """The text that is signed and sent, on each try the same."""
    moment = at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"type": event, "timestamp": moment, "data": data}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def new_message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


def _may_leave(sample: Sample, version: ModelVersion) -> bool:
    """A demonstration model's word about a real sample is told to nobody."""
    return sample.is_demonstration or not version.is_demonstration


def _named(version: ModelVersion) -> dict[str, str]:
    return {"model_version_id": str(version.id), "model_sha256": version.sha256}


def _about(
    kind: EventType, sample: Sample, told: Mapping[str, Any], *, report_id: uuid.UUID | None = None
) -> Event:
    data = {
        "sample_id": str(sample.id),
        "state": sample.state,
        "demonstration": sample.is_demonstration,
    }
    return Event(
        type=kind,
        subject_id=sample.id,
        data=data | dict(told),
        owner=sample.created_by,
        report_id=report_id,
    )


def _announce(session: Session, event: Event) -> None:
    """One message for each destination that wants it, and somebody woken to send them."""
    session.flush()
    endpoints = queries.endpoints_wanting(session, event.type, owner=event.owner)
    if not endpoints:
        return
    sequence = queries.next_sequence(session, event.subject_id)
    body = body_of(event.type, queries.clock(session), {**event.data, "sequence": sequence})
    session.add_all(
        Delivery(
            endpoint_id=endpoint.id,
            message_id=new_message_id(),
            event=event.type.value,
            subject_id=event.subject_id,
            sequence=sequence,
            report_id=event.report_id,
            payload=body if endpoint.kind == "webhook" else None,
            request_id=current_request_id(),
        )
        for endpoint in endpoints
    )
    session.flush()
    wake(session)
