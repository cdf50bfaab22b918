from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.imaging.regions import ANGLES
from app.domain.synthetic.appearances import Appearance, Ring
from app.domain.synthetic.cells import Light, draw_cell_look, paint_shadow
from app.domain.synthetic.donors import CUES, draw_donor
from app.domain.synthetic.looks import HELD_OUT_LOOKS, KINDS, LOOKS, TRAINED_LOOKS, draw_field
from app.domain.synthetic.shapes import FINE_ANGLES, draw_shape
from app.domain.synthetic.styles import draw_style, shows_border

SIDE_PX = 300


@pytest.mark.parametrize("look", LOOKS)
def test_the_same_seed_draws_the_same_image_and_another_does_not(look: str) -> None:
    first = draw_field(look, seed=3, n_cells=6, height_px=SIDE_PX, width_px=260)
    again = draw_field(look, seed=3, n_cells=6, height_px=SIDE_PX, width_px=260)
    other = draw_field(look, seed=4, n_cells=6, height_px=SIDE_PX, width_px=260)

    assert first.image.shape == (SIDE_PX, 260)
    assert first.image.dtype == np.uint8
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.cells.radii_px, again.cells.radii_px)
    assert np.any(first.image != other.image)


@pytest.mark.parametrize("seed", range(60))
def test_no_trained_look_has_a_part_of_a_look_that_is_held_out(seed: int) -> None:
    for look in TRAINED_LOOKS:
        drawn = draw_style(look, np.random.default_rng(seed), um_per_px=0.1825).appearance

        assert (drawn.relief, drawn.halo, drawn.stain) == (0, 0, 0)
        outside = [ring for ring in drawn.rings if ring.place > 1.03]
        assert all(ring.width <= 0.09 for ring in outside)


@pytest.mark.parametrize("look", ["various", "low_contrast"])
def test_a_cell_ends_where_one_can_see_it_end(look: str) -> None:
    for seed in range(30):
        style = draw_style(look, np.random.default_rng(seed), um_per_px=0.1825)
        assert shows_border(style.appearance)


def test_a_look_whose_border_cannot_be_seen_is_told() -> None:
    edge = Appearance(body=-0.2)
    assert shows_border(edge)
    hiding = (Ring(place=0.85, width=0.21, depth=0.14), Ring(place=0.76, width=0.06, depth=0.21))
    assert not shows_border(replace(edge, rings=hiding, edge_px=2.9))
    assert not shows_border(Appearance(rings=(Ring(place=0.6, width=0.1, depth=0.2),)))
    assert not shows_border(replace(edge, slope=0.2))


def test_every_held_out_look_has_the_part_that_sets_it_apart() -> None:
    parts = {"relief": "relief", "halo": "halo", "stained": "stain"}

    assert set(HELD_OUT_LOOKS) == set(parts)
    for look, part in parts.items():
        style = draw_style(look, np.random.default_rng(1), um_per_px=0.1825)
        assert getattr(style.appearance, part) != 0


@pytest.mark.parametrize("look", LOOKS)
def test_a_cell_differs_from_the_background_inside_its_outline(look: str) -> None:
    field = draw_field(
        look, seed=11, n_cells=12, crowding=0, height_px=600, width_px=600, foreign_per_mm2=0
    )
    deviation = np.abs(field.image / field.light - 1)
    rows, columns = np.mgrid[:600, :600]
    inside = np.zeros((600, 600), bool)
    near = np.zeros((600, 600), bool)
    for row, column, radii in zip(
        field.cells.row, field.cells.column, field.cells.radii_px, strict=True
    ):
        distance = np.hypot(rows - row, columns - column)
        angle = np.arctan2(rows - row, columns - column)
        reach = np.interp(angle, ANGLES, radii, period=2 * np.pi)
        inside |= distance < 1.05 * reach
        near |= distance < 5 * reach

    assert len(field.cells) == 12
    assert deviation[inside].mean() > 1.3 * deviation[~near].mean()


@given(seed=st.integers(0, 10_000), elongation=st.floats(1, 2), crenation=st.floats(0, 0.06))
@settings(max_examples=50, deadline=None)
def test_an_outline_lies_around_its_centroid_and_has_its_size(
    seed: int, elongation: float, crenation: float
) -> None:
    shape = draw_shape(
        17, np.random.default_rng(seed), elongation=elongation, lobes=0.03, crenation=crenation
    )
    corners = shape.points(0, 0)
    following = np.roll(corners, -1, axis=0)
    cross = corners[:, 1] * following[:, 0] - following[:, 1] * corners[:, 0]
    centroid = ((corners + following) * cross[:, np.newaxis]).sum(axis=0) / (3 * cross.sum())

    assert np.hypot(*centroid) < 0.35
    assert abs(cross.sum() / 2) == pytest.approx(np.pi * 17**2, rel=0.03)
    assert len(shape.radii_px) == len(ANGLES)
    np.testing.assert_allclose(FINE_ANGLES[::4], ANGLES, atol=1e-6)


