"""Drawn images with any number of cells, of every kind, for pages without a database."""

import datetime as dt
import math
import uuid
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.dashboard.contexts.cells import CellQuery, cell_panel
from app.dashboard.contexts.corrections import correction_rows
from app.dashboard.contexts.image import ImagePage, image_page
from app.dashboard.contexts.outlines import packed_outlines
from app.dashboard.rendering import environment
from app.domain.errors import Conflict
from app.domain.imaging.regions import outline_points
from app.domain.life_cycle import SampleState
from app.domain.quality import Finding, Level
from app.services.correction_log import LoggedCorrection
from app.services.image_places import ImagePlace, PlacedCell
from app.services.images import CellView, CorrectionView, ImageView
from app.services.model_versions import ModelVersionView
from app.services.samples import Container, SampleView

SIDE_PX = 2424
AT = dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC)
BLURRED_SIDE = Finding(
    "partly_out_of_focus", Level.WARNING, 0.31, 0.0,
    "About 31 % of the image is out of focus; only the sharp part is used, and a level stage "
    "avoids it.",
)  # fmt: skip
WORD = CorrectionView("Several cells, not one", "A. Technician", AT)


def ident(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def drawn_sample() -> SampleView:
    return SampleView(
        id=ident(1), donor_code="DEMO-1", din=None, din_is_checked=None, din_raw=None,
        accession_number=None, placer_order_number=None, filler_order_number=None,
        local_identifiers={}, collected_on=None, storage_day=None, storage_day_is_derived=False,
        container=Container.BLOOD_BAG, additive=None, sampled_at=None, notes=None,
        state=SampleState.COMPUTED, is_demonstration=True, created_at=AT, wells=(), references=(),
        latest_score=None,
    )  # fmt: skip


def drawn_image(number: int = 1) -> ImageView:
    mask = tuple("0" * max(0, 12 - row // 2) + "1" * min(36, 24 + row // 2) for row in range(36))
    return ImageView(
        id=ident(number), sample_id=ident(1), well_id=ident(2), well_name="B2", outlet=None,
        filename=f"unsorted_w1_{number:03}.bmp", sha256="ab" * 32, width=SIDE_PX, height=SIDE_PX,
        um_per_px=0.1825, verdict="partly", found_verdict="partly", correction=None,
        findings=(BLURRED_SIDE,), mean_grey=181.2, sd_grey=11.7, usable_share=0.83,
        usable_mask=tuple(row[:36] for row in mask), n_cells=None, created_at=AT, inspected_at=AT,
    )  # fmt: skip


@lru_cache(maxsize=4)
def drawn_cells(count: int) -> tuple[CellView, ...]:
    """Every seventh rejected, the second excluded and the third restored by hand."""
    columns = math.ceil(math.sqrt(count))
    step = SIDE_PX / (columns + 1)
    chance = np.random.default_rng(7)
    cells = [
        _drawn_cell(n, step * (n // columns + 1), step * (n % columns + 1), chance)
        for n in range(count)
    ]
    if count > 2:
        cells[1] = replace(cells[1], verdict="rejected", correction=WORD)
        cells[2] = replace(cells[2], found_verdict="rejected", findings=["debris"], correction=WORD)
    return tuple(cells)


def _drawn_cell(n: int, row: float, column: float, chance: np.random.Generator) -> CellView:
    row, column = row + float(chance.normal(0, 6)), column + float(chance.normal(0, 6))
    radii = np.rint(68 + 5 * np.sin(2 * np.arange(32) * 2 * np.pi / 32 + n)).astype(np.uint8)
    is_rejected = n % 7 == 3
    p = float(chance.beta(0.6, 0.9))
    outline = outline_points(row, column, radii)
    return CellView(
        id=ident(1000 + n), row=row, column=column, area_um2=31.4, diameter_um=6.32,
        circularity=0.97, elongation=1.08, rim_contrast=0.31, rim_width_um=0.62, shading_angle=0.4,
        contrast=0.083, crenation=0.012, verdict="rejected" if is_rejected else "accepted",
        found_verdict="rejected" if is_rejected else "accepted", p_verdict=0.97, correction=None,
        findings=[("debris", "partial", "blurred", "several")[n % 4]] if is_rejected else [],
        outline=[(round(float(r), 2), round(float(c), 2)) for r, c in outline],
        p_deformable=p, p_outlet={"2": 0.1 * p, "3": 0.9 * p, "4": 1 - p, "5": 0.0},
    )  # fmt: skip


def drawn_image_page(count: int = 40, query: CellQuery | None = None) -> ImagePage:
    cells = drawn_cells(count)
    log = [LoggedCorrection(cells[1].id, "accepted", "rejected", WORD.reason, "A. Technician", AT)]
    return image_page(
        sample=drawn_sample(),
        image=drawn_image(count),
        place=ImagePlace(2, 3, ident(count - 1), ident(count + 1)),
        cells=cells,
        query=query or CellQuery(),
        score=Conflict("score_unavailable", "Not a donor score: 17 more images are needed in B2."),
        analysis=None,
        version=_drawn_version(),
        corrections=correction_rows(str(ident(count)), cells, log),
        may_correct=True,
    )


def _drawn_version() -> ModelVersionView:
    return ModelVersionView(
        id=ident(3), name="demonstration", sha256="ab" * 32, state="active", demonstration=True,
        manifest={}, created_at=AT, activated_at=AT, retired_at=None,
    )  # fmt: skip


def count_of(request: Request) -> int:
    return uuid.UUID(request.path_params["image_id"]).int


def query_of(request: Request) -> CellQuery:
    page = request.query_params.get("page")
    return CellQuery(
        show=request.query_params.get("show", "all"),
        page=int(page) if page else None,
        cell=request.query_params.get("cell"),
    )


async def outlines(request: Request) -> Response:
    count = count_of(request)
    return JSONResponse(packed_outlines(drawn_image(count), drawn_cells(count)))


async def cell_part(request: Request) -> Response:
    cells = drawn_cells(count_of(request))
    ids = [str(cell.id) for cell in cells]
    place = ids.index(request.path_params["cell_id"])
    placed = PlacedCell(place + 1, len(cells), cells[place])
    panel = cell_panel(drawn_image(count_of(request)), placed, may_correct=True)
    return HTMLResponse(environment().get_template("_partials/cell_panel.html").render(cell=panel))


async def picture(request: Request) -> Response:
    """Grey with darker, one-sided discs where the cells are."""
    width = int(request.query_params.get("width", "320"))
    pixels = np.full((width, width), 180, np.uint8)
    for cell in drawn_cells(count_of(request)):
        place = (round(cell.column * width / SIDE_PX), round(cell.row * width / SIDE_PX))
        radius = max(round(17 * width / SIDE_PX), 1)
        cv2.circle(pixels, (place[0] + radius // 3, place[1] + radius // 3), radius, 150, -1)
        cv2.circle(pixels, place, radius, 205, -1)
        cv2.circle(pixels, place, max(radius * 2 // 3, 1), 120, -1)
    _, encoded = cv2.imencode(".jpg", cv2.GaussianBlur(pixels, (0, 0), max(width / 1200, 0.3)))
    return Response(encoded.tobytes(), media_type="image/jpeg")
