"""Who puts their name to a result, and the signature as it is kept and noted in the audit trail."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.queries.accounts import end_browser_sessions
from app.db.queries.audit import count_recent
from app.db.tables import Account, Analysis, Report, Signature
from app.domain.errors import Conflict, InvalidInput, NotPermitted
from app.domain.evidence import Evidence
from app.domain.life_cycle import Act
from app.reports.content import Meaning
from app.security import passwords
from app.security.permissions import Principal
from app.services import audit

MOST_REASON_CHARACTERS: Final = 500
REFUSED: Final = "account.password_refused"
MOST_REFUSALS: Final = 5
REFUSALS_WITHIN: Final = dt.timedelta(minutes=15)
ACTIONS: Final = {
    Act.SUBMIT: "sample.submitted",
    Act.SEND_BACK: "sample.sent_back",
    Act.RELEASE: "sample.released",
    Act.REOPEN: "sample.reopened",
    Act.AMEND: "sample.amended",
    Act.WITHDRAW: "sample.withdrawn",
}
MEANINGS: Final = {Act.SUBMIT: Meaning.REVIEWED, Act.SEND_BACK: Meaning.REJECTED}
"""Of an act of signing; every other one approves what becomes of the result."""


@dataclass(frozen=True)
class Signer:
    """A person, or a key that hands something in, as the signature names them."""

    principal: Principal
    printed_name: str
    role: str
    with_password: bool


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is signed: an act on an analysis's result, the evidence, and the words with it."""

    act: Act
    analysis: Analysis
    evidence: Evidence
    reason: str | None = None
    told: str | None = None


def confirm_signer(session: Session, principal: Principal, password: str) -> Signer:
    """Ask for the password again, whatever the session says; keys cannot sign.

    Call it before any row is locked: the check takes a tenth of a second on purpose.

    Raises
    ------
    NotPermitted
        ``browser_session_needed`` or ``password_refused``.
    """
    account = session.get(Account, account_id_of(principal))
    if account is None or account.disabled_at is not None:
        raise NotPermitted("password_refused", "The password is not right; type it again.")
    if account.password_hash is None:
        raise Conflict(
            "password_not_set", "Signing asks for your password; set one under Account first."
        )
    if not passwords.is_right(password, account.password_hash):
        raise NotPermitted("password_refused", "The password is not right; type it again.")
    return Signer(principal, account.name, account.role, with_password=True)


def name_signer(principal: Principal) -> Signer:
    """For what is handed in without a password: the account or key that did it."""
    return Signer(principal, principal.name, principal.role.value, with_password=False)


def account_id_of(principal: Principal) -> uuid.UUID:
    """The account behind a principal; a key or the program itself is nobody who could sign."""
    kind, _, account_id = principal.id.partition(":")
    if kind != "account":
        raise NotPermitted(
            "browser_session_needed",
            "A signature needs a person; sign in to the browser and sign there.",
        )
    return uuid.UUID(account_id)


def note_refused_password(session: Session, principal: Principal) -> None:
    """Whoever holds somebody's open browser must not guess on: a few tries end its session."""
    account_id, at = account_id_of(principal), database_time(session)
    since = at - REFUSALS_WITHIN
    tries = 1 + count_recent(session, REFUSED, account_id=str(account_id), since=since)
    if tries >= MOST_REFUSALS:
        end_browser_sessions(session, account_id, at=at)
    audit.record(
        session,
        actor=principal.id,
        action=REFUSED,
        entity="account",
        entity_id=str(account_id),
        after={"sessions_ended": tries >= MOST_REFUSALS},
    )


def sign(
    session: Session,
    signer: Signer,
    statement: Statement,
    *,
    at: dt.datetime | None = None,
    report: Report | None = None,
) -> Signature:
    """Keep the signature; `note` it in the audit trail last."""
    signature = Signature(
        sample_id=statement.analysis.sample_id,
        analysis_id=statement.analysis.id,
        report_id=None if report is None else report.id,
        act=statement.act.value,
        meaning=MEANINGS.get(statement.act, Meaning.APPROVED).value,
        printed_name=signer.printed_name,
        role=signer.role,
        with_password=signer.with_password,
        reason=statement.reason,
        told=statement.told,
        evidence=statement.evidence.text,
        evidence_sha256=statement.evidence.sha256,
        created_at=at or database_time(session),
        created_by=signer.principal.id,
    )
    session.add(signature)
    session.flush()
    return signature


def note(session: Session, signature: Signature, *, report: Report | None = None) -> None:
    """The signature's entry in the audit trail, which proves it unchanged; call it last."""
    audit.record(
        session,
        actor=signature.created_by,
        action=ACTIONS[Act(signature.act)],
        entity="sample",
        entity_id=str(signature.sample_id),
        after={"signature": as_noted(signature), "report": report and report_as_noted(report)},
    )


def as_noted(signature: Signature) -> dict[str, Any]:
    return {
        "id": str(signature.id),
        "analysis_id": str(signature.analysis_id),
        "act": signature.act,
        "meaning": signature.meaning,
        "printed_name": signature.printed_name,
        "role": signature.role,
        "with_password": signature.with_password,
        "reason": signature.reason,
        "told": signature.told,
        "evidence_sha256": signature.evidence_sha256,
        "signed_at": signature.created_at.astimezone(dt.UTC).isoformat(),
        "signed_by": signature.created_by,
    }


def report_as_noted(report: Report) -> dict[str, Any]:
    return {
        "id": str(report.id),
        "version": report.version,
        "status": report.status,
        "content_sha256": report.content_sha256,
    }


def database_time(session: Session) -> dt.datetime:
    """One clock for every signature, whatever machine serves the request."""
    at: dt.datetime = session.scalars(select(func.clock_timestamp())).one()
    return at


def checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason_missing", "Say in a few words why; it is kept with the result.")
    if len(reason) > MOST_REASON_CHARACTERS:
        raise InvalidInput(
            "reason_too_long",
            f"The reason has {len(reason)} characters; keep it to {MOST_REASON_CHARACTERS}.",
        )
    return reason
