"""What must not matter to imaging does not: turns, mirrors, shifts, brightness."""

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from app.domain.imaging import Inspection
from app.domain.imaging.judgement import DEBRIS
from app.domain.synthetic.looks import draw_field
from tests.unit.imaging_truth import draw_number, inspect

SIDE_PX = 1000
FURTHEST_SHIFT_PX = 40
LARGEST_MOVE_PX = 1.0
MOST_CHANGED_OF_ONE = 0.1
"""Share of one image's cells that may move further or change their verdict; what is asked of all
images together is said below."""
EDGE_PX = 100
"""Cells this near to the edge may come to be cut, or lose their crop."""
LOOKS = ("donor", "shaded", "thin_rings", "crenated", "stained")
SEEDS = tuple(first + number for first in (800, 3000, 7000, 9000) for number in range(18))
"""All that trials were compared on: a lot left out would be a lot chosen."""
FEW_SEEDS = SEEDS[:3]
MOST_CHANGED = 0.01

Pixels = NDArray[np.uint8]
Centres = tuple[NDArray[np.float32], NDArray[np.float32]]
Where = Callable[[Centres], Centres]


class Changes(NamedTuple):
    """Cells away from the edge, and how many of them moved or changed their verdict."""

    n_cells: int
    n_moved: int
    n_judged_otherwise: int
    n_either: int

    def __str__(self) -> str:
        shares = [n / self.n_cells for n in self[1:]]
        return "{} cells: {:.2%} moved, {:.2%} judged otherwise, {:.2%} either".format(
            self.n_cells, *shares
        )


@lru_cache(maxsize=len(LOOKS) * len(FEW_SEEDS))
def draw(look: str, seed: int) -> Pixels:
    if look == "donor":
        return draw_number(seed, side_px=SIDE_PX, n_cells=45).pixels
    side_px = SIDE_PX
    return draw_field(look, seed=seed, n_cells=45, height_px=side_px, width_px=side_px).image


@lru_cache(maxsize=len(LOOKS) * len(FEW_SEEDS))
def inspected(look: str, seed: int) -> Inspection:
    return inspect(draw(look, seed))


def compare(plain: Inspection, other: Inspection, where: Where) -> Changes:
    """Whether every cell lies where it should, and is what it was; debris is no cell."""
    assert other.image.verdict is plain.image.verdict
    before = (plain.regions.row, plain.regions.column)
    is_cell = np.array([DEBRIS not in cell.findings for cell in plain.judgements], bool)
    is_inner = np.all([(c > EDGE_PX) & (c < SIDE_PX - EDGE_PX) for c in before], axis=0)
    counted = is_cell & is_inner
    rows, columns = where(before)
    distance = np.hypot(
        rows[counted, None] - other.regions.row, columns[counted, None] - other.regions.column
    )
    moved = distance.min(axis=1) > LARGEST_MOVE_PX
    otherwise = plain.accepted[counted] != other.accepted[distance.argmin(axis=1)]
    return Changes(
        len(moved), int(moved.sum()), int(otherwise.sum()), int((moved | otherwise).sum())
    )


def compare_turned(look: str, seed: int, symmetry: int) -> Changes:
    n_turns, is_mirrored = symmetry % 4, symmetry >= 4
    pixels = draw(look, seed)
    turned = np.rot90(pixels[:, ::-1] if is_mirrored else pixels, n_turns)

    def where(centres: Centres) -> Centres:
        row, column = centres
        column = SIDE_PX - 1 - column if is_mirrored else column
        for _ in range(n_turns):
            row, column = SIDE_PX - 1 - column, row
        return row, column

    return compare(inspected(look, seed), inspect(np.ascontiguousarray(turned)), where)


def compare_shifted(look: str, seed: int, down: int, right: int) -> Changes:
    padded = np.pad(draw(look, seed), FURTHEST_SHIFT_PX, mode="reflect")
    first, left = FURTHEST_SHIFT_PX - down, FURTHEST_SHIFT_PX - right
    moved = padded[first : first + SIDE_PX, left : left + SIDE_PX]

    def where(centres: Centres) -> Centres:
        return centres[0] + np.float32(down), centres[1] + np.float32(right)

    return compare(inspected(look, seed), inspect(np.ascontiguousarray(moved)), where)


def compare_brightened(look: str, seed: int, gain: float, offset: int) -> Changes | None:
    """None where too many pixels would be clipped, or too little light would be left."""
    changed = np.rint(draw(look, seed) * gain + offset)
    if np.mean((changed < 0) | (changed > 255)) > 0.001 or np.median(changed) < 90:
        return None
    other = inspect(np.clip(changed, 0, 255).astype(np.uint8))
    return compare(inspected(look, seed), other, lambda centres: centres)


TRANSFORMATIONS: dict[str, tuple[Callable[..., Changes | None], tuple[tuple[float, ...], ...]]] = {
    "turns and mirrors": (compare_turned, ((1,), (2,), (3,), (4,), (5,))),
    "even shifts": (compare_shifted, ((2, 0), (-8, 14), (36, -26))),
    "odd shifts": (compare_shifted, ((0, 1), (-7, 15), (33, 21))),
    "gain and offset": (compare_brightened, ((0.8, 0), (1.1, -8), (0.9, 12))),
}


@cache
def count_changes() -> dict[str, Changes]:
    """What each transformation changes in all images together; an image is drawn once for all."""
    changes: dict[str, list[Changes]] = {name: [] for name in TRANSFORMATIONS}
    for look, seed in product(LOOKS, SEEDS):
        for name, (compare_with, variants) in TRANSFORMATIONS.items():
            each = (compare_with(look, seed, *variant) for variant in variants)
            changes[name] += [one for one in each if one is not None]
    return {name: Changes(*np.sum(each, axis=0).tolist()) for name, each in changes.items()}


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_hardly_a_cell_changes(transformation: str) -> None:
    total = count_changes()[transformation]
    print(transformation, total)  # noqa: T201  reported
    assert total.n_cells > 25_000
    assert total.n_either <= MOST_CHANGED * total.n_cells


FEW = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
looks, seeds = st.sampled_from(LOOKS), st.sampled_from(FEW_SEEDS)
shifts = st.integers(-FURTHEST_SHIFT_PX, FURTHEST_SHIFT_PX)


def assert_hardly_changed(changes: Changes | None) -> None:
    if changes is not None:
        assert changes.n_either <= max(3, MOST_CHANGED_OF_ONE * changes.n_cells)


@FEW
@given(looks, seeds, st.integers(0, 7))
def test_turns_and_mirrors(look: str, seed: int, symmetry: int) -> None:
    assert_hardly_changed(compare_turned(look, seed, symmetry))


@FEW
@given(looks, seeds, shifts, shifts)
def test_whole_pixel_shifts(look: str, seed: int, down: int, right: int) -> None:
    assert_hardly_changed(compare_shifted(look, seed, down, right))


@FEW
@given(looks, seeds, st.floats(0.75, 1.2), st.integers(-15, 15))
def test_gain_and_offset(look: str, seed: int, gain: float, offset: int) -> None:
    assert_hardly_changed(compare_brightened(look, seed, gain, offset))


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=90)))
def test_any_array_gets_a_verdict(pixels: Pixels) -> None:
    inspection = inspect(pixels)
    assert len(inspection.judgements) == len(inspection.regions)
    assert all(0 <= judged.probability <= 1 for judged in inspection.judgements)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 8), (61, 2)])
def test_any_shape_gets_a_verdict(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert inspect(pixels).image.findings
