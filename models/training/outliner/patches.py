"""Patches of sheets with their targets, drawn by the thousand in several processes."""

import multiprocessing
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import estimate_background, shrink
from app.domain.imaging.outliner import GRID_PX, KINDS
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES
from app.domain.synthetic.cameras import reprint
from app.domain.synthetic.debris import DebrisKind
from app.domain.synthetic.donors import draw_donor, draw_well_look, generator
from app.domain.synthetic.images import TrueCell, TrueImage, draw_image
from app.domain.synthetic.looks import BLURRED_FROM_UM, DrawnCells, DrawnField, draw_field
from app.domain.synthetic.shapes import shape_of_points
from models.training.outliner.config import PatchConfig
from models.training.outliner.targets import (
    ANY_CELL,
    HEAT,
    HEAT_WEIGHT,
    N_CHANNELS,
    PatchTruth,
    encode,
)

DONOR_IMAGE: Final = "donor_image"
_TOUCHING_GAP_PX: Final = 1.0
_WORK_UM_PER_PX: Final = 0.365
_LEAST_CLUMP_PX: Final = 3.5
_IS_CENTRE: Final = 0.99
_USUAL: Final = ImagingParameters()


class Patches(NamedTuple):
    """n patches: sheets (n, side, side) float16 and targets (n, side / 4, side / 4, 36) float16."""

    sheets: NDArray[np.float16]
    targets: NDArray[np.float16]


class _Scene(NamedTuple):
    """A drawn picture at working resolution, its true light if known, and its truth."""

    image: NDArray[np.uint8]
    light: NDArray[np.float32] | None
    truth: PatchTruth


class _Printing(NamedTuple):
    """How a picture is printed: see `cameras.reprint`."""

    enlarged: float
    jpeg_quality: int | None
    soft_px: float


def draw_patches(
    config: PatchConfig,
    n_patches: int,
    *,
    seed: int,
    processes: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Patches:
    """Draw patches; seed and configuration decide them, not the number of processes."""
    grid = config.side_px // 4
    sheets = np.empty((n_patches, config.side_px, config.side_px), np.float16)
    targets = np.empty((n_patches, grid, grid, N_CHANNELS), np.float16)
    draw = partial(draw_patch, config, seed)
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_one_thread) as pool:
        for index, (sheet, target) in enumerate(pool.imap(draw, range(n_patches), chunksize=16)):
            sheets[index], targets[index] = sheet, target
            on_progress(index + 1)
    return Patches(sheets, targets)


