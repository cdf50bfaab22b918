"""An image's verdict: good ones pass, and each kind of bad one is refused for its own reason."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.imaging import ImageInspection
from app.domain.quality import Finding, Level, Verdict
from app.domain.synthetic.faults import Fault
from tests.unit.imaging_truth import draw_number, inspect, inspect_drawn

SIDE_PX = 2424
Pixels = NDArray[np.uint8]


def codes(image: ImageInspection) -> list[str]:
    return [finding.code for finding in image.findings]


def assert_explained(findings: tuple[Finding, ...]) -> None:
    """Every finding says what was measured, against what, and what to do."""
    for finding in findings:
        assert finding.value is not None
        assert finding.limit is not None
        assert finding.message.endswith(".")
        assert ";" in finding.message or "," in finding.message


@pytest.mark.parametrize("first", range(0, 64, 16))
def test_good_images_are_accepted(first: int) -> None:
    refused = {}
    for number in range(first, first + 16):
        image = draw_number(number, side_px=900, n_cells=14 + 2 * (number % 16))
        inspection = inspect_drawn(image)
        if inspection.image.verdict is not Verdict.ACCEPTED:
            refused[number] = codes(inspection.image)
    assert refused == {}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("blur", "out_of_focus"),
        ("outside_well", "outside_well"),
        ("too_dark", "under_exposed"),
        ("too_bright", "over_exposed"),
        ("empty", "empty"),
    ],
)
def test_spoilt_images_are_rejected_with_the_reason(fault: Fault, code: str) -> None:
    for number in (20, 21):
        inspection = inspect_drawn(draw_number(number, fault=fault))
        assert inspection.image.verdict is Verdict.REJECTED
        assert codes(inspection.image) == [code]
        assert not inspection.accepted.any()
        assert inspection.image.usable is None
        assert_explained(inspection.image.findings)


def test_beside_the_wall_the_inside_of_the_well_is_used() -> None:
    for number in (22, 23):
        image = draw_number(number, fault="wall")
        inspection = inspect_drawn(image)
        assert inspection.image.verdict is Verdict.PARTLY
        assert codes(inspection.image) == ["outside_well"]
        assert inspection.image.usable is not None
        assert 0.2 < inspection.image.usable.mean() < 0.9
        assert inspection.accepted.sum() > 0.6 * sum(c.clearance_px > 5 for c in image.cells)
        assert_explained(inspection.image.findings)


@pytest.mark.parametrize(("n_cells", "sharp_share"), [(250, 0.5), (60, 0.5), (150, 0.4)])
def test_a_half_sharp_image_gives_its_sharp_half(n_cells: int, sharp_share: float) -> None:
    pixels = draw_number(24, n_cells=n_cells).pixels.copy()
    sharp_px = int(sharp_share * SIDE_PX)
    pixels[:, sharp_px:] = cv2.GaussianBlur(pixels, (0, 0), 7)[:, sharp_px:]
    inspection = inspect(pixels)
    assert inspection.image.verdict is Verdict.PARTLY
    assert codes(inspection.image) == ["partly_out_of_focus"]
    assert inspection.regions.column[inspection.accepted].max() < sharp_px + 20
    assert inspection.accepted.sum() > 0.5 * sharp_share * n_cells
    assert_explained(inspection.image.findings)


def test_a_steep_gradient_of_light_is_rejected_and_a_mild_one_is_not() -> None:
    pixels = draw_number(25, n_cells=150).pixels
    for darkest, expected in ((0.4, ["uneven_light"]), (0.75, [])):
        light = np.linspace(darkest, 1.15, SIDE_PX)
        image = inspect(np.clip(pixels * light, 0, 255).astype(np.uint8)).image
        assert codes(image) == expected
        assert_explained(image.findings)


@pytest.mark.parametrize("sigma_px", [3.5, 5.0, 8.0])
def test_blur_is_caught(sigma_px: float) -> None:
    image = draw_number(26, side_px=1200, n_cells=50)
    blurred = np.asarray(cv2.GaussianBlur(image.pixels, (0, 0), sigma_px), np.uint8)
    inspection = inspect(blurred)
    assert codes(inspection.image) == ["out_of_focus"]
    assert not inspection.accepted.any()


def test_a_rejected_image_keeps_its_cells_for_a_technician_to_restore() -> None:
    image = draw_number(26, side_px=1200, n_cells=50)
    blurred = np.asarray(cv2.GaussianBlur(image.pixels, (0, 0), 3.5), np.uint8)
    judgements = inspect(blurred).judgements
    assert len(judgements) > 35
    assert all("outside_usable" in judged.findings for judged in judgements)


def test_noise_alone_is_another_kind_of_image() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (800, 800), dtype=np.uint8)
    assert codes(inspect(noise).image) == ["wrong_modality"]


def test_only_rejecting_findings_reject() -> None:
    image = inspect_drawn(draw_number(22, fault="wall")).image
    assert {finding.level for finding in image.findings} == {Level.WARNING}


def padded(picture: Pixels) -> Pixels:
    """Put a picture in the middle of a full field of its own median grey."""
    field = np.full((SIDE_PX, SIDE_PX), int(np.median(picture)), np.uint8)
    part = picture[:SIDE_PX, :SIDE_PX]
    top, left = (SIDE_PX - part.shape[0]) // 2, (SIDE_PX - part.shape[1]) // 2
    field[top : top + part.shape[0], left : left + part.shape[1]] = part
    return field


def tiled(picture: Pixels) -> Pixels:
    repeats = [-(-SIDE_PX // side) for side in picture.shape]
    return np.tile(picture, repeats)[:SIDE_PX, :SIDE_PX].copy()


def read_grey(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


FOREIGN = {
    "rbc_hologram_pydhm/RBC_offaxis_hologram.jpg": {"wrong_modality"},
    "rbc_constriction_aimaslund/frames": {"under_exposed"},
    "iclots_platelets_brightfield/Healthy_control_collagen.tif": {"wrong_modality"},
    "iclots_platelets_brightfield/Healthy_control_fibrinogen.tif": {"wrong_modality"},
    "rbc_aggregates_lannix/0001_cut_1_cp_output.png": {"wrong_modality", "out_of_focus"},
    "rbc_aggregates_lannix/0001_cut_2_cp_output.png": {"wrong_modality", "over_exposed"},
    "rbc_aggregates_lannix/0001_cut_3_cp_output.png": {"wrong_modality", "over_exposed"},
}
AGGREGATES_PANEL = np.s_[160:750, 460:1050]
"""The first of the plot's four panels is the image."""


@pytest.mark.shared
@pytest.mark.parametrize("fill", [padded, tiled])
@pytest.mark.parametrize("name", FOREIGN)
def test_other_kinds_of_image_are_rejected(
    shared_dir: Path, name: str, fill: Callable[[Pixels], Pixels]
) -> None:
    path = shared_dir / "data" / name
    if path.is_dir():
        path = sorted(path.iterdir())[0]
    picture = read_grey(path)
    if "aggregates" in name:
        picture = picture[AGGREGATES_PANEL]
    inspection = inspect(fill(picture))
    assert inspection.image.verdict is Verdict.REJECTED
    assert set(codes(inspection.image)) <= FOREIGN[name]
    assert_explained(inspection.image.findings)
