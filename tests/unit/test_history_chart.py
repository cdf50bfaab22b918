"""The chart of a unit over storage: what it draws, and any days."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts import Estimate
from app.charts.history import ChartedDay, ChartedLine, unit_history

SVG = "{http://www.w3.org/2000/svg}"
SCORED = ChartedDay(0, Estimate(3.0, 2.8, 3.2), Estimate(2.9, 2.6, 3.2))
GAP = ChartedDay(14, None, None)
LATER = ChartedDay(28, Estimate(3.1, 2.9, 3.3), None)


def drawn(*days: ChartedDay, fitted: ChartedLine | None = None) -> ET.Element:
    return ET.fromstring(unit_history(days, fitted, ident="u"))


def words(chart: ET.Element) -> list[str]:
    return [text.text or "" for text in chart.iter(f"{SVG}text")]


def test_every_day_is_told_in_words() -> None:
    told = drawn(SCORED, GAP).findtext(f"{SVG}desc")
    assert told == (
        "Day 0: Image 3.00, 95 % interval 2.80 to 3.20, Reference 2.90, 95 % interval 2.60 to "
        "3.20. Day 14: no score"
    )


def test_scores_are_not_joined_across_a_sample_without_one() -> None:
    joined = list(drawn(SCORED, LATER).iter(f"{SVG}line"))
    apart = list(drawn(SCORED, GAP, LATER).iter(f"{SVG}line"))
    widths = [[one.get("stroke-width") for one in lines] for lines in (joined, apart)]
    assert widths[0].count("1.25") == 1
    assert widths[1].count("1.25") == 0


def test_only_what_is_there_is_in_the_legend() -> None:
    assert words(drawn(GAP))[-1] == "No score"
    assert "Image" not in words(drawn(GAP))
    assert "Reference" not in words(drawn(LATER))
    assert "No score" not in words(drawn(SCORED, LATER))
    assert "Slope" in words(drawn(SCORED, LATER, fitted=ChartedLine(0, 28, 3.0, 3.1)))


def test_a_higher_score_lies_higher() -> None:
    circles = list(drawn(SCORED, LATER).iter(f"{SVG}circle"))
    rows = [float(one.get("cy", "nan")) for one in circles if one.get("r") == "6"]
    assert rows[1] < rows[0]


NUMBERS = st.floats(-1e9, 1e9)
ESTIMATES = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(
    lambda three: Estimate(sorted(three)[1], min(three), max(three))
)
DAYS = st.lists(
    st.builds(ChartedDay, st.integers(0, 100_000), st.none() | ESTIMATES, st.none() | ESTIMATES),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("width", [340, 640])
@given(DAYS)
def test_any_days_stay_inside_the_drawing(width: int, days: list[ChartedDay]) -> None:
    chart = ET.fromstring(unit_history(days, None, ident="u", width=width))
    height = float(chart.get("height", "0"))
    for element in chart.iter():
        for name in ("x1", "x2", "cx", "x"):
            assert -1 <= float(element.get(name, "0")) <= width + 1
        for name in ("y1", "y2", "cy", "y"):
            assert -1 <= float(element.get(name, "0")) <= height + 1
    assert len(list(chart.iter(f"{SVG}text"))) < 40
    assert re.search(r"\bstyle=", ET.tostring(chart, encoding="unicode")) is None
