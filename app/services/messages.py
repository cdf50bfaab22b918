"""What other programs are told of a sample: which version of its report, from whom, to whom."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import evidence as evidence_queries
from app.db.queries import reports as queries
from app.db.queries.analyses import latest_analysis, latest_scored
from app.db.queries.model_versions import active_version
from app.db.tables import Analysis, ModelVersion, Sample, Score
from app.domain.errors import Conflict
from app.domain.life_cycle import SampleState
from app.outbound import hl7_v2
from app.outbound.plain_reading import ReadLine, Trap, read_plainly, traps_of
from app.outbound.results import Sender
from app.reports.content import ReportContent, ReportFinding, ReportStatus
from app.security.permissions import Principal
from app.services.evidence import gather_evidence
from app.services.report_contents import (
    identity_of,
    imaging_of,
    kept_content,
    report_version,
    versions_of,
)
from app.services.report_files import preliminary_content
from app.services.scores import latest_score
from app.services.sign_offs import Desk
from app.services.signing import database_time
from app.services.visibility import visible_sample
from app.settings import Settings

STILL_TO_COME: Final[Mapping[SampleState, str]] = {
    SampleState.RECEIVED: "The sample was received; its score is not computed yet.",
    SampleState.RUNNING: "The score is being computed.",
}


def sender_of(settings: Settings) -> Sender:
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    return Sender(
        facility=settings.lims_facility,
        receiving_application=settings.lims_receiving_application,
        receiving_facility=settings.lims_receiving_facility,
        din_system=settings.din_system,
        accession_system=settings.accession_system,
        product_code_system=settings.product_code_system,
        identifier_systems=settings.identifier_systems,
        message_system=settings.message_system,
        loinc=settings.loinc,
        address=str(address).rstrip("/"),
    )


@dataclass(frozen=True)
class LimsReading:
    """Our HL7 message as a plain receiver takes it, and what goes wrong, the worst first.

    `accession_from` names the field it is read from; `results` are the lines in their order.
    """

    status: str
    version: int
    accession_number: str
    accession_from: str
    patient_id: str
    test: str
    results: tuple[ReadLine, ...]
    warnings: tuple[Trap, ...]
    message: str


def read_as_lims(content: ReportContent, sender: Sender) -> LimsReading:
    text = hl7_v2.message(content, sender)
    reading = read_plainly(text)
    return LimsReading(
        status=content.status.value,
        version=content.version,
        accession_number=reading.accession_number,
        accession_from=reading.accession_from,
        patient_id=reading.patient_id,
        test=reading.test,
        results=reading.lines,
        warnings=traps_of(text, content, sender),
        message=text,
    )


def message_content(
    desk: Desk,
    principal: Principal,
    sample_id: uuid.UUID,
    *,
    version: int | None = None,
    unreleased: bool = False,
) -> ReportContent:
    """The newest version that was kept, or this one.

    Parameters
    ----------
    unreleased
        Where there is no version yet, tell the newest score as preliminary, that it is still to
        come, or that none can be had. Receivers file what they get, so nothing unsigned leaves
        unless it is asked for.

    Raises
    ------
    NotFound
        ``sample_unknown``, ``report_unknown``
    Conflict
        ``not_released``, ``score_unavailable``, ``demonstration_model``
    """
    content = _content(desk, principal, sample_id, version, unreleased=unreleased)
    refuse_demonstration(content)
    return content


def refuse_demonstration(content: ReportContent) -> None:
    """Nothing that a demonstration model says of a real donor leaves as a result.

    Raises
    ------
    Conflict
        ``demonstration_model``
    """
    if content.versions.model_is_demonstration and not content.is_demonstration:
        raise Conflict(
            "demonstration_model",
            "A demonstration model scores and shows everything, but its scores of real samples are "
            "told to no other program; activate a model version trained on real cells.",
        )


def _content(
    desk: Desk,
    principal: Principal,
    sample_id: uuid.UUID,
    version: int | None,
    *,
    unreleased: bool,
) -> ReportContent:
    session = desk.session
    visible_sample(session, principal, sample_id)
    is_kept = queries.newest_report(session, sample_id) is not None
    if version is not None or is_kept:
        return kept_content(report_version(session, principal, sample_id, version))
    if unreleased:
        return (
            _registered(desk, principal, sample_id)
            or _cancelled(desk, principal, sample_id)
            or preliminary_content(desk, principal, sample_id)
        )
    latest_score(session, principal, sample_id)  # says why there is none
    raise Conflict(
        "not_released",
        "The result is not released yet; wait for sample.released, or ask with unreleased=true.",
    )


def _cancelled(desk: Desk, principal: Principal, sample_id: uuid.UUID) -> ReportContent | None:
    """That no score can be had of what is there; None where there is one, or no analysis yet."""
    found = latest_scored(desk.session, sample_id)
    if found is None or found.Score.rigidity_score is not None:
        return None
    session, analysis = desk.session, found.Analysis
    sample = visible_sample(session, principal, sample_id)
    content = _without_result(session, sample, analysis, found.ModelVersion, ReportStatus.CANCELLED)
    return replace(
        content,
        evidence_sha256=gather_evidence(session, analysis).sha256,
        unavailable=_reasons(found.Score),
    )


def _registered(desk: Desk, principal: Principal, sample_id: uuid.UUID) -> ReportContent | None:
    """That the score is still to come; None where it came, or cannot be had."""
    session = desk.session
    sample = visible_sample(session, principal, sample_id)
    words = STILL_TO_COME.get(SampleState(sample.state))
    analysis = latest_analysis(session, sample_id)
    version = (
        active_version(session)
        if analysis is None
        else session.get_one(ModelVersion, analysis.model_version_id)
    )
    if words is None or version is None:
        return None
    content = _without_result(session, sample, analysis, version, ReportStatus.REGISTERED)
    reason = ReportFinding(code=sample.state, level="info", message=words)
    return replace(content, unavailable=(reason,))


def _without_result(
    session: Session,
    sample: Sample,
    analysis: Analysis | None,
    version: ModelVersion,
    status: ReportStatus,
) -> ReportContent:
    """A report that is never kept: of this analysis, or of the sample before there is one."""
    rows = [] if analysis is None else evidence_queries.images_of_analysis(session, analysis.id)
    return ReportContent(
        report_id=sample.id if analysis is None else analysis.id,
        version=0,
        status=status,
        is_demonstration=sample.is_demonstration,
        issued_at=database_time(session),
        identity=identity_of(session, sample),
        result=None,
        reference=None,
        findings=(),
        conditions=(),
        acknowledgements=(),
        exclusions=(),
        imaging=imaging_of(rows),
        versions=versions_of(version, rows),
        control_state="",
        signatures=(),
        evidence_sha256="",
        amendment=None,
    )


def _reasons(score: Score) -> tuple[ReportFinding, ...]:
    return tuple(
        ReportFinding(code=reason["code"], level="reject", message=reason["message"])
        for reason in score.reasons
    )
