"""Focus of a scan: how many of its dark bodies have a sharp outline, as a whole and by place."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.quality import Finding, Level

_FEWEST_BODIES = 4
_FEWEST_TILES = 3
"""A tile is judged on this many bodies, and fewer blurred tiles than this are chance."""
_INNER_SHARE, _OUTER_TO_INNER = 0.7, 2.2
"""The blob filter's inner σ as a share of the usual radius, and its outer σ beside that."""


@dataclass(frozen=True)
class Focus:
    """Where a scan is in focus.

    Attributes
    ----------
    usual_rim_um
        Median rim width of the cells, 0 without cells.
    sharp_share
        Sharp outlines over dark bodies, 0-1 and at most 1; 1 without bodies.
    blurred_tiles
        Shape (t, t): tiles with bodies but hardly a sharp outline.
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
    sharp: NDArray[np.float32],
    rim_width_um: NDArray[np.float32],
    parameters: ImagingParameters,
) -> Focus:
    """Compare dark bodies with sharp outlines.

    Parameters
    ----------
    bodies, sharp
        Shape (n, 2): places as shares of the image's height and width.
    rim_width_um
        Of all cells, sharp or not.
    """
    n_bodies, n_sharp = (_count(p, parameters.focus_tiles) for p in (bodies, sharp))
    share = min(1.0, len(sharp) / len(bodies)) if len(bodies) else 1.0
    few_sharp = n_sharp < parameters.smallest_sharp_share * n_bodies
    blurred = (n_bodies >= _FEWEST_BODIES) & few_sharp
    return Focus(
        usual_rim_um=float(np.median(rim_width_um)) if len(rim_width_um) else 0.0,
        sharp_share=share,
        blurred_tiles=blurred if blurred.sum() >= _FEWEST_TILES else np.zeros_like(blurred),
    )


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
