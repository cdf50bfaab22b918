"""Whatever the camera sends, an image gets a verdict and never an exception."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from app.domain.imaging import (
    ImagingParameters,
    Inspection,
    has_crop,
    inspect_and_segment,
)
from app.domain.quality import Verdict
from tests.unit.imaging_truth import OUTLINER, inspect

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=90)


def assert_sound(inspection: Inspection, shape: tuple[int, int]) -> None:
    regions = inspection.regions
    assert len(regions) == len(inspection.judgements)
    for values in (regions.area_um2, regions.circularity, regions.elongation, regions.rim_width_um):
        assert np.isfinite(values).all()
    accepted = inspection.accepted
    assert has_crop(regions.row[accepted], regions.column[accepted], shape).all()
    if inspection.image.verdict is Verdict.REJECTED:
        assert inspection.image.findings
        assert not accepted.any()


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, SHAPES))
def test_any_small_image(image: NDArray[np.uint8]) -> None:
    assert_sound(inspect(image), (image.shape[0], image.shape[1]))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(60, 400),
    st.integers(60, 400),
    st.sampled_from([1, 2, 5, 17, 60]),
)
def test_any_texture(seed: int, height_px: int, width_px: int, grain_px: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height_px // grain_px), -(-width_px // grain_px)))
    image = np.kron(coarse, np.ones((grain_px, grain_px)))[:height_px, :width_px].astype(np.uint8)
    assert_sound(inspect(image), (height_px, width_px))


@pytest.mark.parametrize("grey", [0, 1, 128, 254, 255])
@pytest.mark.parametrize("side_px", [16, 61, 2424])
def test_a_constant_image(grey: int, side_px: int) -> None:
    image = np.full((side_px, side_px), grey, np.uint8)
    inspection = inspect(image)
    assert_sound(inspection, (side_px, side_px))
    assert inspection.image.verdict is Verdict.REJECTED


@pytest.mark.parametrize("um_per_px", [0.12, 0.35, 3.0])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_other_instruments(um_per_px: float, polarity: str) -> None:
    parameters = ImagingParameters.from_json({"um_per_px": um_per_px, "polarity": polarity})
    image = np.random.default_rng(8).integers(90, 200, (150, 140), dtype=np.uint8)
    assert_sound(inspect_and_segment(image, parameters, OUTLINER), (150, 140))
