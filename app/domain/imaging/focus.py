"""Focus of a scan: how many of its dark bodies have a sharp outline, as a whole and by place."""

from dataclasses import dataclass
from math import isqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import look_up
from app.domain.quality import Finding, Level

_FEWEST_BODIES = 4
_BODIES_PER_TILE = 10
_FEWEST_TILES = 3
"""A tile is judged on the first number of bodies; tiles are as large as to have the second on
average. Fewer blurred tiles than the third are chance; of four tiles it takes two."""
_MOST_BLURRED = 0.75
"""With a greater share of blurred tiles the whole image is out of focus."""
_INNER_SHARE, _OUTER_TO_INNER = 0.7, 2.2
"""The blob filter's inner σ as a share of the usual radius, and its outer σ beside that."""


@dataclass(frozen=True)
class Focus:
    """Where a scan is in focus.

    Attributes
    ----------
    usual_rim_um
        Median rim width of the cells outside blurred tiles, 0 without cells.
    sharp_share
        Sharp outlines over dark bodies, also outside, 0-1 and at most 1; 1 without bodies.
    blurred_tiles
        Shape (t, t): tiles with bodies but hardly a sharp outline; none where hardly any other
        tile is left.
    """

    usual_rim_um: float
    sharp_share: float
    blurred_tiles: NDArray[np.bool_]

    def is_wide(self, parameters: ImagingParameters) -> bool:
        """Tell whether most rims are too wide for a sharp image."""
        return self.usual_rim_um > parameters.widest_usual_rim_um


def find_bodies(field: FlatField, parameters: ImagingParameters) -> NDArray[np.float32]:
    """Find bodies of a cell's size however blurred, shape (n, 2): share of height and width.

    They tell an image out of focus, which has bodies but no rims, from an empty one.
    """
    deviation = field.coarse / field.background - 1
    radius_px = parameters.cell_diameter_um / (2 * field.coarse_factor * field.um_per_px)
    sigma_px = _INNER_SHARE * radius_px
    body = deviation if parameters.polarity == "bright" else -deviation
    near = cv2.GaussianBlur(np.maximum(body, 0), (0, 0), sigma_px)
    response = near - cv2.GaussianBlur(near, (0, 0), _OUTER_TO_INNER * sigma_px)
    side = round(2 * radius_px) | 1
    highest = cv2.dilate(response, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    least = parameters.faintest_blurred_body
    found = np.argwhere((response >= highest) & (near > least) & (response > 0))
    return np.asarray((found + 0.5) / deviation.shape, np.float32)


def _count(points: NDArray[np.floating[Any]], n_tiles: int) -> NDArray[np.intp]:
    """Count points, given as shares of height and width, on a grid of tiles."""
    tile = np.clip((points * n_tiles).astype(np.intp), 0, n_tiles - 1)
    counts = np.bincount(tile[:, 0] * n_tiles + tile[:, 1], minlength=n_tiles**2)
    return counts.reshape(n_tiles, n_tiles)


def measure_focus(
    bodies: NDArray[np.float32],
    cells: NDArray[np.float32],
    rim_width_um: NDArray[np.float32],
    is_sharp: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> Focus:
    """Compare dark bodies with sharp outlines.

    Parameters
    ----------
    bodies, cells
        Shape (n, 2) and (m, 2): places as shares of the image's height and width.
    rim_width_um, is_sharp
        Shape (m,): of each cell.
    """
    blurred = _find_blurred_tiles(bodies, cells, is_sharp, parameters)
    left_bodies, left = (~look_up(blurred, p[:, 0], p[:, 1]) for p in (bodies, cells))
    n_bodies, n_sharp = int(left_bodies.sum()), int((left & is_sharp).sum())
    return Focus(
        usual_rim_um=float(np.median(rim_width_um[left])) if left.any() else 0.0,
        sharp_share=min(1.0, n_sharp / n_bodies) if n_bodies else 1.0,
        blurred_tiles=blurred,
    )


def _find_blurred_tiles(
    bodies: NDArray[np.float32],
    cells: NDArray[np.float32],
    is_sharp: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> NDArray[np.bool_]:
    n_most = max(len(bodies), len(cells))
    side = min(max(isqrt(n_most // _BODIES_PER_TILE), 1), parameters.focus_tiles)
    n_bodies, n_cells, n_sharp = (_count(p, side) for p in (bodies, cells, cells[is_sharp]))
    n_bodies = np.maximum(n_bodies, n_cells)
    few_sharp = n_sharp < parameters.smallest_sharp_share * n_bodies
    blurred = (n_bodies >= _FEWEST_BODIES) & few_sharp
    is_part = blurred.mean() <= _MOST_BLURRED
    is_chance = blurred.sum() < min(_FEWEST_TILES, side)
    return blurred if is_part and not is_chance else np.zeros_like(blurred)


def _blurred(value: float, limit: float, seen: str) -> tuple[Finding, ...]:
    return (
        Finding(
            "out_of_focus",
            Level.REJECT,
            round(value, 2),
            limit,
            f"The image is out of focus: {seen}; refocus and take it again.",
        ),
    )


def report_blur(focus: Focus, parameters: ImagingParameters) -> tuple[Finding, ...]:
    """Report an image or a part of it that is out of focus."""
    widest = parameters.widest_usual_rim_um
    if focus.usual_rim_um > widest:
        seen = (
            f"its cells' rims are {focus.usual_rim_um:.2f} µm wide, at most {widest} µm are sharp"
        )
        return _blurred(focus.usual_rim_um, widest, seen)
    fewest = parameters.smallest_sharp_share
    if focus.sharp_share < fewest:
        seen = f"only {focus.sharp_share:.0%} of the bodies in view have a sharp rim"
        return _blurred(focus.sharp_share, fewest, seen)
    if not focus.blurred_tiles.any():
        return ()
    share = float(focus.blurred_tiles.mean())
    return (
        Finding(
            "partly_out_of_focus",
            Level.WARNING,
            round(share, 3),
            0.0,
            f"About {share:.0%} of the image is out of focus; only the sharp part is used, and a "
            "level stage avoids it.",
        ),
    )
