"""After a release: amend the words, reopen for another value, withdraw. Nothing is edited."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from app.db.queries import reports as queries
from app.db.tables import Analysis, Report, Sample, Signature
from app.domain.errors import Conflict, NotPermitted
from app.domain.life_cycle import Act, SampleState, move
from app.security.permissions import Principal
from app.services.evidence import gather_evidence, read_evidence
from app.services.life_cycle import advance
from app.services.release_conditions import find_case, gather_conditions
from app.services.report_versions import (
    Reviewed,
    evidence_of_report,
    keep_result,
    keep_withdrawal,
)
from app.services.sign_offs import Desk, locked_sample
from app.services.signing import Signer, Statement, checked_reason, confirm_signer, note, sign


class Change(StrEnum):
    """What an amendment is about: the words beside the value, the value, or all of it."""

    DETAILS = "details"
    VALUE = "value"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Words:
    """Why the report is amended, and who was told of it."""

    reason: str
    told: str | None = None


def amend(
    desk: Desk,
    principal: Principal,
    sample_id: uuid.UUID,
    change: Change,
    *,
    password: str,
    words: Words,
) -> Signature:
    """Do what an amendment asks for; every one is signed."""
    words = Words(checked_reason(words.reason), (words.told or "").strip() or None)
    acts = {
        Change.DETAILS: (Act.AMEND, _amend_details),
        Change.VALUE: (Act.REOPEN, _reopen),
        Change.WITHDRAW: (Act.WITHDRAW, _withdraw),
    }
    act, do = acts[change]
    signer = confirm_signer(desk.session, principal, password)
    sample = locked_sample(desk, principal, sample_id)
    before = queries.newest_report(desk.session, sample.id)
    move(SampleState(sample.state), act, is_reported=before is not None)
    assert before is not None, "the table lets nothing be amended that was not reported"
    do(desk, signer, sample, before, words)
    signature = queries.latest_signature(desk.session, sample.id)
    assert signature is not None
    return signature


def _amend_details(
    desk: Desk, signer: Signer, sample: Sample, before: Report, words: Words
) -> None:
    """A new version of the same value, with what is known of sample and reference today."""
    session = desk.session
    _refuse_submitted(sample)
    _refuse_own_result(desk, signer, sample)
    analysis = session.get_one(Analysis, before.analysis_id)
    _refuse_changed(session, analysis, before)
    case = find_case(session, desk.store, signer.principal, sample, desk.rules)
    assert case is not None, "a released result keeps its score"
    statement = Statement(
        act=Act.AMEND,
        analysis=analysis,
        evidence=gather_evidence(session, analysis),
        reason=words.reason,
        told=words.told,
    )
    reviewed = Reviewed(gather_conditions(case, desk.rules), desk.rules.site)
    keep_result(case, signer, statement, reviewed, before=before)


def _reopen(desk: Desk, signer: Signer, sample: Sample, before: Report, words: Words) -> None:
    """Let the result be worked on again; its report stands until an amended one is released."""
    advance(desk.session, sample, Act.REOPEN)
    statement = _about(desk, Act.REOPEN, before, words)
    note(desk.session, sign(desk.session, signer, statement))


def _withdraw(desk: Desk, signer: Signer, sample: Sample, before: Report, words: Words) -> None:
    """The last version: entered in error, without a value."""
    statement = _about(desk, Act.WITHDRAW, before, words)
    keep_withdrawal(desk.session, sample, signer, statement, before=before)


def _about(desk: Desk, act: Act, before: Report, words: Words) -> Statement:
    """A statement about a version as it was kept."""
    return Statement(
        act=act,
        analysis=desk.session.get_one(Analysis, before.analysis_id),
        evidence=evidence_of_report(before),
        reason=words.reason,
        told=words.told,
    )


def _refuse_changed(session: Session, analysis: Analysis, before: Report) -> None:
    signed = read_evidence(queries.signature_of_report(session, before.id).evidence)
    differing = gather_evidence(session, analysis, signed=signed).differing(signed)
    if differing:
        raise Conflict(
            "evidence_changed",
            f"Not as it was signed: {', '.join(differing)}; withdraw the report and tell the "
            "administrator.",
        )


def _refuse_submitted(sample: Sample) -> None:
    """From there the way to an amended report is a release, with all its conditions."""
    if sample.state == SampleState.SUBMITTED:
        raise Conflict(
            "sample_state",
            "The result is submitted; release it, which amends the report, or send it back.",
            state=sample.state,
        )


def _refuse_own_result(desk: Desk, signer: Signer, sample: Sample) -> None:
    rows = queries.signatures_of_sample(desk.session, sample.id)
    submitters = [row.created_by for row in rows if row.act == Act.SUBMIT]
    if desk.rules.two_persons and submitters[-1:] == [signer.principal.id]:
        raise NotPermitted(
            "own_work", "You handed this result in yourself; another verifier signs it."
        )
