"""The published images: cells found in the five panels of figure 1 against a count by eye."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, inspect_and_segment
from app.domain.imaging.judgement import is_debris

PANEL_PX = 476
PANEL_CORNERS = {
    "outlet 2": (4, 6),
    "outlet 3": (4, 506),
    "outlet 4": (508, 6),
    "outlet 5": (508, 506),
    "unsorted": (264, 1008),
}
"""Row and column of each panel in the figure, a few px inside its border."""

HAND_COUNTS = {"outlet 2": 116, "outlet 3": 227, "outlet 4": 152, "outlet 5": 54, "unsorted": 281}
"""Counted by eye on 2026-11-23 on quarters enlarged fivefold under a 4 x 4 grid, without any
outlines drawn: cells of which at least half a body is visible, those cut by the edge
included, those under the caption, clumps of debris and bare shadows at the edge left out."""

CAPTION = (slice(424, 461), slice(285, 466))


def cut_panel(figure: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Cut a panel, fade its caption out between the rows above and below, and enlarge it."""
    top, left = PANEL_CORNERS[name]
    panel = figure[top : top + PANEL_PX, left : left + PANEL_PX].copy()
    rows, columns = CAPTION
    above, below = (np.median(panel[row, columns]) for row in (rows.start - 1, rows.stop))
    panel[CAPTION] = np.rint(np.linspace(above, below, rows.stop - rows.start))[:, None]
    return np.asarray(cv2.resize(panel, (2424, 2424), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.shared
@pytest.mark.parametrize("name", PANEL_CORNERS)
def test_cells_found_agree_with_the_count_by_eye(shared_dir: Path, name: str) -> None:
    path = shared_dir / "reference" / "figures" / "fig1_fields_donor3_original.jpeg"
    figure = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    parameters = ImagingParameters()
    inspection = inspect_and_segment(cut_panel(figure, name), parameters)
    n_found = int((~is_debris(inspection.regions, parameters)).sum())
    print(name, n_found, HAND_COUNTS[name], inspection.image.focus)  # noqa: T201  reported
    assert abs(n_found - HAND_COUNTS[name]) <= 0.2 * HAND_COUNTS[name]
