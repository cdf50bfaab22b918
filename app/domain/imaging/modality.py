"""Whether a scan shows single cells in brightfield at all, or something else."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, RADIUS_UNIT_PX, CellRegions
from app.domain.quality import Finding, Level

_LEAST_STEEP_SHARE = 0.0005
"""With fewer steep pixels there is nothing to explain."""


def paint_cells(field: FlatField, regions: CellRegions, *, margin_um: float) -> NDArray[np.uint8]:
    """Paint the outlines, widened by a margin, at working resolution: 1 inside, 0 outside."""
    mask = np.zeros(field.slope.shape, np.uint8)
    unit = RADIUS_UNIT_PX / field.factor
    radius = regions.radii.astype(np.float32) * unit + margin_um / field.um_per_px
    row = (regions.row[:, None] + 0.5) / field.factor - 0.5 + radius * np.sin(ANGLES)
    column = (regions.column[:, None] + 0.5) / field.factor - 0.5 + radius * np.cos(ANGLES)
    for corners in np.rint(np.stack([column, row], axis=2)).astype(np.int32):
        cv2.fillConvexPoly(mask, corners, 1)
    return mask


def measure_explained_share(
    field: FlatField,
    regions: CellRegions,
    usable: NDArray[np.bool_],
    limit: float,
    parameters: ImagingParameters,
) -> float:
    """Measure the share of steep pixels in the usable area that lie on or beside cells.

    Parameters
    ----------
    regions
        Cells found, without debris.
    usable
        Coarse mask.
    limit
        Slope that counts as an edge.

    Returns
    -------
    float
        0-1; 1 where hardly any pixel is steep.
    """
    rim = float(np.median(regions.rim_contrast)) if len(regions) else 0.0
    steep = (field.slope > max(limit, rim / 2)).astype(np.uint8)
    if not usable.all():
        size = (field.slope.shape[1], field.slope.shape[0])
        inside = cv2.resize(usable.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        steep &= inside.astype(np.uint8)
    n_steep = cv2.countNonZero(steep)
    if n_steep < _LEAST_STEEP_SHARE * steep.size:
        return 1.0
    cells = paint_cells(field, regions, margin_um=parameters.explained_margin_um)
    return cv2.countNonZero(steep & cells) / n_steep


def report_clumps(
    n_single: int, n_judged: int, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Report an image in which most of what was found is clumps or debris."""
    limit = parameters.smallest_single_share
    share = n_single / n_judged if n_judged else 1.0
    if share >= limit:
        return ()
    return (
        Finding(
            "wrong_modality",
            Level.REJECT,
            round(share, 3),
            limit,
            f"Only {share:.0%} of what was found in the image are single cells (at least "
            f"{limit:.0%} needed), the rest is clumps or debris; resuspend the cells or send "
            "images of single red cells.",
        ),
    )


def report_modality(explained_share: float, parameters: ImagingParameters) -> tuple[Finding, ...]:
    """Report an image whose edges mostly belong to something else than single cells."""
    limit = parameters.smallest_explained_share
    if explained_share >= limit:
        return ()
    return (
        Finding(
            "wrong_modality",
            Level.REJECT,
            round(explained_share, 3),
            limit,
            f"Only {explained_share:.0%} of the edges in the image belong to single cells (at "
            f"least {limit:.0%} needed): it may be a hologram, a channel, clumps or another kind "
            "of image; send brightfield images of single red cells.",
        ),
    )
