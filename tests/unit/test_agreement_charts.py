"""The charts of agreement: pairs at their places, lines inside the box, nothing by colour alone."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts.agreement import (
    DEMING,
    FittedLine,
    PlottedPair,
    differences,
    scatter,
    tick_step,
)
from app.domain.method_comparison import BlandAltman, Pairs, bland_altman
from app.domain.method_comparison.published import published_pairs

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 540


def plotted(pairs: Pairs, *, outlier: int | None = None) -> list[PlottedPair]:
    return [
        PlottedPair(n, float(x), float(y), is_outlier=n == outlier, is_elsewhere=True)
        for n, (x, y) in enumerate(zip(pairs.reference, pairs.image, strict=True), 1)
    ]


def root(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def size_of(svg: str) -> tuple[float, float]:
    _, _, width, height = root(svg).attrib["viewBox"].split()
    return float(width), float(height)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in root(svg).iter(f"{SVG}text")]


def circles(svg: str) -> list[tuple[float, float]]:
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root(svg).iter(f"{SVG}circle")]


def limits(pairs: Pairs) -> BlandAltman:
    answer = bland_altman(pairs)
    assert isinstance(answer, BlandAltman)
    return answer


def test_every_pair_is_drawn_and_higher_scores_lie_higher_and_further_right() -> None:
    svg = scatter(plotted(Pairs.of([2.5, 3.0, 3.5], [2.6, 3.1, 3.4])), [], ident="a")
    places = circles(svg)[:3]
    assert [column for column, _ in places] == sorted(column for column, _ in places)
    assert [row for _, row in places] == sorted((row for _, row in places), reverse=True)


def test_an_outlier_has_another_shape_and_names_its_row() -> None:
    svg = scatter(plotted(published_pairs(), outlier=7), [], ident="a")
    assert "7" in texts(svg)
    assert len(list(root(svg).iter(f"{SVG}polygon"))) == 2, "the mark and its legend"
    assert "outlier, with its row" in texts(svg)


def test_axes_name_quantity_and_unit() -> None:
    shown = texts(scatter(plotted(published_pairs()), [], ident="a"))
    assert {"Reference score, outlet number", "Image score, outlet number"} <= set(shown)
    shown = texts(differences(plotted(published_pairs()), None, ident="b"))
    assert "Image − reference, outlets" in shown


def test_bias_and_limits_are_named_with_their_values() -> None:
    pairs = published_pairs()
    shown = texts(differences(plotted(pairs), limits(pairs), ident="a"))
    assert {"upper +0.20", "bias −0.04", "lower −0.28"} <= set(shown)


def test_figures_are_told_to_a_screen_reader() -> None:
    lines = [FittedLine(DEMING, 0.737, 0.774)]
    description = root(scatter(plotted(published_pairs()), lines, ident="a")).find(f"{SVG}desc")
    assert description is not None
    assert description.text == "10 pairs. Deming: image = 0.77 + 0.74 × reference"


@pytest.mark.parametrize("slope", [-40.0, -0.5, 0.0, 0.3, 1.0, 50.0])
@pytest.mark.parametrize("intercept", [-100.0, 0.0, 2.9, 100.0])
def test_a_line_never_leaves_the_box(slope: float, intercept: float) -> None:
    svg = scatter(
        plotted(published_pairs()), [FittedLine(DEMING, slope, intercept)], ident="a", width=WIDTH
    )
    check_inside(svg)


def check_inside(svg: str) -> None:
    width, height = size_of(svg)
    for element in root(svg).iter():
        for name in ("x", "x1", "x2", "cx"):
            assert -1 <= float(element.attrib.get(name, 0)) <= width + 1
        for name in ("y", "y1", "y2", "cy"):
            assert -1 <= float(element.attrib.get(name, 0)) <= height + 1


SCORE = st.floats(1, 12).map(lambda score: round(score, 2))


@given(st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=12), st.sampled_from([340, 540]))
def test_any_pairs_fit_on_the_charts(points: list[tuple[float, float]], width: int) -> None:
    pairs = Pairs.of([x for x, _ in points], [y for _, y in points])
    answer = bland_altman(pairs)
    known = answer if isinstance(answer, BlandAltman) else None
    for svg in (
        scatter(plotted(pairs), [], ident="a", width=width),
        differences(plotted(pairs), known, ident="b", width=width),
    ):
        check_inside(svg)
        assert "style" not in svg


@given(st.floats(0.01, 1000), st.floats(-100, 100))
def test_axes_have_a_handful_of_ticks_at_round_numbers(span: float, low: float) -> None:
    step = tick_step(low, low + span)
    assert 1.9 < span / step <= 6.01
    assert f"{step:.0e}"[0] in "125"
