"""What a LIMS reads: of an ordinary report, and of one that goes wrong in every way."""

from dataclasses import replace

from app.dashboard.contexts.lims import WEIGHTS, FiledUnder, LimsPage, TrapRow
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import SAMPLE_STATES
from app.outbound import hl7_v2
from app.outbound.plain_reading import read_plainly, traps_of
from app.outbound.results import Sender
from app.reports.content import ReportContent
from tests.report_contents import final_report, withdrawn_report


def ordinary_page() -> LimsPage:
    return _page(final_report(), "released")


def wrong_page() -> LimsPage:
    content = withdrawn_report()
    identity = replace(content.identity, accession_number="2026|00042^A")
    page = _page(replace(content, identity=identity), "withdrawn")
    words = "The result was withdrawn: every line is taken back."
    return replace(page, notice=Notice(words, "warning"))


def _page(content: ReportContent, state: str) -> LimsPage:
    sender = Sender()
    text = hl7_v2.message(content, sender)
    reading = read_plainly(text)
    return LimsPage(
        href="/samples/1",
        donor_code="DEMO-1",
        state=SAMPLE_STATES[state],
        is_demonstration=True,
        notice=None,
        filed=FiledUnder(reading.accession_number, reading.accession_from, reading.test, "nobody"),
        traps=tuple(
            TrapRow(one.code, WEIGHTS[one.weight], one.message)
            for one in traps_of(text, content, sender)
        ),
        lines=reading.lines,
        segments=tuple(text.rstrip("\r").split("\r")),
    )
