"""Pages of a full house: 10,000 samples in the list, 70,000 cells in a sample, 400 outlines."""

import datetime as dt
import statistics
import time
import uuid
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Analysis, Correction, Donor, Sample, Scan, ScanImage, Score, Well
from app.domain.identifiers import din_check_character
from app.services import instrument_profiles
from bench import viewer
from bench.browser.site import Served, served
from bench.rescoring import fabricate_sample, run_queue
from worker.context import Context

N_SAMPLES: Final = 10_000
IMAGES_PER_SAMPLE: Final = 4
PASSES: Final = 9
N_KEYS: Final = 40
PAINTED: Final = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
TIMES: Final = """() => {
  const [visit] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const others = performance.getEntriesByType("resource")
    .filter(({ initiatorType, name }) => initiatorType !== "img" && !name.includes("/pixels"));
  const bytes = others.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0);
  return { server: visit.responseStart - visit.requestStart, paint: paint?.startTime ?? 0,
    bytes: visit.decodedBodySize + bytes };
}"""
NOTE_KEYS: Final = """() => {
  window.keysAt = [];
  window.movedAfter = [];
  const list = document.querySelector("[data-gallery]");
  list.addEventListener("keydown", () => {
    const [before, at] = [document.activeElement, performance.now()];
    const look = () => {
      if (document.activeElement !== before) window.movedAfter.push(performance.now() - at);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true });
}"""
SAVED: Final = """() => performance.getEntriesByType("resource")
  .filter(({ name }) => name.endsWith("/api/v1/cells")).map(({ duration }) => duration)"""


def measure_pages() -> dict[str, Any]:
    with served() as site:
        big = fabricate_sample(site.context)
        run_queue(site.context)
        fabricate_list(site.context)
        paths = {
            "work list of 10,000 samples": "/samples",
            "the same, searched by the end of a DIN": "/samples?text=000042",
            "the same, searched by a beginning that fits all": "/samples?text=list",
            "sample page, 70,000 cells": f"/samples/{big}",
            "gallery of 70,000 cells": f"/samples/{big}/cells",
        }
        return {"rows": {name: _visit(site, path) for name, path in paths.items()}}


def fabricate_list(context: Context) -> None:
    """Samples with one well of a few judged images each; every tenth was scored."""
    now = dt.datetime.now(dt.UTC)
    with transaction(context.sessions) as session:
        profile_id = instrument_profiles.built_in(session).id
        donor_id = uuid.uuid4()
        session.execute(insert(Donor), [{"id": donor_id, "code": "LIST-1"}])
        ids = [uuid.uuid4() for _ in range(N_SAMPLES)]
        session.execute(
            insert(Sample),
            [_sample(one, donor_id, number, now) for number, one in enumerate(ids)],
        )
        wells = [
            {"id": uuid.uuid4(), "sample_id": one, "number": 1, "profile_id": profile_id,
             "created_by": "system"}
            for one in ids
        ]  # fmt: skip
        session.execute(insert(Well), wells)
        scans = [{"id": uuid.uuid4(), "well_id": well["id"], "ordinal": 1} for well in wells]
        session.execute(insert(Scan), scans)
        session.execute(
            insert(ScanImage),
            [_image(scan, n) for scan in scans for n in range(IMAGES_PER_SAMPLE)],
        )
        _copy_scores(session, ids[::10])
    with transaction(context.sessions) as session:
        session.execute(text("ANALYZE"))


def _sample(
    sample_id: uuid.UUID, donor_id: uuid.UUID, number: int, now: dt.datetime
) -> dict[str, Any]:
    din = f"A999921{number:06d}"
    return {
        "id": sample_id, "donor_id": donor_id, "din": din,
        "din_raw": din + din_check_character(din),
        "din_is_checked": True, "accession_number": f"ACC-{number:05d}", "container": "segment",
        "state": "computed" if number % 10 == 0 else "received", "created_by": "system",
        "created_at": now - dt.timedelta(minutes=number),
    }  # fmt: skip


def _image(scan: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "scan_id": scan["id"], "well_id": scan["well_id"], "sha256": uuid.uuid4().hex * 2,
        "filename": f"{number}.bmp", "format": "bmp", "n_bytes": 5_900_000, "verdict": "accepted",
        "findings": [], "created_by": "system",
    }  # fmt: skip


def _copy_scores(session: Session, sample_ids: list[uuid.UUID]) -> None:
    """The scored sample's numbers, as those of others."""
    analysis, score = session.execute(
        select(Analysis, Score).join(Score, Score.analysis_id == Analysis.id)
    ).one()
    kept = _columns(analysis, without={"id", "sample_id"})
    made = [kept | {"id": uuid.uuid4(), "sample_id": one} for one in sample_ids]
    session.execute(insert(Analysis), made)
    kept = _columns(score, without={"analysis_id", "job_id"})
    session.execute(
        insert(Score), [kept | {"analysis_id": one["id"], "job_id": uuid.uuid4()} for one in made]
    )


def _columns(row: Analysis | Score, *, without: set[str]) -> dict[str, Any]:
    names = {column.name for column in row.__table__.columns} - without
    return {name: getattr(row, name) for name in names}


def _visit(site: Served, path: str) -> dict[str, float]:
    """Medians over PASSES visits, after one that warms up; bytes without pictures."""
    seen = []
    for _ in range(PASSES + 1):
        site.page.goto(site.address + path, wait_until="load")
        site.page.wait_for_function(PAINTED)
        seen.append(site.page.evaluate(TIMES))
    return {key: round(statistics.median(one[key] for one in seen[1:])) for key in seen[0]}


def measure_review() -> dict[str, Any]:
    """Cells excluded one after the other by a key each, as fast as the page takes them."""
    with served() as site:
        sample_id = fabricate_sample(site.context)
        run_queue(site.context)
        page = site.page
        page.goto(f"{site.address}/samples/{sample_id}/cells?show=accepted")
        page.wait_for_selector("[data-gallery]")
        page.get_by_role("listbox").get_by_role("option").first.focus()
        page.evaluate(NOTE_KEYS)
        begun = time.perf_counter()
        for _ in range(N_KEYS):
            page.keyboard.press("x")
        pressed = time.perf_counter() - begun
        saved = _wait_for_saves(page)
        all_saved = time.perf_counter() - begun
        with transaction(site.context.sessions) as session:
            n_kept = session.scalar(select(func.count()).select_from(Correction))
        moved = page.evaluate("window.movedAfter")
        return {
            "keys": N_KEYS, "kept": n_kept,
            "pressed_seconds": round(pressed, 1), "all_saved_seconds": round(all_saved, 1),
            "next_ms": _middle_and_worst(moved), "saved_ms": _middle_and_worst(saved),
        }  # fmt: skip


def _wait_for_saves(page: Page) -> list[float]:
    page.wait_for_function(f"() => ({SAVED})().length >= {N_KEYS}", timeout=120_000, polling=50)
    saved: list[float] = page.evaluate(SAVED)
    return saved


def _middle_and_worst(values: list[float]) -> list[int]:
    return [round(statistics.median(values)), round(float(np.max(values)))]


def measure_viewer() -> dict[str, Any]:
    with viewer.served() as address, viewer.opened() as browser:
        return {
            kind: _rate(viewer.measure(browser, address, 400, kind)) for kind in ("zoom", "pan")
        }


def _rate(frames_ms: list[float]) -> int:
    return round(1000 * len(frames_ms) / sum(frames_ms))
