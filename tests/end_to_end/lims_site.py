"""A whole site for a LIMS to talk to: HTTP on a socket, a worker, people who sign.

Processes apart, it is what `pliant up` runs; images are small, so that a sample takes seconds. The
model that ships is a demonstration, of which nothing goes out; here it counts as a site's own.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import uvicorn
from sqlalchemy import func, or_, select, update

from app.db.session import SessionMaker, transaction
from app.db.tables import Account, Job, ModelVersion
from app.domain.imaging.scan_image import write_bmp
from app.main import create_app
from app.security.permissions import SYSTEM, Principal, Role
from app.services import api_keys, browser_sessions
from app.services.signing import account_id_of
from tests.controls_in_order import bring_controls_in_order
from tests.integration.signed_samples import PASSWORD, person
from tests.laboratory import Laboratory, drawn_plan, open_laboratory, some_donor
from worker import runner
from worker.tasks import HANDLERS

START_SECONDS = 20.0
IMAGES_PER_WELL = 3


@dataclass(frozen=True)
class LimsSite:
    """Where it is, what a LIMS was given, and the people of the laboratory."""

    address: str
    laboratory: Laboratory
    key: str
    technician: Principal
    verifier: Principal

    @property
    def profile_id(self) -> str:
        return str(self.laboratory.profile_id)

    def client(self) -> httpx2.Client:
        """A LIMS: plain HTTP and a key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=f"{self.address}/api/v1", headers=headers, timeout=60)

    def browser(self, who: Principal) -> httpx2.Client:
        """What a signed-in person's browser sends."""
        with transaction(self.laboratory.sessions) as session:
            account = session.get_one(Account, account_id_of(who))
            token = browser_sessions.start(session, account).token
        return httpx2.Client(
            base_url=f"{self.address}/api/v1",
            headers={"Sec-Fetch-Site": "same-origin"},
            cookies={"pliant": token},
            timeout=60,
        )

    def hand_in_and_release(self, sample_id: str) -> None:
        """By the two people that it takes, each with a password."""
        address = f"/samples/{sample_id}"
        with self.browser(self.technician) as technician:
            technician.post(f"{address}/submit", json={}).raise_for_status()
        with self.browser(self.verifier) as verifier:
            body = {"password": PASSWORD}
            refused = verifier.post(f"{address}/release", json=body).json()
            for one in refused.get("conditions", ()):
                word = {"code": one["code"], "reason": "seen"}
                verifier.post(f"{address}/acknowledgements", json=word).raise_for_status()
            released = verifier.post(f"{address}/release", json=body)
            assert released.status_code == 201, released.text

    def amend(self, sample_id: str, reason: str) -> None:
        body = {"password": PASSWORD, "change": "details", "reason": reason, "told": "Dr Weber"}
        with self.browser(self.verifier) as verifier:
            amended = verifier.post(f"/samples/{sample_id}/amend", json=body)
            assert amended.status_code == 201, amended.text


def draw_wells(folder: Path) -> list[Path]:
    """Two folders of images, as a microscope leaves them."""
    for number, name, image in drawn_plan(some_donor(), IMAGES_PER_WELL).images():
        well = folder / f"well_{number}"
        well.mkdir(parents=True, exist_ok=True)
        (well / name).with_suffix(".bmp").write_bytes(write_bmp(image.pixels))
    return sorted(folder.iterdir())


@contextmanager
def running_lims_site(
    sessions: SessionMaker, database_url: str, folder: Path, *, receiver_port: int
) -> Iterator[LimsSite]:
    """Serve it until the block ends; it may call a receiver on this port of this machine."""
    laboratory = open_laboratory(sessions, database_url, folder)
    bring_controls_in_order(laboratory)
    with transaction(sessions) as session:
        session.execute(update(ModelVersion).values(is_demonstration=False))
        key = api_keys.create_key(session, SYSTEM, name="LIMS", role=Role.LIMS).token
    laboratory = _allowing(laboratory, f"127.0.0.1:{receiver_port}")
    people = [
        person(laboratory, name, role)
        for name, role in (("Tom", Role.TECHNICIAN), ("Vera", Role.VERIFIER))
    ]
    with _served(laboratory) as address, _working(laboratory):
        yield LimsSite(address, laboratory, key, *people)


def _allowing(laboratory: Laboratory, place: str) -> Laboratory:
    settings = laboratory.context.settings.model_copy(
        update={"outbound_allowed": place, "storage_url": laboratory.context.settings.storage_url}
    )
    return replace(laboratory, context=replace(laboratory.context, settings=settings))


@contextmanager
def _served(laboratory: Laboratory) -> Iterator[str]:
    app = create_app(laboratory.context.settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _working(laboratory: Laboratory) -> Iterator[None]:
    """A worker: what is due is done, until the block ends."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            for job_id in _due(laboratory.sessions):
                runner.run(job_id, laboratory.context, HANDLERS)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _due(sessions: SessionMaker) -> list[uuid.UUID]:
    is_due = or_(Job.not_before.is_(None), Job.not_before <= func.clock_timestamp())
    with transaction(sessions) as session:
        return list(session.scalars(select(Job.id).where(Job.state == "queued", is_due)))
