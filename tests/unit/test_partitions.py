"""Cells are parted by donor, well or cell, and nothing shared gets through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.partitions import (
    CellKeys,
    Holdout,
    Split,
    identify_crops,
    leave_one_donor_out,
    refuse_leaks,
    split_folds,
    split_three_ways,
)


def keys_of(n_donors: int, *, wells: int = 2, cells: int = 5) -> CellKeys:
    donors, outlets, names = [], [], []
    for donor in range(n_donors):
        for outlet in (2, 3, 4, 5):
            for well in range(1, wells + 1):
                donors += [f"D{donor}"] * cells
                outlets += [outlet] * cells
                names += [f"D{donor}/outlet {outlet}/well {well}"] * cells
    ids = np.array([f"cell {number}" for number in range(len(donors))])
    return CellKeys(
        cells=ids,
        wells=np.array(names),
        donors=np.array(donors),
        outlets=np.array(outlets),
        pictures=np.char.add("picture of ", ids),
    )


def all_indices(split: Split) -> list[int]:
    return sorted(np.concatenate(list(split.parts().values())).tolist())


@pytest.mark.parametrize("holdout", list(Holdout))
def test_every_cell_reports_once_and_chooses_once(holdout: Holdout) -> None:
    keys = keys_of(6, wells=3)
    splits = split_folds(keys, holdout, 3, seed=1)
    reported = np.concatenate([split.report for split in splits])
    chosen = np.concatenate([split.choose for split in splits])
    assert sorted(reported.tolist()) == sorted(chosen.tolist()) == list(range(len(keys)))
    for split in splits:
        assert all_indices(split) == list(range(len(keys)))
        assert set(np.unique(keys.outlets[split.fit])) == {2, 3, 4, 5}


@settings(max_examples=25, deadline=None)
@given(
    n_donors=st.integers(3, 9),
    n_folds=st.integers(3, 9),
    seed=st.integers(0, 1000),
    holdout=st.sampled_from(list(Holdout)),
)
def test_no_split_shares_what_it_holds_out(
    n_donors: int, n_folds: int, seed: int, holdout: Holdout
) -> None:
    keys = keys_of(n_donors, cells=3)
    names = {
        Holdout.DONOR: [keys.donors, keys.wells, keys.cells],
        Holdout.WELL: [keys.wells, keys.cells],
        Holdout.CELL: [keys.cells],
    }
    for split in split_folds(keys, holdout, n_folds, seed):
        for labels in names[holdout]:
            parts = [set(labels[part].tolist()) for part in split.parts().values()]
            assert sum(map(len, parts)) == len(set.union(*parts))


def test_the_same_seed_deals_the_same_folds_and_another_seed_others() -> None:
    keys = keys_of(8)
    one, two, other = (split_folds(keys, Holdout.DONOR, 4, seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a.report, b.report) for a, b in zip(one, two, strict=True))
    assert any(not np.array_equal(a.report, b.report) for a, b in zip(one, other, strict=True))


def test_there_are_never_more_folds_than_donors() -> None:
    assert len(split_folds(keys_of(4), Holdout.DONOR, 5, seed=1)) == 4
    splits = leave_one_donor_out(keys_of(4), seed=1)
    assert [len(np.unique(keys_of(4).donors[split.report])) for split in splits] == [1] * 4


@pytest.mark.parametrize(
    ("keys", "holdout", "say"),
    [
        (keys_of(2), Holdout.DONOR, "3 donors"),
        (keys_of(1, wells=2), Holdout.WELL, "3 wells of every outlet"),
        (keys_of(1, wells=1, cells=2), Holdout.CELL, "3 cells of every outlet"),
    ],
)
def test_what_is_too_little_to_hold_out_is_refused(
    keys: CellKeys, holdout: Holdout, say: str
) -> None:
    with pytest.raises(InvalidInput, match=say) as refused:
        split_folds(keys, holdout, 5, seed=1)
    assert refused.value.code == "too_few_to_hold_out"


def test_three_sets_of_donors_share_none() -> None:
    keys = keys_of(20)
    split = split_three_ways(keys, seed=3)
    donors = [np.unique(keys.donors[part]) for part in split.parts().values()]
    assert [len(codes) for codes in donors] == [15, 2, 3]
    assert len(np.unique(np.concatenate(donors))) == 20


def test_a_planted_donor_is_named() -> None:
    keys = keys_of(3)
    parts = {"fit": keys.select(np.arange(41)), "report": keys.select(np.arange(41, 120))}
    with pytest.raises(InvalidInput, match="Donor D1 is in the sets 'fit' and 'report'"):
        refuse_leaks(parts, Holdout.DONOR)


def test_a_planted_well_is_named() -> None:
    keys = keys_of(1)
    parts = {"fit": keys.select(np.arange(12)), "report": keys.select(np.arange(12, 40))}
    with pytest.raises(InvalidInput, match="Well D0/outlet 3/well 1 is in the sets"):
        refuse_leaks(parts, Holdout.WELL)


def test_a_planted_cell_is_named_even_where_wells_are_shared() -> None:
    keys = keys_of(1)
    parts = {"fit": keys.select(np.arange(8)), "report": keys.select(np.arange(7, 40))}
    with pytest.raises(InvalidInput, match="Cell cell 7 is in the sets 'fit' and 'report'"):
        refuse_leaks(parts, Holdout.CELL)


def test_a_turned_copy_under_another_name_is_named_with_its_original() -> None:
    crops = np.random.default_rng(4).integers(0, 255, (120, 60, 60)).astype(np.uint8)
    crops[100] = np.rot90(crops[3][:, ::-1], 3)
    keys = keys_of(3)
    keys = CellKeys(keys.cells, keys.wells, keys.donors, keys.outlets, identify_crops(crops))
    with pytest.raises(InvalidInput, match=r"Cells cell .* and cell .* are one picture"):
        split_folds(keys, Holdout.DONOR, 3, seed=2)


def test_turns_of_a_picture_have_its_name_and_other_pictures_have_not() -> None:
    crop = np.random.default_rng(5).integers(0, 255, (60, 60)).astype(np.uint8)
    turns = np.stack([np.rot90(side, k) for side in (crop, crop[:, ::-1]) for k in range(4)])
    assert len(np.unique(identify_crops(turns))) == 1
    changed = crop.copy()
    changed[0, 0] ^= 1
    assert len(np.unique(identify_crops(np.stack([crop, changed])))) == 2


def test_the_same_picture_twice_stays_in_one_fold_when_cells_are_held_out() -> None:
    keys = keys_of(1, wells=1, cells=10)
    pictures = keys.pictures.copy()
    pictures[1] = pictures[0]
    twin = CellKeys(keys.cells, keys.wells, keys.donors, keys.outlets, pictures)
    for split in split_folds(twin, Holdout.CELL, 5, seed=0):
        assert np.isin([0, 1], split.report).sum() in (0, 2)
