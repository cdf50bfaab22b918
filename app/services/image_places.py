"""Where an image stands among those of its scan, and a cell among those of its image."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import image_places as queries
from app.domain.errors import NotFound
from app.security.permissions import Principal
from app.services.images import CellView, views_of_cells
from app.services.visibility import visible_image


@dataclass(frozen=True)
class ImagePlace:
    """`number` counts from 1, in file order."""

    number: int
    count: int
    previous_id: uuid.UUID | None
    next_id: uuid.UUID | None


@dataclass(frozen=True)
class PlacedCell:
    """A cell with its number, counted from 1 from the top of its image."""

    number: int
    count: int
    cell: CellView


def place_of_image(session: Session, principal: Principal, image_id: uuid.UUID) -> ImagePlace:
    image, _, _, _ = visible_image(session, principal, image_id)
    ids = list(queries.images_of_scan(session, image.scan_id))
    place = ids.index(image_id)
    return ImagePlace(
        number=place + 1,
        count=len(ids),
        previous_id=ids[place - 1] if place else None,
        next_id=ids[place + 1] if place + 1 < len(ids) else None,
    )


def placed_cell(
    session: Session, principal: Principal, image_id: uuid.UUID, cell_id: uuid.UUID
) -> PlacedCell:
    """One cell, without reading the others of a crowded image."""
    _, _, sample, _ = visible_image(session, principal, image_id)
    ids = list(queries.cells_in_order(session, image_id))
    if cell_id not in ids:
        raise NotFound("cell_unknown", "There is no such cell; check the address.")
    (cell,) = views_of_cells(session, sample.id, [cell_id])
    return PlacedCell(ids.index(cell_id) + 1, len(ids), cell)
