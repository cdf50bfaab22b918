"""Model versions: immutable networks, of which one is active."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries.model_versions import (
    active_version,
    all_versions,
    version_by_sha256,
)
from app.db.queries.promotions import lock_promotions
from app.db.tables import ModelVersion
from app.domain.errors import Conflict
from app.services import audit, promotions
from app.services.visibility import known_version
from app.storage import Store, golden_key, model_key


@dataclass(frozen=True)
class ModelVersionView:
    id: uuid.UUID
    name: str
    sha256: str
    state: str
    demonstration: bool
    manifest: dict[str, Any]
    created_at: dt.datetime
    activated_at: dt.datetime | None
    retired_at: dt.datetime | None


def view(version: ModelVersion) -> ModelVersionView:
    return ModelVersionView(
        id=version.id,
        name=version.name,
        sha256=version.sha256,
        state=version.state,
        demonstration=version.is_demonstration,
        manifest=version.manifest,
        created_at=version.created_at,
        activated_at=version.activated_at,
        retired_at=version.retired_at,
    )


def list_versions(session: Session) -> list[ModelVersionView]:
    return [view(version) for version in all_versions(session)]


def get_version(session: Session, version_id: uuid.UUID) -> ModelVersionView:
    return view(known_version(session, version_id))


def version_to_use(session: Session, version_id: uuid.UUID | None) -> ModelVersion:
    """The version asked for, or the active one."""
    if version_id is None:
        version = active_version(session)
        if version is None:
            raise Conflict(
                "no_active_model", "No model version is active; an administrator activates one."
            )
        return version
    return known_version(session, version_id)


def install_bundled(
    session: Session, store: Store, *, onnx: bytes, manifest: dict[str, Any], golden: bytes
) -> ModelVersion:
    """Record the network that ships with the program; active only where none is yet.

    Of processes that come here at once the first records it, and the others wait for its end.
    """
    store.put_once(golden_key(manifest["sha256"]), golden)
    lock_promotions(session)
    existing = version_by_sha256(session, manifest["sha256"])
    if existing is not None:
        return existing
    store.put_once(model_key(manifest["sha256"]), onnx)
    is_first = active_version(session) is None
    version = ModelVersion(
        name=manifest["name"],
        sha256=manifest["sha256"],
        manifest=manifest,
        is_demonstration=manifest["demonstration"],
        state="active" if is_first else "candidate",
    )
    session.add(version)
    session.flush()
    promotions.note_installed(session, version)
    audit.record(
        session,
        actor="system",
        action="model_version.installed",
        entity="model_version",
        entity_id=str(version.id),
        after={"name": version.name, "sha256": version.sha256, "state": version.state},
    )
    return version