def draw_patch(
    config: PatchConfig, seed: int, index: int
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """One patch and its target."""
    rng = generator("patch", seed, index)
    names = list(config.looks)
    weights = np.array([config.looks[name] for name in names])
    look = str(rng.choice(names, p=weights / weights.sum()))
    key = int(rng.integers(2**31))
    scene = (
        _donor_scene(config, key, rng)
        if look == DONOR_IMAGE
        else _look_scene(config, look, key, rng)
    )
    sheet, truth = _flattened(scene, config, rng), scene.truth
    if rng.random() < config.edge_share:
        truth = _cut_edge(sheet, truth, rng)
    target = encode(truth, side_px=config.side_px)
    if rng.random() < config.packed_share:
        kept = _choose_boxes(sheet.shape, truth, rng)
        between = np.zeros_like(sheet)
        if rng.random() < config.neighbours_share:
            between = np.roll(sheet, rng.integers(len(sheet), size=2), axis=(0, 1))
            _ignore(target, ~kept)
        sheet = np.where(kept, sheet, between)
    return sheet.astype(np.float16), target


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _look_scene(config: PatchConfig, look: str, key: int, rng: np.random.Generator) -> _Scene:
    low, high = config.um_per_px
    printing = _draw_printing(config, look, rng)
    field = draw_field(
        look,
        seed=key,
        n_cells=_cell_count(config, rng),
        crowding=float(rng.uniform(0, 0.8)),
        height_px=config.side_px,
        width_px=config.side_px,
        um_per_px=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        foreign_per_mm2=float(rng.choice([0, 30, 200, 500])),
        wall=rng.random() < config.wall_share,
        defocused_share=float(rng.choice(config.blurred_shares)),
    )
    image = _printed(field.image, printing)
    return _Scene(image, field.light, _look_truth(field, printed=printing[-1].enlarged > 1))


def _draw_printing(config: PatchConfig, look: str, rng: np.random.Generator) -> list[_Printing]:
    """Not at all, compressed, or made from a smaller picture, even twice."""
    is_strong = look in config.strong_looks or look == DONOR_IMAGE
    if is_strong and rng.random() < config.printed_share:
        last = _Printing(
            enlarged=float(rng.uniform(*config.enlarged)),
            jpeg_quality=int(rng.integers(config.worst_jpeg, 96)),
            soft_px=float(rng.uniform(*config.printed_soft_px)),
        )
        if look not in config.solid_looks or rng.random() >= config.printed_twice_share:
            return [last]
        first = _Printing(
            enlarged=float(rng.uniform(*config.first_enlarged)),
            jpeg_quality=int(rng.integers(*config.first_jpeg)),
            soft_px=0.0,
        )
        return [first, last._replace(jpeg_quality=int(rng.integers(80, 96)), soft_px=0.0)]
    worst = config.worst_jpeg if is_strong else config.worst_jpeg_of_faint
    quality = int(rng.integers(worst, 96)) if rng.random() < config.jpeg_share else None
    return [_Printing(enlarged=1.0, jpeg_quality=quality, soft_px=0.0)]


def _printed(image: NDArray[np.uint8], printings: list[_Printing]) -> NDArray[np.uint8]:
    for printing in printings:
        image = reprint(image, **printing._asdict())
    return image


def _cell_count(config: PatchConfig, rng: np.random.Generator) -> int:
    if rng.random() < config.empty_share:
        return 0
    return int(np.exp(rng.uniform(np.log(3), np.log(70))))


def _look_truth(field: DrawnField, *, printed: bool) -> PatchTruth:
    cells, foreign = field.cells, field.foreign
    blurred = cells.blur_px * field.um_per_px > BLURRED_FROM_UM
    kind = np.where(blurred, KINDS.index("blurred"), KINDS.index("single"))
    kind[cells.gap_px < _TOUCHING_GAP_PX] = KINDS.index("several")
    if printed:
        kind[:] = ANY_CELL
    return PatchTruth(
        row=np.concatenate([cells.row, foreign.row]),
        column=np.concatenate([cells.column, foreign.column]),
        radii_px=np.concatenate([cells.radii_px, foreign.radii_px]),
        kind=np.concatenate([kind, foreign.kind]),
        complete=np.concatenate([cells.complete, foreign.complete]),
        ignored=_barely_inside(cells, field.image.shape[0]),
    )


def _barely_inside(cells: DrawnCells, side_px: int) -> NDArray[np.float64]:
    """Where a cell's centre lies within 2 px of the border: found or not, both are right."""
    margin = np.minimum(
        np.minimum(cells.row, side_px - 1 - cells.row),
        np.minimum(cells.column, side_px - 1 - cells.column),
    )
    doubtful = np.abs(margin) < 2
    reach = np.full(int(doubtful.sum()), 6.0)
    return np.stack([cells.row[doubtful], cells.column[doubtful], reach], axis=1)


def _donor_scene(config: PatchConfig, key: int, rng: np.random.Generator) -> _Scene:
    """A piece of a simulated sample's image, made smaller as the program does."""
    donor = draw_donor(f"patch{key}", key)
    side = 2 * config.side_px
    drawn = draw_image(
        donor,
        draw_well_look(donor, outlet=None, well=1),
        outlet=None,
        number=1,
        seed=key,
        height=side,
        width=side,
        n_cells=_cell_count(config, rng),
    )
    printing = _draw_printing(config, DONOR_IMAGE, rng)
    image = _printed(shrink(drawn.pixels, 2), printing)
    return _Scene(image, None, _donor_truth(drawn, printed=printing[-1].enlarged > 1))


def _donor_truth(drawn: TrueImage, *, printed: bool) -> PatchTruth:
    cells = drawn.cells
    clumps = tuple(debris for debris in drawn.debris if debris.kind is DebrisKind.CLUMP)
    doubtful = [
        (debris.row / 2, debris.column / 2, debris.radius_px / 2 + 3)
        for debris in drawn.debris
        if debris.kind is DebrisKind.GHOST or debris.radius_px > _LEAST_CLUMP_PX
    ]
    # A pixel made of two by two has its middle a quarter of a pixel later than theirs, halved.
    spots = [(c.row, c.column) for c in cells] + [(c.row, c.column) for c in clumps]
    places = np.array(spots).reshape(-1, 2) / 2 - 0.25
    radii = [_donor_radii(cell) for cell in cells]
    radii += [np.full(len(ANGLES), 0.8 * clump.radius_px, np.float32) for clump in clumps]
    kinds = [ANY_CELL if printed else _donor_kind(cell) for cell in cells] + [
        KINDS.index("debris")
    ] * len(clumps)
    limit = drawn.pixels.shape[0]
    inside = [bool(c.outline.min() >= 0 and c.outline.max() <= limit - 1) for c in cells]
    return PatchTruth(
        row=places[:, 0],
        column=places[:, 1],
        radii_px=np.array(radii, np.float32).reshape(-1, len(ANGLES)) / np.float32(2),
        kind=np.array(kinds, np.int64),
        complete=np.array(inside + [True] * len(clumps), np.bool_),
        ignored=np.array(doubtful).reshape(-1, 3),
    )


def _donor_radii(cell: TrueCell) -> NDArray[np.float32]:
    return shape_of_points(cell.outline.astype(np.float64), cell.row, cell.column).radii_px


def _donor_kind(cell: TrueCell) -> int:
    if cell.clearance_px < 2 * _TOUCHING_GAP_PX:
        return KINDS.index("several")
    return KINDS.index("blurred" if cell.verdict == "blurred" else "single")


def _flattened(scene: _Scene, config: PatchConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    """Deviation as the program makes it: by its own estimate, or by light that is nearly right."""
    estimated = scene.light is None or rng.random() < config.estimated_background_share
    if estimated or scene.light is None:
        background = estimate_background(scene.image, um_per_px=_WORK_UM_PER_PX, parameters=_USUAL)
    else:
        error = rng.normal(0, rng.uniform(0, 0.02), (3, 3)).astype(np.float32)
        side = scene.image.shape[::-1]
        background = scene.light * (1 + cv2.resize(error, side, interpolation=cv2.INTER_CUBIC))
    return np.clip(scene.image / np.maximum(background, 1) - 1, -1, 1).astype(np.float32)


def _cut_edge(
    sheet: NDArray[np.float32], truth: PatchTruth, rng: np.random.Generator
) -> PatchTruth:
    """Blank a strip along one side, in place, as beyond the edge of an image."""
    side = len(sheet)
    width = int(rng.integers(4, side // 3))
    along_rows, far = rng.random() < 0.5, rng.random() < 0.5
    strip = np.s_[side - width :] if far else np.s_[:width]
    if along_rows:
        sheet[strip] = 0
    else:
        sheet[:, strip] = 0
    place = truth.row if along_rows else truth.column
    margin = (side - width - 1 - place) if far else place - width
    reach = truth.radii_px.max(axis=1, initial=0)
    doubtful = np.abs(margin) < 2
    extra = np.stack(
        [truth.row[doubtful], truth.column[doubtful], np.full(int(doubtful.sum()), 6.0)], axis=1
    )
    seen = margin > 0
    return PatchTruth(
        row=truth.row[seen],
        column=truth.column[seen],
        radii_px=truth.radii_px[seen],
        kind=truth.kind[seen],
        complete=(truth.complete & (margin > reach))[seen],
        ignored=np.concatenate([truth.ignored, extra]),
    )


def _choose_boxes(
    shape: tuple[int, ...], truth: PatchTruth, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose boxes around the contents and a few around nothing, as packed on a sheet."""
    kept = np.zeros(shape, bool)
    margin = float(rng.uniform(3, 14))
    for row, column, radii in zip(truth.row, truth.column, truth.radii_px, strict=True):
        reach = float(radii.max()) + margin
        top, left = max(int(row - reach), 0), max(int(column - reach), 0)
        kept[top : int(row + reach) + 2, left : int(column + reach) + 2] = True
    for row, column in rng.uniform(0, shape[0], (3, 2)):
        kept[int(row) : int(row) + 40, int(column) : int(column) + 40] = True
    return kept


def _ignore(target: NDArray[np.float16], hidden: NDArray[np.bool_]) -> None:
    """Ask for no answer, in place, in squares of which anything is hidden."""
    side = len(target)
    squares = hidden.reshape(side, GRID_PX, side, GRID_PX).any(axis=(1, 3))
    target[..., HEAT_WEIGHT][squares & (target[..., HEAT] < _IS_CENTRE)] = 0


def mirrored(patches: Patches, *, rows: bool, transposed: bool) -> Patches:
    """The same patches upside down, or with rows and columns exchanged; radii follow."""
    sheets, targets = patches
    radii_from = np.arange(len(ANGLES))
    if rows:
        sheets, targets = sheets[:, ::-1], targets[:, ::-1]
        radii_from = radii_from[-np.arange(len(ANGLES))]
    if transposed:
        sheets, targets = sheets.swapaxes(1, 2), targets.swapaxes(1, 2)
        radii_from = radii_from[(len(ANGLES) // 4 - np.arange(len(ANGLES))) % len(ANGLES)]
    order = np.concatenate([np.arange(N_CHANNELS - len(ANGLES)), radii_from + 4])
    return Patches(sheets, targets[..., order])
