"""Whatever pairs come, every method answers: ordered finite figures, or why there is none."""

import dataclasses
import math
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.assessment import NotAssessable
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    Pairs,
    PassingBablok,
    VarianceRatio,
    bland_altman,
    compare,
    deming,
    passing_bablok,
    weighted_deming,
)

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
SCORE = st.floats(1, 12).map(lambda score: round(score, 2))
FEW_LEVELS = st.integers(1, 3).map(float)


def lists_of_pairs(
    value: st.SearchStrategy[float], *, fewest: int = 0
) -> st.SearchStrategy[list[tuple[float, float]]]:
    return st.lists(st.tuples(value, value), min_size=fewest, max_size=25)


def pairs_of(points: list[tuple[float, float]]) -> Pairs:
    return Pairs.of([x for x, _ in points], [y for _, y in points])


def figures_in(answer: object) -> Iterator[object]:
    """Every value in nested answers."""
    if dataclasses.is_dataclass(answer):
        yield answer
        for field in dataclasses.fields(answer):
            yield from figures_in(getattr(answer, field.name))
    elif isinstance(answer, tuple):
        for one in answer:
            yield from figures_in(one)
    else:
        yield answer


def check(answer: object) -> None:
    for figure in figures_in(answer):
        if isinstance(figure, NotAssessable):
            assert figure.because
            assert figure.method
        elif isinstance(figure, Estimate):
            slack = 1e-9 * max(1.0, abs(figure.value))
            assert figure.low is None or figure.low <= figure.value + slack
            assert figure.high is None or figure.high >= figure.value - slack
        elif isinstance(figure, float):
            assert math.isfinite(figure)


@settings(deadline=None, max_examples=150)
@given(lists_of_pairs(ANY_FLOAT))
def test_any_floats_at_all_get_an_answer(points: list[tuple[float, float]]) -> None:
    check(compare(pairs_of(points)))
    check(weighted_deming(pairs_of(points)))


@settings(deadline=None, max_examples=150)
@given(lists_of_pairs(SCORE, fewest=3), st.floats(0.01, 100))
def test_any_scores_get_ordered_finite_figures(
    points: list[tuple[float, float]], ratio: float
) -> None:
    check(compare(pairs_of(points), VarianceRatio(ratio, "entered")))


@settings(deadline=None, max_examples=150)
@given(lists_of_pairs(FEW_LEVELS, fewest=3))
def test_nothing_but_ties_gets_an_answer(points: list[tuple[float, float]]) -> None:
    check(compare(pairs_of(points)))
    check(weighted_deming(pairs_of(points)))


@settings(deadline=None, max_examples=80)
@given(lists_of_pairs(SCORE, fewest=3), st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(
    points: list[tuple[float, float]], random: object
) -> None:
    shuffled = points[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis names no public type
    for method in (bland_altman, deming, passing_bablok):
        before, after = method(pairs_of(points)), method(pairs_of(shuffled))
        assert type(before) is type(after)
        if isinstance(before, BlandAltman) and isinstance(after, BlandAltman):
            assert math.isclose(before.bias.value, after.bias.value, abs_tol=1e-9)
        if isinstance(before, Deming) and isinstance(after, Deming):
            assert math.isclose(before.slope.value, after.slope.value, rel_tol=1e-6)
        if isinstance(before, PassingBablok) and isinstance(after, PassingBablok):
            assert math.isclose(before.slope.value, after.slope.value, rel_tol=1e-9)


@settings(deadline=None, max_examples=80)
@given(lists_of_pairs(SCORE, fewest=3), st.floats(-5, 5))
def test_a_constant_added_to_the_image_scores_moves_the_bias_and_nothing_else(
    points: list[tuple[float, float]], shift: float
) -> None:
    before = bland_altman(pairs_of(points))
    after = bland_altman(pairs_of([(x, y + shift) for x, y in points]))
    if isinstance(before, BlandAltman) and isinstance(after, BlandAltman):
        assert math.isclose(after.bias.value - before.bias.value, shift, abs_tol=1e-9)
        assert math.isclose(after.sd, before.sd, abs_tol=1e-9)
