"""Impact and promotion as people read them: the chart's marks, the way back."""

import datetime as dt
import uuid
import xml.etree.ElementTree as ET

from app.charts.impact import PlottedImpact, impact_rows
from app.dashboard.contexts.model_versions import way_back
from app.services.promotions import ActivationView

SVG = "{http://www.w3.org/2000/svg}"
AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
FIRST, SECOND, THIRD = (uuid.UUID(int=number) for number in (1, 2, 3))
MOVED = PlottedImpact("D-<1>", old=3.0, old_interval=(2.8, 3.2), new=3.4, reference=3.1)
STILL = PlottedImpact("D-2", old=2.9, old_interval=None, new=2.9, reference=None)


def drawn(*samples: PlottedImpact) -> ET.Element:
    return ET.fromstring(impact_rows(samples, ident="impact"))


def old_mark(svg: ET.Element) -> float:
    """The column of the last row's dot; the first is the legend's."""
    return float(svg.findall(f"{SVG}circle")[-1].attrib["cx"])


def new_mark(svg: ET.Element) -> float:
    corners = svg.findall(f"{SVG}polygon")[-1].attrib["points"].split()
    return float(corners[0].split(",")[0])


def test_a_higher_score_lies_right_of_the_old_one_and_an_equal_one_on_it() -> None:
    higher, equal = drawn(MOVED), drawn(STILL)
    assert new_mark(higher) > old_mark(higher) + 20
    assert abs(new_mark(equal) - old_mark(equal)) < 0.1


def test_the_chart_says_in_words_what_it_shows_and_escapes_names() -> None:
    svg = drawn(MOVED, STILL)
    assert svg.findtext(f"{SVG}desc") == "D-<1>: 3.00 becomes 3.40. D-2: 2.90 becomes 2.90"
    assert "reference" in [one.text for one in svg.iter(f"{SVG}text")]
    assert "reference" not in [one.text for one in drawn(STILL).iter(f"{SVG}text")]


def test_the_interval_told_with_the_old_score_is_a_band_around_it() -> None:
    svg = drawn(MOVED)
    (band,) = svg.findall(f"{SVG}rect")
    low, width = float(band.attrib["x"]), float(band.attrib["width"])
    assert low < old_mark(svg) < low + width < new_mark(svg)


def live(ident: uuid.UUID, until: dt.datetime | None = AT) -> ActivationView:
    return ActivationView(
        id=ident, name=f"version {ident.int}", sha256="a" * 64, demonstration=False, since=AT,
        until=until, activated_by="system", activated_by_name="system", reason="r",
        is_rollback=False, overridden=(),
    )  # fmt: skip


def test_the_way_back_leads_to_the_version_before_the_live_one() -> None:
    back = way_back([live(SECOND, None), live(FIRST)])
    assert back is not None
    assert (back.id, back.live_name) == (str(FIRST), "version 2")
    assert way_back([live(FIRST, None)]) is None
    assert way_back([]) is None


def test_after_a_rollback_the_way_back_is_not_the_version_that_was_left() -> None:
    back = way_back([live(SECOND, None), live(THIRD), live(SECOND), live(FIRST)])
    assert back is not None
    assert back.id == str(FIRST)
