"""Where in a scan the well is: its wall, and which side of it the cells lie on."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField, shrink
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions
from app.domain.quality import Finding, Level

_SPARSE_SHARE = 0.3
"""A side of the wall with fewer cells per area than this share of the fullest is not the well."""

_ABRUPT_SHARE = 0.5
"""Share of a wall's edge that must be abrupt."""


@dataclass(frozen=True)
class WellView:
    """Coarse view of a scan.

    Attributes
    ----------
    free
        Coarse mask: clear of the wall.
    has_wall
        Whether any wall is in view.
    """

    free: NDArray[np.bool_]
    has_wall: bool


def _keep_walls(
    coarse: NDArray[np.uint8], dark: NDArray[np.uint8], *, least_step: float, shortest_px: float
) -> NDArray[np.uint8]:
    """Keep long dark places with an abrupt edge: uneven light has none, clumps are short."""
    n_parts, parts, stats, _ = cv2.connectedComponentsWithStats(dark)
    around = np.ones((3, 3), np.uint8)
    step = cv2.dilate(coarse, around).astype(np.int16) - cv2.erode(coarse, around)
    inner = cv2.erode(dark, around, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    edge = parts[(dark > 0) & (inner == 0)]
    abrupt = parts[(dark > 0) & (inner == 0) & (step > least_step)]
    n_edge = np.maximum(np.bincount(edge, minlength=n_parts), 1)
    is_wall = np.bincount(abrupt, minlength=n_parts) >= _ABRUPT_SHARE * n_edge
    is_wall &= stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= shortest_px
    is_wall[0] = False
    return np.asarray(is_wall[parts], np.uint8)


def view_well(field: FlatField, parameters: ImagingParameters) -> WellView:
    """Find the well's wall: places much darker than the rest, at a scale that averages cells."""
    fine_um_per_px = field.um_per_px * field.coarse_factor
    factor = max(1, round(parameters.wall_um_per_px / fine_um_per_px))
    coarse = shrink(field.coarse, factor)
    usual = float(np.quantile(coarse, 0.75))
    dark = _keep_walls(
        coarse,
        (coarse < parameters.wall_share * usual).astype(np.uint8),
        least_step=parameters.wall_step * usual,
        shortest_px=parameters.shortest_wall_um / (fine_um_per_px * factor),
    )
    reach = max(1, round(parameters.wall_margin_um / (fine_um_per_px * factor)))
    near = cv2.dilate(dark, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return WellView(free=near == 0, has_wall=bool(dark.any()))


def choose_side(
    view: WellView, regions: CellRegions, shape: tuple[int, int], parameters: ImagingParameters
) -> NDArray[np.bool_]:
    """Keep the parts of the free area that hold cells.

    Parameters
    ----------
    regions
        Cells found, without debris.
    shape
        Height and width of the image, px.

    Returns
    -------
    NDArray[np.bool_]
        Coarse mask, the shape of `view.free`.
    """
    if not view.has_wall:
        return view.free
    n_parts, parts = cv2.connectedComponents(view.free.astype(np.uint8), connectivity=4)
    row = np.clip((regions.row * parts.shape[0] / shape[0]).astype(int), 0, parts.shape[0] - 1)
    column = np.clip(
        (regions.column * parts.shape[1] / shape[1]).astype(int), 0, parts.shape[1] - 1
    )
    cells = np.bincount(parts[row, column], minlength=n_parts)
    area = np.maximum(np.bincount(parts.ravel(), minlength=n_parts), 1)
    density = cells / area
    density[0] = 0  # part 0 is the wall itself
    is_well = (cells >= parameters.fewest_cells) & (density >= _SPARSE_SHARE * density.max())
    is_well[0] = False
    return np.asarray(is_well[parts], bool)


def has_long_lines(
    slope: NDArray[np.float32], limit: float, *, um_per_px: float, parameters: ImagingParameters
) -> bool:
    """Tell whether steep lines longer than any cell run through a map of slopes."""
    half = (max(1, slope.shape[1] // 2), max(1, slope.shape[0] // 2))
    coarse = cv2.resize(slope, half, interpolation=cv2.INTER_AREA)
    steep = coarse > parameters.faint_line_share * limit
    _, _, stats, _ = cv2.connectedComponentsWithStats(steep.astype(np.uint8), connectivity=8)
    longest_px = parameters.longest_line_um / (2 * um_per_px)
    sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return bool((sides.max(axis=1, initial=0) > longest_px).any())


def report_outside(usable_share: float, parameters: ImagingParameters) -> tuple[Finding, ...]:
    """Report how much of the image lies outside the well, if any does."""
    if usable_share >= 1:
        return ()
    limit = parameters.smallest_usable_share
    rejected = usable_share < limit
    advice = (
        "move the stage towards the middle of the well and take it again."
        if rejected
        else "only the part inside is used."
    )
    return (
        Finding(
            "outside_well",
            Level.REJECT if rejected else Level.WARNING,
            round(usable_share, 3),
            limit,
            f"Only {usable_share:.0%} of the image shows the inside of the well; {advice}",
        ),
    )
