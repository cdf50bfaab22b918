import numpy as np
import pytest

from app.domain.donor_score import (
    DonorScore,
    ModelFigures,
    Requirements,
    WellCells,
    counted_share,
    score_donor,
)
from app.domain.score_reasons import missing_for_score, reasons_to_withhold
from app.domain.score_record import to_details
from app.domain.scoring import Mixing, rigidity_score_of_fractions
from app.domain.well_effects import SpreadSource, WellSpread

NEEDS = Requirements(min_wells=2, min_images_per_well=20, min_cells=1000)
SPREAD = 0.9


def figures(error_sd: float | None = 0.06) -> ModelFigures:
    return ModelFigures((2, 3, 4, 5), Mixing.usual((2, 3, 4, 5), [0.25] * 4), error_sd, 10)


def drawn_well(
    name: str, *, images: int = 25, cells: int = 60, mix: tuple[float, ...] = (0.1, 0.4, 0.4, 0.1),
    seed: int = 1,
) -> WellCells:  # fmt: skip
    """A well whose posteriors are exactly calibrated for a flat prior."""
    rng = np.random.default_rng(seed)
    outlet = rng.choice(4, images * cells, p=mix)
    cue = rng.normal(outlet, SPREAD)
    likelihood = np.exp(-0.5 * ((cue[:, np.newaxis] - np.arange(4)) / SPREAD) ** 2)
    p = likelihood / likelihood.sum(axis=1, keepdims=True)
    return WellCells(name, p.astype(np.float32), np.repeat(np.arange(images), cells), images)


def score(
    *wells: WellCells, error_sd: float | None = 0.06, history: WellSpread | None = None
) -> DonorScore:
    return score_donor(wells, figures(error_sd), NEEDS, history)


def codes(found: DonorScore) -> set[str]:
    return {finding.code for finding in found.findings}


def test_the_score_finds_the_mix_that_was_drawn() -> None:
    mix = (0.05, 0.25, 0.5, 0.2)
    truth = rigidity_score_of_fractions(dict(zip((2, 3, 4, 5), mix, strict=True)))
    found = score(
        drawn_well("B2", mix=mix, cells=200, seed=3), drawn_well("B3", mix=mix, cells=200, seed=4)
    )
    # Short of the truth by the pull towards the usual mix, and by no more.
    assert truth - 0.10 < found.rigidity_score < truth
    assert found.rigidity_interval[0] < truth < found.rigidity_interval[1]
    assert sum(found.outlet_fractions.values()) == pytest.approx(1)
    assert found.deformability_score == pytest.approx(100 * found.corrected)
    assert found.deformability_interval[0] < found.deformability_score
    assert found.deformability_score < found.deformability_interval[1]


def test_the_same_cells_always_give_the_same_interval() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    assert score(*wells) == score(*wells)


def test_the_interval_grows_with_the_models_error_over_donors() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    narrow, wide = score(*wells, error_sd=None), score(*wells, error_sd=0.2)
    assert np.diff(wide.rigidity_interval) > 2 * np.diff(narrow.rigidity_interval)
    assert "model_error_unknown" in codes(narrow)
    assert "model_error_unknown" not in codes(wide)


def test_wells_that_differ_widen_the_interval() -> None:
    alike = score(drawn_well("B2"), drawn_well("B3", seed=2), error_sd=None)
    unlike = score(
        drawn_well("B2", mix=(0.3, 0.5, 0.2, 0.0)), drawn_well("B3", mix=(0.0, 0.2, 0.5, 0.3)),
        error_sd=None,
    )  # fmt: skip
    assert np.diff(unlike.rigidity_interval) > 3 * np.diff(alike.rigidity_interval)
    assert unlike.replicates is not None
    assert unlike.replicates.difference < -0.5


def test_wells_that_disagree_give_no_number() -> None:
    unlike = score(
        drawn_well("B2", mix=(0.3, 0.5, 0.2, 0.0)), drawn_well("B3", mix=(0.0, 0.2, 0.5, 0.3))
    )
    (reason,) = reasons_to_withhold(unlike)
    assert reason.code == "wells_disagree"
    assert reasons_to_withhold(score(drawn_well("B2"), drawn_well("B3", seed=2))) == ()


def test_without_a_history_the_interval_is_called_a_lower_bound() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    assert "interval_is_lower_bound" in codes(score(*wells))
    short = WellSpread(0.2, 0.0, 29, SpreadSource.LABORATORY)
    assert score(*wells, history=short).rigidity_interval == score(*wells).rigidity_interval


