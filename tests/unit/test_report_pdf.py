"""The report as one A4 page, read back by another program."""

import dataclasses
import datetime as dt
import hashlib
import re
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from app.reports import pdf
from app.reports.charts import MARKS, draw_chart
from app.reports.content import (
    ReportCondition,
    ReportContent,
    ReportFinding,
    ReportStatus,
)
from app.reports.drawing import Sheet
from app.reports.pdf import render_pdf
from tests.report_contents import final_report, withdrawn_report

FONTS: Final = Path(pdf.__file__).with_name("fonts")
REPORT_HASH: Final = re.compile(r"Report SHA-256 \w+")
NOT_PRINTED: Final = {
    "findings.code", "findings.level", "conditions.code", "acknowledgements.code",
    "conditions.message",  # of one that was acknowledged: said there
    "result.wells.outlet_fractions",  # the sample's own shares are printed
    "identity.din",  # as it is displayed
    "result.methods",  # the score's own is printed; the others are for programs
    "reference.outlet_fractions",  # drawn as a curve
}  # fmt: skip
"""Names for programs; everything else that a report says is on its page."""


def words(data: bytes) -> str:
    """What a reader of the one page sees, in one line."""
    (page,) = PdfReader(BytesIO(data)).pages
    return " ".join(page.extract_text().split())


def strip() -> bytes:
    crops = np.tile(np.linspace(60, 200, 60, dtype=np.uint8), (60, 20))
    return cv2.imencode(".jpg", crops)[1].tobytes()


def preliminary() -> ReportContent:
    return replace(
        final_report(), status=ReportStatus.PRELIMINARY, version=0, signatures=(),
        acknowledgements=(), is_demonstration=False,
        conditions=(
            ReportCondition(
                code="a", holds=None, message="Nobody verified it.", is_acknowledged=False
            ),
        ),
    )  # fmt: skip


def test_the_page_says_who_what_and_by_whom() -> None:
    told = words(render_pdf(final_report(), strip()))
    for text in (
        "DIN G1234 98 654321 H", "Donor DEMO-1", "Accession ACC-0042", "Storage day 14",
        "2.77", "95 % interval 2.61 to 2.95", "higher = more rigid", "a lower bound",
        "60 %", "95 % interval 48 to 70 %", "higher = more deformable",
        "2.81", "95 % interval 2.48 to 3.14, 2 runs", "Image − reference −0.04",
        "Look at B3.", "Acknowledged by Vera", "3 cells excluded, 1 image excluded",
        "wet control: off at this site", "rs-image-outlets/1", f"SHA-256 {'c' * 64}",
        "Vera verifier released, meaning: approved 23 Nov 2026, 09:30:00 UTC password asked",
        f"Evidence SHA-256 {'e' * 64}", "Research use only. Not a release criterion.",
    ):  # fmt: skip
        assert text in told.replace("\u00a0", " "), text


def test_every_field_of_a_report_is_on_its_page() -> None:
    """Change one field at a time: the words of the page must change with it."""
    identity = replace(
        final_report().identity, placer_order_number="P-7", filler_order_number="F-8",
        local_identifiers={"bag": "B-9"},
    )  # fmt: skip
    content = replace(
        final_report(), amendment=withdrawn_report().amendment,
        versions=replace(final_report().versions, model_is_demonstration=False),
        identity=identity,
    )  # fmt: skip
    before = REPORT_HASH.sub("", words(render_pdf(content)))
    silent = {
        name
        for name, changed in altered(content)
        if REPORT_HASH.sub("", words(render_pdf(changed))) == before
    }
    assert silent == NOT_PRINTED


def test_the_reference_is_drawn_beside_the_images_where_its_shares_are_known() -> None:
    content = final_report()
    assert content.reference is not None
    bare = replace(content, reference=replace(content.reference, outlet_fractions=None))
    legend = re.compile("(?i)reference")
    both, one = (legend.findall(words(render_pdf(told))) for told in (content, bare))
    assert len(both) == len(one) + 1


