"""Method comparison against printed answers, other programs and slower second ways to compute."""

from itertools import combinations

import numpy as np
import pytest
from scipy import optimize, stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    Linearity,
    Pairs,
    PassingBablok,
    VarianceRatio,
    bland_altman,
    compare,
    deming,
    passing_bablok,
    pooled_variance,
    weighted_deming,
)
from app.domain.method_comparison.passing_bablok import cusum_linearity
from app.domain.method_comparison.replicates import single_sd
from tests.unit import known_pairs as known


def triple(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    assert estimate is not None
    return estimate.value, estimate.low, estimate.high


def near(*numbers: float) -> object:
    """Equal to the printed digits: five significant figures or better."""
    return pytest.approx(numbers, rel=2e-5, abs=6e-6)


def limits(pairs: Pairs) -> BlandAltman:
    answer = bland_altman(pairs)
    assert isinstance(answer, BlandAltman)
    return answer


def deming_of(pairs: Pairs, ratio: float = 1.0, *, levels: tuple[float, ...] = ()) -> Deming:
    answer = deming(pairs, VarianceRatio(ratio), levels=levels)
    assert isinstance(answer, Deming)
    return answer


def weighted_of(pairs: Pairs) -> Deming:
    answer = weighted_deming(pairs)
    assert isinstance(answer, Deming)
    return answer


def passing_of(pairs: Pairs, level: float = 0.95) -> PassingBablok:
    answer = passing_bablok(pairs, level=level)
    assert isinstance(answer, PassingBablok)
    return answer


def cusum_of(pairs: Pairs) -> Linearity:
    line = passing_of(pairs)
    answer = cusum_linearity(pairs, line.slope.value, line.intercept.value)
    assert isinstance(answer, Linearity)
    return answer


def code_of(answer: object) -> str:
    assert isinstance(answer, NotAssessable)
    assert answer.because
    return answer.code


# Bland-Altman


def test_limits_of_agreement_of_peak_flow_are_the_known_ones() -> None:
    answer = limits(known.PEAK_FLOW)
    assert triple(answer.bias) == near(2.11765, -17.81354, 22.04884)
    assert answer.sd == pytest.approx(38.76513, rel=1e-6)
    assert triple(answer.lower_limit) == near(-73.86061, -119.92550, -48.85964)
    assert triple(answer.upper_limit) == near(78.09591, 53.09493, 124.16080)


def test_limits_of_agreement_of_peak_flow_are_those_printed_in_1986() -> None:
    """The article takes Wright minus mini, two standard deviations for 1.96, and one decimal."""
    answer = limits(known.PEAK_FLOW)
    bias, sd = -answer.bias.value, answer.sd
    assert [round(v, 1) for v in (bias, sd, bias - 2 * sd, bias + 2 * sd)] == [
        -2.1, 38.8, -79.6, 75.4,
    ]  # fmt: skip
    # Printed -79.7 and 75.5, from the rounded 2.1 and 38.8.
    assert round(-2.1 - 2 * 38.8, 1) == -79.7


def test_limits_of_agreement_of_the_published_donors_are_the_known_ones() -> None:
    answer = limits(known.PUBLISHED)
    assert triple(answer.bias) == near(-0.04200, -0.12856, 0.04456)
    assert answer.sd == pytest.approx(0.12100, abs=5e-6)
    assert triple(answer.lower_limit) == near(-0.27915, -0.50189, -0.18274)
    assert triple(answer.upper_limit) == near(0.19515, 0.09874, 0.41789)


def test_the_interval_of_a_limit_holds_the_limit_as_often_as_it_says() -> None:
    """A second way to the noncentral t: how often the interval covers, by drawing."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1500):
        answer = limits(Pairs.of(np.zeros(12), rng.normal(size=12)))
        low, high = answer.upper_limit.low, answer.upper_limit.high
        assert low is not None
        assert high is not None
        covered += low < stats.norm.ppf(0.975) < high
    assert 0.935 < covered / 1500 < 0.965


def test_a_difference_that_grows_with_the_level_is_said() -> None:
    reference = np.linspace(2, 4, 20)
    noise = np.tile([0.05, -0.05], 10)
    assert limits(Pairs.of(reference, 0.5 * reference + noise)).depends_on_level
    assert not limits(Pairs.of(reference, reference + noise)).depends_on_level


def test_means_of_repeats_give_the_printed_spread_of_single_measurements() -> None:
    """Bland and Altman print 33.2, 15.3, 19.9 and 37.7."""
    x, y = (pooled_variance(list(zip(*one, strict=True))) for one in (known.WRIGHT, known.MINI))
    means = Pairs.of(np.mean(known.WRIGHT, axis=0), np.mean(known.MINI, axis=0))
    found = (means.differences.std(ddof=1), x.variance**0.5, y.variance**0.5)
    assert found == pytest.approx((33.204, 15.307, 19.911), abs=5e-4)
    assert single_sd(means, x, y) == pytest.approx(37.655, abs=5e-4)


# Deming


def test_deming_of_peak_flow_is_the_known_one() -> None:
    answer = deming_of(known.PEAK_FLOW)
    assert triple(answer.intercept) == near(15.2316, -132.861, 163.324)
    assert triple(answer.slope) == near(0.970881, 0.674573, 1.267189)
    assert (answer.intercept_se, answer.slope_se) == near(69.4795, 0.139017)


def test_deming_of_the_published_donors_is_the_known_one() -> None:
    answer = deming_of(known.PUBLISHED, levels=(2.5, 3.0, 3.5))
    assert triple(answer.intercept) == near(0.773833, -0.067254, 1.614919)
    assert triple(answer.slope) == near(0.737421, 0.474301, 1.000542)
    assert (answer.intercept_se, answer.slope_se) == near(0.364738, 0.114102)
    told = [triple(one.bias) for one in answer.bias_at]
    assert told[0] == pytest.approx((0.1174, -0.0741, 0.3089), abs=5e-5)
    assert told[1] == pytest.approx((-0.0139, -0.0936, 0.0658), abs=5e-5)
    assert told[2] == pytest.approx((-0.1452, -0.2485, -0.0419), abs=5e-5)


@pytest.mark.parametrize(
    ("pairs", "ratio", "slope"),
    [
        (known.PUBLISHED, 0.5, 0.726071),
        (known.PUBLISHED, 2.0, 0.751549),
        (known.TEACHING, 0.25, 0.890600),
        (known.PEARSON, 1.0, -0.545561),
    ],
)
def test_deming_knows_unequal_errors(pairs: Pairs, ratio: float, slope: float) -> None:
    assert deming_of(pairs, ratio).slope.value == pytest.approx(slope, rel=2e-6)


def test_deming_says_what_the_slope_would_be_at_half_and_twice_the_ratio() -> None:
    half, double = deming_of(known.PUBLISHED).sensitivity
    assert (half.ratio, double.ratio) == (0.5, 2)
    assert (half.slope, double.slope) == pytest.approx((0.726071, 0.751549), rel=2e-6)


def test_deming_of_the_teaching_set_is_the_known_one() -> None:
    answer = deming_of(known.TEACHING, 4.0)
    assert (answer.intercept.value, answer.slope.value) == near(-0.089745, 1.001194)
    assert (answer.intercept_se, answer.slope_se) == near(1.721987, 0.187177)
    assert deming_of(known.PEARSON).intercept.value == pytest.approx(5.784044, rel=1e-6)


def test_weighted_deming_is_the_known_one() -> None:
    peak_flow = weighted_of(known.PEAK_FLOW)
    assert (peak_flow.intercept.value, peak_flow.slope.value) == near(67.0139, 0.851475)
    assert (peak_flow.intercept_se, peak_flow.slope_se) == near(114.668, 0.244569)
    assert weighted_of(known.PUBLISHED).slope.value == pytest.approx(0.727800, rel=2e-6)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
def test_deming_is_where_the_weighted_distances_are_least(ratio: float) -> None:
    """A second way: minimise the distance to the line over slope and intercept numerically."""

    def distance(line: np.ndarray) -> float:
        residual = known.TEACHING.image - line[1] - line[0] * known.TEACHING.reference
        return float(np.sum(residual**2) / (1 + ratio * line[0] ** 2))

    found = optimize.minimize(distance, x0=(1.0, 0.0), method="Nelder-Mead", tol=1e-12)
    answer = deming_of(known.TEACHING, ratio)
    assert (answer.slope.value, answer.intercept.value) == pytest.approx(tuple(found.x), rel=1e-4)


def test_exchanging_the_methods_turns_the_deming_line_over() -> None:
    swapped = Pairs.of(known.TEACHING.image, known.TEACHING.reference)
    slope = deming_of(known.TEACHING, 4.0).slope.value
    assert deming_of(swapped, 0.25).slope.value == pytest.approx(1 / slope)


# Passing-Bablok


def test_passing_bablok_of_peak_flow_is_the_known_one() -> None:
    answer = passing_of(known.PEAK_FLOW)
    assert (answer.n_slopes, answer.n_steep) == (135, 13)
    assert triple(answer.intercept) == near(-24.3056, -178.032, 82.9382)
    assert triple(answer.slope) == near(1.064815, 0.837079, 1.396825)
    cusum = cusum_of(known.PEAK_FLOW)
    assert (cusum.n_above, cusum.n_below) == (8, 8)
    assert cusum.statistic == pytest.approx(0.6667, abs=5e-5)


def test_passing_bablok_of_the_published_donors_is_the_known_one() -> None:
    """Two of the references tie."""
    answer = passing_of(known.PUBLISHED)
    assert (answer.n_slopes, answer.n_steep) == (45, 0)
    assert triple(answer.intercept) == near(0.823932, -0.246667, 1.618684)
    assert triple(answer.slope) == near(0.728155, 0.473684, 1.055556)
    assert cusum_of(known.PUBLISHED).statistic == pytest.approx(0.4082, abs=5e-5)


def test_passing_bablok_of_the_small_sets_is_the_known_one() -> None:
    teaching = passing_of(known.TEACHING)
    assert teaching.n_steep == 4
    assert teaching.intercept.value == pytest.approx(-0.05)
    assert triple(teaching.slope) == near(1.0, 0.71875, 1.421053)
    six = passing_of(known.SIX)
    assert (six.slope.value, six.intercept.value) == pytest.approx((1.05, 0.125))


def test_passing_bablok_of_sens_data_is_the_printed_one() -> None:
    answer = passing_of(known.SEN, level=0.93)
    assert triple(answer.slope) == pytest.approx((4, 26 / 7, 35 / 8))
    assert answer.intercept.value == pytest.approx(6)


def test_passing_bablok_agrees_with_the_median_of_all_slopes_taken_one_by_one() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(3, 0.4, 31).round(2)
    y = (0.3 + 0.9 * x + rng.normal(0, 0.1, 31)).round(2)
    slopes = []
    for (x1, y1), (x2, y2) in combinations(zip(x, y, strict=True), 2):
        run, rise = round(x2 - x1, 2), round(y2 - y1, 2)
        if (run, rise) != (0, 0) and run != -rise:
            slopes.append(rise / run if run else np.inf)
    slopes.sort()
    n, k = len(slopes), sum(slope < -1 for slope in slopes)
    middle = slopes[(n - 1) // 2 + k], slopes[n // 2 + k]
    answer = passing_of(Pairs.of(x, y))
    assert (answer.n_slopes, answer.n_steep) == (n, k)
    assert answer.slope.value == pytest.approx(sum(middle) / 2)


def test_scaling_one_method_scales_the_passing_bablok_intercept_not_its_slope() -> None:
    shifted = Pairs.of(known.PUBLISHED.reference, known.PUBLISHED.image + 0.5)
    before, after = passing_of(known.PUBLISHED), passing_of(shifted)
    assert after.slope.value == pytest.approx(before.slope.value)
    assert after.intercept.value == pytest.approx(before.intercept.value + 0.5)


def share_rejected(bend: float, *, n: int = 40, times: int = 200) -> float:
    """How often the linearity test rejects lines bent by so much at their ends."""
    rng = np.random.default_rng(4)
    x = np.linspace(2, 4, n)
    y = x + bend * (x - 3) ** 3
    lines = [passing_of(Pairs.of(x, y + rng.normal(0, 0.05, n))).linearity for _ in range(times)]
    return float(np.mean([isinstance(one, Linearity) and one.is_rejected for one in lines]))


def test_a_curve_fails_the_linearity_test_and_a_line_hardly_ever_does() -> None:
    assert share_rejected(1.0) > 0.9
    assert share_rejected(0.0) <= 0.06


def test_linearity_is_not_assessable_below_twenty_pairs() -> None:
    x = np.linspace(2, 4, 20)
    y = x + np.tile([0.1, -0.1, 0.05, -0.07], 5)
    assert isinstance(passing_of(Pairs.of(x, y)).linearity, Linearity)
    assert code_of(passing_of(Pairs.of(x[:19], y[:19])).linearity) == "too_few_pairs"


def test_three_pairs_leave_the_passing_bablok_interval_open() -> None:
    assert triple(passing_of(Pairs.of([1, 2, 3], [1.1, 2.3, 2.9])).slope)[1:] == (None, None)


# What cannot be assessed


@pytest.mark.parametrize(
    ("pairs", "codes"),
    [
        (Pairs.of([], []), ["too_few_pairs"] * 6),
        (Pairs.of([3.0, 3.2], [3.1, 3.3]), ["too_few_pairs"] * 6),
        (Pairs.of([3.0] * 7, [3.1, 3.2, 2.9, 3.0, 3.4, 3.3, 3.05]),
         [None, "reference_constant", "reference_constant", None, "reference_constant", None]),
        (Pairs.of([3.1, 3.2, 2.9, 3.0, 3.4, 3.3, 3.05], [3.0] * 7),
         [None, "image_constant", "image_constant", None, "image_constant", None]),
        (Pairs.of([3.0, 3.2, np.nan], [3.1, 3.3, 3.0]),
         ["not_finite"] * 5 + ["too_few_pairs"]),
        (Pairs.of([2.0, 2.5, 3.0, 3.5, 4.0, 4.5], [2.1, 2.6, 3.1, 3.6, 4.1, 4.6]),
         ["no_spread", "no_spread", None, "no_spread", None, "no_spread"]),
        (Pairs.of([1, 2, 3, 4, 5, 6], [6, 5, 4.5, 3, 2, 1]),
         [None, None, "not_rising", None, None, None]),
        (Pairs.of([1, 1, 2, 2], [1, 2, 1, 2]),
         [None, "no_relation", "not_rising", None, None, "too_few_pairs"]),
        (Pairs.of([1, 1, 1, 1, 4], [1, 2, 1, 2, 5]),
         [None, "rests_on_one_pair", "not_rising", None, None, "too_few_pairs"]),
    ],
)  # fmt: skip
def test_what_cannot_be_assessed_is_said_with_its_reason(
    pairs: Pairs, codes: list[str | None]
) -> None:
    answers = compare(pairs)
    told = [
        answers.bland_altman, answers.deming, answers.passing_bablok,
        answers.percent_deviation, answers.pearson, answers.outliers,
    ]  # fmt: skip
    assert [code_of(one) if isinstance(one, NotAssessable) else None for one in told] == codes


def test_pairs_of_unequal_length_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="one image score for each"):
        Pairs.of([1, 2, 3], [1, 2])
