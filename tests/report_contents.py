"""A report for tests: every field filled, so that what is left out of a page or file is seen."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Final

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

AT: Final = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)
_ID: Final = uuid.UUID("3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d001")
_SHARES: Final = {"2": 0.21, "3": 0.39, "4": 0.28, "5": 0.12}


def final_report() -> ReportContent:
    """A released first version of a demonstration sample."""
    return ReportContent(
        report_id=_ID,
        version=1,
        status=ReportStatus.FINAL,
        is_demonstration=True,
        issued_at=AT,
        identity=_identity(),
        result=_result(),
        reference=ReferenceResult(
            rigidity_score=2.81,
            interval=(2.48, 3.14),
            delta=-0.04,
            percent_deviation=4.0,
            n_runs=2,
            outlet_fractions={"2": 0.1, "3": 0.45, "4": 0.4, "6": 0.05},
        ),
        findings=(ReportFinding(code="wells_far_apart", level="warning", message="Look at B3."),),
        conditions=(
            ReportCondition(
                code="replicates_agree", holds=False, message="They differ.", is_acknowledged=True
            ),
        ),
        acknowledgements=(
            ReportAcknowledgement(
                code="replicates_agree",
                message="They differ.",
                reason="Repeated by hand",
                acknowledged_by="Vera",
                acknowledged_at=AT,
            ),
        ),
        exclusions=(
            Exclusions(
                corrected_by="Tom",
                cells_excluded=3,
                cells_restored=1,
                images_excluded=1,
                images_restored=0,
            ),
        ),
        imaging=Imaging(
            n_images=44,
            n_rejected=2,
            first_at=AT - dt.timedelta(hours=2),
            last_at=AT - dt.timedelta(hours=1),
            instrument_profiles=("Built in",),
        ),
        versions=_versions(),
        control_state="Digital control passed; wet control: off at this site.",
        signatures=(_signature("submit", "Tom"), _signature("release", "Vera")),
        evidence_sha256="e" * 64,
        amendment=None,
    )


def withdrawn_report() -> ReportContent:
    """The second version of the same report, without a value."""
    first = final_report()
    return replace(
        first,
        report_id=uuid.UUID("3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d002"),
        version=2,
        status=ReportStatus.ENTERED_IN_ERROR,
        result=None,
        reference=None,
        amendment=Amendment(
            previous_report_id=first.report_id,
            previous_version=1,
            reason="Wrong sample in the well",
            told="Blood bank desk",
        ),
    )


def _identity() -> Identity:
    return Identity(
        sample_id=uuid.UUID("3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d0aa"),
        donor_code="DEMO-1",
        din="G123498654321",
        din_display="G1234 98 654321",
        din_check_character="H",
        din_is_checked=True,
        accession_number="ACC-0042",
        container="citrate_tube",
        additive="SAGM",
        collected_on=dt.date(2026, 11, 9),
        sampled_at=AT - dt.timedelta(hours=5),
        storage_day=14,
        storage_day_is_derived=True,
        notes="Second tube",
    )


def _result() -> Result:
    wells = tuple(
        WellResult(
            name=name, rigidity_score=score, n_cells=2100, n_images=22, outlet_fractions=_SHARES
        )
        for name, score in (("A1", 2.74), ("A2", 2.8))
    )
    return Result(
        analysis_id=uuid.UUID("3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d0bb"),
        computed_at=AT - dt.timedelta(minutes=40),
        method="rs-image-outlets/1",
        rigidity_score=2.77,
        rigidity_interval=(2.61, 2.95),
        interval_resamples=("images", "cells"),
        interval_is_lower_bound=True,
        deformability_score=60.1,
        deformability_interval=(48.0, 70.5),
        counted_share=0.58,
        corrected_share=0.601,
        published_rigidity_score=2.86,
        outlet_fractions=_SHARES,
        n_cells=4200,
        n_images=44,
        n_wells=2,
        n_excluded=7,
        n_restored=1,
        wells=wells,
        replicates=ReplicateResult(difference=-0.06, expected=0.14, largest=0.5),
        population=PopulationResult(
            standing="edge",
            distance=5.1,
            edge_from=5.0,
            outside_from=6.2,
            nearest_donors=("S-12", "S-40"),
            n_training_donors=60,
        ),
        look_corrected=LookCorrectedResult(
            method="rs-image-looks/1", rigidity_score=2.79, rigidity_interval=(2.65, 2.93)
        ),
        methods={"rigidity_score": "rs-image-outlets/1", "crossing_um": "constriction-at-score/1"},
    )


def _versions() -> Versions:
    return Versions(
        model_version_id=uuid.UUID("3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d0cc"),
        model_name="demonstration",
        model_sha256="c" * 64,
        model_is_demonstration=True,
        model_outlets=(2, 3, 4, 5),
        holdout="donor",
        pipelines=("imaging/4",),
        program="0.1.0",
    )


def _signature(act: str, name: str) -> ReportSignature:
    is_release = act == "release"
    return ReportSignature(
        act=act,
        meaning=Meaning.APPROVED if is_release else Meaning.REVIEWED,
        printed_name=name,
        role="verifier" if is_release else "technician",
        signed_at=AT,
        with_password=is_release,
        reason=None,
    )
