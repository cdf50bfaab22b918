"""Drawn sorted wells of some donors, sent over REST as a laboratory's script would."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from app.domain.imaging.scan_image import write_bmp
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.synthetic.donors import Donor, draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from tests.end_to_end.product import Product

SIDE_PX: Final = 800
N_CELLS: Final = 40
"""Drawn in an image; some two thirds are found whole and accepted."""
DRAWN_SEED: Final = 11
JUDGED_SECONDS: Final = 240.0
TRAINER_SECONDS: Final = 120.0


@contextmanager
def administrator(product: Product) -> Iterator[httpx2.Client]:
    key = product.api_key("administrator")
    headers = {"Authorization": f"Bearer {key}"}
    base_url = f"{product.address}/api/v1"
    with httpx2.Client(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


def small_profile(client: httpx2.Client) -> str:
    profile = {"name": "small", "um_per_px": 0.1825, "width": SIDE_PX, "height": SIDE_PX}
    return str(post(client, "/instrument-profiles", profile)["id"])


def send_sorted(client: httpx2.Client, profile_id: str, code: str) -> str:
    """A sample of the donor with two wells of each outlet, an image each."""
    donor = draw_donor(code, DRAWN_SEED)
    sample = post(client, "/samples", {"donor_code": code, "container": "citrate_tube"})
    for outlet in IMAGED_OUTLETS:
        for number in (1, 2):
            send_well(client, sample["id"], donor, outlet, number, profile_id=profile_id)
    return str(sample["id"])


def send_unsorted(client: httpx2.Client, profile_id: str, code: str) -> str:
    """A sample of the donor with two unsorted wells, two images each."""
    donor = draw_donor(code, DRAWN_SEED)
    sample = post(client, "/samples", {"donor_code": code, "container": "citrate_tube"})
    for number in (1, 2):
        send_well(client, sample["id"], donor, None, number, profile_id=profile_id, n_images=2)
    return str(sample["id"])


def send_well(
    client: httpx2.Client,
    sample_id: str,
    donor: Donor,
    outlet: int | None,
    number: int,
    *,
    profile_id: str,
    n_images: int = 1,
) -> None:
    body = {"outlet": outlet or "unsorted", "number": number, "profile_id": profile_id}
    well = post(client, f"/samples/{sample_id}/wells", body)
    look = draw_well_look(donor, outlet=outlet, well=number)
    for place in range(n_images):
        drawn = draw_image(
            donor, look, outlet=outlet, number=place, seed=number,
            height=SIDE_PX, width=SIDE_PX, n_cells=N_CELLS,
        )  # fmt: skip
        data = write_bmp(drawn.pixels)
        address = f"/wells/{well['id']}/images/{hashlib.sha256(data).hexdigest()}"
        assert client.put(address, content=data).status_code == 201


def await_judged(client: httpx2.Client, sample_ids: list[str]) -> None:
    def is_pending() -> bool:
        views = [client.get(f"/samples/{one}").raise_for_status().json() for one in sample_ids]
        return any(well["images"]["pending"] for view in views for well in view["wells"])

    limit = time.monotonic() + JUDGED_SECONDS
    while is_pending():
        assert time.monotonic() < limit, "images are still waiting"
        time.sleep(0.5)


def start_training(client: httpx2.Client, body: Mapping[str, Any]) -> dict[str, Any]:
    """Begin a run; a training worker that is just starting is waited for."""
    limit = time.monotonic() + TRAINER_SECONDS
    while True:
        answer = client.post("/training-runs", json=dict(body))
        if answer.status_code == httpx2.codes.ACCEPTED:
            run: dict[str, Any] = answer.json()
            return run
        assert answer.json()["code"] == "training_not_installed", answer.text
        assert time.monotonic() < limit, answer.text
        time.sleep(0.5)


def post(client: httpx2.Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=dict(body))
    assert answer.status_code < httpx2.codes.BAD_REQUEST, answer.text
    made: dict[str, Any] = answer.json()
    return made
