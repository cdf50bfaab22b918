"""A plain HTTP client sends a simulated sample and reads the donor score."""

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.services.simulate import simulate
from tests.end_to_end.product import Product

SCORE_SECONDS = 60.0


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two unsorted wells of 25 images with the usual share of faults."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, wells=2, images_per_well=25, seed=11)
    return folder


@pytest.fixture
def client(product: Product) -> Iterator[httpx2.Client]:
    with httpx2.Client(
        base_url=f"{product.address}/api/v1",
        headers={"Authorization": f"Bearer {product.api_key()}"},
        timeout=60,
    ) as opened:
        yield opened


def send(client: httpx2.Client, well_id: str, path: Path) -> int:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    address = f"/wells/{well_id}/images/{digest}"
    return client.put(address, params={"filename": path.name}, content=data).status_code


def await_score(client: httpx2.Client, analysis: str, *, within_seconds: float) -> dict[str, Any]:
    limit = time.monotonic() + within_seconds
    while time.monotonic() < limit:
        found: dict[str, Any] = client.get(f"/analyses/{analysis}").json()
        if found["state"] in ("done", "failed"):
            return found
        time.sleep(0.2)
    raise AssertionError(f"no score after {within_seconds} s: {found}")


def test_a_simulated_sample_is_scored_within_a_minute_of_its_last_byte(
    client: httpx2.Client, simulated: Path
) -> None:
    truth = json.loads((simulated / "truth.json").read_text())["donors"][0]
    made = client.post("/samples", json={"donor_code": "HTTP-1", "container": "blood_bag"})
    assert made.status_code == 201, made.text
    sample = made.json()["id"]
    for number in (1, 2):
        body = {"outlet": "unsorted", "number": number, "position": f"B{number + 1}"}
        well = client.post(f"/samples/{sample}/wells", json=body).json()["id"]
        paths = sorted(simulated.rglob(f"unsorted/well_{number}/*.bmp"))
        assert len(paths) == 25
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda path, well=well: send(client, well, path), paths))
        assert answers == [201] * 25
    counts = {"counts": truth["ratchet"]["counts"], "device": "simulated"}
    assert client.post(f"/samples/{sample}/references", json=counts).status_code == 201
    asked = client.post(f"/samples/{sample}/analyses")
    assert asked.status_code == 202, asked.text
    assert asked.headers["Location"] == f"/api/v1/analyses/{asked.json()['id']}"
    done = await_score(client, asked.json()["id"], within_seconds=SCORE_SECONDS)
    assert done["state"] == "done", done

    score = client.get(f"/samples/{sample}/score").json()
    assert score["model_version"]["demonstration"] is True
    assert score["n_wells"] == 2
    assert score["n_cells"] > 1000
    low, high = score["rigidity_interval"]
    drawn = truth["drawn"]["rigidity_score"]
    assert low < score["rigidity_score"] < high
    assert abs(score["rigidity_score"] - drawn) < 0.35
    assert low - 0.1 < drawn < high + 0.1
    assert score["comparison"]["n_runs"] == 1
    assert score["comparison"]["rigidity_score"] == pytest.approx(
        truth["ratchet"]["rigidity_score"], abs=1e-6
    )
    shown = client.get(f"/samples/{sample}").json()
    assert shown["state"] == "computed"
    assert sum(well["images"]["total"] for well in shown["wells"]) == 50


def test_progress_is_streamed_until_the_end(client: httpx2.Client, simulated: Path) -> None:
    made = client.post("/samples", json={"donor_code": "HTTP-2", "container": "blood_bag"}).json()
    body = {"outlet": "unsorted"}
    well = client.post(f"/samples/{made['id']}/wells", json=body).json()["id"]
    path = next(iter(sorted(simulated.rglob("unsorted/well_2/*.bmp"))))
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1  # the same bytes in a second sample would be a mix-up
    digest = hashlib.sha256(changed).hexdigest()
    sent = client.put(f"/wells/{well}/images/{digest}", content=bytes(changed))
    assert sent.status_code == 201
    analysis = client.post(f"/samples/{made['id']}/analyses").json()["id"]
    with client.stream("GET", f"/analyses/{analysis}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [line for line in stream.iter_lines() if line.startswith("data: ")]
    states = [json.loads(line.removeprefix("data: "))["state"] for line in told]
    assert states[-1] == "done"
    refused = client.get(f"/samples/{made['id']}/score")
    assert refused.status_code == 409
    assert refused.json()["code"] == "score_unavailable"
    assert {reason["code"] for reason in refused.json()["reasons"]} == {
        "too_few_wells",
        "too_few_images",
    }
