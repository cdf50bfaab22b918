"""What a network is fitted to: partitions, balance and augmentation; no TensorFlow here."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.errors import InvalidInput
from models.training.augmentation import augment_crops
from models.training.config import AugmentationConfig, quick_donors
from models.training.dataset import (
    LabelledCells,
    balanced_groups,
    class_indices,
    draw_epoch,
    join_cells,
    limit_cells_per_class,
    training_prior,
)
from models.training.drawn_donors import draw_unsorted, report_donors

STILL = AugmentationConfig(
    mirrors_and_quarter_turns=False,
    gain=(1.0, 1.0),
    contrast=(1.0, 1.0),
    light_slope=0.0,
    shift_px=0,
    degraded_share=0.0,
)


def cells_of(donor: str, outlets: list[int], *, well: int = 1) -> LabelledCells:
    n = len(outlets)
    return LabelledCells(
        crops=np.zeros((n, 60, 60), np.uint8),
        outlets=np.array(outlets),
        donors=np.full(n, donor),
        wells=np.array([f"{donor}/outlet {outlet}/well {well}" for outlet in outlets]),
        well_numbers=np.full(n, well),
        cell_ids=np.array([f"{donor}/{well}/{place}" for place in range(n)]),
        diameters_um=np.full(n, 6.2, np.float32),
        outlines=np.zeros((n, 32), np.float32),
    )


def drawn_crops(n: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(60, 200, (n, 60, 60)).astype(np.uint8)


def test_each_donor_and_outlet_is_drawn_equally_often_however_many_cells_it_has() -> None:
    cells = join_cells([cells_of("A", [2] * 90 + [3] * 10), cells_of("B", [4] * 50)])
    drawn = draw_epoch(balanced_groups(cells), 150, np.random.default_rng(0))
    assert np.bincount(cells.outlets[drawn]).tolist() == [0, 0, 50, 50, 50]
    assert len(np.unique(drawn[cells.outlets[drawn] == 4])) == 50


def test_the_training_prior_is_the_mix_that_is_drawn() -> None:
    cells = join_cells([cells_of("A", [2, 3, 3, 3]), cells_of("B", [3, 4, 5, 5, 5])])
    assert training_prior(cells, (2, 3, 4, 5)) == pytest.approx((0.2, 0.4, 0.2, 0.2))
    assert training_prior(cells, (3, 4)) == pytest.approx((0.6, 0.4))


def test_a_limit_per_class_is_met_by_all_wells_alike() -> None:
    cells = join_cells(
        [cells_of("A", [2] * 30 + [4] * 8), cells_of("A", [2] * 10, well=2), cells_of("B", [2] * 4)]
    )
    kept = limit_cells_per_class(cells, 20, np.random.default_rng(1))
    wells = dict(zip(*np.unique(kept.wells, return_counts=True), strict=True))
    assert wells["A/outlet 4/well 1"] == 8
    assert wells["B/outlet 2/well 1"] == 4
    assert wells["A/outlet 2/well 1"] + wells["A/outlet 2/well 2"] == 16
    assert abs(wells["A/outlet 2/well 1"] - wells["A/outlet 2/well 2"]) <= 2


def test_the_hash_of_cells_is_of_their_content_and_not_of_their_order() -> None:
    cells = cells_of("A", [2, 3, 4])
    assert cells.select(np.array([2, 0, 1])).sha256 == cells.sha256
    other = cells_of("A", [2, 3, 5])
    assert other.sha256 != cells.sha256


def test_columns_are_outlets_or_the_two_classes() -> None:
    outlets = np.array([2, 3, 4, 5])
    assert class_indices(outlets, (2, 3, 4, 5)).tolist() == [0, 1, 2, 3]
    assert class_indices(outlets, (3, 4)).tolist() == [0, 0, 1, 1]
    with pytest.raises(InvalidInput, match="outlet_without_column"):
        class_indices(np.array([1]), (2, 3, 4, 5))


def test_the_same_seed_augments_the_same_way() -> None:
    crops = drawn_crops()
    one = augment_crops(crops, np.random.default_rng(1), AugmentationConfig())
    two = augment_crops(crops, np.random.default_rng(1), AugmentationConfig())
    assert np.array_equal(one, two)
    assert not np.array_equal(one, crops)


def test_augmentation_that_is_switched_off_changes_nothing() -> None:
    crops = drawn_crops()
    assert np.array_equal(augment_crops(crops, np.random.default_rng(1), STILL), crops)


def test_most_crops_keep_the_sharpness_of_the_instrument() -> None:
    config = replace(STILL, degraded_share=0.25)
    crops = drawn_crops(200)
    changed = (augment_crops(crops, np.random.default_rng(3), config) != crops).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.25, abs=0.1)


def test_a_shift_moves_by_whole_pixels_and_repeats_the_edge() -> None:
    crops = drawn_crops(30)
    shifted = augment_crops(crops, np.random.default_rng(4), replace(STILL, shift_px=1))
    for crop, moved in zip(crops, shifted, strict=True):
        wide = np.pad(crop, 1, "edge")
        windows = [wide[row : row + 60, col : col + 60] for row in range(3) for col in range(3)]
        assert any(np.array_equal(moved, window) for window in windows)


def test_all_eight_turns_and_mirrors_of_a_crop_occur_and_nothing_else() -> None:
    crop = drawn_crops(1)
    turns = [np.rot90(side, k) for side in (crop[0], crop[0, ::-1]) for k in range(4)]
    only_turns = replace(STILL, mirrors_and_quarter_turns=True)
    augmented = augment_crops(np.repeat(crop, 100, axis=0), np.random.default_rng(2), only_turns)
    seen = {next(k for k, turn in enumerate(turns) if np.array_equal(turn, a)) for a in augmented}
    assert seen == set(range(8))


def test_drawn_unsorted_cells_are_found_and_counted() -> None:
    config = quick_donors()
    sample = draw_unsorted(report_donors(config)[0], config)
    assert sample.crops.shape[1:] == (60, 60)
    assert 0.5 * len(sample.drawn_outlets) <= len(sample.crops) <= 1.2 * len(sample.drawn_outlets)
