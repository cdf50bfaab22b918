"""Promotion in a browser: the card, what would change, activation by password, the way back."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from app.db.session import SessionMaker, transaction
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import accounts, references
from app.services.analyses import request_analysis
from app.services.references import EnteredReference
from app.services.visibility import known_version
from app.settings import Settings
from app.storage import saliency_key
from tests.candidates import add_candidate, figures
from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.conftest import free_port
from tests.end_to_end.keyboard import press, write
from tests.end_to_end.screenshots import keep
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor

pytestmark = pytest.mark.browser

PASSWORD = "seven quiet herons"
PICTURES = ["saliency-smoothgrad.png", "saliency-vanilla.png"]
SALIENCY = {
    "pictures": PICTURES,
    "smoothgrad": {"share_inside": 0.83},
    "vanilla": {"share_inside": 0.71},
}


@dataclass(frozen=True)
class Server:
    """The web process in a thread, over a laboratory whose queue the test runs by hand."""

    address: str
    laboratory: Laboratory

    def sign_in(self, page: Page) -> None:
        with transaction(self.laboratory.sessions) as session:
            account = accounts.create_account(session, SYSTEM, name="Ada", role=Role.ADMINISTRATOR)
            link = accounts.make_sign_in_link(session, SYSTEM, account.id)
        page.goto(self.address + link)
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Set the password and sign in").click()
        page.wait_for_url("**/samples**")


@pytest.fixture
def server(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Iterator[Server]:
    laboratory = open_laboratory(sessions, database_url, tmp_path)
    settings = Settings(
        database_url=database_url, storage_url=(tmp_path / "storage").as_uri(), demo=False
    )
    web = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=free_port(), log_level="error", ws="none")
    )
    thread = threading.Thread(target=web.run)
    thread.start()
    while not web.started:
        time.sleep(0.02)
    yield Server(f"http://127.0.0.1:{web.config.port}", laboratory)
    web.should_exit = True
    thread.join()


@pytest.fixture
def scored(server: Server) -> None:
    """Two scored samples, one of them measured by the device too."""
    laboratory = server.laboratory
    for seed, code in enumerate(("D-014", "D-015"), start=1):
        sample_id = laboratory.take_sample(code)
        laboratory.send_drawn(sample_id, some_donor(code), images_per_well=2, seed=seed)
        with transaction(laboratory.sessions) as session:
            request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
            if seed == 1:
                entered = EnteredReference(rigidity_score=3.2)
                references.add_reference(session, SYSTEM, sample_id, entered, run_sd=0.17)
    laboratory.run_queue()


def picture() -> bytes:
    shades = np.tile(np.linspace(40, 220, 480).astype(np.uint8), (240, 1))
    return cv2.imencode(".png", cv2.applyColorMap(shades, cv2.COLORMAP_VIRIDIS))[1].tobytes()


@pytest.mark.usefixtures("scored")
def test_a_candidate_is_read_tried_activated_and_taken_back(page: Page, server: Server) -> None:
    laboratory = server.laboratory
    version_id = add_candidate(
        laboratory,
        "autumn",
        step=0.08,
        metrics=figures(saliency=SALIENCY, n_cells=2400, n_donors=6),
    )
    with transaction(laboratory.sessions) as session:
        sha256 = known_version(session, version_id).sha256
    for name in PICTURES:
        laboratory.store.put_once(saliency_key(sha256, name), picture())

    server.sign_in(page)
    page.get_by_text("Administration", exact=True).press("Enter")
    press(page, page.get_by_role("link", name="Models"))
    press(page, page.get_by_role("link", name="autumn"))
    expect(page.get_by_text("It waits for a worker.")).to_be_visible()
    expect(page.get_by_role("button", name="Activate")).to_have_count(0)

    laboratory.run_queue()
    activate = page.get_by_role("button", name="Activate")
    expect(activate).to_be_visible(timeout=20_000)
    changes = page.get_by_role("img", name="Scores by the active version and by the candidate")
    expect(changes.first).to_be_visible()
    expect(page.get_by_text("83 % of it lies inside the outlines")).to_be_visible()
    assert page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    assert grave_violations(page) == []
    keep(page, "model-card", whole=True)

    write(page, page.get_by_label("Reason for activating it"), "Better on the donors of autumn.")
    write(page, page.get_by_label("Your password").first, "not this one")
    press(page, activate)
    expect(page.get_by_role("alert")).to_contain_text("The password is not right")
    expect(page.get_by_label("Reason for activating it")).to_have_value(
        "Better on the donors of autumn."
    )
    write(page, page.get_by_label("Your password").first, PASSWORD)
    press(page, page.get_by_role("button", name="Activate"))
    expect(page.get_by_role("heading", name="Active", exact=True)).to_be_visible()

    press(page, page.get_by_role("link", name="list", exact=True))
    history = page.get_by_role("region", name="Which version was live when")
    expect(history.get_by_role("row").nth(1)).to_contain_text("Live")
    expect(history.get_by_role("row").nth(1)).to_contain_text("Ada")
    assert grave_violations(page) == []
    keep(page, "model-live-log")
    write(page, page.get_by_label("Reason for going back"), "Every sample read as stiff.")
    write(page, page.get_by_label("Your password"), PASSWORD)
    press(page, page.get_by_role("button", name="Roll back to demonstration"))
    expect(page.get_by_role("heading", name="Active", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="demonstration")).to_be_visible()
    expect(page.get_by_text("Rollback")).to_be_visible()
    for width in (683, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert sideways_scroll_px(page) == 0, f"at {width} px"
