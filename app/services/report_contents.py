"""From rows to what a report says; and the versions that were kept."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of_program
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import evidence as evidence_queries
from app.db.queries import reports as queries
from app.db.queries.accounts import names_of
from app.db.queries.evidence import ImageRow
from app.db.tables import (
    Acknowledgement,
    Correction,
    Donor,
    ModelVersion,
    Report,
    Sample,
    Signature,
)
from app.domain.agreement import Comparison
from app.domain.errors import NotFound
from app.domain.identifiers import Din, din_check_character
from app.domain.release import Condition
from app.reports.content import (
    Amendment,
    Exclusions,
    Identity,
    Imaging,
    LookCorrectedResult,
    Meaning,
    PopulationResult,
    ReferenceResult,
    ReplicateResult,
    ReportAcknowledgement,
    ReportCondition,
    ReportContent,
    ReportFinding,
    ReportSignature,
    ReportStatus,
    Result,
    Versions,
    WellResult,
)
from app.security.permissions import Principal
from app.services.release_terms import Case
from app.services.scores import ScoreView, latest_score
from app.services.visibility import visible_sample

INTERVAL_LACKS: Final = frozenset({"interval_is_lower_bound", "model_error_unknown"})
"""Findings that say that the interval leaves something out."""


@dataclass(frozen=True, kw_only=True)
class SignedPart:
    """What the signing adds to what was computed."""

    report_id: uuid.UUID
    version: int
    status: ReportStatus
    issued_at: dt.datetime
    conditions: tuple[Condition, ...]
    control_state: str
    signatures: tuple[ReportSignature, ...]
    evidence_sha256: str
    amendment: Amendment | None
    is_signed_by_one_person: bool


def make_content(case: Case, signed: SignedPart) -> ReportContent:
    """The whole report of the newest score."""
    session = case.session
    score = latest_score(session, case.principal, case.sample.id)
    rows = evidence_queries.images_of_analysis(session, case.analysis.id)
    acknowledged = queries.acknowledgements_of_analysis(session, case.analysis.id)
    return ReportContent(
        report_id=signed.report_id,
        version=signed.version,
        status=signed.status,
        is_demonstration=case.sample.is_demonstration,
        issued_at=signed.issued_at,
        identity=identity_of(case.session, case.sample),
        result=_result(case, score),
        reference=_reference(score.comparison),
        findings=tuple(
            ReportFinding(code=one.code, level=one.level.value, message=one.message)
            for one in score.findings
        ),
        conditions=tuple(_condition(one, acknowledged) for one in signed.conditions),
        acknowledgements=_acknowledgements(session, signed.conditions, acknowledged),
        exclusions=_exclusions(session, rows),
        imaging=imaging_of(rows),
        versions=versions_of(case.version, rows),
        control_state=signed.control_state,
        signatures=signed.signatures,
        evidence_sha256=signed.evidence_sha256,
        amendment=signed.amendment,
        is_signed_by_one_person=signed.is_signed_by_one_person,
    )


def report_signature(row: Signature) -> ReportSignature:
    return ReportSignature(
        act=row.act,
        meaning=Meaning(row.meaning),
        printed_name=row.printed_name,
        role=row.role,
        signed_at=row.created_at,
        with_password=row.with_password,
        reason=row.reason,
    )


def kept_content(report: Report) -> ReportContent:
    return ReportContent.from_text(report.content)


def report_version(
    session: Session, principal: Principal, sample_id: uuid.UUID, version: int | None = None
) -> Report:
    """A version that was kept, or the newest."""
    visible_sample(session, principal, sample_id)
    report = (
        queries.newest_report(session, sample_id)
        if version is None
        else queries.report_of_version(session, sample_id, version)
    )
    if report is None:
        raise NotFound("report_unknown", "There is no such version of a report; see the list.")
    return report


def identity_of(session: Session, sample: Sample) -> Identity:
    din = None if sample.din is None else Din(sample.din, is_checked=bool(sample.din_is_checked))
    return Identity(
        sample_id=sample.id,
        donor_code=session.get_one(Donor, sample.donor_id).code,
        din=sample.din,
        din_display=None if din is None else str(din),
        din_check_character=None if din is None else din_check_character(din.value),
        din_is_checked=sample.din_is_checked,
        accession_number=sample.accession_number,
        container=sample.container,
        additive=sample.additive,
        collected_on=sample.collected_on,
        sampled_at=sample.sampled_at,
        storage_day=sample.storage_day,
        storage_day_is_derived=sample.storage_day_is_derived,
        notes=sample.notes,
        placer_order_number=sample.placer_order_number,
        filler_order_number=sample.filler_order_number,
        local_identifiers=dict(sample.local_identifiers),
    )


def _result(case: Case, score: ScoreView) -> Result:
    method = case.score.details.get("interval_method", {})
    return Result(
        analysis_id=score.analysis_id,
        computed_at=score.computed_at,
        method=score.method,
        rigidity_score=score.rigidity_score,
        rigidity_interval=score.rigidity_interval,
        interval_resamples=tuple(method.get("resampled", ())),
        interval_is_lower_bound=any(one.code in INTERVAL_LACKS for one in score.findings),
        deformability_score=score.deformability_score,
        deformability_interval=score.deformability_interval,
        counted_share=score.fraction_deformable.counted,
        corrected_share=score.fraction_deformable.corrected,
        published_rigidity_score=score.published_rigidity_score,
        outlet_fractions=score.outlet_fractions,
        n_cells=score.n_cells,
        n_images=score.n_images,
        n_wells=score.n_wells,
        n_excluded=score.n_excluded,
        n_restored=score.n_restored,
        wells=tuple(
            WellResult(
                name=well.name,
                rigidity_score=well.rigidity_score,
                n_cells=well.n_cells,
                n_images=well.n_images,
                outlet_fractions={str(k): share for k, share in well.outlet_fractions.items()},
            )
            for well in score.wells
        ),
        replicates=_replicates(score),
        population=_population(score),
        look_corrected=_look_corrected(score),
        methods=score.methods,
    )


def _replicates(score: ScoreView) -> ReplicateResult | None:
    if score.replicates is None:
        return None
    return ReplicateResult(
        difference=score.replicates.difference,
        expected=score.replicates.expected,
        largest=score.replicates.largest,
    )


def _population(score: ScoreView) -> PopulationResult:
    basis = score.population_basis
    return PopulationResult(
        standing=score.population,
        distance=None if basis is None else basis.distance,
        edge_from=None if basis is None else basis.edge_from,
        outside_from=None if basis is None else basis.outside_from,
        nearest_donors=() if basis is None else basis.nearest_donors,
        n_training_donors=None if basis is None else basis.n_training_donors,
    )


def _look_corrected(score: ScoreView) -> LookCorrectedResult | None:
    looks = score.look_corrected
    if looks is None:
        return None
    return LookCorrectedResult(
        method=looks.method,
        rigidity_score=looks.rigidity_score,
        rigidity_interval=looks.rigidity_interval,
    )


def _reference(comparison: Comparison | None) -> ReferenceResult | None:
    if comparison is None:
        return None
    return ReferenceResult(
        rigidity_score=comparison.rigidity_score,
        interval=comparison.interval,
        delta=comparison.delta,
        percent_deviation=comparison.percent_deviation,
        n_runs=comparison.n_runs,
        outlet_fractions=comparison.outlet_fractions,
    )


def _condition(
    condition: Condition, acknowledged: Mapping[str, Acknowledgement]
) -> ReportCondition:
    return ReportCondition(
        code=condition.code,
        holds=condition.holds,
        message=condition.message,
        is_acknowledged=_needs_word(condition) and condition.code in acknowledged,
    )


def _needs_word(condition: Condition) -> bool:
    return condition.holds is not True and condition.may_be_acknowledged


def _acknowledgements(
    session: Session,
    conditions: Iterable[Condition],
    acknowledged: Mapping[str, Acknowledgement],
) -> tuple[ReportAcknowledgement, ...]:
    """Those that were needed, in the conditions' order."""
    needed = [one.code for one in conditions if _needs_word(one) and one.code in acknowledged]
    rows = [acknowledged[code] for code in needed]
    names = names_of(session, {row.created_by for row in rows}) if rows else {}
    return tuple(
        ReportAcknowledgement(
            code=row.code,
            message=row.message,
            reason=row.reason,
            acknowledged_by=names.get(row.created_by, row.created_by),
            acknowledged_at=row.created_at,
        )
        for row in rows
    )


