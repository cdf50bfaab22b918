"""Where a result stands on its way out: the panel of the sample's page, and the page to sign on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    SAMPLE_STATES,
    Chip,
    MomentText,
    counted_text,
    interval_text,
    moment_text,
    percent_text,
    score_text,
)
from app.domain.life_cycle import SampleState
from app.security.permissions import Permission, Principal
from app.services.samples import SampleView
from app.services.scores import ScoreView
from app.services.sign_off_views import (
    ConditionView,
    ReleaseStanding,
    ReportView,
    SignatureView,
)
from app.services.verification import Verification

REPORT_STATUSES: Final = {
    "final": Chip("Final", "good"),
    "amended": Chip("Amended", "warning"),
    "corrected": Chip("Corrected", "warning"),
    "entered-in-error": Chip("Withdrawn", "bad"),
}
ACTS: Final = {
    "submit": "handed the result in",
    "send_back": "sent the result back",
    "release": "released the result",
    "reopen": "reopened the result",
    "amend": "released an amended version",
    "withdraw": "withdrew the result",
}
PARTS: Final = {
    "identity": "whose sample it is",
    "images": "the images",
    "exclusions": "verdicts and exclusions",
    "model": "the model",
    "parameters": "the parameters",
    "score": "the score",
    "reference": "the reference",
    "report": "the report's text",
    "signature": "the signature",
    "audit": "the audit trail",
}


@dataclass(frozen=True)
class SignOffPart:
    """What the sample's page says of it, and the one next step."""

    says: str
    next_step: str
    tone: str
    submit_analysis_id: str | None = None
    signing_label: str | None = None
    report_href: str | None = None
    may_take_back: bool = False
    lims_href: str | None = None


@dataclass(frozen=True)
class ConditionRow:
    code: str
    mark: Chip
    message: str
    word: str | None
    may_acknowledge: bool


@dataclass(frozen=True)
class SignatureRow:
    says: str
    when: MomentText
    reason: str | None


@dataclass(frozen=True)
class ReportRow:
    version: int
    status: Chip
    issued: MomentText
    href: str
    pdf_href: str


@dataclass(frozen=True)
class ScoreInBrief:
    """What is signed, in one line each."""

    rigidity: str
    interval: str
    deformability: str
    basis: str
    model: str


@dataclass(frozen=True)
class SigningPage:
    href: str
    donor_code: str
    state: Chip
    is_demonstration: bool
    score: ScoreInBrief | None
    conditions: tuple[ConditionRow, ...]
    open_text: str
    signer: str
    analysis_id: str
    evidence_sha256: str
    may_sign: bool
    is_ready: bool
    may_amend: bool
    reports: tuple[ReportRow, ...]
    whole: Chip | None
    signatures: tuple[SignatureRow, ...]
    reason: str
    notice: Notice | None
    stands: SignOffPart | None = None
    """What has to happen before anybody can sign here."""


def sign_off_part(
    sample: SampleView, signatures: Sequence[SignatureView], principal: Principal
) -> SignOffPart | None:
    """None while there is nothing to hand in, and nothing was."""
    last, score = signatures[0] if signatures else None, sample.latest_score
    match sample.state:
        case SampleState.COMPUTED if score is not None:
            return _computed(score, last, principal)
        case SampleState.UNAVAILABLE:
            return _unavailable(sample, principal)
        case SampleState.SUBMITTED if last is not None:
            return _submitted(last, principal)
        case SampleState.RELEASED | SampleState.AMENDED if last is not None:
            return _released(sample, last, principal)
        case SampleState.WITHDRAWN if last is not None:
            return SignOffPart(
                says=f"Withdrawn by {last.printed_name}: {last.reason}",
                next_step="There is no value any more. Take in a new sample if one is needed.",
                tone="bad",
                signing_label="Reports and signatures",
                report_href=_report_href(sample),
                lims_href=_lims_href(sample),
            )
        case _:
            return None


def _computed(score: ScoreView, last: SignatureView | None, principal: Principal) -> SignOffPart:
    says, tone = "Scored, and not handed in yet.", "info"
    if last is not None and last.act == "send_back":
        says, tone = f"Sent back by {last.printed_name}: {last.reason}", "warning"
    if last is not None and last.act == "reopen":
        says, tone = f"Reopened by {last.printed_name}: {last.reason}", "warning"
    may = principal.permits(Permission.SUBMIT)
    step = "Look at the score, the findings and the images, then hand the result in to a verifier."
    return SignOffPart(
        says=says,
        next_step=step if may else "A technician hands the result in.",
        tone=tone,
        submit_analysis_id=str(score.analysis_id) if may else None,
        signing_label="What its release waits for",
    )


def _unavailable(sample: SampleView, principal: Principal) -> SignOffPart:
    """Nothing is signed without a number; the LIMS is told why there is none, by a coded reason."""
    may = principal.permits(Permission.UPLOAD_IMAGES)
    step = "Add the images or wells that are missing, as said below; the score then follows. "
    told = (
        "If no more can be taken, the page for the LIMS tells that the result cannot be obtained."
    )
    return SignOffPart(
        says="There is no score, so nothing can be handed in yet.",
        next_step=(step if may else "More images are needed. ") + told,
        tone="warning",
        lims_href=_lims_href(sample),
    )


