"""Drawn images for timing: 200 cells on 2424×2424 px."""

from typing import Final

from app.domain.imaging.scan_image import write_bmp
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image

N_CELLS: Final = 200


def drawn_bmp(number: int) -> bytes:
    donor = draw_donor("BENCH", 1)
    well = draw_well_look(donor, outlet=None, well=1)
    drawn = draw_image(donor, well, outlet=None, number=number, seed=1, n_cells=N_CELLS)
    return write_bmp(drawn.pixels)
