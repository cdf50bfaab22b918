"""The images of a well, and one image with its cells."""

from dataclasses import dataclass

from app.dashboard.contexts.wording import Chip, FindingText, MomentText


@dataclass(frozen=True)
class ImageTile:
    href: str
    picture: str
    filename: str
    verdict: Chip
    verdict_code: str
    cells: str
    message: str | None


@dataclass(frozen=True)
class WellPage:
    name: str
    content: str
    sample_href: str
    donor_code: str
    summary: str
    tiles: tuple[ImageTile, ...]
    is_demonstration: bool


@dataclass(frozen=True)
class CellRow:
    id: str
    number: int
    row: str
    column: str
    diameter: str
    verdict: Chip
    p_deformable: str
    p_class: str
    reason: str


@dataclass(frozen=True)
class ImagePage:
    id: str
    filename: str
    verdict: Chip
    well_name: str
    well_href: str
    sample_href: str
    donor_code: str
    picture: str
    cells_src: str
    width_px: int
    height_px: int
    place: str
    previous_href: str | None
    next_href: str | None
    findings: tuple[FindingText, ...]
    n_accepted: int
    n_rejected: int
    share: str | None
    rows: tuple[CellRow, ...]
    stored: MomentText
    sha256: str
    size: str
    model_name: str | None
    is_demonstration_model: bool
    is_demonstration: bool
