"""An image's outlines for the viewer: columns and base64 instead of a dictionary per cell."""

import math
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.dashboard.contexts.cells import shown_p, tags_of
from app.domain.imaging.regions import RADIUS_UNIT_PX
from app.services.images import CellView, ImageView


def packed_outlines(image: ImageView, cells: Sequence[CellView]) -> dict[str, Any]:
    """Everything the viewer draws; `radii` are 32 bytes per cell, as they are stored."""
    return {
        "ids": [str(cell.id) for cell in cells],
        "rows": [round(cell.row, 1) for cell in cells],
        "columns": [round(cell.column, 1) for cell in cells],
        "radii": b64encode(b"".join(_radii(cell) for cell in cells)).decode(),
        "p_deformable": [shown_p(cell) for cell in cells],
        "verdicts": [cell.verdict for cell in cells],
        "tags": [tags_of(cell) for cell in cells],
        "mask": _mask(image),
    }


def _radii(cell: CellView) -> bytes:
    """Quarter pixels, back from the corners of the outline."""
    return bytes(
        round(math.hypot(row - cell.row, column - cell.column) / RADIUS_UNIT_PX)
        for row, column in cell.outline
    )


def _mask(image: ImageView) -> dict[str, Any] | None:
    """Which squares of a coarse grid are used; None where the whole field is."""
    if image.usable_mask is None:
        return None
    mask = image.usable_mask
    bits = np.packbits(np.array([[square == "1" for square in row] for row in mask]))
    return {
        "rows": len(mask),
        "columns": len(mask[0]),
        "bits": b64encode(bits.tobytes()).decode(),
    }