def _submitted(last: SignatureView, principal: Principal) -> SignOffPart:
    may = principal.permits(Permission.RELEASE)
    step = "Check what must hold, then sign or send it back."
    wait = "A verifier checks and signs it; until then you can take it back by scoring it again."
    return SignOffPart(
        says=f"Handed in by {last.printed_name}, {moment_text(last.signed_at).text}.",
        next_step=step if may else wait,
        tone="info",
        signing_label="Check and sign" if may else "What its release waits for",
        may_take_back=principal.permits(Permission.SUBMIT) and not may,
    )


def _released(sample: SampleView, last: SignatureView, principal: Principal) -> SignOffPart:
    may = principal.permits(Permission.AMEND)
    return SignOffPart(
        says=f"Released by {last.printed_name}, {moment_text(last.signed_at).text}.",
        next_step="What it rests on stays as it is."
        + (" If something is wrong, amend or withdraw it." if may else ""),
        tone="good",
        signing_label="Reports, signatures, amendments" if may else "Reports and signatures",
        report_href=_report_href(sample),
        lims_href=_lims_href(sample),
    )


def _lims_href(sample: SampleView) -> str:
    return f"/samples/{sample.id}/lims"


def _report_href(sample: SampleView) -> str:
    return f"/api/v1/samples/{sample.id}/report.pdf"


@dataclass(frozen=True)
class SigningMaterial:
    """What the services told about one sample's signing; `standing` None once it is out of hand."""

    sample: SampleView
    score: ScoreView | None
    standing: ReleaseStanding | None
    reports: Sequence[ReportView]
    signatures: Sequence[SignatureView]
    verification: Verification | None


def signing_page(
    material: SigningMaterial,
    principal: Principal,
    *,
    reason: str = "",
    notice: Notice | None = None,
) -> SigningPage:
    sample, standing = material.sample, material.standing
    is_submitted = sample.state == SampleState.SUBMITTED
    may_release = principal.permits(Permission.RELEASE)
    is_out = sample.state in (SampleState.RELEASED, SampleState.AMENDED)
    conditions = () if standing is None else standing.conditions
    n_open = sum(not one.is_settled for one in conditions)
    return SigningPage(
        href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        state=SAMPLE_STATES[sample.state],
        is_demonstration=sample.is_demonstration,
        score=None if material.score is None else _brief(material.score),
        stands=None
        if is_out or (is_submitted and may_release)
        else sign_off_part(sample, material.signatures, principal),
        conditions=tuple(
            _condition(one, may_acknowledge=is_submitted and may_release)
            for one in _open_first(conditions)
        ),
        open_text=f"{counted_text(n_open, 'condition')} still open" if n_open else "Nothing open",
        signer=principal.name,
        analysis_id="" if standing is None else str(standing.analysis_id),
        evidence_sha256="" if standing is None else standing.evidence_sha256 or "",
        may_sign=is_submitted and may_release,
        is_ready=standing is not None and standing.is_ready,
        may_amend=is_out and principal.permits(Permission.AMEND),
        reports=tuple(_report(sample, one) for one in material.reports),
        whole=None if material.verification is None else _whole(material.verification),
        signatures=tuple(_signature(one) for one in material.signatures),
        reason=reason,
        notice=notice,
    )


def _open_first(conditions: Sequence[ConditionView]) -> list[ConditionView]:
    return sorted(conditions, key=lambda one: (one.is_settled, one.holds is True))


def _condition(condition: ConditionView, *, may_acknowledge: bool) -> ConditionRow:
    word = condition.acknowledgement
    return ConditionRow(
        code=condition.code,
        mark=_mark(condition),
        message=condition.message,
        word=None if word is None else f"{word.acknowledged_by}: {word.reason}",
        may_acknowledge=may_acknowledge
        and condition.may_be_acknowledged
        and not condition.is_settled,
    )


def _mark(condition: ConditionView) -> Chip:
    if condition.holds is True:
        return Chip("✓ Holds", "good")
    if condition.acknowledgement is not None:
        return Chip("✎ Acknowledged", "busy")
    if condition.holds is None:
        return Chip("? Not known", "warning")
    return Chip("✗ Does not hold", "bad")


def _brief(score: ScoreView) -> ScoreInBrief:
    version = score.model_version
    return ScoreInBrief(
        rigidity=score_text(score.rigidity_score),
        interval=interval_text(score.rigidity_interval),
        deformability=percent_text(score.deformability_score / 100),
        basis=f"{counted_text(score.n_cells, 'cell')}, {counted_text(score.n_images, 'image')}, "
        f"{counted_text(score.n_wells, 'well')}",
        model=f"{version.name} ({version.sha256[:12]})",
    )


def _report(sample: SampleView, report: ReportView) -> ReportRow:
    return ReportRow(
        version=report.version,
        status=REPORT_STATUSES[report.status],
        issued=moment_text(report.issued_at),
        href=f"/api/v1/samples/{sample.id}/reports/{report.version}",
        pdf_href=f"{_report_href(sample)}?version={report.version}",
    )


def _whole(verification: Verification) -> Chip:
    """Whether the newest version is what was signed, by every row that it rests on."""
    if verification.is_whole:
        return Chip("As it was signed", "good")
    parts = ", ".join(PARTS.get(part, part) for part in verification.differs)
    return Chip(f"Not as it was signed: {parts}", "bad")


def _signature(signature: SignatureView) -> SignatureRow:
    told = f" Told: {signature.told}." if signature.told else ""
    return SignatureRow(
        says=f"{signature.printed_name} ({signature.role}) {ACTS[signature.act]}: "
        f"{signature.meaning}.{told}",
        when=moment_text(signature.signed_at),
        reason=signature.reason,
    )
