"""The gate as it stands for one version: which rules are asked, and what they say."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries.model_versions import active_version
from app.db.queries.promotions import count_tried, newest_preview, was_live
from app.db.tables import ImpactPreview, ModelVersion
from app.domain.impact import summarise
from app.domain.promotion_gate import (
    HeldOutFigures,
    Rule,
    failed_rules,
    judge_figures,
    judge_impact,
    judge_tried,
)
from app.services.impact import samples_of


@dataclass(frozen=True)
class Gate:
    """What stands between a version and activation.

    `asks_nothing` says why no figures are compared; None where they are.
    """

    asks_nothing: str | None
    is_rollback: bool
    is_proven: bool
    rules: tuple[Rule, ...]

    @property
    def failed(self) -> tuple[Rule, ...]:
        return failed_rules(self.rules)


def read_gate(session: Session, version: ModelVersion) -> Gate:
    """Judge the version by what is known of it now."""
    active = active_version(session)
    is_rollback = was_live(session, version.id)
    asks_nothing = _why_nothing_is_asked(version, active, is_rollback=is_rollback)
    rules = _not_withdrawn(version)
    if asks_nothing is None and active is not None:
        rules += _compared(session, version, active)
    return Gate(
        asks_nothing=asks_nothing,
        is_rollback=is_rollback,
        is_proven=is_rollback or version.verified_at is not None,
        rules=rules,
    )


def _why_nothing_is_asked(
    version: ModelVersion, active: ModelVersion | None, *, is_rollback: bool
) -> str | None:
    if active is None:
        return "No version is active, so there is nothing to compare with."
    if is_rollback:
        return "The version was live before: going back is never held up by figures."
    if version.is_demonstration:
        return "A demonstration model is no candidate for real results, and releases none."
    if active.is_demonstration:
        return "The active version is a demonstration model; its figures are of drawn cells."
    return None


def _not_withdrawn(version: ModelVersion) -> tuple[Rule, ...]:
    """A person took the version out of use; only an override brings it back."""
    if version.retired_reason is None:
        return ()
    message = f"The version was retired by a person: {version.retired_reason}"
    return (Rule("not_retired", False, message, {"retired_by": version.retired_by}),)  # noqa: FBT003  a rule that does not hold


def _compared(session: Session, version: ModelVersion, active: ModelVersion) -> tuple[Rule, ...]:
    preview = newest_preview(session, version.id)
    known = preview if preview is not None and _says_something(preview, active) else None
    figures = judge_figures(_figures(version.manifest), _figures(active.manifest))
    impact = None if known is None else summarise(samples_of(known))
    return (*figures, judge_tried(_tried(session, known)), *judge_impact(impact))


def _figures(manifest: dict[str, Any]) -> HeldOutFigures:
    return HeldOutFigures.from_manifest(manifest)


def _says_something(preview: ImpactPreview, active: ModelVersion) -> bool:
    return preview.state == "done" and preview.compared_with_id == active.id


def _tried(session: Session, preview: ImpactPreview | None) -> int | None:
    if preview is None or preview.locked_set_sha256 is None:
        return None
    return count_tried(session, preview.locked_set_sha256)
