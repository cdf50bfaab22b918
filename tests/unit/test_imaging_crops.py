"""Crops, the one way they become network input, and the parameters saved with an analysis."""

import json

import numpy as np
import pytest

from app.domain.errors import InvalidInput
from app.domain.imaging import (
    CROP_PX,
    ImagingParameters,
    cut_crops,
    has_crop,
    normalise_crops,
)
from app.domain.imaging.normalisation import BACKGROUND_RATIO, GREY_255

IMAGE = np.random.default_rng(1).integers(0, 256, (150, 200), dtype=np.uint8)


def floats(*values: float) -> np.typing.NDArray[np.float32]:
    return np.array(values, np.float32)


def test_a_crop_is_centred_on_the_rounded_centre() -> None:
    crops = cut_crops(IMAGE, floats(60.4, 30), floats(99.6, 170))
    assert crops.shape == (2, CROP_PX, CROP_PX)
    assert np.array_equal(crops[0], IMAGE[30:90, 70:130])
    assert np.array_equal(crops[1], IMAGE[0:60, 140:200])


def test_no_cells_give_no_crops() -> None:
    assert cut_crops(IMAGE, floats(), floats()).shape == (0, CROP_PX, CROP_PX)
    assert normalise_crops(
        cut_crops(IMAGE, floats(), floats()), version=BACKGROUND_RATIO
    ).shape == (0, CROP_PX, CROP_PX, 1)


def test_centres_near_the_edge_have_no_crop() -> None:
    rows, columns = floats(29, 30, 120, 121), floats(100, 100, 100, 100)
    assert has_crop(rows, columns, (150, 200)).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="has_crop"):
        cut_crops(IMAGE, rows, columns)


def test_grey_255_is_as_published() -> None:
    crops = cut_crops(IMAGE, floats(60), floats(100))
    normal = normalise_crops(crops, version=GREY_255)
    assert normal.dtype == np.float32
    assert normal.shape == (1, CROP_PX, CROP_PX, 1)
    assert np.allclose(normal[0, :, :, 0], crops[0] / 255, atol=1e-7)


def test_background_ratio_puts_the_background_in_the_middle() -> None:
    crops = np.full((1, CROP_PX, CROP_PX), 180, np.uint8)
    crops[0, 20:40, 20:40] = 90
    normal = normalise_crops(crops, version=BACKGROUND_RATIO)
    assert np.isclose(normal[0, 0, 0, 0], 0.5)
    assert np.isclose(normal[0, 30, 30, 0], 0.0)


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.2])
def test_background_ratio_is_blind_to_exposure(gain: float) -> None:
    crops = np.random.default_rng(2).integers(90, 200, (4, CROP_PX, CROP_PX)).astype(np.uint8)
    plain = normalise_crops(crops, version=BACKGROUND_RATIO)
    other = normalise_crops(np.rint(crops * gain).astype(np.uint8), version=BACKGROUND_RATIO)
    assert np.abs(plain - other).max() < 0.015


@pytest.mark.parametrize("version", [GREY_255, BACKGROUND_RATIO])
def test_network_input_is_finite_and_within_0_and_1(version: str) -> None:
    crops = np.concatenate(
        [
            np.zeros((1, 60, 60), np.uint8),
            np.full((1, 60, 60), 255, np.uint8),
            IMAGE[None, :60, :60],
        ]
    )
    normal = normalise_crops(crops, version=version)
    assert np.isfinite(normal).all()
    assert normal.min() >= 0
    assert normal.max() <= 1


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown_normalisation"):
        normalise_crops(np.zeros((1, 60, 60), np.uint8), version="clahe/1")


def test_parameters_survive_being_saved() -> None:
    parameters = ImagingParameters(um_per_px=0.25, polarity="bright")
    saved = json.loads(json.dumps(parameters.to_json()))
    assert ImagingParameters.from_json(saved) == parameters
    assert ImagingParameters.from_json({}) == ImagingParameters()


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown_parameter"):
        ImagingParameters.from_json({"clahe": 1})
