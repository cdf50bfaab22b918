"""A planted shortcut is flagged, the clean set is not: light that tells the class, then a network
that reads it, a stand-in for which are features that know the well or the donor."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.partitions import Holdout, split_folds
from models.evaluation import HeldOut
from models.training.baselines import answer_baselines, measure_light
from models.training.dataset import LabelledCells
from models.training.shortcut_probe import ProbedCells, probe_shortcuts
from tests.unit.labelled_cells import draw_cells


@pytest.fixture(scope="module")
def clean() -> LabelledCells:
    return draw_cells([f"S{number}" for number in range(6)], n_per_well=20)


def lit_by_outlet(cells: LabelledCells) -> LabelledCells:
    """Every outlet with its own exposure, as automatic exposure might have it."""
    gain = 0.8 + 0.1 * (cells.outlets - 2)
    return replace(cells, crops=(cells.crops * gain[:, None, None]).clip(0, 255).astype(np.uint8))


def light_probe(cells: LabelledCells) -> dict[str, object]:
    splits = split_folds(cells.keys, Holdout.DONOR, 3, seed=1)
    light = answer_baselines(cells, splits, 1, ["light_only"])["light_only"]
    probe = probe_shortcuts([ProbedCells(cells, noise(cells))], light, 1)
    return {"flagged": probe["light"]["is_flagged"], "findings": codes(probe)}


def chance(cells: LabelledCells) -> HeldOut:
    """Answers that know nothing, every other one right."""
    p = np.tile([[0.9, 0.1], [0.1, 0.9]], (len(cells) // 2, 1)).astype(np.float32)
    return HeldOut(p, cells.outlets, cells.donors, cells.wells, (3, 4))


def probed(cells: LabelledCells, features: NDArray[np.float32]) -> dict[str, Any]:
    return probe_shortcuts([ProbedCells(cells, features)], chance(cells), 1)


def codes(probe: dict[str, list[dict[str, str]]]) -> list[str]:
    return [finding["code"] for finding in probe["findings"]]


def noise(cells: LabelledCells, n_features: int = 16) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    return rng.standard_normal((len(cells), n_features)).astype(np.float32)


def knowing(names: NDArray[np.str_], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features, with one that is particular to each name."""
    _, place = np.unique(names, return_inverse=True)
    shifts = np.random.default_rng(3).normal(0, 4, place.max() + 1)
    return np.column_stack([features, shifts[place] + features[:, 0]]).astype(np.float32)


def test_exposure_that_differs_by_outlet_is_flagged(clean: LabelledCells) -> None:
    assert light_probe(lit_by_outlet(clean)) == {
        "flagged": True,
        "findings": ["light_tells_class"],
    }


def test_light_as_it_differs_from_well_to_well_is_not_flagged(clean: LabelledCells) -> None:
    assert light_probe(clean) == {"flagged": False, "findings": []}


def test_few_wells_that_light_happens_to_tell_are_not_flagged() -> None:
    cells = draw_cells(["S1", "S2"], n_per_well=24)
    wells = np.unique(cells.wells)
    lucky = np.isin(cells.wells, wells[: round(0.65 * len(wells))])
    p_rigid = np.where(lucky == (cells.outlets > 3), 0.9, 0.1)
    p = np.column_stack([1 - p_rigid, p_rigid]).astype(np.float32)
    answers = HeldOut(p, cells.outlets, cells.donors, cells.wells, (3, 4))
    probe = probe_shortcuts([ProbedCells(cells, noise(cells))], answers, 1)
    assert probe["light"]["excess"] > 0.2
    assert not probe["light"]["is_flagged"]


def test_a_last_layer_that_knows_the_well_is_flagged(clean: LabelledCells) -> None:
    probe = probe_shortcuts(
        [ProbedCells(clean, knowing(clean.wells, noise(clean)))], chance(clean), 1
    )
    assert codes(probe) == ["wells_told_apart"]
    assert probe["wells"]["excess"] > 0.5
    assert probe["wells"]["n"] == 24


def test_a_last_layer_that_knows_the_donor_is_flagged(clean: LabelledCells) -> None:
    probe = probe_shortcuts(
        [ProbedCells(clean, knowing(clean.donors, noise(clean)))], chance(clean), 1
    )
    assert codes(probe) == ["donors_told_apart"]


def test_a_last_layer_that_knows_the_outlet_alone_is_not_flagged(clean: LabelledCells) -> None:
    outlets = clean.outlets.astype(np.str_)
    probe = probed(clean, knowing(outlets, noise(clean)))
    assert codes(probe) == []
    assert abs(probe["wells"]["excess"]) < 0.15


def test_one_well_per_outlet_leaves_nothing_to_tell_apart() -> None:
    cells = draw_cells(["S1", "S2"], n_per_well=24, wells=1)
    probe = probed(cells, noise(cells))
    assert probe["wells"]["excess"] is None
    assert probe["donors"]["excess"] is None
    assert not probe["wells"]["is_flagged"]


def test_light_is_measured_at_the_border_alone(clean: LabelledCells) -> None:
    crops = clean.crops[:8].copy()
    before = measure_light(crops)
    crops[:, 10:50, 10:50] = 0
    assert np.array_equal(measure_light(crops), before)
    assert measure_light(np.full((1, 60, 60), 90, np.uint8)).tolist() == [[90, 0, 0, 0]]
