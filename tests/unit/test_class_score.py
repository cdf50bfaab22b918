"""Scores of two-class models, on cells whose calls are drawn at known error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from app.domain.class_score import refuse_model, score_classes
from app.domain.donor_score import DonorScore, ModelFigures, Requirements, WellCells
from app.domain.error_rates import ErrorRates
from app.domain.sample_score import score_sample
from app.domain.score_record import methods_of, to_details
from app.domain.scoring import Mixing, published_rigidity_score
from app.domain.well_effects import SpreadSource, WellSpread

NEEDS = Requirements(min_wells=2, min_images_per_well=20, min_cells=1000)
NONE_NEEDED = Requirements(min_wells=1, min_images_per_well=1, min_cells=1)
OUTLETS = (3, 4)


def rates(
    sensitivity: float = 0.85, specificity: float = 0.8, *, sd: float = 0.02, n: int = 10
) -> ErrorRates:
    offsets = sd * np.linspace(-1, 1, n)
    return ErrorRates(sensitivity + offsets, specificity - offsets)


def figures(known: ErrorRates | None) -> ModelFigures:
    mixing = Mixing.usual(OUTLETS, [0.5, 0.5])
    return ModelFigures(OUTLETS, mixing, None, 0, is_two_class=True, error_rates=known)


def drawn_well(
    name: str, *, share: float = 0.4, images: int = 25, cells: int = 60, seed: int = 1
) -> WellCells:
    """Calls of a network of sensitivity 0.85 and specificity 0.8."""
    rng = np.random.default_rng(seed)
    is_deformable = rng.random(images * cells) < share
    called = rng.random(images * cells) < np.where(is_deformable, 0.85, 0.2)
    return called_well(name, called, np.repeat(np.arange(images), cells), images)


def called_well(name: str, called: ArrayLike, image_index: ArrayLike, images: int) -> WellCells:
    p_deformable = np.where(np.asarray(called, dtype=bool), 0.9, 0.1)
    p = np.stack([p_deformable, 1 - p_deformable], axis=1).astype(np.float32)
    return WellCells(name, p, np.asarray(image_index, dtype=np.intp), images)


def score(
    *wells: WellCells, known: ErrorRates | None = None, called_history: WellSpread | None = None
) -> DonorScore:
    model = figures(known or rates())
    found = score_sample(wells, model, NEEDS, None, called_history)
    assert isinstance(found, DonorScore)
    return found


def codes(found: DonorScore) -> set[str]:
    return {finding.code for finding in found.findings}


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
def test_the_corrected_share_finds_what_was_drawn_and_the_counted_one_does_not(
    share: float,
) -> None:
    wells = [drawn_well(f"B{n}", share=share, cells=400, seed=n) for n in (2, 3)]
    found = score(*wells)
    assert found.corrected == pytest.approx(share, abs=0.02)
    assert found.counted == pytest.approx(0.85 * share + 0.2 * (1 - share), abs=0.02)
    low, high = found.deformability_interval
    assert low < 100 * share < high
    assert found.deformability_score == pytest.approx(100 * found.corrected)
    assert found.rigidity_score == pytest.approx(published_rigidity_score(found.corrected))
    assert found.published_rigidity_score == published_rigidity_score(found.counted)
    assert found.rigidity_interval == pytest.approx(
        (published_rigidity_score(high / 100), published_rigidity_score(low / 100))
    )


def test_the_record_names_the_two_class_methods() -> None:
    found = score(drawn_well("B2"), drawn_well("B3", seed=2))
    methods = methods_of(found)
    assert methods["rigidity_score"] == "rs-image-corrected/1"
    assert methods["deformability_score"] == "ds-corrected/1"
    assert methods["rigidity_interval"] == "adjusted-count/2"
    assert "outlet_fractions" not in methods
    details = to_details(found)
    assert details["outlet_fractions"] == {}
    assert details["usual_mix_weight"] is None
    assert details["wells"][0]["called"] == pytest.approx(found.counted, abs=0.03)


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (None, "model_error_unknown"),
        (rates(n=4), "model_error_unknown"),
        (rates(0.55, 0.6), "classes_not_told_apart"),
    ],
)
def test_a_model_whose_errors_are_unknown_or_too_many_gives_no_number(
    known: ErrorRates | None, code: str
) -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    found = score_sample(wells, figures(known), NEEDS)
    assert isinstance(found, tuple)
    (reason,) = found
    assert reason.code == code
    assert "train" in reason.message
    assert refuse_model(figures(rates(n=5))) is None


def test_what_is_missing_is_told_before_anything_of_the_model() -> None:
    found = score_sample((drawn_well("B2"),), figures(None), NEEDS)
    assert isinstance(found, tuple)
    assert [reason.code for reason in found] == ["too_few_wells"]


def test_donors_who_differ_widen_the_interval() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    alike, unlike = (score(*wells, known=rates(sd=sd)) for sd in (0.0, 0.08))
    assert np.diff(unlike.rigidity_interval) > 1.5 * np.diff(alike.rigidity_interval)


def test_without_a_history_of_wells_the_interval_is_called_a_lower_bound() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    history = WellSpread(0.05, 0.0, 40, SpreadSource.LABORATORY)
    bare, whole = score(*wells), score(*wells, called_history=history)
    assert "interval_is_lower_bound" in codes(bare)
    assert "wells_from_history" in codes(whole)
    assert np.diff(whole.rigidity_interval) > 1.5 * np.diff(bare.rigidity_interval)
    short = WellSpread(0.05, 0.0, 29, SpreadSource.LABORATORY)
    assert score(*wells, called_history=short).rigidity_interval == bare.rigidity_interval


def test_images_that_differ_widen_the_interval_however_many_cells_they_hold() -> None:
    even = np.tile([True, False], 750)
    by_image = np.repeat(np.arange(25) % 2 == 0, 60)
    index = np.repeat(np.arange(25), 60)

    def width(called: ArrayLike) -> float:
        wells = [called_well(name, called, index, 25) for name in ("B2", "B3")]
        low, high = score(*wells, known=rates(sd=0.0)).deformability_interval
        return high - low

    assert width(by_image) > 4 * width(even)


def test_wells_that_disagree_give_no_number() -> None:
    wells = (drawn_well("B2", share=0.1), drawn_well("B3", share=0.9, seed=2))
    found = score_sample(wells, figures(rates()), NEEDS)
    assert isinstance(found, tuple)
    assert [reason.code for reason in found] == ["wells_disagree"]


def test_a_share_that_came_out_below_nothing_is_cut_and_said_so() -> None:
    index = np.repeat(np.arange(25), 60)
    wells = [called_well(name, np.zeros(1500), index, 25) for name in ("B2", "B3")]
    found = score(*wells)
    assert found.corrected == 0
    assert found.rigidity_score == 3.5
    assert found.rigidity_interval[0] < 3.5
    assert "share_clipped" in codes(found)


def test_the_same_cells_in_any_order_give_the_same_score() -> None:
    well = drawn_well("B2")
    order = np.random.default_rng(3).permutation(len(well.p_outlet))
    turned = WellCells("B2", well.p_outlet[order], well.image_index[order], well.n_images)
    other = drawn_well("B3", seed=2)
    assert score(well, other) == score(turned, other)


calls = st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=6)


@settings(deadline=None)
@given(
    wells=st.lists(calls, min_size=1, max_size=4),
    ends=st.tuples(st.sampled_from([0.62, 0.8, 1.0]), st.sampled_from([0.62, 0.8, 1.0])),
    n_donors=st.integers(5, 7),
)
def test_any_cells_give_ordered_figures(
    wells: list[list[list[bool]]], ends: tuple[float, float], n_donors: int
) -> None:
    made = tuple(
        called_well(
            f"B{number}",
            [one for image in images for one in image],
            np.repeat(np.arange(len(images)), [len(image) for image in images]),
            len(images),
        )
        for number, images in enumerate(wells)
    )
    if not sum(len(well.p_outlet) for well in made):
        assert isinstance(score_sample(made, figures(rates()), NONE_NEEDED), tuple)
        return
    found = score_classes(made, figures(rates(*ends, sd=0.0, n=n_donors)), NONE_NEEDED)
    assert 0 <= found.counted <= 1
    assert 2.5 <= found.rigidity_interval[0] <= found.rigidity_score
    assert found.rigidity_score <= found.rigidity_interval[1] <= 3.5
    low, high = found.deformability_interval
    assert 0 <= low <= found.deformability_score <= high <= 100
    for well in found.wells:
        assert 2.5 <= well.rigidity_score <= 3.5
        assert well.standard_error is not None
        assert np.isfinite(well.standard_error)
