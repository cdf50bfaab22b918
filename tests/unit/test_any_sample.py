"""Any sample, however little or odd: a score whose figures are ordered and finite, or reasons."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.donor_score import DonorScore, ModelFigures, Reason, Requirements, WellCells
from app.domain.sample_score import score_sample
from app.domain.scoring import Mixing
from app.domain.well_effects import SpreadSource, WellSpread, judge_replicates

OUTLETS = (2, 3, 4, 5)
NONE_NEEDED = Requirements(min_wells=1, min_images_per_well=1, min_cells=1)
CERTAIN = [tuple(float(k == place) for k in range(4)) for place in range(4)]
POSTERIORS = (*CERTAIN, (0.25,) * 4, (0.0, 0.5, 0.5, 0.0), (0.1, 0.2, 0.3, 0.4))
HISTORY = WellSpread(0.05, 0.02, 40, SpreadSource.LABORATORY)

cells = st.lists(st.integers(0, len(POSTERIORS) - 1), max_size=5)
wells = st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=3)
models = st.builds(
    lambda sd, n: ModelFigures(OUTLETS, Mixing.usual(OUTLETS, [0.25] * 4), sd, n),
    st.sampled_from([None, 0.0, 0.1]),
    st.sampled_from([0, 1, 2, 10]),
)


def made(name: str, images: list[list[int]]) -> WellCells:
    p_outlet = np.array([POSTERIORS[one] for image in images for one in image], np.float32)
    index = np.repeat(np.arange(len(images), dtype=np.intp), [len(image) for image in images])
    return WellCells(name, p_outlet.reshape(-1, 4), index, len(images))


def score(
    drawn: list[list[list[int]]], model: ModelFigures, history: WellSpread | None = None
) -> DonorScore | tuple[Reason, ...]:
    made_wells = tuple(made(f"B{number}", images) for number, images in enumerate(drawn))
    return score_sample(made_wells, model, NONE_NEEDED, history)


USUAL = ModelFigures(OUTLETS, Mixing.usual(OUTLETS, [0.25] * 4), 0.1, 10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=wells, model=models, history=st.sampled_from([None, HISTORY]))
def test_any_cells_give_ordered_finite_figures_or_reasons(
    drawn: list[list[list[int]]], model: ModelFigures, history: WellSpread | None
) -> None:
    found = score(drawn, model, history)
    if isinstance(found, tuple):
        assert found
        return
    low, high = found.rigidity_interval
    assert np.all(np.isfinite([low, found.rigidity_score, high]))
    assert low <= high
    assert 1 <= found.rigidity_score <= 5
    assert 2.5 <= found.published_rigidity_score <= 3.5
    assert sum(found.outlet_fractions.values()) == pytest.approx(1)
    assert 0 <= found.deformability_interval[0] <= found.deformability_interval[1] <= 100
    assert {well.name for well in found.wells} == {
        f"B{number}" for number, images in enumerate(drawn) if any(images)
    }


@pytest.mark.parametrize("place", range(4))
def test_cells_that_all_agree_are_scored_in_their_outlet_but_for_the_pull(place: int) -> None:
    found = score([[[place] * 60] * 4] * 2, USUAL)
    assert isinstance(found, DonorScore)
    assert found.outlet_fractions[OUTLETS[place]] > 0.8
    assert abs(found.rigidity_score - (OUTLETS[place] - 0.5)) < 0.25
    assert found.rigidity_interval[0] < found.rigidity_score < found.rigidity_interval[1]


def test_one_well_gives_a_score_without_replicates() -> None:
    found = score([[[0, 1, 2, 3, 4]] * 3], USUAL)
    assert isinstance(found, DonorScore)
    assert found.replicates is None


def test_wells_without_a_cell_say_nothing() -> None:
    filled = [[1, 2, 6]] * 3
    refused = score([[[], []]], USUAL)
    assert isinstance(refused, tuple)
    assert refused[-1] == Reason("too_few_cells", "needs accepted cells in B0", "B0")
    alone, beside = score([filled], USUAL), score([filled, [[], []]], USUAL)
    assert isinstance(alone, DonorScore)
    assert isinstance(beside, DonorScore)
    assert beside.rigidity_score == pytest.approx(alone.rigidity_score)
    assert beside.replicates is None
    assert beside.n_wells == 1
    (left_out,) = [one for one in beside.findings if one.code == "well_left_out"]
    assert "B1 has no accepted cell in its 2 images" in left_out.message


def test_equal_wells_differ_by_nothing_whatever_is_usual() -> None:
    for spread in (None, WellSpread(0.0, 0.0, 1, SpreadSource.LABORATORY)):
        found = judge_replicates([3.0, 3.0, 3.0], 0.0, spread)
        assert found is not None
        assert not found.disagree
