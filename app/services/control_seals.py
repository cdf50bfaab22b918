"""Sealing: which images a digital control is made of, and what it must answer; written once."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.queries.images import image_with_profile
from app.db.queries.model_versions import version_by_sha256
from app.db.tables import Control, SealedAnswer
from app.domain.digital_control import sealed_sha256, sealed_text
from app.domain.errors import InvalidInput, ProcessingFailed
from app.domain.quality import Verdict
from app.security.permissions import SYSTEM, Principal
from app.services import audit

FORMAT: Final = "pliant-control/1"
MOST_IMAGES: Final = 4


def install_shipped(session: Session, description: Mapping[str, Any]) -> Control:
    """Record the control that ships with the program, and what it must answer.

    An earlier program's control ends: its images are no longer there to be run.
    """
    content = {
        "images": [
            {name: image[name] for name in ("file", "sha256", "format")}
            for image in description["images"]
        ],
        "parameters": description["parameters"],
    }
    control = _shipped_with(session, content) or _insert_shipped(
        session, str(description["name"]), content
    )
    for answer in description["answers"]:
        _seal_shipped(session, control, answer)
    return control


def _shipped_with(session: Session, content: Mapping[str, Any]) -> Control | None:
    """The shipped control in force, if it is this one; any other one ends."""
    found = None
    for control in queries.controls_in_force(session, "digital"):
        if control.is_shipped and control.content_sha256 == content_sha256(content):
            found = control
        elif control.is_shipped:
            control.ended_at, control.ended_by = func.clock_timestamp(), SYSTEM.id
            control.ended_reason = "The program now ships another control."
    session.flush()
    return found


def _insert_shipped(session: Session, name: str, content: dict[str, Any]) -> Control:
    control = Control(
        kind="digital",
        name=name,
        content=content,
        content_sha256=content_sha256(content),
        is_shipped=True,
        created_by=SYSTEM.id,
    )
    return insert_control(session, SYSTEM, control)


def insert_control(session: Session, principal: Principal, control: Control) -> Control:
    session.add(control)
    session.flush()
    session.refresh(control)
    audit.record(
        session,
        actor=principal.id,
        action="control.created",
        entity="control",
        entity_id=str(control.id),
        after={
            "kind": control.kind,
            "name": control.name,
            "content_sha256": control.content_sha256,
            "expires_on": control.expires_on and control.expires_on.isoformat(),
        },
    )
    return control


def content_sha256(content: Mapping[str, Any]) -> str:
    return sealed_sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))


def _seal_shipped(session: Session, control: Control, answer: Mapping[str, Any]) -> None:
    if sealed_sha256(sealed_text(answer["figures"])) != answer["sha256"]:
        raise ProcessingFailed(
            "control_changed",
            "The answer that ships with the control was changed; reinstall the program.",
        )
    version = version_by_sha256(session, answer["model_sha256"])
    pipeline_version = answer["pipeline_version"]
    if version is None or queries.answer_of(session, control.id, version.id, pipeline_version):
        return
    seal(
        session,
        control,
        version_id=version.id,
        pipeline_version=pipeline_version,
        environment=answer["environment"],
        figures=answer["figures"],
        is_shipped=True,
    )


def seal(
    session: Session,
    control: Control,
    *,
    version_id: uuid.UUID,
    pipeline_version: str,
    environment: str,
    figures: Mapping[str, float],
    is_shipped: bool = False,
) -> None:
    text = sealed_text(figures)
    session.add(
        SealedAnswer(
            control_id=control.id,
            model_version_id=version_id,
            pipeline_version=pipeline_version,
            answer=text,
            answer_sha256=sealed_sha256(text),
            is_shipped=is_shipped,
            environment=environment,
        )
    )
    audit.record(
        session,
        actor=SYSTEM.id,
        action="control.sealed",
        entity="control",
        entity_id=str(control.id),
        after={
            "model_version_id": str(version_id),
            "pipeline_version": pipeline_version,
            "answer": json.loads(text),
            "answer_sha256": sealed_sha256(text),
            "is_shipped": is_shipped,
        },
    )


def seal_images(
    session: Session, principal: Principal, *, name: str, image_ids: Sequence[uuid.UUID]
) -> Control:
    """Make a control of the site's own images; its answers are sealed by the next run.

    Raises
    ------
    InvalidInput
        ``control_images``: too many, unknown, not usable, or of several instruments.
    """
    rows = [image_with_profile(session, image_id) for image_id in dict.fromkeys(image_ids)]
    found = [row for row in rows if row is not None]
    if not 1 <= len(found) <= MOST_IMAGES or len(found) < len(rows):
        raise InvalidInput(
            "control_images", f"Name 1 to {MOST_IMAGES} images of this installation by their ids."
        )
    profiles = {row.InstrumentProfile.id: row.InstrumentProfile for row in found}
    is_used = [row.ScanImage.verdict in (Verdict.ACCEPTED, Verdict.PARTLY) for row in found]
    if len(profiles) != 1 or not all(is_used):
        raise InvalidInput(
            "control_images", "Choose accepted images that one instrument profile took."
        )
    (profile,) = profiles.values()
    images = [{"sha256": row.ScanImage.sha256, "format": row.ScanImage.format} for row in found]
    content = {"images": images, "parameters": profile.parameters}
    control = Control(
        kind="digital",
        name=name,
        content=content,
        content_sha256=content_sha256(content),
        created_by=principal.id,
    )
    return insert_control(session, principal, control)