def altered(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  any field
    """Copies that differ in one field, with its name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            inner = f"{name}.{field.name}".lstrip(".")
            for path, changed in altered(getattr(value, field.name), inner):
                yield path, replace(value, **{field.name: changed})
    elif isinstance(value, tuple) and value:
        for path, changed in altered(value[0], name):
            yield path, (changed, *value[1:])
    elif isinstance(value, dict):
        first = next(iter(value))
        yield name, {**value, first: other(value[first])}
    elif value is not None and value != ():
        yield name, other(value)


def other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, StrEnum):
        return next(one for one in type(value) if one != value)
    if isinstance(value, (dt.datetime, dt.date)):
        return value + dt.timedelta(days=1)
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=7)
    if isinstance(value, str):
        return f"Q{value}"
    assert isinstance(value, (int, float))
    return value + (1 if isinstance(value, int) else 1.5)


def test_the_same_content_gives_the_same_bytes() -> None:
    first, again = (render_pdf(final_report(), strip()) for _ in range(2))
    assert first == again
    assert first != render_pdf(withdrawn_report())
    assert first != render_pdf(final_report())


def test_the_page_carries_the_hash_of_the_content_as_it_is_kept() -> None:
    content = final_report()
    sha256 = hashlib.sha256(content.to_text().encode()).hexdigest()
    data = render_pdf(content)
    assert f"Report SHA-256 {sha256}" in words(data)
    assert sha256 in str(PdfReader(BytesIO(data)).metadata)


def test_a_demonstration_is_marked_across_the_page() -> None:
    content = final_report()
    measured = replace(
        content, is_demonstration=False,
        versions=replace(content.versions, model_is_demonstration=False),
    )  # fmt: skip
    assert "DEMONSTRATION" in words(render_pdf(content))
    assert "DEMONSTRATION" in words(render_pdf(replace(content, is_demonstration=False)))
    assert "DEMONSTRATION" not in words(render_pdf(measured))


def test_what_is_not_released_says_so_and_what_it_waits_for() -> None:
    told = words(render_pdf(preliminary()))
    assert told.count("PRELIMINARY – NOT RELEASED") == 2
    assert "Nobody verified it. Bars release." in told
    assert "Not signed." in told
    assert "FINAL" not in told


def test_a_withdrawn_report_gives_no_value_and_the_reason() -> None:
    told = words(render_pdf(withdrawn_report()))
    assert "No value This result was withdrawn." in told
    assert "Reason: Wrong sample in the well" in told
    assert "Told: Blood bank desk." in told
    assert "2.77" not in told
    assert "Image rigidity score" not in told


def test_cells_that_cannot_be_read_are_said_to_be_missing() -> None:
    assert "No picture of its cells" in words(render_pdf(final_report()))
    (page,) = PdfReader(BytesIO(render_pdf(final_report(), strip()))).pages
    assert [(image.image.width, image.image.height) for image in page.images if image.image] == [
        (1200, 60)
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Łukasz Żółć", "Łukasz Żółć"),
        ("Дмитрий Ωμέγα", "Дмитрий Ωμέγα"),
        ("王小明 たろう", "王小明 たろう"),
        ("สม", "U+0E2AU+0E21"),
        ("a\u202eb\nc", "aU+202Eb c"),
    ],
)
def test_names_of_many_scripts_can_be_read_back(name: str, shown: str) -> None:
    content = final_report()
    signed = replace(content, signatures=(replace(content.signatures[0], printed_name=name),))
    assert shown in words(render_pdf(signed))


def test_what_does_not_fit_is_counted() -> None:
    content = final_report()
    findings = tuple(
        ReportFinding(code="x", level="warning", message=f"Finding {n}. " + "Long. " * 90)
        for n in range(30)
    )
    signatures = tuple(replace(content.signatures[0], printed_name=f"Tom {n}") for n in range(9))
    told = words(render_pdf(replace(content, findings=findings, signatures=signatures)))
    shown = len(re.findall(r"Finding \d+\.", told))
    assert shown >= 2
    assert f"and {30 - shown} more" in told
    assert "Tom 8" in told
    assert "and 4 more before these" in told


def test_what_people_did_is_read_whole_beside_long_messages() -> None:
    content = final_report()
    word = "both wells were looked at side by side"
    long = replace(content.acknowledgements[0], message="A long message. " * 20, reason=word)
    identity = replace(content.identity, storage_day=None)
    told = words(render_pdf(replace(content, acknowledgements=(long, long), identity=identity)))
    assert told.count(word) == 2
    assert content.control_state in told
    assert re.search(r"and \d+ more", told) is None
    assert "Storage day unknown" in told


ACROSS: Final = ("DEMONSTRATION", "WITHDRAWN", "PRELIMINARY – NOT RELEASED")
"""Aslant, so in coordinates of their own."""
TEXTS: Final = st.text(max_size=20) | st.integers(1, 60).map(lambda n: "Wort " * 4 * n)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_words_stay_on_one_page(data: st.DataObject) -> None:
    """Whatever is entered, every mark keeps inside the page and the label is there."""
    content = final_report()
    findings = st.lists(TEXTS, max_size=40)
    filled = replace(
        content,
        identity=replace(
            content.identity, donor_code=data.draw(TEXTS), accession_number=data.draw(TEXTS),
            additive=data.draw(TEXTS), notes=data.draw(TEXTS),
        ),
        findings=tuple(
            ReportFinding(code="x", level="info", message=text) for text in data.draw(findings)
        ),
        acknowledgements=tuple(
            replace(content.acknowledgements[0], reason=text) for text in data.draw(findings)
        ),
        exclusions=content.exclusions * data.draw(st.integers(0, 30)),
        control_state=data.draw(TEXTS),
        signatures=tuple(
            replace(content.signatures[0], printed_name=text, reason=text)
            for text in data.draw(findings)
        ),
    )  # fmt: skip
    (page,) = PdfReader(BytesIO(render_pdf(filled, None))).pages
    rows: list[float] = []

    def note(text: str, _matrix: object, place: list[float], *_: object) -> None:
        if text.strip() and text.strip() not in ACROSS:
            rows.append(place[5])

    page.extract_text(visitor_text=note)
    assert min(rows) > 20
    assert max(rows) < 822
    assert "Research use only. Not a release criterion." in page.extract_text()


def test_drawing_reaches_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a report asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert render_pdf(final_report(), strip()).startswith(b"%PDF-")


def test_a_chart_with_a_new_kind_of_mark_is_refused_and_not_left_out() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><ellipse/></svg>'
    assert "ellipse" not in MARKS
    with pytest.raises(KeyError):
        draw_chart(Sheet(Canvas(BytesIO()), 9, 9), svg, 0, 0, 9)


def test_fonts_are_the_files_that_are_listed() -> None:
    listed = (FONTS / "README.md").read_text(encoding="utf-8")
    for path in sorted(FONTS.glob("*.ttf")):
        line = next(line for line in listed.splitlines() if path.name in line)
        assert hashlib.sha256(path.read_bytes()).hexdigest() in line
