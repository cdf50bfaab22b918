"""Whether a scan shows single cells in brightfield at all, or something else."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.activity import TILE_PX, activity_limit
from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, RADIUS_UNIT_PX, CellRegions
from app.domain.quality import Finding, Level

Floats = NDArray[np.float32]

_ON_RIM = np.ones(1, np.float32)
_ALL_OVER = np.array([0.1, 0.4, 0.7, 1.0], np.float32)
"""Where in a cell tiles are looked up, as shares of its radii."""


def _touched_tiles(
    field: FlatField, regions: CellRegions, shares: Floats, margin_um: float, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the rows and columns of the tiles that points of the cells lie in, shape (n, 32, m)."""
    unit = np.float32(RADIUS_UNIT_PX / field.factor)
    margin = np.float32(margin_um / field.um_per_px)
    reach = (regions.radii.astype(np.float32) * unit + margin)[:, :, None] * shares
    row = field.to_working_px(regions.row)[:, None, None] + reach * np.sin(ANGLES)[:, None]
    column = field.to_working_px(regions.column)[:, None, None] + reach * np.cos(ANGLES)[:, None]
    return (
        np.clip((row / TILE_PX).astype(np.intp), 0, shape[0] - 1),
        np.clip((column / TILE_PX).astype(np.intp), 0, shape[1] - 1),
    )


def measure_explained_share(
    field: FlatField,
    ranges: NDArray[np.float32],
    regions: CellRegions,
    usable: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> float:
    """Measure the share of lively tiles in the usable area that lie on or beside cells.

    Parameters
    ----------
    ranges
        As `activity.Activity.tiles`.
    regions
        Cells found, without debris; at least one.
    usable
        Coarse mask.

    Returns
    -------
    float
        0-1. Lively is what has half the range that the cells' rims have.
    """
    rims = ranges[_touched_tiles(field, regions, _ON_RIM, 0.0, ranges.shape)]
    lively = ranges > max(activity_limit(ranges, parameters), float(np.median(rims)) / 2)
    size = (ranges.shape[1], ranges.shape[0])
    lively &= cv2.resize(usable.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    explained = np.zeros(ranges.shape, bool)
    margin_um = parameters.explained_margin_um
    explained[_touched_tiles(field, regions, _ALL_OVER, margin_um, ranges.shape)] = True
    return float((lively & explained).sum()) / max(1.0, float(lively.sum()))


def report_modality(
    explained_share: float, single_share: float, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Report an image whose edges mostly belong to something else than single cells.

    Parameters
    ----------
    explained_share
        Of the lively tiles, see `measure_explained_share`.
    single_share
        Single cells among all that was outlined. Crowded cells explain nearly all there is; what
        was outlined in a picture of something else explains half of it and seldom looks single.
    """
    limit = float(
        np.interp(
            single_share,
            (parameters.fewest_single_share, parameters.most_single_share),
            (parameters.largest_explained_share, parameters.smallest_explained_share),
        )
    )
    if explained_share >= limit:
        return ()
    return (
        Finding(
            "wrong_modality",
            Level.REJECT,
            round(explained_share, 3),
            round(limit, 3),
            f"Only {explained_share:.0%} of what is to be seen in the image belongs to single "
            f"cells (at least {limit:.0%} needed): it may be a hologram, a channel, clumps or "
            "another kind of image; send brightfield images of single red cells.",
        ),
    )
