"""The list of model versions, and which one was live when."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.dashboard.contexts.model_card import outlets_text, score_error_text, share_text
from app.dashboard.contexts.promotion import LiveRow, live_rows
from app.dashboard.contexts.wording import MODEL_STATES, Chip, MomentText, moment_text
from app.services.locked_samples import LockedSampleView, OfferedSample
from app.services.model_versions import ModelVersionView
from app.services.promotions import ActivationView


@dataclass(frozen=True)
class ModelVersionRow:
    href: str
    name: str
    state: Chip
    is_demonstration: bool
    architecture: str
    outlets: str
    accuracy: str
    score_error: str
    created: MomentText


@dataclass(frozen=True)
class WayBack:
    """The version that was live before this one."""

    id: str
    name: str
    live_name: str


@dataclass(frozen=True)
class LockedRow:
    id: str
    href: str
    donor_code: str
    reason: str
    locked: MomentText


@dataclass(frozen=True)
class OfferedRow:
    id: str
    text: str


@dataclass(frozen=True)
class ModelVersionsPage:
    rows: tuple[ModelVersionRow, ...]
    history: tuple[LiveRow, ...]
    back: WayBack | None
    locked: tuple[LockedRow, ...]
    may_lock: bool
    offered: tuple[OfferedRow, ...]


def model_versions_page(
    versions: Sequence[ModelVersionView],
    activations: Sequence[ActivationView],
    locked: Sequence[LockedSampleView],
    offered: Sequence[OfferedSample],
    *,
    may_manage: bool,
) -> ModelVersionsPage:
    return ModelVersionsPage(
        rows=tuple(_row(version) for version in versions),
        history=live_rows(activations),
        back=way_back(activations) if may_manage else None,
        locked=tuple(_locked(sample) for sample in locked),
        may_lock=may_manage,
        offered=tuple(
            OfferedRow(str(one.sample_id), f"{one.donor_code} ({str(one.sample_id)[:8]})")
            for one in offered
        ),
    )


def way_back(activations: Sequence[ActivationView]) -> WayBack | None:
    """From the live version to the one before it first went live; newest first."""
    if not activations or activations[0].until is not None:
        return None
    live = activations[0]
    first = max(place for place, one in enumerate(activations) if one.id == live.id)
    before = activations[first + 1] if first + 1 < len(activations) else None
    return None if before is None else WayBack(str(before.id), before.name, live.name)


def _row(version: ModelVersionView) -> ModelVersionRow:
    manifest = version.manifest
    return ModelVersionRow(
        href=f"/model-versions/{version.id}",
        name=version.name,
        state=MODEL_STATES[version.state],
        is_demonstration=version.demonstration,
        architecture=str(manifest.get("architecture", "")).capitalize(),
        outlets=outlets_text(manifest),
        accuracy=share_text(manifest.get("metrics", {}).get("accuracy")),
        score_error=score_error_text(manifest),
        created=moment_text(version.created_at),
    )


def _locked(sample: LockedSampleView) -> LockedRow:
    return LockedRow(
        id=str(sample.sample_id),
        href=f"/samples/{sample.sample_id}",
        donor_code=sample.donor_code,
        reason=sample.reason,
        locked=moment_text(sample.locked_at),
    )
