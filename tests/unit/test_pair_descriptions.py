"""What describes pairs: percent deviation, r, outliers, and what repeats say of the errors."""

import numpy as np
import pytest
from scipy import stats

from app.domain.method_comparison import (
    BlandAltman,
    Outliers,
    Pairs,
    PearsonR,
    PercentDeviation,
    VarianceRatio,
    bland_altman,
    find_outliers,
    mean_percent_deviation,
    pearson_r,
    pooled_variance,
    variance_ratio,
)
from app.domain.method_comparison.outliers import (
    critical_deviates,
    extreme_deviates,
    extreme_places,
)
from tests.unit import known_pairs as known


def limits(pairs: Pairs) -> BlandAltman:
    answer = bland_altman(pairs)
    assert isinstance(answer, BlandAltman)
    return answer


def test_the_papers_table_gives_the_papers_figures() -> None:
    """Printed: 10.4 ± 6.8 %, mean |dRS| 0.10, r = 0.94 (0.947 from the printed scores)."""
    deviation, r = mean_percent_deviation(known.PUBLISHED), pearson_r(known.PUBLISHED)
    assert isinstance(deviation, PercentDeviation)
    assert isinstance(r, PearsonR)
    assert f"{deviation.mean.value:.1f} ± {deviation.sd:.1f}" == "10.4 ± 6.8"
    assert deviation.mean_absolute == pytest.approx(0.1040)
    assert deviation.sd == pytest.approx(6.77, abs=0.005)
    assert r.r.value == pytest.approx(0.94685, abs=5e-6)


def test_pearsons_r_and_its_interval_agree_with_scipy() -> None:
    theirs = stats.pearsonr(known.TEACHING.reference, known.TEACHING.image)
    ours = pearson_r(known.TEACHING)
    assert isinstance(ours, PearsonR)
    interval = theirs.confidence_interval()
    assert (ours.r.value, ours.r.low, ours.r.high) == pytest.approx(
        (theirs.statistic, interval.low, interval.high)
    )


def test_a_constant_shift_leaves_r_at_one_and_shows_in_the_bias() -> None:
    """Why r is no measure of agreement."""
    shifted = Pairs.of([2.5, 2.8, 3.1, 3.6], np.array([2.5, 2.8, 3.1, 3.6]) * 1.1 + 1)
    r = pearson_r(shifted)
    assert isinstance(r, PearsonR)
    assert r.r.value == pytest.approx(1)
    assert limits(shifted).bias.value > 1


# Outliers


def test_rosners_data_have_the_printed_deviates_and_three_outliers() -> None:
    values = np.array(known.ROSNER)
    _, deviates = extreme_deviates(values, 10)
    assert deviates[:5] == pytest.approx((3.118, 2.942, 3.179, 2.810, 2.815), abs=1e-3)
    assert critical_deviates(54, 4) == pytest.approx((3.158, 3.151, 3.143, 3.136), abs=1e-3)
    assert [known.ROSNER[place] for place in extreme_places(values, 10)] == [6.01, 5.42, 5.34]


def test_one_far_pair_is_flagged_and_stays_in_every_figure() -> None:
    x = np.linspace(2.4, 3.6, 12)
    y = x + np.tile([0.02, -0.03, 0.01], 4)
    y[5] += 0.9
    outliers = find_outliers(Pairs.of(x, y))
    assert isinstance(outliers, Outliers)
    assert outliers.places == (5,)
    assert limits(Pairs.of(x, y)).n == 12


def test_ordinary_differences_raise_few_flags() -> None:
    rng = np.random.default_rng(5)
    flagged = 0
    for _ in range(600):
        answer = find_outliers(Pairs.of(np.zeros(30), rng.normal(size=30)))
        assert isinstance(answer, Outliers)
        flagged += bool(answer.places)
    assert flagged / 600 < 0.08


# Ratio of the errors


def test_the_ratio_comes_from_replicates_where_they_are_many_enough() -> None:
    rng = np.random.default_rng(6)
    runs = pooled_variance(rng.normal(0, 0.2, (400, 2)).tolist())
    wells = pooled_variance(rng.normal(0, 0.1, (400, 2)).tolist())
    ratio = variance_ratio(runs, wells)
    assert ratio.source == "replicates"
    assert ratio.value == pytest.approx(4, rel=0.2)
    few = pooled_variance(rng.normal(0, 0.2, (19, 2)).tolist())
    assert variance_ratio(few, wells) == VarianceRatio(1.0, "assumed", 19, 400)


def test_a_mean_of_four_runs_has_a_quarter_of_the_error() -> None:
    rng = np.random.default_rng(7)
    runs = pooled_variance(rng.normal(0, 0.2, (400, 4)).tolist())
    single = pooled_variance([[0.1], [0.2]])
    assert runs.mean_share == pytest.approx(0.25)
    assert (single.df, single.mean_share) == (0, 1.0)
    assert pooled_variance([]).df == 0