def test_a_history_of_wells_widens_the_interval_and_more_wells_narrow_it() -> None:
    history = WellSpread(0.2, 0.0, 40, SpreadSource.LABORATORY)
    wells = tuple(drawn_well(f"B{n}", seed=n) for n in range(8))
    two, eight = (score(*used, history=history, error_sd=None) for used in (wells[:2], wells))
    assert "wells_from_history" in codes(two)
    assert np.diff(two.rigidity_interval) == pytest.approx(2 * 2.02 * 0.2 / np.sqrt(2), rel=0.12)
    assert np.diff(eight.rigidity_interval) < 0.6 * np.diff(two.rigidity_interval)


def test_wells_further_apart_than_usual_are_told() -> None:
    history = WellSpread(0.02, 0.0, 400, SpreadSource.LABORATORY)
    wells = (drawn_well("B2", mix=(0.1, 0.4, 0.4, 0.1)), drawn_well("B3", mix=(0.1, 0.5, 0.3, 0.1)))
    found = score(*wells, history=history)
    assert found.replicates is not None
    assert found.replicates.expected is not None
    assert abs(found.replicates.difference) > found.replicates.expected
    assert "wells_far_apart" in codes(found) or reasons_to_withhold(found)


def test_the_order_of_cells_and_images_changes_nothing() -> None:
    wells = (drawn_well("B2"), drawn_well("B3", seed=2))
    shuffled = tuple(shuffle(well, seed) for seed, well in enumerate(wells))
    assert score(*shuffled) == score(*wells)


def shuffle(well: WellCells, seed: int) -> WellCells:
    rng = np.random.default_rng(seed)
    order, renamed = rng.permutation(len(well.p_outlet)), rng.permutation(well.n_images)
    return WellCells(
        well.name, well.p_outlet[order], renamed[well.image_index][order], well.n_images
    )


def test_a_well_with_too_few_images_is_left_out_and_said_so() -> None:
    found = score(drawn_well("B2"), drawn_well("B3", seed=2), drawn_well("B4", images=5))
    assert (found.n_wells, found.n_images) == (2, 50)
    (left_out,) = [finding for finding in found.findings if finding.code == "well_left_out"]
    assert left_out.message.startswith("B4 has 5 usable images of 20 needed")


def test_no_unsorted_well_gives_no_number() -> None:
    assert [reason.code for reason in missing_for_score((), NEEDS)] == ["no_unsorted_well"]


def test_the_reasons_say_what_is_missing() -> None:
    wells = (drawn_well("B2", images=3), drawn_well("B3"))
    (reason,) = missing_for_score(wells, NEEDS)
    assert (reason.code, reason.well, reason.missing) == ("too_few_images", "B2", 17)
    assert reason.message == "needs 17 more images in B2"
    (one_short,) = missing_for_score((drawn_well("B2", images=19), drawn_well("B3")), NEEDS)
    assert one_short.message == "needs 1 more image in B2"


def test_one_well_is_too_few() -> None:
    codes = [reason.code for reason in missing_for_score((drawn_well("B2"),), NEEDS)]
    assert codes == ["too_few_wells"]


def test_too_few_cells_are_counted_over_the_usable_wells() -> None:
    wells = (drawn_well("B2", cells=10), drawn_well("B3", cells=10))
    (reason,) = missing_for_score(wells, NEEDS)
    assert (reason.code, reason.missing) == ("too_few_cells", 500)
    assert missing_for_score((drawn_well("B2"), drawn_well("B3")), NEEDS) == ()


def test_without_a_cell_there_is_no_share() -> None:
    empty = WellCells("B2", np.zeros((0, 4), np.float32), np.zeros(0, np.intp), 3)
    assert counted_share((), figures()) is None
    assert counted_share((empty,), figures()) is None


def test_images_without_cells_do_not_break_the_score() -> None:
    sparse = drawn_well("B2", images=22)
    sparse = WellCells("B2", sparse.p_outlet, sparse.image_index, 30)
    assert score(sparse, drawn_well("B3", seed=2)).n_images == 55


def test_one_class_alone_still_scores() -> None:
    rigid = np.tile(np.array([0.01, 0.01, 0.08, 0.90], np.float32), (1500, 1))
    wells = tuple(WellCells(n, rigid, np.repeat(np.arange(25), 60), 25) for n in ("B2", "B3"))
    assert score(*wells).rigidity_score > 4


def test_details_are_json_with_outlets_as_text() -> None:
    details = to_details(score(drawn_well("B2"), drawn_well("B3", seed=2)))
    assert set(details["outlet_fractions"]) == {"2", "3", "4", "5"}
    assert [well["name"] for well in details["wells"]] == ["B2", "B3"]
