"""Known answers are from the parent paper's scheme and from independent arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.scoring import (
    Mixing,
    bin_posteriors,
    estimate_outlet_fractions,
    expectation_maximisation,
    percent_deviation,
    published_rigidity_score,
    rigidity_score_of_fractions,
    shares_of,
)

fractions = st.dictionaries(st.integers(1, 12), st.floats(1e-3, 1), min_size=1)


@pytest.mark.parametrize(
    ("shares", "score"),
    [
        ((0.05, 0.45, 0.40, 0.10), 3.000),
        ((0.10, 0.50, 0.35, 0.05), 2.800),
        ((0.02, 0.30, 0.50, 0.18), 3.360),
        ((0.00, 0.40, 0.40, 0.20), 3.250),
    ],
)
def test_the_score_is_where_the_cumulative_share_crosses_one_half(
    shares: tuple[float, ...], score: float
) -> None:
    by_outlet = dict(zip((2, 3, 4, 5), shares, strict=True))
    assert rigidity_score_of_fractions(by_outlet) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize(
    ("share", "score"),
    [(1, 2.5), (0.8, 2.625), (0.65, 2.769), (0.5, 3.0), (0.35, 3.231), (0.2, 3.375), (0, 3.5)],
)
def test_the_published_score_counts_two_classes(share: float, score: float) -> None:
    assert published_rigidity_score(share) == pytest.approx(score, abs=5e-4)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.7, 0.99])
def test_the_published_score_is_the_crossover_of_outlets_3_and_4(share: float) -> None:
    assert published_rigidity_score(share) == pytest.approx(
        rigidity_score_of_fractions({3: share, 4: 1 - share})
    )


@given(fractions)
def test_the_score_lies_within_the_outlets_that_hold_cells(by_outlet: dict[int, float]) -> None:
    score = rigidity_score_of_fractions(by_outlet)
    assert min(by_outlet) - 1 <= score <= max(by_outlet)


@given(fractions, st.floats(0.1, 1000))
def test_counts_and_fractions_give_the_same_score(
    by_outlet: dict[int, float], total: float
) -> None:
    counts = {outlet: share * total for outlet, share in by_outlet.items()}
    assert rigidity_score_of_fractions(counts) == pytest.approx(
        rigidity_score_of_fractions(by_outlet), abs=1e-6
    )


@pytest.mark.parametrize(
    "wrong", [{}, {3: 0.0}, {3: -1.0, 4: 2.0}, {13: 1.0}, {0: 1.0}, {3: float("nan")}]
)
def test_shares_that_mean_nothing_are_refused(wrong: dict[int, float]) -> None:
    with pytest.raises(ValueError, match=r"outlet|shares"):
        shares_of(wrong)


def test_a_share_outside_zero_to_one_has_no_published_score() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        published_rigidity_score(1.01)


def test_percent_deviation_is_relative_to_the_range_and_not_to_the_reference() -> None:
    assert percent_deviation(2.84, 2.96) == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("p_first", "share"),
    [
        ([0.9] * 3 + [0.1] * 7, 0.25),
        ([0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.4, 0.2, 0.1], 0.793151),
    ],
)
def test_em_gives_the_textbook_shares(p_first: list[float], share: float) -> None:
    p = np.array([[value, 1 - value] for value in p_first])
    estimated = estimate_outlet_fractions(p, Mixing.plain([0.5, 0.5]))
    assert estimated[0] == pytest.approx(share, abs=2e-4)


def test_em_undoes_the_bias_of_counting() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(40_000) < 0.10
    cue = rng.normal(np.where(truth, 1.0, -1.0), 1.15)
    p = 1 / (1 + np.exp(-2 * cue / 1.15**2))
    counted = float(np.mean(p >= 0.5))
    estimated = estimate_outlet_fractions(np.column_stack([p, 1 - p]), Mixing.plain([0.5, 0.5]))[0]
    assert counted > 0.20
    assert estimated == pytest.approx(0.10, abs=0.01)


def test_binning_keeps_every_cell_and_every_mean() -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet([1, 1, 1, 1], size=500)
    image = rng.integers(0, 7, size=500)
    posteriors, counts = bin_posteriors(p, image, 7)
    assert counts.sum(axis=1).tolist() == np.bincount(image, minlength=7).tolist()
    np.testing.assert_allclose(counts.sum(axis=0) @ posteriors, p.sum(axis=0))


def test_many_draws_at_once_equal_each_alone() -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet([2, 3, 1], size=300)
    posteriors, counts = bin_posteriors(p, rng.integers(0, 3, size=300), 3)
    prior = Mixing.plain([0.3, 0.4, 0.3])
    together = expectation_maximisation(posteriors, counts, prior)
    for row, alone in zip(together, counts, strict=True):
        np.testing.assert_allclose(
            row, expectation_maximisation(posteriors, alone[np.newaxis], prior)[0], atol=1e-3
        )


def test_a_donor_is_drawn_towards_the_usual_mix_and_not_past_it() -> None:
    rng = np.random.default_rng(8)
    outlet = rng.choice(4, 4000, p=[0.3, 0.5, 0.15, 0.05])
    likelihood = np.exp(-0.5 * ((rng.normal(outlet, 0.8)[:, np.newaxis] - np.arange(4)) / 0.8) ** 2)
    p = likelihood / likelihood.sum(axis=1, keepdims=True)
    plain = estimate_outlet_fractions(p, Mixing.plain([0.25] * 4))
    usual = Mixing.usual((2, 3, 4, 5), [0.25] * 4)
    drawn = estimate_outlet_fractions(p, usual)
    assert np.cumsum(usual.expected)[1] < np.cumsum(drawn)[1] < np.cumsum(plain)[1]


def test_a_two_class_model_expects_the_published_mix_of_its_classes() -> None:
    np.testing.assert_allclose(Mixing.usual((3, 4), [0.5, 0.5]).expected, [0.44, 0.56])
