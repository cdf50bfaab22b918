import numpy as np
import pytest

from app.domain.well_effects import (
    LARGEST_DIFFERENCE,
    EarlierWell,
    SpreadSource,
    WellSpread,
    judge_replicates,
    pool_wells,
)


def sample(*scores: float) -> list[EarlierWell]:
    return [EarlierWell(score, 0.0) for score in scores]


def test_spread_is_pooled_within_samples() -> None:
    # Squares about the means: 0.02 + 0.08, over 1 + 2 degrees of freedom.
    spread = pool_wells([sample(3.0, 3.2), sample(2.8, 3.0, 3.2), sample(4.0)])
    assert spread is not None
    assert spread.degrees_of_freedom == 3
    assert spread.within_sd == pytest.approx(np.sqrt((0.02 + 0.08) / 3))


def test_samples_of_one_well_say_nothing() -> None:
    assert pool_wells([sample(3.0), sample(2.0)]) is None


def test_what_images_explain_is_taken_off() -> None:
    rng = np.random.default_rng(1)
    samples = [
        [EarlierWell(mean + e, 0.08) for e in rng.normal(0, np.hypot(0.06, 0.08), 4)]
        for mean in rng.normal(3, 0.3, 300)
    ]
    spread = pool_wells(samples)
    assert spread is not None
    assert spread.between_sd == pytest.approx(0.06, abs=0.01)
    assert WellSpread(0.05, 0.08, 40, SpreadSource.LABORATORY).between_sd == 0


@pytest.mark.parametrize("n_wells", [2, 4])
def test_nineteen_of_twenty_samples_lie_within_the_expected_range(n_wells: int) -> None:
    rng = np.random.default_rng(2)
    spread = WellSpread(0.1, 0.0, 200, SpreadSource.LABORATORY)
    ranges = [judge_replicates(rng.normal(3, 0.1, n_wells).tolist(), 0.0, spread)
              for _ in range(2000)]  # fmt: skip
    inside = [r.expected is not None and abs(r.difference) <= r.expected for r in ranges if r]
    assert 0.94 <= np.mean(inside) <= 0.975


def test_two_wells_are_signed_and_more_give_their_range() -> None:
    two, three = (judge_replicates(scores, 0.0, None) for scores in ([2.8, 3.0], [2.8, 3.1, 3.0]))
    assert two is not None
    assert three is not None
    assert [two.difference, three.difference] == pytest.approx([-0.2, 0.3])


def test_one_well_has_nothing_to_be_compared_with() -> None:
    assert judge_replicates([3.0], 0.0, None) is None


def test_only_a_laboratorys_own_wells_narrow_the_limit() -> None:
    own = judge_replicates([3.0, 3.0], 0.0, WellSpread(0.05, 0.0, 60, SpreadSource.LABORATORY))
    few = judge_replicates([3.0, 3.0], 0.0, WellSpread(0.05, 0.0, 9, SpreadSource.LABORATORY))
    other = judge_replicates([3.0, 3.0], 0.0, WellSpread(0.05, 0.0, 60, SpreadSource.MODEL))
    assert own is not None
    assert few is not None
    assert other is not None
    assert own.largest < few.largest == other.largest == LARGEST_DIFFERENCE
