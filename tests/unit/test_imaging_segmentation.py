"""Cells of drawn images: found, centred, outlined and judged as they were drawn."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from app.domain.imaging import (
    Inspection,
    judge_cells,
    outline_points,
    segment_cells,
)
from app.domain.imaging.measures import measure_crenation
from app.domain.imaging.regions import ANGLES, CellRegions
from app.domain.synthetic.images import TrueCellVerdict, TrueImage
from tests.unit.imaging_truth import (
    OUTLINER,
    PARAMETERS,
    Tally,
    compare,
    draw_number,
    inspect,
    inspect_drawn,
)

Pairs = Sequence[tuple[TrueImage, Inspection]]


@pytest.fixture(scope="module")
def inspected() -> Pairs:
    """Images of full size that no parameter was set on: six donors, every kind of well."""
    images = [draw_number(number) for number in range(200, 206)]
    return [(image, inspect_drawn(image)) for image in images]


@pytest.fixture(scope="module")
def tallies(inspected: Pairs) -> list[Tally]:
    return [compare(image, inspection) for image, inspection in inspected]


def test_isolated_cells_are_found(tallies: list[Tally]) -> None:
    assert sum(t.n_found for t in tallies) >= 0.98 * sum(t.n_drawn for t in tallies)


def test_accepted_outlines_are_cells(tallies: list[Tally]) -> None:
    assert sum(t.n_right for t in tallies) >= 0.98 * sum(t.n_accepted for t in tallies)


def test_centres_are_the_cells_own_and_not_the_dark_discs(tallies: list[Tally]) -> None:
    errors_px = np.concatenate([t.errors_px for t in tallies])
    assert np.median(errors_px) < 1.2
    assert np.quantile(errors_px, 0.95) < 3.0


def test_outlines_cover_what_was_drawn(inspected: Pairs) -> None:
    image, inspection = inspected[1]
    overlaps = [
        overlap(image, cell.outline, inspection.regions, index)
        for cell in image.cells
        if cell.verdict is TrueCellVerdict.COMPLETE and cell.clearance_px > 5
        for index in nearest(inspection.regions, cell.row, cell.column)
    ]
    assert len(overlaps) > 50
    assert np.median(overlaps) > 0.85


def nearest(regions: CellRegions, row: float, column: float) -> list[int]:
    distance = np.hypot(regions.row - row, regions.column - column)
    index = int(distance.argmin())
    return [index] if distance[index] < 4 else []


def overlap(
    image: TrueImage, outline: np.typing.NDArray[np.float32], regions: CellRegions, index: int
) -> float:
    drawn, found = np.zeros_like(image.pixels), np.zeros_like(image.pixels)
    points = outline_points(regions.row[index], regions.column[index], regions.radii[index])
    for mask, corners in ((drawn, outline), (found, points)):
        cv2.fillPoly(mask, [np.rint(corners[:, ::-1]).astype(np.int32)], 1)
    return float((drawn & found).sum() / (drawn | found).sum())


def test_blurred_and_cut_cells_are_rejected(inspected: Pairs) -> None:
    accepted: Counter[str] = Counter()
    for image, inspection in inspected:
        regions = inspection.regions.select(inspection.accepted)
        for cell in image.cells:
            if nearest(regions, cell.row, cell.column):
                accepted[cell.verdict] += 1
    assert accepted[TrueCellVerdict.PARTIAL] == 0
    assert accepted[TrueCellVerdict.BLURRED] <= 1
    assert accepted[TrueCellVerdict.COMPLETE] > 500


def test_few_good_cells_are_lost(inspected: Pairs) -> None:
    lost = 0
    n_good = 0
    for image, inspection in inspected:
        for cell in image.cells:
            inside = min(cell.row, cell.column) >= 30 and max(cell.row, cell.column) < 2424 - 30
            if cell.verdict is TrueCellVerdict.COMPLETE and cell.clearance_px > 5 and inside:
                n_good += 1
                for index in nearest(inspection.regions, cell.row, cell.column):
                    lost += not inspection.accepted[index]
    assert lost <= 0.03 * n_good


def test_segmentation_alone_finds_the_same_cells(inspected: Pairs) -> None:
    image, inspection = inspected[0]
    regions = segment_cells(image.pixels, PARAMETERS, OUTLINER)
    assert np.array_equal(regions.radii, inspection.regions.radii)
    assert judge_cells(image.pixels, regions, PARAMETERS) == inspection.judgements


def test_places_outside_the_usable_mask_are_not_searched(inspected: Pairs) -> None:
    image, _ = inspected[0]
    left_half = np.array([[True, False]])
    regions = segment_cells(image.pixels, PARAMETERS, OUTLINER, left_half)
    assert len(regions) > 10
    assert regions.column.max() < 1212 + 20


def test_the_image_itself_is_left_alone() -> None:
    image = draw_number(9, side_px=600, n_cells=14)
    before = image.pixels.copy()
    inspect_drawn(image)
    assert np.array_equal(image.pixels, before)


def test_rims_widen_with_blur() -> None:
    image = draw_number(13, side_px=800, n_cells=20)
    widths = []
    for sigma_px in (0.5, 1.0, 2.0, 3.0, 4.0):
        blurred = np.asarray(cv2.GaussianBlur(image.pixels, (0, 0), sigma_px), np.uint8)
        widths.append(np.median(segment_cells(blurred, PARAMETERS, OUTLINER).rim_width_um))
    assert np.all(np.diff(widths) > 0)


def test_crenation_is_the_size_of_an_outlines_ripples_whatever_its_size_and_ellipse() -> None:
    smooth = 10 / np.hypot(np.cos(ANGLES) / 1.2, np.sin(ANGLES) * 1.2)
    rippled = smooth * (1 + 0.05 * np.sqrt(2) * np.cos(9 * ANGLES))
    radii = np.stack([smooth, 3 * smooth, rippled, 3 * rippled]).astype(np.float32)
    crenation = measure_crenation(radii)
    assert np.allclose(crenation[:2], 0, atol=0.03)
    assert np.allclose(crenation[2:], 0.05, atol=0.01)


def test_shading_points_to_the_light() -> None:
    pixels = draw_number(14, side_px=800, n_cells=25).pixels
    angle = inspect(pixels).regions.shading_angle
    turned = inspect(np.ascontiguousarray(pixels[::-1, ::-1])).regions.shading_angle
    towards, away = np.exp(1j * angle).mean(), np.exp(1j * turned).mean()
    assert abs(towards) > 0.6
    assert abs(np.angle(towards / -away)) < 0.4


def test_outline_points_follow_the_contract() -> None:
    radii = np.full(32, 40, np.uint8)
    points = outline_points(100.0, 50.0, radii)
    assert points.shape == (32, 2)
    assert np.allclose(points[0], (100, 60))  # angle 0 points along increasing columns
    assert np.allclose(points[8], (110, 50), atol=1e-4)  # a quarter turn, towards increasing rows
