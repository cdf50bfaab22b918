"""How signing stands, for people and programs: conditions, signatures, versions of the report."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import reports as queries
from app.db.queries.accounts import names_of
from app.db.tables import Acknowledgement, Report, Sample, Signature
from app.domain.release import Condition, open_conditions
from app.security.permissions import Principal
from app.services.evidence import gather_evidence
from app.services.release_conditions import find_case, gather_conditions
from app.services.sign_offs import Desk
from app.services.visibility import visible_sample


@dataclass(frozen=True)
class AcknowledgementView:
    code: str
    message: str
    reason: str
    acknowledged_by: str
    acknowledged_at: dt.datetime


@dataclass(frozen=True)
class ConditionView:
    """`holds` null where nobody can say, which bars release like a no."""

    code: str
    holds: bool | None
    message: str
    may_be_acknowledged: bool
    acknowledgement: AcknowledgementView | None

    @property
    def is_settled(self) -> bool:
        return self.holds is True or self.acknowledgement is not None


@dataclass(frozen=True)
class ReleaseStanding:
    """What stands between a sample's newest score and its release.

    `evidence_sha256` is what a signature would cover now; send it, and `analysis_id`, with the
    release, so that nothing is signed that was not seen.
    """

    state: str
    analysis_id: uuid.UUID | None
    evidence_sha256: str | None
    is_ready: bool
    conditions: tuple[ConditionView, ...]


@dataclass(frozen=True)
class SignatureView:
    id: uuid.UUID
    act: str
    meaning: str
    printed_name: str
    role: str
    with_password: bool
    reason: str | None
    told: str | None
    analysis_id: uuid.UUID
    report_id: uuid.UUID | None
    evidence_sha256: str
    signed_at: dt.datetime


@dataclass(frozen=True)
class ReportView:
    """A version of the report; `GET …/reports/{version}` has all that it says."""

    id: uuid.UUID
    version: int
    status: str
    analysis_id: uuid.UUID
    previous_id: uuid.UUID | None
    content_sha256: str
    issued_at: dt.datetime


@dataclass(frozen=True)
class Signing:
    """What was signed, where the sample stands now, and the version that came of it, if one did."""

    state: str
    signature: SignatureView
    report: ReportView | None


def standing(desk: Desk, principal: Principal, sample_id: uuid.UUID) -> ReleaseStanding:
    """Every condition as it is now, whatever the sample's state."""
    session, sample = desk.session, visible_sample(desk.session, principal, sample_id)
    case = find_case(session, desk.store, principal, sample, desk.rules)
    conditions = gather_conditions(case, desk.rules)
    if case is None:
        return ReleaseStanding(
            state=sample.state,
            analysis_id=None,
            evidence_sha256=None,
            is_ready=False,
            conditions=_views(session, conditions, {}),
        )
    rows = queries.acknowledgements_of_analysis(session, case.analysis.id)
    barring = open_conditions(conditions, acknowledged=frozenset(rows))
    return ReleaseStanding(
        state=sample.state,
        analysis_id=case.analysis.id,
        evidence_sha256=gather_evidence(session, case.analysis).sha256,
        is_ready=not barring,
        conditions=_views(session, conditions, rows),
    )


def reports_of_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> list[ReportView]:
    """Newest first."""
    visible_sample(session, principal, sample_id)
    return [report_view(row) for row in queries.reports_of_sample(session, sample_id)]


def signatures_of_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> list[SignatureView]:
    """Newest first."""
    visible_sample(session, principal, sample_id)
    return [signature_view(row) for row in queries.signatures_of_sample(session, sample_id)][::-1]


def last_signing(session: Session, sample_id: uuid.UUID) -> Signing:
    """What the last signature came to."""
    signature = queries.latest_signature(session, sample_id)
    assert signature is not None, "called after a signature"
    report = None if signature.report_id is None else session.get(Report, signature.report_id)
    return Signing(
        state=session.get_one(Sample, sample_id).state,
        signature=signature_view(signature),
        report=None if report is None else report_view(report),
    )


def report_view(row: Report) -> ReportView:
    return ReportView(
        id=row.id,
        version=row.version,
        status=row.status,
        analysis_id=row.analysis_id,
        previous_id=row.previous_id,
        content_sha256=row.content_sha256,
        issued_at=row.created_at,
    )


def signature_view(row: Signature) -> SignatureView:
    return SignatureView(
        id=row.id,
        act=row.act,
        meaning=row.meaning,
        printed_name=row.printed_name,
        role=row.role,
        with_password=row.with_password,
        reason=row.reason,
        told=row.told,
        analysis_id=row.analysis_id,
        report_id=row.report_id,
        evidence_sha256=row.evidence_sha256,
        signed_at=row.created_at,
    )


def acknowledgement_view(session: Session, row: Acknowledgement) -> AcknowledgementView:
    names = names_of(session, {row.created_by})
    return AcknowledgementView(
        code=row.code,
        message=row.message,
        reason=row.reason,
        acknowledged_by=names.get(row.created_by, row.created_by),
        acknowledged_at=row.created_at,
    )


def _views(
    session: Session, conditions: tuple[Condition, ...], rows: Mapping[str, Acknowledgement]
) -> tuple[ConditionView, ...]:
    return tuple(
        ConditionView(
            code=one.code,
            holds=one.holds,
            message=one.message,
            may_be_acknowledged=one.may_be_acknowledged,
            acknowledgement=_word(session, one, rows),
        )
        for one in conditions
    )


def _word(
    session: Session, condition: Condition, rows: Mapping[str, Acknowledgement]
) -> AcknowledgementView | None:
    """The word that stands in for the condition, where one may."""
    is_needed = condition.holds is not True and condition.may_be_acknowledged
    row = rows.get(condition.code) if is_needed else None
    return None if row is None else acknowledgement_view(session, row)
