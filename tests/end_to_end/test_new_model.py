"""A fresh server learns from sorted wells, and scores a donor it has never seen with the result."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.accessibility import grave_violations
from tests.end_to_end.product import Product, running_product
from tests.end_to_end.screenshots import keep
from tests.end_to_end.sorted_donors import (
    administrator,
    await_judged,
    post,
    send_sorted,
    send_unsorted,
    small_profile,
    start_training,
)

pytestmark = pytest.mark.browser

DONORS = ("S-1", "S-2", "S-3", "S-4", "S-5", "S-6")
SETTINGS = {"folds": 3, "epochs": 4, "batch_size": 32, "cells_per_class": 250}
RUN_SECONDS = 300.0
IN_EFFECT_SECONDS = 10.0


@dataclass(frozen=True)
class FreshServer:
    """A new installation and the sorted wells of six donors in it."""

    product: Product
    client: httpx2.Client
    profile_id: str


@pytest.fixture(scope="module")
def server() -> Iterator[FreshServer]:
    with (
        running_product(
            DEMO="0", TRAINING="1", WORKERS="2", MIN_IMAGES_PER_WELL="2", MIN_CELLS="40"
        ) as product,
        administrator(product) as client,
    ):
        profile_id = small_profile(client)
        samples = [send_sorted(client, profile_id, code) for code in DONORS]
        await_judged(client, samples)
        yield FreshServer(product, client, profile_id)


def test_six_sorted_donors_become_the_model_that_scores_a_seventh(server: FreshServer) -> None:
    client = server.client
    run = start_training(client, {"name": "six donors"} | SETTINGS)
    assert run["donors"] == list(DONORS)
    ended = follow(client, run["id"])
    assert ended["state"] == "done", ended["failure"]
    assert {"accuracy", "precision", "recall", "f1", "roc_auc", "confusion", "baselines"} <= set(
        ended["metrics"]
    )
    assert [one["donor"] for one in ended["metrics"]["by_donor"]] == list(DONORS)

    version = f"/model-versions/{ended['model_version_id']}"
    card = client.get(version).raise_for_status().json()
    assert (card["state"], card["demonstration"]) == ("candidate", False)
    assert card["manifest"]["metrics"]["n_donors"] == len(DONORS)
    picture = client.get(f"{version}/saliency/saliency-smoothgrad.png").raise_for_status()
    assert picture.headers["content-type"] == "image/png"
    await_state(client, f"{version}/impact", "done")

    sample_id = send_unsorted(client, server.profile_id, "S-7")
    await_judged(client, [sample_id])
    asked_at = time.monotonic()
    post(client, f"{version}/activate", {"reason": "first model of this laboratory"})
    analysis = post(client, f"/samples/{sample_id}/analyses", {})
    assert analysis["model_version_id"] == card["id"]
    assert time.monotonic() - asked_at < IN_EFFECT_SECONDS
    scored = await_state(client, f"/analyses/{analysis['id']}", "done")
    assert scored["unavailable"] is None, scored["unavailable"]
    score = client.get(f"/samples/{sample_id}/score").raise_for_status().json()
    assert score["model_version"]["id"] == card["id"]
    assert not score["model_version"]["demonstration"]
    assert 1 < score["rigidity_score"] < 6


def follow(client: httpx2.Client, run_id: str) -> dict[str, Any]:
    """Every report until the end, as a script that shows progress reads them."""
    with client.stream("GET", f"/training-runs/{run_id}/events", timeout=RUN_SECONDS) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith("data:")]
    reports: list[dict[str, Any]] = [json.loads(line.removeprefix("data:")) for line in lines]
    folds = {one["progress"]["fold"] for one in reports if one["progress"]["stage"] == "fold"}
    assert folds >= {3}
    return reports[-1]


def await_state(client: httpx2.Client, path: str, state: str) -> dict[str, Any]:
    limit = time.monotonic() + RUN_SECONDS
    while True:
        view: dict[str, Any] = client.get(path).raise_for_status().json()
        if view["state"] == state:
            return view
        assert view["state"] != "failed", view
        assert time.monotonic() < limit, view
        time.sleep(0.3)


def test_an_administrator_trains_by_clicking(server: FreshServer, page: Page) -> None:
    page.goto(server.product.links["administrator"])
    page.get_by_role("button", name="Look around first").click()
    page.goto(f"{server.product.address}/training-runs")
    page.get_by_role("link", name="Train a model").press("Enter")
    fill_the_form(page)
    watch_the_run(page)
    page.get_by_role("link", name="See the candidate").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("five donors")
    expect(page.get_by_text("Candidate", exact=True).first).to_be_visible()


def fill_the_form(page: Page) -> None:
    """By keyboard: the matrix answers to every tick."""
    summary = page.locator("[data-summary]")
    expect(summary).to_contain_text("48 wells of 6 donors")
    page.get_by_role("checkbox", name="S-6").press("Space")
    expect(summary).to_contain_text("40 wells of 5 donors")
    page.get_by_role("button", name="Tick none").press("Enter")
    expect(summary).to_contain_text("Nothing is ticked")
    page.get_by_role("button", name="Tick all").press("Enter")
    page.get_by_role("checkbox", name="S-6").press("Space")
    expect(summary).to_contain_text("40 wells of 5 donors")
    page.get_by_label("Name of the model").fill("five donors")
    page.get_by_text("Settings", exact=True).press("Enter")
    for name, value in {"Folds": "3", "Epochs": "3", "Cells of each class, at most": "150"}.items():
        page.get_by_role("textbox", name=name).fill(value)
    assert grave_violations(page) == []
    keep(page, "training-new")
    page.get_by_role("button", name="Start training").press("Enter")
    page.wait_for_url("**/training-runs/*-*")


def watch_the_run(page: Page) -> None:
    """Nothing is loaded anew by hand: text, bar and curves follow the run."""
    expect(page.locator("[data-run-text]")).to_contain_text("epoch", timeout=1000 * RUN_SECONDS)
    expect(page.locator("polyline").first).to_be_attached()
    assert grave_violations(page) == []
    keep(page, "training-run")
    expect(page.get_by_role("link", name="See the candidate")).to_be_visible(
        timeout=1000 * RUN_SECONDS
    )
    expect(page.get_by_role("heading", name="On cells it was not fitted to")).to_be_visible()
