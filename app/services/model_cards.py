"""A model version with all that is known of it: what its card shows and programs may read."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.domain.promotion_gate import Rule
from app.services import model_versions, promotions, training_runs
from app.services.promotion_gate import read_gate
from app.services.promotions import ActivationView
from app.services.visibility import known_version
from app.storage import Store, saliency_key

PICTURE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\.png")
METHOD_IN_NAME: Final = re.compile(r"saliency-(.+)\.png")


@dataclass(frozen=True)
class PictureView:
    """A picture made during evaluation; `share_inside` is the saliency within the outlines."""

    name: str
    href: str
    share_inside: float | None


@dataclass(frozen=True)
class GateView:
    """How the version stands before the gate now; `asks_nothing` says why no rule is asked."""

    asks_nothing: str | None
    is_rollback: bool
    is_proven: bool
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class ModelCard:
    """One version: manifest, figures on held-out donors, training data, pictures, its times live.

    `metrics` and `training_data` are members of the manifest, here under names of their own.
    """

    id: uuid.UUID
    name: str
    sha256: str
    state: str
    demonstration: bool
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    training_data: dict[str, Any]
    saliency: tuple[PictureView, ...]
    training_run_id: uuid.UUID | None
    trained_by: str | None
    verified_at: dt.datetime | None
    created_at: dt.datetime
    activated_at: dt.datetime | None
    retired_at: dt.datetime | None
    retired_reason: str | None
    activations: tuple[ActivationView, ...]


def get_card(session: Session, version_id: uuid.UUID) -> ModelCard:
    version = known_version(session, version_id)
    seen = model_versions.view(version)
    run = training_runs.run_of_version(session, version_id)
    metrics = version.manifest.get("metrics", {})
    return ModelCard(
        id=seen.id,
        name=seen.name,
        sha256=seen.sha256,
        state=seen.state,
        demonstration=seen.demonstration,
        manifest=seen.manifest,
        metrics=metrics,
        training_data=version.manifest.get("data", {}),
        saliency=_pictures(version_id, metrics.get("saliency") or {}),
        training_run_id=None if run is None else run.id,
        trained_by=version.trained_by,
        verified_at=version.verified_at,
        created_at=seen.created_at,
        activated_at=seen.activated_at,
        retired_at=seen.retired_at,
        retired_reason=version.retired_reason,
        activations=tuple(promotions.list_activations(session, version_id)),
    )


def get_gate(session: Session, version_id: uuid.UUID) -> GateView:
    gate = read_gate(session, known_version(session, version_id))
    return GateView(gate.asks_nothing, gate.is_rollback, gate.is_proven, gate.rules)


def _pictures(version_id: uuid.UUID, saliency: Mapping[str, Any]) -> tuple[PictureView, ...]:
    return tuple(
        PictureView(
            name=name,
            href=f"/api/v1/model-versions/{version_id}/saliency/{name}",
            share_inside=_share_inside(saliency, name),
        )
        for name in saliency.get("pictures", [])
    )


def _share_inside(saliency: Mapping[str, Any], name: str) -> float | None:
    method = METHOD_IN_NAME.fullmatch(name)
    share: float | None = saliency.get(method[1], {}).get("share_inside") if method else None
    return share


def saliency_picture_key(session: Session, version_id: uuid.UUID, name: str) -> str:
    """Where the picture lies; only names that the manifest gives lead anywhere."""
    version = known_version(session, version_id)
    saliency = version.manifest.get("metrics", {}).get("saliency") or {}
    if not PICTURE_NAME.fullmatch(name) or name not in saliency.get("pictures", []):
        raise NotFound("picture_unknown", "The model version has no such picture; see its card.")
    return saliency_key(version.sha256, name)


def read_picture(store: Store, key: str) -> bytes:
    """The PNG; read it with no transaction open."""
    try:
        return store.get(key)
    except FileNotFoundError as error:
        raise NotFound(
            "picture_unknown", "The picture's file is missing; restore it from the backup."
        ) from error
