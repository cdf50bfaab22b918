"""Focus of a scan: how many of its dark bodies have a sharp outline, as a whole and by place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.parameters import ImagingParameters
from app.domain.quality import Finding, Level

_FEWEST_BODIES = 4
_FEWEST_TILES = 3
"""A tile is judged on this many bodies, and fewer blurred tiles than this are chance."""


@dataclass(frozen=True)
class Focus:
    """Where a scan is in focus.

    Attributes
    ----------
    sharp_share
        Sharp outlines over dark bodies, 0-1 and at most 1; 1 without bodies.
    blurred_tiles
        Shape (t, t): tiles with bodies but hardly a sharp outline.
    """

    sharp_share: float
    blurred_tiles: NDArray[np.bool_]


def _count(points: NDArray[np.floating[Any]], n_tiles: int) -> NDArray[np.intp]:
    """Count points, given as shares of height and width, on a grid of tiles."""
    tile = np.clip((points * n_tiles).astype(np.intp), 0, n_tiles - 1)
    counts = np.bincount(tile[:, 0] * n_tiles + tile[:, 1], minlength=n_tiles**2)
    return counts.reshape(n_tiles, n_tiles)


def measure_focus(
    bodies: NDArray[np.float32], sharp: NDArray[np.float32], parameters: ImagingParameters
) -> Focus:
    """Compare dark bodies with sharp outlines.

    Parameters
    ----------
    bodies, sharp
        Shape (n, 2): places as shares of the image's height and width.
    """
    n_bodies, n_sharp = (_count(p, parameters.focus_tiles) for p in (bodies, sharp))
    share = min(1.0, len(sharp) / len(bodies)) if len(bodies) else 1.0
    few_sharp = n_sharp < parameters.smallest_sharp_share * n_bodies
    blurred = (n_bodies >= _FEWEST_BODIES) & few_sharp
    return Focus(share, blurred if blurred.sum() >= _FEWEST_TILES else np.zeros_like(blurred))


def report_blur(
    focus: Focus, *, rim_width_um: float, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Report an image or a part of it that is out of focus.

    Parameters
    ----------
    rim_width_um
        Median rim width of the image's cells, 0 without cells.
    """
    if focus.sharp_share < parameters.smallest_sharp_share:
        return (
            Finding(
                "out_of_focus",
                Level.REJECT,
                round(rim_width_um, 2),
                parameters.widest_rim_um,
                f"The image is out of focus: only {focus.sharp_share:.0%} of the bodies in view "
                f"have a rim narrower than {parameters.widest_rim_um} µm; refocus and take it "
                "again.",
            ),
        )
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
