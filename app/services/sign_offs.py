"""Submit, send back, acknowledge, release: every step a signature, in one transaction.

Locks are taken in the usual order: the sample, then the audit trail's end. While a sample's row is
locked nothing that its result rests on can change, since every such change locks it, too.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import reports as queries
from app.db.queries.samples import locked_for_change
from app.db.tables import Acknowledgement, Analysis, Report, Sample, Signature
from app.domain.errors import Conflict, NotPermitted
from app.domain.evidence import Evidence
from app.domain.life_cycle import Act, SampleState
from app.domain.release import Condition, open_conditions
from app.security.permissions import Principal
from app.services import audit
from app.services.evidence import gather_evidence
from app.services.life_cycle import advance
from app.services.release_conditions import ReleaseRules, find_case, gather_conditions
from app.services.release_terms import Case
from app.services.report_versions import Reviewed, keep_result
from app.services.signing import (
    Statement,
    account_id_of,
    checked_reason,
    confirm_signer,
    name_signer,
    note,
    sign,
)
from app.services.visibility import visible_sample
from app.storage import Store


@dataclass(frozen=True)
class Seen:
    """What the signer had before them; None where they did not say."""

    analysis_id: uuid.UUID | None = None
    evidence_sha256: str | None = None


@dataclass(frozen=True)
class Desk:
    """Where a result is signed: the database, the files, the site's rules."""

    session: Session
    store: Store
    rules: ReleaseRules


NOT_SAID: Final = Seen()


def submit(
    desk: Desk, principal: Principal, sample_id: uuid.UUID, *, seen: Seen = NOT_SAID
) -> Signature:
    """Hand the newest score in to a verifier; the evidence is noted as it is now."""
    sample = locked_sample(desk, principal, sample_id)
    advance(desk.session, sample, Act.SUBMIT)
    case = _case(desk, principal, sample)
    evidence = gather_evidence(desk.session, case.analysis)
    _refuse_unseen(case, evidence, seen)
    statement = Statement(act=Act.SUBMIT, analysis=case.analysis, evidence=evidence)
    signature = sign(desk.session, name_signer(principal), statement)
    note(desk.session, signature)
    return signature


def send_back(
    desk: Desk, principal: Principal, sample_id: uuid.UUID, *, password: str, reason: str
) -> Signature:
    """The verifier's no: the result goes back to work, with the reason."""
    reason = checked_reason(reason)
    signer = confirm_signer(desk.session, principal, password)
    sample = locked_sample(desk, principal, sample_id)
    advance(desk.session, sample, Act.SEND_BACK)
    submission = queries.latest_signature(desk.session, sample.id)
    assert submission is not None, "a submitted sample was submitted by somebody"
    analysis = desk.session.get_one(Analysis, submission.analysis_id)
    statement = Statement(
        act=Act.SEND_BACK,
        analysis=analysis,
        evidence=gather_evidence(desk.session, analysis),
        reason=reason,
    )
    signature = sign(desk.session, signer, statement)
    note(desk.session, signature)
    return signature


def acknowledge(
    desk: Desk, principal: Principal, sample_id: uuid.UUID, *, code: str, reason: str
) -> Acknowledgement:
    """Say why the result may be signed although this condition does not hold."""
    reason = checked_reason(reason)
    account_id_of(principal)
    sample = locked_sample(desk, principal, sample_id)
    case = _submitted_case(desk, principal, sample)
    _refuse_own_work(case)
    condition = _waiting(gather_conditions(case, desk.rules), code)
    row = Acknowledgement(
        sample_id=sample.id,
        analysis_id=case.analysis.id,
        code=code,
        message=condition.message,
        reason=reason,
        created_by=principal.id,
    )
    desk.session.add(row)
    desk.session.flush()
    desk.session.refresh(row)
    audit.record(
        desk.session, actor=principal.id, action="sample.condition_acknowledged", entity="sample",
        entity_id=str(sample.id),
        after={"analysis_id": str(case.analysis.id), "code": code, "reason": reason},
    )  # fmt: skip
    return row


