"""The page to sign on in its states: conditions open, ready to sign, out of hand."""

import datetime as dt
from dataclasses import replace

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.signing import (
    REPORT_STATUSES,
    ConditionRow,
    ReportRow,
    ScoreInBrief,
    SignatureRow,
    SigningPage,
    SignOffPart,
)
from app.dashboard.contexts.wording import SAMPLE_STATES, Chip, moment_text

AT = moment_text(dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC))
HANDED_IN = SignatureRow("Tom (technician) handed the result in: reviewed.", AT, None)


def row(code: str, mark: Chip, message: str, *, word: str | None = None) -> ConditionRow:
    may = word is None and mark.tone != "good"
    return ConditionRow(code, mark, message, word, may_acknowledge=may)


OPEN = (
    row(
        "interval_complete",
        Chip("✗ Does not hold", "bad"),
        "The interval is a lower bound, since this laboratory has too few earlier samples with "
        "replicate wells; acknowledge it, or collect them first.",
    ),
    row(
        "population_inside",
        Chip("? Not known", "warning"),
        "Whether the donor is like the model's training donors is not known; acknowledge it.",
    ),
)
SETTLED = (
    row(
        "replicates_agree",
        Chip("✎ Acknowledged", "busy"),
        "Replicate wells differ by 0.23, usually up to 0.20.",
        word="Vera: looked at both wells side by side",
    ),
    row("result_submitted", Chip("✓ Holds", "good"), "Handed in by Tom."),
    row("model_file_sound", Chip("✓ Holds", "good"), "The file of demonstration is intact."),
)


def open_page() -> SigningPage:
    return SigningPage(
        href="/samples/1",
        donor_code="DEMO-1",
        state=SAMPLE_STATES["submitted"],
        is_demonstration=True,
        score=ScoreInBrief(
            rigidity="3.08",
            interval="2.91 to 3.24",
            deformability="44\u00a0%",
            basis="7\u202f312 cells, 44 images, 2 wells",
            model="demonstration (c8ae7d38882c)",
        ),
        conditions=(*OPEN, *SETTLED),
        open_text="2 conditions still open",
        signer="Vera",
        analysis_id="3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d0bb",
        evidence_sha256="5f" * 32,
        may_sign=True,
        is_ready=False,
        may_amend=False,
        reports=(),
        whole=None,
        signatures=(HANDED_IN,),
        reason="",
        notice=None,
    )


def ready_page() -> SigningPage:
    """After a wrong password."""
    return replace(
        open_page(),
        conditions=SETTLED,
        open_text="Nothing open",
        is_ready=True,
        notice=Notice("The password is not right; type it again."),
    )


def released_page() -> SigningPage:
    released = SignatureRow("Vera (verifier) released the result: approved.", AT, None)
    reopened = SignatureRow(
        "Vera (verifier) reopened the result: approved. Told: Dr Weber.",
        AT,
        "A crop of two cells was counted",
    )
    reports = tuple(
        ReportRow(
            version,
            REPORT_STATUSES[status],
            AT,
            f"/api/v1/samples/1/reports/{version}",
            f"/api/v1/samples/1/report.pdf?version={version}",
        )
        for version, status in ((2, "corrected"), (1, "final"))
    )
    return replace(
        open_page(),
        state=SAMPLE_STATES["amended"],
        conditions=(),
        open_text="Nothing open",
        may_sign=False,
        may_amend=True,
        reports=reports,
        whole=Chip("As it was signed", "good"),
        signatures=(released, HANDED_IN, reopened),
    )


def part() -> SignOffPart:
    """On the sample's page, before it is handed in."""
    return SignOffPart(
        says="Scored, and not handed in yet.",
        next_step="Look at the score, the findings and the images, then hand the result in to a "
        "verifier.",
        tone="info",
        submit_analysis_id="3d5e1d2c-6a0c-4f0e-8f59-0a5a0cb4d0bb",
        signing_label="What its release waits for",
    )
