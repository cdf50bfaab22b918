"""Active parts go to sheets and back: every disc is looked at once, wherever it lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, inspect_and_segment, segment_cells
from app.domain.imaging.activity import (
    FINE_PX,
    MOST_TILES,
    TILE_PX,
    find_parts,
    measure_activity,
)
from app.domain.imaging.flattening import flatten
from app.domain.imaging.outlines import move_centres, outline_centroids
from app.domain.imaging.sheet import Sheet, pack
from app.domain.quality import Verdict
from tests.unit.imaging_discs import RADIUS_PX, DiscOutliner, draw_discs

PARAMETERS = ImagingParameters()

Pixels = NDArray[np.uint8]


def places_on_a_grid(*, side_px: int, step_px: int, seed: int) -> NDArray[np.float64]:
    ticks = np.arange(50, side_px - 50, step_px)
    rows, columns = np.meshgrid(ticks, ticks, indexing="ij")
    jitter = np.random.default_rng(seed).uniform(-6, 6, (rows.size, 2))
    return np.stack([rows.ravel(), columns.ravel()], axis=1) + jitter


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(55, 300))
def test_every_disc_is_found_once_where_it_was_drawn(seed: int, step_px: int) -> None:
    places = places_on_a_grid(side_px=700, step_px=step_px, seed=seed)
    regions = segment_cells(draw_discs(places, side_px=700), PARAMETERS, DiscOutliner())
    assert len(regions) == len(places)
    distance = np.hypot(places[:, :1] - regions.row, places[:, 1:] - regions.column)
    assert distance.min(axis=1).max() < 0.5
    assert np.allclose(regions.diameter_um, 2 * RADIUS_PX * 0.1825, rtol=0.04)
    assert np.allclose(regions.radii, 4 * RADIUS_PX, atol=4)


def test_few_discs_make_a_small_sheet_and_many_a_few_bounded_ones() -> None:
    few, many = DiscOutliner(), DiscOutliner()
    sparse = places_on_a_grid(side_px=1600, step_px=500, seed=1)
    dense = places_on_a_grid(side_px=2400, step_px=60, seed=2)
    segment_cells(draw_discs(sparse, side_px=1600), PARAMETERS, few)
    found = segment_cells(draw_discs(dense, side_px=2400, radius_px=15), PARAMETERS, many)
    assert few.n_calls == 1
    assert few.largest_px < 0.08 * 800**2
    assert many.n_calls == 2
    assert many.largest_px <= 1.2 * MOST_TILES * TILE_PX**2
    assert len(found) == len(dense)


def test_an_even_image_is_not_looked_at() -> None:
    outliner = DiscOutliner()
    image = np.full((400, 300), 180, np.uint8)
    inspection = inspect_and_segment(image, PARAMETERS, outliner)
    assert outliner.n_calls == 0
    assert [finding.code for finding in inspection.image.findings] == ["empty"]
    assert inspection.image.verdict is Verdict.REJECTED


@pytest.mark.parametrize("um_per_px", [0.12, 0.15, 0.25, 0.35])
def test_other_scales_are_brought_to_the_outliners(um_per_px: float) -> None:
    radius_px = 3.1 / um_per_px
    places = places_on_a_grid(side_px=640, step_px=120, seed=3)
    parameters = ImagingParameters(um_per_px=um_per_px, height_px=640, width_px=640)
    image = draw_discs(places, side_px=640, radius_px=radius_px)
    field = flatten(image, parameters)
    assert field.um_per_px == pytest.approx(0.365, rel=0.11)
    regions = segment_cells(image, parameters, DiscOutliner())
    distance = np.hypot(places[:, :1] - regions.row, places[:, 1:] - regions.column)
    assert distance.min(axis=1).max() < 0.8
    assert np.allclose(regions.diameter_um, 6.2, rtol=0.06)


def test_a_faint_thin_ring_in_noise_is_looked_at() -> None:
    rows, columns = np.mgrid[:800, :800]
    ring = np.exp(-(((np.hypot(rows - 401, columns - 398) - 17) / 2.4) ** 2))
    noise = np.random.default_rng(4).normal(0, 1.5, (800, 800))
    image = np.rint(180 * (1 - 0.035 * ring) + noise).astype(np.uint8)
    field = flatten(image, PARAMETERS)
    parts = find_parts(field, measure_activity(field), PARAMETERS)
    middle = 400 // (2 * FINE_PX)
    assert parts.labels[middle, middle] >= 0
    assert parts.active_share < 0.2
    assert sum(sheet.values.size for sheet in pack(field, parts)) < 0.2 * field.grey.size


def draw_two(*, down: int, right: int) -> Pixels:
    """A large disc and a small one in one part: the first is the stronger, wherever they lie."""
    large, small = np.array([[201.6, 188.6]]), np.array([[213.0, 246.7]])
    moved = np.array([down, right])
    return np.minimum(
        draw_discs(large + moved, side_px=400), draw_discs(small + moved, side_px=400, radius_px=14)
    )


def pack_one(image: Pixels) -> Sheet:
    field = flatten(image, PARAMETERS)
    (sheet,) = pack(field, find_parts(field, measure_activity(field), PARAMETERS))
    return sheet


def shown(sheet: Sheet) -> NDArray[np.float32]:
    """The only part of a sheet."""
    rows, columns = ((sheet.part >= 0).sum(axis=axis).max() * TILE_PX for axis in (0, 1))
    return sheet.values[:rows, :columns]


@pytest.mark.parametrize(("down", "right"), [(4, 0), (1, 0), (3, 5), (7, -33)])
def test_what_is_moved_by_whole_pixels_falls_alike_on_a_sheet(down: int, right: int) -> None:
    sheet = pack_one(draw_two(down=0, right=0))
    moved = pack_one(draw_two(down=down, right=right))
    first = np.array([88, 82]) - sheet.shift[0]
    moved_first = np.array([88, 82]) + np.array([down, right]) / 2 - moved.shift[0]
    assert ((moved_first - first) % TILE_PX).tolist() == [0, 0]

    def show_discs(sheet: Sheet, first: NDArray[np.float64]) -> NDArray[np.float32]:
        row, column = np.rint(first).astype(int)
        return sheet.values[row : row + 32, column : column + 58]

    np.testing.assert_allclose(show_discs(moved, moved_first), show_discs(sheet, first), atol=0.02)


@pytest.mark.parametrize("n_turns", [1, 2, 3])
def test_what_is_turned_falls_alike_on_a_sheet(n_turns: int) -> None:
    image = draw_two(down=0, right=0)
    sheet = pack_one(image)
    turned = pack_one(np.ascontiguousarray(np.rot90(image, n_turns)))
    np.testing.assert_allclose(shown(turned), np.rot90(shown(sheet), n_turns), atol=0.01)


def test_a_disc_at_the_edge_is_shown_nothing_beyond_it() -> None:
    sheet = pack_one(draw_discs(np.array([[6.0, 200.0]]), side_px=400))
    beyond = -int(sheet.shift[0, 0])
    assert beyond > 0
    assert np.abs(sheet.values[:beyond]).max() == 0
    assert np.abs(sheet.values[beyond : beyond + 4]).max() > 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.35, 0.35), st.floats(-0.35, 0.35))
def test_an_outline_described_from_elsewhere_is_the_same(
    seed: int, down: float, right: float
) -> None:
    rng = np.random.default_rng(seed)
    angle = np.arange(32) * np.pi / 16
    radii = 10 * (1 + 0.12 * np.cos(2 * angle + rng.uniform(0, 6)))[None].astype(np.float32)
    shift = np.array([10 * down], np.float32), np.array([10 * right], np.float32)
    area, row, column = outline_centroids(radii)
    moved_area, moved_row, moved_column = outline_centroids(move_centres(radii, *shift))
    assert moved_area == pytest.approx(area, rel=0.02)
    assert moved_row + shift[0] == pytest.approx(row, abs=0.15)
    assert moved_column + shift[1] == pytest.approx(column, abs=0.15)