def test_gaps_and_kinds_agree_with_the_outlines() -> None:
    field = draw_field("dark_rings", seed=5, n_cells=60, crowding=0.7, height_px=700, width_px=700)
    cells = field.cells

    touching = cells.gap_px * field.um_per_px < 0.365
    assert 0 < touching.sum() < len(cells)
    np.testing.assert_array_equal(cells.kind[touching], KINDS.index("several"))
    assert not np.any(cells.kind[~touching] == KINDS.index("several"))
    places = np.stack([cells.row, cells.column], axis=1)
    apart = np.hypot(*(places[:, np.newaxis] - places).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    roughly = apart.min(axis=1) - 2 * cells.radii_px.mean()
    assert np.corrcoef(np.minimum(roughly, 40), np.minimum(cells.gap_px, 40))[0, 1] > 0.9


def test_a_cell_cut_by_the_edge_is_not_complete() -> None:
    cells = draw_field(
        "bright_rings", seed=2, n_cells=120, height_px=SIDE_PX, width_px=SIDE_PX
    ).cells
    reach = cells.radii_px.max(axis=1)
    margin = np.minimum.reduce(
        [cells.row, cells.column, SIDE_PX - 1 - cells.row, SIDE_PX - 1 - cells.column]
    )

    assert 0 < cells.complete.sum() < len(cells)
    assert cells.complete[margin > reach].all()
    assert not cells.complete[margin < cells.radii_px.min(axis=1) - 1].any()


def test_foreign_things_keep_clear_of_cells_and_are_called_debris() -> None:
    field = draw_field(
        "shaded", seed=8, n_cells=20, height_px=800, width_px=800, foreign_per_mm2=300
    )

    assert len(field.foreign) > 5
    assert set(field.foreign.kind) == {KINDS.index("debris")}
    for row, column, radii in zip(
        field.foreign.row, field.foreign.column, field.foreign.radii_px, strict=True
    ):
        apart = np.hypot(field.cells.row - row, field.cells.column - column)
        assert apart.min() > radii.min() + field.cells.radii_px.min()


def test_no_cell_lies_behind_a_wall() -> None:
    field = draw_field("shaded", seed=8, n_cells=60, height_px=800, width_px=800, wall=True)

    assert field.behind_wall is not None
    assert 0.05 < field.behind_wall.mean() < 0.7
    rows = np.clip(field.cells.row / 800 * 24, 0, 23).astype(int)
    columns = np.clip(field.cells.column / 800 * 24, 0, 23).astype(int)
    assert len(field.cells) > 5
    assert not field.behind_wall[rows, columns].any()


def test_an_empty_field_has_no_cells() -> None:
    field = draw_field("halo", seed=1, n_cells=0, height_px=200, width_px=200, foreign_per_mm2=0)

    assert len(field.cells) == 0
    assert field.cells.radii_px.shape == (0, 32)


def test_cells_are_smaller_in_pixels_where_a_pixel_is_larger() -> None:
    fine = draw_field("stained", seed=1, n_cells=10, height_px=500, width_px=500)
    coarse = draw_field("stained", seed=1, n_cells=10, height_px=500, width_px=500, um_per_px=0.365)

    ratio = fine.cells.radii_px.mean() / coarse.cells.radii_px.mean()
    assert ratio == pytest.approx(2, rel=0.1)


def test_a_shadow_leaves_no_edge_where_its_tile_ends() -> None:
    donor = draw_donor("A", 1)
    look = draw_cell_look(
        donor,
        np.zeros(len(CUES)),
        Light(row=0.0, column=1.0, tilt=1.1),
        blur_px=0.9,
        rng=np.random.default_rng(3),
    )
    canvas = np.zeros((400, 400), np.float32)
    paint_shadow(canvas, look, row=120.0, column=120.0)

    steps = max(np.abs(np.diff(canvas, axis=axis)).max() for axis in (0, 1))
    assert canvas.min() < -10
    assert steps < 4
    border = canvas[:, 120 + 80 - 64]
    assert np.abs(border).max() < 0.5