def _exclusions(session: Session, rows: Sequence[ImageRow]) -> tuple[Exclusions, ...]:
    """By person, what was taken out or brought back and still is."""
    image_ids = [image.id for image, _, _ in rows]
    last = {
        word.cell_id or word.image_id: word
        for word in evidence_queries.corrections_of_images(session, image_ids)
    }
    in_force = {image.id for image, _, _ in rows if image.corrected_verdict is not None}
    in_force |= evidence_queries.corrected_cells(session, image_ids)
    counts = Counter(_kind(word) for subject, word in last.items() if subject in in_force)
    people = sorted({by for by, _, _ in counts})
    names = names_of(session, people) if people else {}
    return tuple(
        Exclusions(
            corrected_by=names.get(by, by),
            cells_excluded=counts[by, "cell", "rejected"],
            cells_restored=counts[by, "cell", "accepted"],
            images_excluded=counts[by, "image", "rejected"],
            images_restored=counts[by, "image", "accepted"],
        )
        for by in people
    )


def _kind(word: Correction) -> tuple[str, str, str]:
    subject = "image" if word.cell_id is None else "cell"
    return word.created_by, subject, "rejected" if word.verdict_after == "rejected" else "accepted"


def imaging_of(rows: Sequence[ImageRow]) -> Imaging:
    verdicts = [image.corrected_verdict or image.verdict for image, _, _ in rows]
    times = [image.created_at for image, _, _ in rows]
    return Imaging(
        n_images=len(rows),
        n_rejected=verdicts.count("rejected"),
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        instrument_profiles=tuple(sorted({profile.name for _, _, profile in rows})),
    )


def versions_of(version: ModelVersion, rows: Sequence[ImageRow]) -> Versions:
    manifest = version.manifest
    by_donors = "donor" if manifest.get("score_error") else None
    return Versions(
        model_version_id=version.id,
        model_name=version.name,
        model_sha256=version.sha256,
        model_is_demonstration=version.is_demonstration,
        model_outlets=tuple(manifest["outlets"]),
        holdout=manifest.get("training", {}).get("holdout", by_donors),
        pipelines=tuple(sorted({image.pipeline_version or "none" for image, _, _ in rows})),
        program=version_of_program("pliant"),
    )
