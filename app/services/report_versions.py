"""Versions of a report: made once, kept as they were made, each pointing to the one before."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from app.db.queries import reports as queries
from app.db.tables import Report, Sample, Signature
from app.domain.evidence import Evidence, sha256_of
from app.domain.life_cycle import Act
from app.domain.release import Condition
from app.reports.content import (
    CONTROL_CODES,
    Amendment,
    Meaning,
    ReportContent,
    ReportSignature,
    ReportStatus,
)
from app.services import events
from app.services.controls import SiteControls, control_statement
from app.services.life_cycle import advance
from app.services.release_terms import Case
from app.services.report_contents import (
    SignedPart,
    kept_content,
    make_content,
    report_signature,
)
from app.services.signing import MEANINGS, Signer, Statement, database_time, note, sign


@dataclass(frozen=True)
class Reviewed:
    """How the conditions stood when the signature was asked for."""

    conditions: tuple[Condition, ...]
    site: SiteControls

    @property
    def control_state(self) -> str:
        messages = [one.message for one in self.conditions if one.code.startswith(CONTROL_CODES)]
        return " ".join([*messages, control_statement(self.site)])


def keep_result(
    case: Case, signer: Signer, statement: Statement, reviewed: Reviewed, *, before: Report | None
) -> Report:
    """The newest score as the next version; an amended one says why, and what became of it."""
    earlier = _earlier_signatures(case, before)

    def content(id_: uuid.UUID, version: int, signature: ReportSignature) -> ReportContent:
        made = make_content(
            case,
            SignedPart(
                report_id=id_,
                version=version,
                status=ReportStatus.FINAL,
                issued_at=signature.signed_at,
                conditions=reviewed.conditions,
                control_state=reviewed.control_state,
                signatures=(*earlier, signature),
                evidence_sha256=statement.evidence.sha256,
                amendment=_amendment(before, statement),
                is_signed_by_one_person=_is_signed_alone(case),
            ),
        )
        return made if before is None else replace(made, status=_status(made, before))

    return _keep(case.session, case.sample, signer, statement, content, before=before)


def keep_withdrawal(
    session: Session, sample: Sample, signer: Signer, statement: Statement, *, before: Report
) -> Report:
    """A last version that takes the value back and keeps everything else that was said."""
    old = kept_content(before)

    def content(id_: uuid.UUID, version: int, signature: ReportSignature) -> ReportContent:
        return replace(
            old,
            report_id=id_,
            version=version,
            status=ReportStatus.ENTERED_IN_ERROR,
            issued_at=signature.signed_at,
            result=None,
            reference=None,
            signatures=(*old.signatures, signature),
            evidence_sha256=statement.evidence.sha256,
            amendment=_amendment(before, statement),
        )

    return _keep(session, sample, signer, statement, content, before=before)


def evidence_of_report(report: Report) -> Evidence:
    """What a signature covers that is about a version as it was kept, not about the score."""
    return Evidence(
        {
            "report": {
                "id": str(report.id),
                "version": report.version,
                "content_sha256": report.content_sha256,
            }
        }
    )


MakeContent = Callable[[uuid.UUID, int, ReportSignature], ReportContent]


def _keep(
    session: Session,
    sample: Sample,
    signer: Signer,
    statement: Statement,
    make: MakeContent,
    *,
    before: Report | None,
) -> Report:
    report_id, version = uuid.uuid4(), 1 if before is None else before.version + 1
    at = database_time(session)
    told = ReportSignature(
        act=statement.act,
        meaning=MEANINGS.get(statement.act, Meaning.APPROVED),
        printed_name=signer.printed_name,
        role=signer.role,
        signed_at=at,
        with_password=signer.with_password,
        reason=statement.reason,
    )
    content = make(report_id, version, told)
    text = content.to_text()
    report = Report(
        id=report_id,
        sample_id=sample.id,
        version=version,
        previous_id=None if before is None else before.id,
        analysis_id=statement.analysis.id,
        status=content.status.value,
        content=text,
        content_sha256=sha256_of(text),
        created_at=at,
        created_by=signer.principal.id,
    )
    advance(session, sample, statement.act)
    session.add(report)
    session.flush()
    events.report_kept(session, report)
    note(session, sign(session, signer, statement, at=at, report=report), report=report)
    return report


def _earlier_signatures(case: Case, before: Report | None) -> tuple[ReportSignature, ...]:
    """What led to this version: who reopened the last one, and who handed in what is signed now."""
    rows = queries.signatures_of_sample(case.session, case.sample.id)
    since = [row for row in rows if before is None or row.created_at > before.created_at]
    if before is not None and not since:
        return kept_content(before).signatures
    last = {row.act: row for row in since if row.act in (Act.REOPEN, Act.SUBMIT)}
    return tuple(report_signature(row) for row in sorted(last.values(), key=_signed_at))


def _is_signed_alone(case: Case) -> bool:
    """Whether one person handed in and signs, as only a site that allows it lets happen."""
    rows = queries.signatures_of_sample(case.session, case.sample.id)
    submissions = [row.created_by for row in rows if row.act == Act.SUBMIT]
    return submissions[-1:] == [case.principal.id]


def _signed_at(row: Signature) -> dt.datetime:
    return row.created_at


def _amendment(before: Report | None, statement: Statement) -> Amendment | None:
    if before is None:
        return None
    return Amendment(
        previous_report_id=before.id,
        previous_version=before.version,
        reason=statement.reason or "",
        told=statement.told,
    )


def _status(content: ReportContent, before: Report) -> ReportStatus:
    """Corrected where the number is another than before, else amended."""
    old = kept_content(before).result
    is_same = (
        old is not None
        and content.result is not None
        and old.rigidity_score == content.result.rigidity_score
        and old.rigidity_interval == content.result.rigidity_interval
    )
    return ReportStatus.AMENDED if is_same else ReportStatus.CORRECTED
