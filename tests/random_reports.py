"""Reports of any kind, drawn: every status, missing numbers, words that break careless writers."""

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from app.reports.content import (
    Amendment,
    Identity,
    LookCorrectedResult,
    Meaning,
    PopulationResult,
    ReplicateResult,
    ReportCondition,
    ReportContent,
    ReportFinding,
    ReportSignature,
    ReportStatus,
    Result,
)
from tests.report_contents import final_report

AWKWARD: Final = (
    "plain", "a|b", "a^b", "a&b", "a~b", "a\\b", "\\F\\", "\\E\\x", "|^&~\\", "Zoë Müller-Łoś",
    "<b>bold</b> & \"quoted\"", "A1\nB2", "中文", "it's", "a\\.br\\b", "|", "\\",
)  # fmt: skip
NUMBERS: Final = (None, "ACC-0042", "2026|17", "L^1", "S&T~\\R", "0007", "Probe 7", "\\T\\")
VERSIONED: Final = (ReportStatus.AMENDED, ReportStatus.CORRECTED, ReportStatus.ENTERED_IN_ERROR)


def random_reports(n: int, seed: int = 20261123) -> Iterator[ReportContent]:
    draw = random.Random(seed)
    statuses = list(ReportStatus)
    for number in range(n):
        yield _report(draw, statuses[number % len(statuses)])


def _report(draw: random.Random, status: ReportStatus) -> ReportContent:
    base = final_report()
    is_open = status in (ReportStatus.CANCELLED, ReportStatus.REGISTERED)
    is_signed = not is_open and status is not ReportStatus.PRELIMINARY
    has_result = not is_open and status is not ReportStatus.ENTERED_IN_ERROR
    is_amended = status in VERSIONED
    version = 0 if not is_signed else 2 if is_amended else 1
    return replace(
        base,
        report_id=_uuid(draw),
        version=version,
        status=status,
        is_demonstration=draw.random() < 0.5,
        issued_at=_moment(draw),
        identity=_identity(draw),
        result=_result(draw) if has_result else None,
        reference=base.reference if has_result and draw.random() < 0.5 else None,
        findings=_findings(draw),
        conditions=_conditions(draw),
        imaging=replace(base.imaging, last_at=draw.choice([None, _moment(draw)])),
        versions=replace(
            base.versions, model_name=draw.choice(AWKWARD), model_version_id=_uuid(draw),
            model_sha256=f"{draw.getrandbits(256):064x}", holdout=draw.choice([None, "well"]),
        ),
        signatures=_signatures(draw) if is_signed else (),
        amendment=_amendment(draw) if is_amended else None,
        unavailable=_reasons(draw) if is_open else (),
    )  # fmt: skip


def _uuid(draw: random.Random) -> uuid.UUID:
    return uuid.UUID(int=draw.getrandbits(128), version=4)


def _moment(draw: random.Random) -> dt.datetime:
    zone = dt.timezone(dt.timedelta(minutes=draw.choice([0, 60, -480, 345])))
    return dt.datetime(2026, 11, 23, tzinfo=zone) + dt.timedelta(seconds=draw.randrange(10**6))


def _identity(draw: random.Random) -> Identity:
    din = draw.choice([None, "A999921123456", "W000012345678"])
    return replace(
        final_report().identity,
        sample_id=_uuid(draw),
        donor_code=draw.choice(AWKWARD),
        din=din,
        accession_number=draw.choice(NUMBERS),
        container=draw.choice(["citrate_tube", "blood_bag", "segment", "plastic_tube"]),
        additive=draw.choice([None, *AWKWARD]),
        collected_on=draw.choice([None, dt.date(2026, 11, 9)]),
        sampled_at=draw.choice([None, _moment(draw)]),
        storage_day=draw.choice([None, 0, 14, 42]),
        notes=draw.choice(["secret note", None]),
        placer_order_number=draw.choice(NUMBERS),
        filler_order_number=draw.choice(NUMBERS),
        local_identifiers=draw.choice(
            [{}, {"unit": draw.choice(AWKWARD), "product_code": "E0382V00"}]
        ),
    )


def _result(draw: random.Random) -> Result:
    score, half = draw.uniform(1.0, 12.0), draw.uniform(0, 2)
    replicates = ReplicateResult(
        difference=draw.uniform(-1, 1), expected=draw.choice([None, 0.1]), largest=0.5
    )
    return replace(
        _plain_result(),
        rigidity_score=score,
        rigidity_interval=(score - half, score + half),
        deformability_score=draw.choice([0.0, 100.0, draw.uniform(0, 100)]),
        deformability_interval=(draw.uniform(0, 50), draw.uniform(50, 100)),
        counted_share=draw.random(),
        corrected_share=draw.choice([0.0, 1.0, draw.random()]),
        published_rigidity_score=draw.uniform(2.5, 3.5),
        n_cells=draw.randrange(1, 100_000),
        n_images=draw.randrange(1, 500),
        n_wells=draw.randrange(1, 9),
        replicates=draw.choice([None, replicates]),
        population=PopulationResult(
            standing=draw.choice(["inside", "edge", "outside", "uncalibrated"]),
            distance=None, edge_from=None, outside_from=None,
            nearest_donors=("OTHER-DONOR",), n_training_donors=None,
        ),
        look_corrected=draw.choice([
            None,
            LookCorrectedResult(method="m/1", rigidity_score=3.0, rigidity_interval=(2.0, 4.0)),
        ]),
        methods=draw.choice([{}, {"deformability_score": "share|method/1"}]),
    )  # fmt: skip


def _plain_result() -> Result:
    result = final_report().result
    assert result is not None
    return result


def _findings(draw: random.Random) -> tuple[ReportFinding, ...]:
    return tuple(
        ReportFinding(code=f"finding_{number}", level="warning", message=draw.choice(AWKWARD))
        for number in range(draw.randrange(4))
    )


def _conditions(draw: random.Random) -> tuple[ReportCondition, ...]:
    codes = ("digital_control", "control_run", "wet_control", "replicates_agree")
    return tuple(
        ReportCondition(
            code=code, holds=draw.choice([True, True, False, None]), message="x",
            is_acknowledged=draw.random() < 0.5,
        )
        for code in draw.sample(codes, draw.randrange(len(codes) + 1))
    )  # fmt: skip


def _signatures(draw: random.Random) -> tuple[ReportSignature, ...]:
    return tuple(
        ReportSignature(
            act=act, meaning=Meaning.APPROVED, printed_name=draw.choice(AWKWARD), role="verifier",
            signed_at=_moment(draw), with_password=True, reason=None,
        )
        for act in ("submit", "release")
    )  # fmt: skip


def _amendment(draw: random.Random) -> Amendment:
    return Amendment(
        previous_report_id=_uuid(draw), previous_version=1, reason=draw.choice(AWKWARD), told=None
    )


def _reasons(draw: random.Random) -> tuple[ReportFinding, ...]:
    return (
        ReportFinding(code="too_few_cells", level="reject", message=draw.choice(AWKWARD)),
        ReportFinding(code="too_few_wells", level="reject", message="needs 1 more well"),
    )
