"""The published figure 1 with the cells that were marked on it by eye, against any method."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.imaging.fields import USUAL_UM_PER_PX, Method
from bench.imaging.foreign import SHARED, read_grey
from bench.imaging.shares import Share, wilson
from tests.unit.figure_marks import PANEL_PX, MarkScore, score_marks
from tests.unit.test_imaging_figures import IMAGE_PX, PANEL_CORNERS, cut_panel

FIGURE: Final = SHARED / "reference" / "figures" / "fig1_fields_donor3_original.jpeg"


@dataclass(frozen=True, kw_only=True)
class MarkFigures:
    """Marked cells found within half a cell, and finds on a marked cell; Wilson over cells."""

    n_cells: int
    recall: Share
    precision: Share
    n_on_negatives: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One panel, enlarged to a whole field."""

    name: str
    pixels: NDArray[np.uint8]


def panels() -> Iterator[Panel]:
    """The five panels, none where the figure is missing."""
    if FIGURE.exists():
        figure = read_grey(FIGURE)
        for name in PANEL_CORNERS:
            yield Panel(name=name, pixels=cut_panel(figure, name))


def measure_marks(method: Method, marked: Iterable[Panel]) -> MarkFigures | None:
    """Figures over all panels; None without any."""
    total = MarkScore(0, 0, 0, 0, 0)
    for panel in marked:
        centres = method(panel.pixels, um_per_px=USUAL_UM_PER_PX).centres
        total += score_marks((centres + 0.5) * (PANEL_PX / IMAGE_PX) - 0.5, panel.name)
    if not total.n_cells:
        return None
    return MarkFigures(
        n_cells=total.n_cells,
        recall=wilson(total.n_recalled, total.n_cells),
        precision=wilson(total.n_right, total.n_found),
        n_on_negatives=total.n_on_negatives,
    )
