"""Drawn fields of every look, each of its own seed: measured on, never trained on."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from app.domain.imaging.regions import ANGLES
from app.domain.synthetic.donors import draw_donor, draw_well_look, generator
from app.domain.synthetic.images import TrueCellVerdict, TrueImage, draw_image
from app.domain.synthetic.looks import (
    BLURRED_FROM_UM,
    HELD_OUT_LOOKS,
    TRAINED_LOOKS,
    DrawnField,
    draw_field,
)
from bench.imaging.fields import USUAL_UM_PER_PX, TrueField

PUBLISHED: Final = "published"
CROWDED: Final = "crowded"
SCALES: Final = "other pixel sizes"
LOOKS: Final = (PUBLISHED, *TRAINED_LOOKS, *HELD_OUT_LOOKS)
"""The first is drawn by the simulator of whole samples, the others by that of the looks."""

SIDE_PX: Final = 1212
CELLS: Final = (15, 100)
"""Cells on a quarter of a field: 60 to 400 on a whole one."""
CROWDED_CELLS: Final = (1600, 3000)
OTHER_UM_PER_PX: Final = (0.12, 0.15, 0.25, 0.30, 0.35)
FIRST_SEED: Final = 8_000_000
"""First of the benchmark's seeds. Training draws its own by chance from 2³¹ and sees patches, so
that hardly a cell of any look here was trained on; of the looks held out, none is."""
_OUTLETS: Final = (None, 2, 3, 4, 5)


def draw_look(look: str, count: int) -> Iterator[TrueField]:
    """`count` fields of one look, each in a style and of a number of cells of its own."""
    for number in range(count):
        rng = generator("bench", look, number)
        n_cells = int(rng.integers(CELLS[0], CELLS[1] + 1))
        if look == PUBLISHED:
            yield draw_published(number, n_cells=n_cells, side_px=SIDE_PX)
        else:
            yield read_field(
                draw_field(
                    look,
                    seed=FIRST_SEED + number,
                    n_cells=n_cells,
                    crowding=float(rng.uniform(0.05, 0.4)),
                    height_px=SIDE_PX,
                    width_px=SIDE_PX,
                )
            )


def draw_crowded(count: int) -> Iterator[TrueField]:
    """Whole fields full of thin-ringed cells, more than half of them beside another."""
    for number in range(count):
        n_cells = int(np.linspace(*CROWDED_CELLS, max(count, 2))[number])
        seed = FIRST_SEED + 1000 + number
        drawn = draw_field("thin_rings", seed=seed, n_cells=n_cells, crowding=0.6)
        yield read_field(drawn, look=CROWDED)


def draw_other_sizes(count: int) -> Iterator[TrueField]:
    """Fields of pixels from 0.12 to 0.35 µm, a quarter of a usual field each."""
    for number in range(count):
        um_per_px = OTHER_UM_PER_PX[number % len(OTHER_UM_PER_PX)]
        side_px = round(SIDE_PX * USUAL_UM_PER_PX / um_per_px)
        drawn = draw_field(
            TRAINED_LOOKS[number % len(TRAINED_LOOKS)],
            seed=FIRST_SEED + 2000 + number,
            n_cells=50,
            height_px=side_px,
            width_px=side_px,
            um_per_px=um_per_px,
        )
        yield read_field(drawn, look=SCALES)


def draw_published(number: int, *, n_cells: int, side_px: int) -> TrueField:
    """A field of the published look, of a donor and well of its own."""
    donor = draw_donor(f"IMAGING{number}", FIRST_SEED + number)
    outlet = _OUTLETS[number % 5]
    well = draw_well_look(donor, outlet=outlet, well=1 + number % 2)
    return read_image(
        draw_image(
            donor,
            well,
            outlet=outlet,
            number=number,
            seed=FIRST_SEED,
            n_cells=n_cells,
            height=side_px,
            width=side_px,
        )
    )


def draw_for_cost(n_cells: int, *, number: int = 0) -> TrueField:
    """A whole field in the look with shadows, which leave the cheap search most to do."""
    seed = FIRST_SEED + 3000 + number
    return read_field(draw_field("shaded", seed=seed, n_cells=n_cells, crowding=0.2))


def read_image(image: TrueImage) -> TrueField:
    cells, debris = image.cells, image.debris
    verdicts = np.array([cell.verdict for cell in cells])
    return TrueField(
        look=PUBLISHED,
        pixels=image.pixels,
        um_per_px=USUAL_UM_PER_PX,
        centres=np.array([(cell.row, cell.column) for cell in cells]).reshape(-1, 2),
        outlines=tuple(cell.outline for cell in cells),
        clearance_px=np.array([cell.clearance_px for cell in cells]),
        is_partial=verdicts == TrueCellVerdict.PARTIAL,
        is_blurred=verdicts == TrueCellVerdict.BLURRED,
        debris=np.array([(d.row, d.column, d.radius_px) for d in debris]).reshape(-1, 3),
    )


def read_field(drawn: DrawnField, *, look: str | None = None) -> TrueField:
    cells, foreign = drawn.cells, drawn.foreign
    rows = cells.row[:, None] + cells.radii_px * np.sin(ANGLES)
    columns = cells.column[:, None] + cells.radii_px * np.cos(ANGLES)
    reach = foreign.radii_px.max(axis=1, initial=0).astype(np.float64)
    return TrueField(
        look=look or drawn.look,
        pixels=drawn.image,
        um_per_px=drawn.um_per_px,
        centres=np.stack([cells.row, cells.column], axis=1),
        outlines=tuple(np.stack([rows, columns], axis=2)),
        clearance_px=cells.gap_px,
        is_partial=~cells.complete,
        is_blurred=cells.blur_px * drawn.um_per_px > BLURRED_FROM_UM,
        debris=np.stack([foreign.row, foreign.column, reach], axis=1),
    )
