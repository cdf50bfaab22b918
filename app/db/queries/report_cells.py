import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.queries.verdicts import cell_is_used, image_is_used
from app.db.tables import AnalysisImage, Cell, Prediction, ScanImage, Well

IMAGES_LOOKED_AT: Final = 12
"""Ranking every cell of a sample of 70,000 would take most of a page's time."""


def spread_cells(
    session: Session, analysis_id: uuid.UUID, model_version_id: uuid.UUID, *, n_cells: int
) -> Sequence[uuid.UUID]:
    """Cells that count, evenly spread from the most to the least probably deformable.

    They come from a few images, taken in the order of their hashes: by chance, and always the same.
    """
    images = (
        select(ScanImage.id)
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .join(Well, Well.id == ScanImage.well_id)
        .where(AnalysisImage.analysis_id == analysis_id, Well.outlet.is_(None), image_is_used())
        .order_by(ScanImage.sha256)
        .limit(IMAGES_LOOKED_AT)
    )
    order = (Prediction.p_deformable.desc(), Cell.id)
    ranked = (
        select(
            Cell.id,
            func.ntile(n_cells).over(order_by=order).label("part"),
            func.row_number().over(order_by=order).label("place"),
        )
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Prediction, Prediction.cell_id == Cell.id)
        .where(
            Cell.image_id.in_(images),
            Prediction.model_version_id == model_version_id,
            cell_is_used(),
        )
        .subquery()
    )
    first = select(ranked.c.id).ext(distinct_on(ranked.c.part))
    return session.scalars(first.order_by(ranked.c.part, ranked.c.place)).all()
