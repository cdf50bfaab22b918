"""The same program on a PostgreSQL, a Valkey and an object store that others run."""

import hashlib
import time

import httpx2

from app.domain.imaging.scan_image import write_bmp
from app.services import instrument_profiles
from tests.end_to_end.product import running_product
from tests.laboratory import SIDE_PX, drawn_plan, some_donor
from tests.object_store import BUCKET, credentials

JUDGED_SECONDS = 60.0


def test_images_are_stored_and_judged_on_external_services(
    owner_database_url: str, broker_url: str, s3_address: str
) -> None:
    aws = credentials(s3_address)
    with running_product(
        environment=aws,
        DATABASE_URL=owner_database_url,
        BROKER_URL=broker_url,
        STORAGE_URL=f"s3://{BUCKET}/external",
        DEMO="0",
        WORKERS="1",
    ) as product:
        assert not (product.data_dir / "postgres").exists()
        assert not (product.data_dir / "storage").exists()
        key = product.command(
            "api-key", "create", "--name", "external", "--role", "administrator",
            environment=aws | {"PLIANT_DATABASE_URL": owner_database_url},
        ).strip().splitlines()[-1]  # fmt: skip
        with httpx2.Client(
            base_url=f"{product.address}/api/v1", headers={"Authorization": f"Bearer {key}"}
        ) as client:
            verdict = send_one(client)
    assert verdict == "accepted"


def send_one(client: httpx2.Client) -> str:
    """One small drawn image into a new sample; its verdict."""
    profile = {
        "name": "small", "um_per_px": 0.1825, "width": SIDE_PX, "height": SIDE_PX,
        "polarity": instrument_profiles.Polarity.DARK_CELLS,
    }  # fmt: skip
    profile_id = client.post("/instrument-profiles", json=profile).json()["id"]
    sample = client.post("/samples", json={"donor_code": "E-1", "container": "segment"}).json()
    well = client.post(
        f"/samples/{sample['id']}/wells", json={"outlet": "unsorted", "profile_id": profile_id}
    ).json()
    (_, _, drawn), *_ = drawn_plan(some_donor()).images()
    data = write_bmp(drawn.pixels)
    digest = hashlib.sha256(data).hexdigest()
    sent = client.put(f"/wells/{well['id']}/images/{digest}", content=data)
    assert sent.status_code == 201, sent.text
    limit = time.monotonic() + JUDGED_SECONDS
    verdict = "pending"
    while verdict == "pending" and time.monotonic() < limit:
        time.sleep(0.1)
        verdict = client.get(f"/images/{sent.json()['id']}").json()["verdict"]
    return verdict
