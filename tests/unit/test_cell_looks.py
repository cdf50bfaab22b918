from dataclasses import replace

import numpy as np
import pytest

from app.domain.cell_looks import LOOK_NAMES, LookSums, mean_looks, measure_looks
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import Donor, WellLook, draw_donor, draw_well_look

Look = dict[str, float]


def looks_of(donor: Donor, well: WellLook) -> Look:
    crops, _ = draw_crops(donor, well, np.resize([3, 4], 80), seed=1)
    return dict(zip(LOOK_NAMES, measure_looks(crops).mean(axis=0).tolist(), strict=True))


@pytest.fixture(scope="module")
def donor() -> Donor:
    return draw_donor("LOOKS", 1)


@pytest.fixture(scope="module")
def well(donor: Donor) -> WellLook:
    return draw_well_look(donor, outlet=None, well=1)


def test_more_light_changes_no_look() -> None:
    rng = np.random.default_rng(1)
    crops = rng.integers(60, 120, (5, 60, 60)).astype(np.uint8)
    np.testing.assert_allclose(measure_looks(crops), measure_looks(2 * crops), atol=2e-5)


def test_a_quarter_turn_changes_no_look(donor: Donor, well: WellLook) -> None:
    crops, _ = draw_crops(donor, well, [2, 3, 4, 5], seed=2)
    turned = np.ascontiguousarray(np.rot90(crops, axes=(1, 2)))
    np.testing.assert_allclose(measure_looks(turned), measure_looks(crops), atol=1e-4)


def test_blur_lowers_change_over_a_pixel(donor: Donor, well: WellLook) -> None:
    sharp = looks_of(donor, replace(well, blur_px=0.7))
    blurred = looks_of(donor, replace(well, blur_px=1.6))
    assert blurred["inner_curvature_1px"] < sharp["inner_curvature_1px"]


def test_larger_cells_have_a_larger_dark_part(donor: Donor, well: WellLook) -> None:
    small = looks_of(replace(donor, mean_diameter_um=5.9), well)
    large = looks_of(replace(donor, mean_diameter_um=6.9), well)
    assert large["dark_side_px"] > 1.05 * small["dark_side_px"]


def test_stronger_shading_is_seen(donor: Donor, well: WellLook) -> None:
    level = looks_of(donor, replace(well, meniscus_slope=0.1))
    sloped = looks_of(donor, replace(well, meniscus_slope=1.4))
    assert sloped["shading_12px"] > 1.5 * level["shading_12px"]


def test_no_crop_gives_no_row() -> None:
    assert measure_looks(np.empty((0, 60, 60), np.uint8)).shape == (0, len(LOOK_NAMES))


def test_sums_of_images_give_the_mean_over_cells() -> None:
    looks = np.random.default_rng(3).normal(size=(30, len(LOOK_NAMES))).astype(np.float32)
    images = [LookSums.of(looks[:4]), LookSums.of(looks[4:4]), LookSums.of(looks[4:])]
    stored = [LookSums.from_bytes(image.to_bytes()) for image in images]
    mean = mean_looks(stored)
    assert mean is not None
    np.testing.assert_allclose(mean, looks.mean(axis=0), atol=1e-6)


def test_without_a_cell_there_is_no_mean() -> None:
    assert mean_looks([]) is None
    assert mean_looks([LookSums.of(np.empty((0, len(LOOK_NAMES)), np.float32))]) is None