def _waiting(conditions: Iterable[Condition], code: str) -> Condition:
    for condition in conditions:
        may = condition.may_be_acknowledged and condition.holds is not True
        if condition.code == code and may:
            return condition
    raise Conflict(
        "not_acknowledgeable",
        "This condition holds, or no word can stand in for it; see the conditions as they are.",
    )


def release(
    desk: Desk,
    principal: Principal,
    sample_id: uuid.UUID,
    *,
    password: str,
    seen: Seen = NOT_SAID,
) -> Report:
    """Sign what was handed in and keep it as a version of the report: the first, or an amended one.

    Raises
    ------
    NotPermitted
        ``password_refused``, ``browser_session_needed`` or ``own_work``.
    Conflict
        ``sample_state``, ``demonstration_model``, ``conditions_open`` with ``conditions``,
        ``analysis_outdated`` or ``evidence_changed``.
    """
    session = desk.session
    signer = confirm_signer(session, principal, password)
    sample = locked_sample(desk, principal, sample_id)
    case = _submitted_case(desk, principal, sample)
    _refuse_own_work(case)
    conditions = gather_conditions(case, desk.rules)
    refuse_open(case, conditions)
    evidence = gather_evidence(session, case.analysis)
    _refuse_unseen(case, evidence, seen)
    before = queries.newest_report(session, sample.id)
    statement = Statement(act=Act.RELEASE, analysis=case.analysis, evidence=evidence)
    if before is not None:
        reopening = _reopening(session, sample)
        statement = Statement(
            act=Act.AMEND,
            analysis=case.analysis,
            evidence=evidence,
            reason=reopening.reason,
            told=reopening.told,
        )
    reviewed = Reviewed(conditions, desk.rules.site)
    return keep_result(case, signer, statement, reviewed, before=before)


def locked_sample(desk: Desk, principal: Principal, sample_id: uuid.UUID) -> Sample:
    visible_sample(desk.session, principal, sample_id)
    return locked_for_change(desk.session, sample_id)


def refuse_open(case: Case, conditions: tuple[Condition, ...]) -> None:
    """Every condition holds, or is acknowledged where that is allowed; else the result stays."""
    acknowledged = queries.acknowledgements_of_analysis(case.session, case.analysis.id)
    barring = open_conditions(conditions, acknowledged=frozenset(acknowledged))
    for one in barring:
        if one.code == "model_fit_for_release" and one.holds is False:
            raise Conflict("demonstration_model", one.message)
    if barring:
        raise Conflict(
            "conditions_open",
            f"Not released: {barring[0].message}",
            conditions=[asdict(one) for one in barring],
        )


def _case(desk: Desk, principal: Principal, sample: Sample) -> Case:
    case = find_case(desk.session, desk.store, principal, sample, desk.rules)
    if case is None:
        raise Conflict("score_unavailable", "There is no donor score to sign; analyse the sample.")
    return case


def _submitted_case(desk: Desk, principal: Principal, sample: Sample) -> Case:
    if sample.state != SampleState.SUBMITTED:
        raise Conflict(
            "sample_state",
            f"The result is {sample.state}, so there is nothing to sign; a technician hands a "
            "score in first.",
            state=sample.state,
        )
    return _case(desk, principal, sample)


def _refuse_own_work(case: Case) -> None:
    is_own = case.submission is not None and case.submission.created_by == case.principal.id
    if is_own and case.two_persons:
        raise NotPermitted(
            "own_work", "You handed this result in yourself; another verifier signs it."
        )


def _refuse_unseen(case: Case, evidence: Evidence, seen: Seen) -> None:
    """Nobody signs what they did not see."""
    if seen.analysis_id not in (None, case.analysis.id):
        raise Conflict(
            "analysis_outdated", "A newer score came since you looked; look at it, then sign."
        )
    if seen.evidence_sha256 not in (None, evidence.sha256):
        raise Conflict(
            "evidence_changed",
            "Something behind the score changed since you looked, such as a reference; look again, "
            "then sign.",
        )


def _reopening(session: Session, sample: Sample) -> Signature:
    """Why the report is amended: said when it was reopened."""
    rows: Mapping[str, Signature] = {
        row.act: row for row in queries.signatures_of_sample(session, sample.id)
    }
    return rows[Act.REOPEN]
