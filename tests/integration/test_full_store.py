"""A store without space refuses an image before it travels, and takes it once there is room."""

import contextlib
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.domain.imaging.scan_image import write_bmp
from app.main import create_app
from app.security.permissions import Role
from app.storage import open_store
from tests.integration.conftest import BASE_URL, SIDE_PX, Site

SMALL_DISK = """
import os, sys
from pathlib import Path
from app.domain.errors import OutOfSpace
from app.storage import open_store
root = Path(sys.argv[1])
store = open_store(root.as_uri())
data = os.urandom(1_000_000)
kept = 0
try:
    for number in range(10):
        store.put_once(f"blobs/{number}", data)
        kept += 1
except OutOfSpace as refusal:
    print(refusal.code, kept, store.free_bytes() < len(data))
for path in root.rglob("*"):
    if path.is_file():
        assert path.stat().st_size == len(data), "a part of a file was left"
store.delete("blobs/0")
store.put_once("blobs/again", data)
print("healed", store.get("blobs/again") == data)
"""


@pytest.fixture
def crowded(site: Site) -> Iterator[TestClient]:
    """Yield a technician of an installation that wants more free space than any disk has."""
    settings = site.settings.model_copy(update={"min_free_bytes": 10**18})
    app = create_app(settings)
    with contextlib.ExitStack() as stack:
        headers = {"Authorization": f"Bearer {site.key(Role.TECHNICIAN)}"}
        yield stack.enter_context(TestClient(app, BASE_URL, headers=headers))


def test_an_image_is_refused_before_its_body_is_read_and_taken_when_there_is_room(
    site: Site,
    technician: TestClient,
    crowded: TestClient,
    add_well: Callable[..., dict[str, Any]],
) -> None:
    well = add_well(technician)
    data = write_bmp(np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8))
    address = f"/api/v1/wells/{well['id']}/images/{hashlib.sha256(data).hexdigest()}"
    n_read = 0

    def body() -> Iterator[bytes]:
        nonlocal n_read
        n_read += 1
        yield data

    length = {"Content-Length": str(len(data))}
    refused = crowded.put(address, content=body(), headers=length)
    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert "free space" in refused.json()["detail"]
    assert refused.headers["connection"] == "close", "the rest of the body is not read"
    assert site.stored_files() == []
    assert technician.head(address).status_code == 404
    assert technician.put(address, content=data).status_code == 201


def test_reading_goes_on_where_nothing_more_can_be_stored(crowded: TestClient) -> None:
    assert crowded.get("/api/v1/samples").status_code == 200


def test_a_disk_of_four_megabytes_fills_leaves_no_part_and_heals(tmp_path: Path) -> None:
    """A real small file system, in a namespace of the test's own."""
    folder = tmp_path / "small"
    folder.mkdir()
    script = (
        f'mount -t tmpfs -o size=4m none "{folder}" && exec "{sys.executable}" -c "$0" "{folder}"'
    )
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, SMALL_DISK],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    code, n_kept, is_short = ran.stdout.splitlines()[0].split()
    assert (code, is_short) == ("storage_full", "True")
    assert 2 <= int(n_kept) <= 4
    assert ran.stdout.splitlines()[1] == "healed True"


def test_a_store_elsewhere_does_not_tell_its_space() -> None:
    assert open_store("memory://").free_bytes() is None
