import xml.etree.ElementTree as ET

import pytest

from app.charts import (
    Estimate,
    cumulated,
    cumulative_curves,
    outlets_on_scale,
    score_scale,
    tiny_scale,
    well_strip,
)

SVG = "{http://www.w3.org/2000/svg}"
IMAGE, REFERENCE = Estimate(3.08, 2.91, 3.24), Estimate(2.96, 2.63, 3.30)
SHARES = {2: 0.05, 3: 0.45, 4: 0.40, 5: 0.10}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def described(svg: str) -> str:
    return ET.fromstring(svg).findtext(f"{SVG}desc") or ""


def mark(svg: str) -> float:
    circle = ET.fromstring(svg).find(f"{SVG}circle")
    assert circle is not None
    return float(circle.attrib["cx"])


def test_a_more_rigid_score_lies_further_right() -> None:
    places = [mark(score_scale(Estimate(rs, rs, rs), None, ident="a")) for rs in (2.4, 3.0, 3.6)]
    assert places == sorted(places)
    assert len(set(places)) == 3


def test_the_scale_names_outlets_with_their_constriction() -> None:
    shown = texts(score_scale(IMAGE, REFERENCE, ident="a"))
    assert {"2", "1.75 µm", "3", "2.00 µm", "4", "2.25 µm"} <= set(shown)


def test_a_score_outside_two_to_four_widens_the_axis() -> None:
    shown = texts(score_scale(Estimate(4.6, 4.2, 5.1), None, ident="a"))
    assert "5" in shown


def test_both_scores_are_told_to_a_screen_reader() -> None:
    spoken = described(score_scale(IMAGE, REFERENCE, ident="a"))
    assert "Image 3.08, 95 % interval 2.91 to 3.24" in spoken
    assert "Reference 2.96" in spoken


def test_curves_reach_the_whole_by_their_last_outlet() -> None:
    outlets, totals = zip(*cumulated(SHARES, 5), strict=True)
    assert outlets == (1, 2, 3, 4, 5)
    assert totals == pytest.approx((0.0, 0.05, 0.50, 0.90, 1.0))


def test_curves_grow_to_the_last_outlet_that_holds_cells() -> None:
    shown = texts(cumulative_curves(SHARES, {3: 0.5, 9: 0.5}, ident="a"))
    assert "9" in shown
    assert "10" not in shown


def test_a_well_name_cannot_bring_markup_into_the_page() -> None:
    svg = well_strip({"<script>alert(1)</script>": 3.0, 'B"3': 3.1}, IMAGE, ident="a")
    assert "<script>" not in svg
    assert "<script>alert(1)</script>" in texts(svg)


@pytest.mark.parametrize("width", [340, 640])
def test_charts_need_no_inline_style(width: int) -> None:
    charts = (
        score_scale(IMAGE, REFERENCE, ident="a", width=width),
        cumulative_curves(SHARES, SHARES, ident="b", width=width),
        well_strip({"B2": 3.0}, IMAGE, ident="c", width=width),
        tiny_scale(IMAGE, REFERENCE),
        tiny_scale(IMAGE, None, among=[Estimate(5.2, 4.9, 5.4)]),
        score_scale(None, None, ident="d"),
        cumulative_curves(None, None, ident="e"),
    )
    assert not any("style" in chart for chart in charts)
    assert all(ET.fromstring(chart) is not None for chart in charts)


def test_all_rows_of_a_table_share_one_scale() -> None:
    stiff = Estimate(5.2, 4.9, 5.4)
    assert outlets_on_scale([]) == (2, 3, 4)
    assert outlets_on_scale([IMAGE, stiff]) == (2, 3, 4, 5)

    def marks(svg: str) -> list[str | None]:
        return [line.get("x1") for line in ET.fromstring(svg).iter("line")][:4]

    assert marks(tiny_scale(IMAGE, None, among=[stiff])) == marks(tiny_scale(stiff, REFERENCE))
    assert marks(tiny_scale(IMAGE, None)) != marks(tiny_scale(stiff, None))
