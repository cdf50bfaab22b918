"""The verdict that holds: what a technician said, else what was found. The one place for the rule.

Every expression but the image's own needs `images` joined to `cells`.
"""

from sqlalchemy import ColumnElement, and_, case, func, or_, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from app.db.tables import Cell, ScanImage
from app.domain.imaging.judgement import OUTSIDE_USABLE

USABLE = ("accepted", "partly")


def image_verdict() -> ColumnElement[str]:
    return func.coalesce(ScanImage.corrected_verdict, ScanImage.verdict)


def image_is_used() -> ColumnElement[bool]:
    return image_verdict().in_(USABLE)


def cell_default() -> ColumnElement[str]:
    """Without a word on the cell itself: in an image restored by hand its place is forgiven."""
    only_its_place = Cell.findings.contained_by(type_coerce([OUTSIDE_USABLE], ARRAY(Text)))
    restored = case((only_its_place, "accepted"), else_="rejected")
    return case((ScanImage.corrected_verdict == "accepted", restored), else_=Cell.verdict)


def cell_verdict() -> ColumnElement[str]:
    return func.coalesce(Cell.corrected_verdict, cell_default())


def cell_is_used() -> ColumnElement[bool]:
    """Whether the cell counts: it is accepted, and its image is used."""
    return and_(cell_verdict() == "accepted", image_is_used())


def cell_was_used() -> ColumnElement[bool]:
    """Whether it would count if nobody had corrected anything."""
    return and_(Cell.verdict == "accepted", ScanImage.verdict.in_(USABLE))


def is_corrected() -> ColumnElement[bool]:
    return or_(Cell.corrected_verdict.is_not(None), ScanImage.corrected_verdict.is_not(None))
