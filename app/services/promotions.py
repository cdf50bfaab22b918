"""Which model version is live: preview, activation, rollback, retirement, and who decided.

A version takes effect with the commit: whoever asks for an analysis reads the active version from
the database, and an analysis keeps the one it was made with.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import promotions as queries
from app.db.queries.accounts import maker_of_key, names_of
from app.db.queries.model_versions import active_version
from app.db.queries.promotions import OPEN, lock_promotions, newest_preview
from app.db.tables import Activation, ImpactPreview, ModelVersion
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.promotion_gate import Rule
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM, Principal
from app.services import audit, events
from app.services.promotion_gate import Gate, read_gate
from app.services.visibility import known_version

MOST_REASON_CHARACTERS: Final = 1000
INSTALLED: Final = "Came with the program; the first version of this installation."


@dataclass(frozen=True)
class ActivationView:
    """One version's time as the live one; `id` is the version's, `until` None while it is live.

    `overridden` are the rules of the gate that did not hold when it was activated all the same.
    """

    id: uuid.UUID
    name: str
    sha256: str
    demonstration: bool
    since: dt.datetime
    until: dt.datetime | None
    activated_by: str
    activated_by_name: str
    reason: str
    is_rollback: bool
    overridden: tuple[Rule, ...]


def request_preview(
    session: Session, version_id: uuid.UUID, *, requested_by: str = SYSTEM.id
) -> ImpactPreview:
    """Queue what the version would change, in the caller's transaction; one that waits is enough.

    The same job proves the version's file: hash, operators, golden crops.
    """
    lock_promotions(session)
    newest = newest_preview(session, version_id)
    if newest is not None and newest.state in OPEN:
        return newest
    preview = ImpactPreview(model_version_id=version_id, created_by=requested_by)
    session.add(preview)
    session.flush()
    ledger.enqueue(session, JobKind.PREVIEW_IMPACT, preview.id)
    return preview


def preview_again(session: Session, principal: Principal, version_id: uuid.UUID) -> ImpactPreview:
    """A person asks for a preview: the first failed, or samples and active version are others."""
    version = known_version(session, version_id)
    preview = request_preview(session, version.id, requested_by=principal.id)
    audit.record(
        session, actor=principal.id, action="impact_preview.requested", entity="model_version",
        entity_id=str(version.id), after={"preview_id": str(preview.id)},
    )  # fmt: skip
    return preview


def get_gate(session: Session, version_id: uuid.UUID) -> Gate:
    return read_gate(session, known_version(session, version_id))


def activate(
    session: Session,
    principal: Principal,
    version_id: uuid.UUID,
    *,
    reason: str,
    override: bool = False,
    needs_second_person: bool = False,
) -> ActivationView:
    """Let a version score every analysis asked for from now on.

    Raises
    ------
    Conflict
        `model_version_active`, `model_unproven`, `second_person_needed`; `gate_failed` with
        `rules`, those that do not hold, unless `override` is true.
    """
    reason = checked_reason(reason)
    lock_promotions(session)
    version = known_version(session, version_id)
    if version.state == "active":
        raise Conflict("model_version_active", "This version is active already.")
    if needs_second_person:
        _refuse_own_work(session, principal, version)
    gate = read_gate(session, version)
    _refuse_unproven(session, version, gate)
    if gate.failed and not override:
        raise _gate_failed(gate)
    activation = _switch(session, principal.id, version, reason, gate)
    return _views(session, [(activation, version)])[0]


def _refuse_unproven(session: Session, version: ModelVersion, gate: Gate) -> None:
    """Override says that figures may be worse, never that a file may be unsound."""
    if gate.is_proven:
        return
    preview = newest_preview(session, version.id)
    failure = None if preview is None else preview.failure
    cause = "no worker has checked it yet" if failure is None else failure["message"]
    raise Conflict(
        "model_unproven",
        f"The version's file is not proven: {cause.rstrip('.')}. Let its preview end well, then "
        "activate it.",
    )


def _gate_failed(gate: Gate) -> Conflict:
    told = " ".join(rule.message for rule in gate.failed)
    return Conflict(
        "gate_failed",
        f"{told} Activate another version, or send override with a reason, which is kept.",
        rules=[rule.to_json() for rule in gate.failed],
    )


def _refuse_own_work(session: Session, principal: Principal, version: ModelVersion) -> None:
    """Who trained may not activate; a key stands for whoever made it, and nobody is not enough."""
    if version.trained_by is None:
        return
    trainer = _person(session, version.trained_by)
    activator = _person(session, principal.id)
    if trainer is not None and activator is not None and trainer != activator:
        return
    raise Conflict(
        "second_person_needed",
        "Here a model is activated by another person than the one who trained it; ask a second "
        "administrator to sign in.",
    )


def _person(session: Session, principal_id: str) -> str | None:
    """The account behind a principal; None where no person can be named."""
    kind, _, name = principal_id.partition(":")
    if kind == "key":
        maker = maker_of_key(session, uuid.UUID(name))
        return maker if maker is not None and maker.startswith("account:") else None
    return principal_id if kind == "account" else None


def _switch(
    session: Session, actor: str, version: ModelVersion, reason: str, gate: Gate
) -> Activation:
    at = queries.database_clock(session)
    before = _retire_active(session, at)
    version.state = "active"
    version.activated_at, version.retired_at = at, None
    version.retired_by = version.retired_reason = None
    activation = Activation(
        model_version_id=version.id,
        began_at=at,
        activated_by=actor,
        reason=reason,
        is_rollback=gate.is_rollback,
        overridden=[rule.to_json() for rule in gate.failed],
    )
    session.add(activation)
    session.flush()
    events.model_version_activated(session, version)
    audit.record(
        session,
        actor=actor,
        action="model_version.activated",
        entity="model_version",
        entity_id=str(version.id),
        before=None if before is None else _named(before),
        after=_named(version)
        | {
            "reason": reason,
            "is_rollback": gate.is_rollback,
            "overridden": activation.overridden,
        },
    )
    return activation


def _retire_active(session: Session, at: dt.datetime) -> ModelVersion | None:
    """End what is live; in the database first, since only one version may be active."""
    before, activation = active_version(session), queries.current_activation(session)
    if before is not None:
        before.state, before.retired_at = "retired", at
    if activation is not None:
        activation.ended_at = at
    session.flush()
    return before


def _named(version: ModelVersion) -> dict[str, Any]:
    return {"model_version_id": str(version.id), "name": version.name, "sha256": version.sha256}


def note_installed(session: Session, version: ModelVersion) -> None:
    """The bundled version: live where none was yet, else a candidate that is tried like any."""
    if version.state != "active":
        request_preview(session, version.id)
        return
    at = queries.database_clock(session)
    version.activated_at = at
    session.add(
        Activation(
            model_version_id=version.id,
            began_at=at,
            activated_by=SYSTEM.id,
            reason=INSTALLED,
            is_rollback=False,
            overridden=[],
        )
    )
    session.flush()


def retire(
    session: Session, principal: Principal, version_id: uuid.UUID, *, reason: str
) -> ModelVersion:
    """Take a version out of use: it stays on record, and only an override brings it back.

    Raises
    ------
    Conflict
        `model_version_active`: another is activated first; `model_version_retired`.
    """
    reason = checked_reason(reason)
    lock_promotions(session)
    version = known_version(session, version_id)
    if version.state == "active":
        raise Conflict(
            "model_version_active", "This version is active; activate another one, then retire it."
        )
    if version.retired_reason is not None:
        raise Conflict("model_version_retired", "This version is retired already.")
    version.state = "retired"
    version.retired_at = version.retired_at or queries.database_clock(session)
    version.retired_by, version.retired_reason = principal.id, reason
    audit.record(
        session, actor=principal.id, action="model_version.retired", entity="model_version",
        entity_id=str(version.id), after={"reason": reason},
    )  # fmt: skip
    return version


def live_at(session: Session, at: dt.datetime | None = None) -> ActivationView:
    """The one version that was live at a time; now where none is given."""
    found = queries.activation_at(session, at or queries.database_clock(session))
    if found is None:
        raise NotFound("no_version_live", "No model version was live at that time.")
    return _views(session, [(found.Activation, found.ModelVersion)])[0]


def list_activations(session: Session, version_id: uuid.UUID | None = None) -> list[ActivationView]:
    """Every time a version, or this one, went live; newest first."""
    rows = queries.activations(session, version_id)
    return _views(session, [(row.Activation, row.ModelVersion) for row in rows])


def _views(session: Session, rows: list[tuple[Activation, ModelVersion]]) -> list[ActivationView]:
    names = names_of(session, {activation.activated_by for activation, _ in rows})
    return [
        ActivationView(
            id=version.id,
            name=version.name,
            sha256=version.sha256,
            demonstration=version.is_demonstration,
            since=activation.began_at,
            until=activation.ended_at,
            activated_by=activation.activated_by,
            activated_by_name=names.get(activation.activated_by, activation.activated_by),
            reason=activation.reason,
            is_rollback=activation.is_rollback,
            overridden=tuple(Rule(**rule) for rule in activation.overridden),
        )
        for activation, version in rows
    ]


def checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason_missing", "Say in a few words why; it is kept for good.")
    if len(reason) > MOST_REASON_CHARACTERS:
        raise InvalidInput(
            "reason_too_long",
            f"The reason has {len(reason)} characters; keep it to {MOST_REASON_CHARACTERS}.",
        )
    return reason
