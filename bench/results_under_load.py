"""`python -m bench.results_under_load`: scores and the list of samples, while fifty clients ask.

10,000 scored samples on a private PostgreSQL, copied row by row from one that a worker scored: two
wells of 22 images; the newest 200, which the list shows first, have all their 7,040 cells. The web
processes are those that `pliant up` starts, beside database, broker and clients on the same cores.
Each client asks on a schedule whatever it waits for, so a late answer is late from when it was due.
"""

import argparse
import asyncio
import datetime as dt
import hashlib
import os
import platform
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2
import numpy as np
import psutil
import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.embedded import postgres
from app.embedded.children import running
from app.embedded.folders import empty_folder
from app.embedded.installation import COUNTS, free_port, stages
from app.security.permissions import SYSTEM, Role
from app.services import analyses, api_keys, samples
from app.services.samples import Container, NewSample, NewWell
from bench.fabricated_samples import add_image, fabricate, record
from bench.image_to_rows import cpu_seconds, worker
from bench.imaging.page import PAGE
from bench.rescoring import NEEDS, run_queue
from worker.context import Context

N_SAMPLES: Final = 10_000
N_WITH_CELLS: Final = 200
IMAGES_PER_WELL: Final = 22
CELLS_PER_IMAGE: Final = 160
N_CLIENTS: Final = 50
REQUESTS_PER_SECOND: Final = 100
WARM_UP_SECONDS: Final = 5.0
MEASURED_SECONDS: Final = 60.0
TARGET_MS: Final = 100
MARK: Final = "results under load"
TABLES: Final = ("samples", "wells", "scans", "images", "analyses", "analysis_images", "scores")
OWN_IDS: Final = {
    "id", "sample_id", "well_id", "scan_id", "image_id", "analysis_id", "job_id",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One request: what for, how late its answer was, and whether it was one."""

    what: str
    milliseconds: float
    status: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write the table into the document")
    is_written = parser.parse_args().write
    with worker() as context:
        token, sample_id = fabricate_all(context)
        with web(context) as address:
            load = os.getloadavg()[0]
            begun, before = time.monotonic(), web_cpu_seconds()
            asked = asyncio.run(ask_all(address, token, copies_of(sample_id)))
            cores = (web_cpu_seconds() - before) / (time.monotonic() - begun)
            table = render(asked, cores=cores, loads=(load, os.getloadavg()[0]))
    print(table)
    if is_written:
        PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")


def fabricate_all(context: Context) -> tuple[str, uuid.UUID]:
    """A lims key, and its first sample, of which the others are copies."""
    with transaction(context.sessions) as session:
        token = api_keys.create_key(session, SYSTEM, name="bench", role=Role.LIMS).token
        owner = api_keys.authenticate(session, token)
    rng = np.random.default_rng(1)
    with transaction(context.sessions) as session:
        new = NewSample(donor_code="BENCH", container=Container.BLOOD_BAG, accession_number="ACC-0")
        sample_id = samples.create_sample(session, owner, new).id
        for number in (1, 2):
            well = NewWell(outlet=None, number=number)
            well_id = samples.add_well(session, SYSTEM, sample_id, well).id
            for _ in range(IMAGES_PER_WELL):
                image = fabricate(rng, n_cells=CELLS_PER_IMAGE, outlets=(2, 3, 4, 5))
                record(session, add_image(session, well_id), image)
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    run_queue(context)
    with transaction(context.sessions) as session:
        for table in TABLES:
            copy_rows(session, table, N_SAMPLES - 1)
        copy_rows(session, "cells", N_WITH_CELLS - 1)
    tidy(postgres.owner_url(context.settings.data_dir))
    return token, sample_id


def tidy(owner_url: str) -> None:
    """At once what the database would do by itself in the first minutes after so many new rows."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def copy_rows(session: Session, table: str, n_copies: int) -> None:
    """Every row n times, with ids of its own; the later a copy, the older it is."""
    names = session.scalars(
        text(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = :table"
        ),
        {"table": table},
    ).all()
    values = ", ".join(copied(name) for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    session.execute(
        text(
            f"INSERT INTO {table} ({columns}) SELECT {values} "
            f"FROM {table} AS one, generate_series(1, {n_copies}) AS n"
        )
    )


def copied(name: str) -> str:
    if name in OWN_IDS:
        return f"md5(n || ':' || one.{name})::uuid"
    if name == "sha256":
        return "md5(n || one.sha256) || md5(one.sha256 || n)"
    if name == "accession_number":
        return "'ACC-' || n"
    if name == "created_at":
        return "one.created_at - n * interval '1 minute'"
    return f'one."{name}"'


def copies_of(sample_id: uuid.UUID) -> list[str]:
    numbers = range(1, N_SAMPLES)
    return [str(uuid.UUID(_md5(f"{number}:{sample_id}"))) for number in numbers]


def _md5(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def web(context: Context) -> Iterator[str]:
    """Its address; the processes and their broker are started as `pliant up` starts them."""
    url = context.sessions.kw["bind"].url.render_as_string(hide_password=False)
    folder = context.settings.data_dir
    settings = context.settings.model_copy(
        update={"database_url": url, "port": free_port("127.0.0.1", 0)}
    )
    empty_folder(folder / COUNTS)
    [broker], *_, [processes, *_workers] = stages(settings)
    address = f"http://127.0.0.1:{settings.port}"
    with (
        running(broker, log=folder / "broker.log"),
        running(processes, log=folder / "web.log"),
    ):
        await_answer(address)
        yield address


def web_cpu_seconds() -> float:
    """Of all its processes until now."""
    ours = psutil.Process().children(recursive=True)
    [tether] = [one for one in ours if is_web(one) and is_web(one.children()[0])]
    return sum(cpu_seconds(one) for one in tether.children(recursive=True))


def is_web(process: psutil.Process) -> bool:
    return "app.main:create_app" in process.cmdline() and bool(process.children())


def await_answer(address: str) -> None:
    for _ in range(300):
        try:
            if httpx2.get(f"{address}/livez").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the web process did not come up")


async def ask_all(address: str, token: str, ids: list[str]) -> list[Asked]:
    """Every client on its own connection and schedule; what was due in the warm-up is left out."""
    begun = time.monotonic() + 0.5
    asked: list[Asked] = []
    clients = (client(number, begun, address, token, ids, asked) for number in range(N_CLIENTS))
    await asyncio.gather(*clients)
    return asked


async def client(
    number: int, begun: float, address: str, token: str, ids: list[str], asked: list[Asked]
) -> None:
    chance = random.Random(number)
    gap = N_CLIENTS / REQUESTS_PER_SECOND
    due = begun + gap * number / N_CLIENTS
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=30) as opened:
        while due < begun + WARM_UP_SECONDS + MEASURED_SECONDS:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            what = chance.choice(("score", "list"))
            path = f"/api/v1/samples/{chance.choice(ids)}/score"
            answer = await opened.get("/api/v1/samples" if what == "list" else path)
            late = 1000 * (time.monotonic() - due)
            if due >= begun + WARM_UP_SECONDS:
                asked.append(Asked(what, late, answer.status_code))
            due += gap


def render(asked: list[Asked], *, cores: float, loads: tuple[float, float]) -> str:
    rows = [
        "| 10,000 samples, 50 clients, 100 requests/s | n | errors | p50, ms | p95, ms | p99, ms |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, those in {
        "`GET /samples/{id}/score`": [one for one in asked if one.what == "score"],
        "`GET /samples`, 50 on a page": [one for one in asked if one.what == "list"],
        "both": asked,
    }.items():
        late = [one.milliseconds for one in those]
        n_errors = sum(one.status != 200 for one in those)
        figures = " | ".join(f"{value:.0f}" for value in np.percentile(late, (50, 95, 99)))
        rows.append(f"| {name} | {len(those)} | {n_errors} | {figures} |")
    p99 = float(np.percentile([one.milliseconds for one in asked], 99))
    verdict = "met" if p99 <= TARGET_MS and all(one.status == 200 for one in asked) else "missed"
    when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows.append(
        f"\nTarget: p99 at most {TARGET_MS} ms and no error: **{verdict}**. Measured {when} by "
        f"`python -m bench.results_under_load --write`, {platform.machine()}, {os.cpu_count()} "
        f"cores shared with PostgreSQL and the clients; the web processes used {cores:.2f} "
        f"cores; load {loads[0]:.1f} before, {loads[1]:.1f} after."
    )
    return "\n".join(rows)


def insert(page: str, table: str) -> str:
    begin = f"<!-- {MARK}: written by python -m bench.results_under_load --write, not by hand -->"
    end = f"<!-- {MARK}: end -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    assert tail, "the document has no place for this table"
    return f"{head}{begin}\n\n{table}\n\n{end}{tail}"


if __name__ == "__main__":
    main()
