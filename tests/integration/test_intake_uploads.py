"""One image in: stored once and durably, or refused with its own code and nothing kept."""

import concurrent.futures
import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import AuditEntry, Job, Sample, ScanImage
from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import Role
from tests.integration.conftest import SIDE_PX, Site

AddWell = Callable[..., dict[str, Any]]


def draw(seed: int = 1, side_px: int = SIDE_PX) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side_px, side_px), dtype=np.uint8)


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(
    client: TestClient,
    well: dict[str, Any],
    data: bytes,
    **options: Any,  # noqa: ANN401
) -> httpx2.Response:
    sha256 = options.pop("sha256", sha256_of(data))
    address = f"/api/v1/wells/{well['id']}/images/{sha256}"
    return client.put(address, content=data, **options)


def count(site: Site, table: type[Any]) -> int:
    with transaction(site.sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("bits", [8, 24])
def test_an_image_is_stored_queued_and_told_with_its_verdict_pending(
    site: Site, technician: TestClient, add_well: AddWell, bits: int
) -> None:
    well, data = add_well(technician), write_bmp(draw(), bits=bits)
    answer = put(technician, well, data, params={"filename": "B2/scan_001.bmp"})
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["sha256"] == sha256_of(data)
    assert (said["filename"], said["verdict"], said["format"]) == ("scan_001.bmp", "pending", "bmp")
    assert answer.headers["location"] == f"/api/v1/images/{said['id']}"
    key = f"blobs/{said['sha256'][:2]}/{said['sha256']}"
    assert (site.storage / key).read_bytes() == data
    with transaction(site.sessions) as session:
        job = session.scalars(select(Job)).one()
    assert (job.kind, str(job.subject_id)) == ("inspect_image", said["id"])


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_png_and_tiff_are_accepted(
    technician: TestClient, add_well: AddWell, format_name: str
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(draw()).save(buffer, format_name)
    assert put(technician, add_well(technician), buffer.getvalue()).status_code == 201


def test_the_same_bytes_twice_are_one_image_and_the_answer_is_the_same(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well, data = add_well(technician), write_bmp(draw())
    first, second = put(technician, well, data), put(technician, well, data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (count(site, ScanImage), count(site, Job)) == (1, 1)


def test_fifty_equal_uploads_at_once_make_one_row(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well, data = add_well(technician), write_bmp(draw())
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: put(technician, well, data), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (count(site, ScanImage), count(site, Job)) == (1, 1)


def test_head_tells_what_is_there(technician: TestClient, add_well: AddWell) -> None:
    well, data = add_well(technician), write_bmp(draw())
    address = f"/api/v1/wells/{well['id']}/images/{sha256_of(data)}"
    assert technician.head(address).status_code == 404
    put(technician, well, data)
    assert technician.head(address).status_code == 200
    assert technician.head(address).content == b""


def test_a_file_whose_row_was_never_committed_is_written_again(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    """A power cut may leave a name without its content; the row decides."""
    well, data = add_well(technician), write_bmp(draw())
    path = site.storage / "blobs" / sha256_of(data)[:2] / sha256_of(data)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert put(technician, well, data).status_code == 201
    assert path.read_bytes() == data


def test_the_same_image_in_another_well_is_refused_and_recorded_as_a_possible_mix_up(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    one, other, data = add_well(technician), add_well(technician), write_bmp(draw())
    image = put(technician, one, data).json()
    answer = put(technician, other, data)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_elsewhere")
    assert answer.json()["well_id"] == one["id"]
    assert count(site, ScanImage) == 1
    with transaction(site.sessions) as session:
        refused = select(AuditEntry).where(AuditEntry.action == "image.duplicate_refused")
        assert session.scalars(refused).one().entity_id == image["id"]


def test_a_duplicate_in_a_strangers_well_is_refused_without_saying_where(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    data = write_bmp(draw())
    put(technician, add_well(technician), data)
    lims = site.as_role(Role.LIMS)
    answer = put(lims, add_well(lims), data)
    assert answer.json()["code"] == "duplicate_elsewhere"
    assert not {"well_id", "sample_id", "image_id"} & set(answer.json())


def test_nothing_is_added_to_a_sample_whose_result_was_handed_over(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well, data = add_well(technician), write_bmp(draw(1))
    put(technician, well, data)
    for state in ("submitted", "released", "amended", "withdrawn"):
        with transaction(site.sessions) as session:
            session.scalars(select(Sample)).one().state = state
        answer = put(technician, well, write_bmp(draw(2)))
        assert (answer.status_code, answer.json()["code"]) == (409, "sample_released")
        assert put(technician, well, data).status_code == 200
    assert len(site.stored_files()) == 1


def test_after_a_retake_only_the_new_images_count(
    technician: TestClient, add_well: AddWell
) -> None:
    well = add_well(technician)
    put(technician, well, write_bmp(draw(1)))
    assert technician.post(f"/api/v1/wells/{well['id']}/scans").status_code == 201
    assert technician.get(f"/api/v1/wells/{well['id']}").json()["images"]["total"] == 0
    put(technician, well, write_bmp(draw(2)))
    put(technician, well, write_bmp(draw(3)))
    images = technician.get(f"/api/v1/wells/{well['id']}").json()["images"]
    assert images == {"total": 2, "pending": 2, "accepted": 0, "partly": 0, "rejected": 0}


def test_file_names_are_for_display_only(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well = add_well(technician)
    shown = {
        "../../etc/passwd": "passwd",
        "C:\\scans\\B2_001.bmp": "B2_001.bmp",
        "a\x00b\n.bmp": "ab.bmp",
        "<script>.bmp": "<script>.bmp",
    }
    for seed, given in enumerate(shown):
        answer = put(technician, well, write_bmp(draw(seed)), params={"filename": given})
        assert answer.json()["filename"] == shown[given]
    for path in site.stored_files():
        assert re.fullmatch("blobs/[0-9a-f]{2}/[0-9a-f]{64}", str(path.relative_to(site.storage)))


def rle_bmp() -> bytes:
    """1,080 bytes that claim 30000 x 30000 pixels."""
    header = struct.pack(
        "<2sIHHIIiiHHIIiiII",
        *(b"BM", 1080, 0, 0, 1078, 40, 30000, 30000, 1, 8, 1, 2, 0, 0, 256, 0),
    )
    return header + bytes(1024) + b"\x00\x01"


def lying_bmp() -> bytes:
    """Twice the rows that are there."""
    data = bytearray(write_bmp(draw()))
    data[22:26] = struct.pack("<i", 2 * SIDE_PX)
    return bytes(data)


def polyglot() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("payload.txt", "x" * 1000)
    return write_bmp(draw()) + archive.getvalue()


def photograph(format_name: str) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format_name)
    return buffer.getvalue()


REFUSED = {
    "cut": (write_bmp(draw())[:-100], 422, "bmp_length"),
    "run-length encoded": (rle_bmp(), 422, "bmp_compressed"),
    "lying": (lying_bmp(), 422, "wrong_size"),
    "polyglot": (polyglot(), 422, "bmp_length"),
    "wrong size": (write_bmp(draw(side_px=32)), 422, "wrong_size"),
    "colour photograph": (photograph("BMP"), 422, "not_grey"),
    "colour PNG": (photograph("PNG"), 422, "not_grey"),
    "JPEG": (photograph("JPEG"), 415, "unsupported_format"),
    "empty": (b"", 422, "empty_file"),
    "text": (b"Well,Outlet\r\nB2,3\r\n" * 40, 415, "unsupported_format"),
    "a few bytes of a BMP": (b"BM\x00\x00", 422, "bmp_truncated"),
    "damaged PNG": (photograph("PNG")[:400], 422, "decode_failed"),
}


def test_bad_files_are_refused_with_their_own_code_and_the_rest_goes_on(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well = add_well(technician)
    for what, (data, status, code) in REFUSED.items():
        answer = put(technician, well, data)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")
        kept = (count(site, ScanImage), count(site, Job), site.stored_files())
        assert kept == (0, 0, []), what
    assert put(technician, well, write_bmp(draw())).status_code == 201


def test_a_wrong_digest_is_refused(site: Site, technician: TestClient, add_well: AddWell) -> None:
    well = add_well(technician)
    answer = put(technician, well, write_bmp(draw(1)), sha256=sha256_of(write_bmp(draw(2))))
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_digest")
    assert (count(site, ScanImage), site.stored_files()) == (0, [])


def test_an_address_that_is_no_digest_is_refused(technician: TestClient, add_well: AddWell) -> None:
    well = add_well(technician)
    for digest in ("abc", "A" * 64, "..%2f..%2fetc", "0" * 65):
        answer = put(technician, well, write_bmp(draw()), sha256=digest)
        assert answer.status_code in (404, 422)
        assert answer.json()["code"] in ("invalid_request", "no_such_route")


def test_a_body_without_a_length_is_refused(technician: TestClient, add_well: AddWell) -> None:
    well, data = add_well(technician), write_bmp(draw())
    address = f"/api/v1/wells/{well['id']}/images/{sha256_of(data)}"
    answer = technician.put(address, content=iter([data]))
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_a_body_shorter_than_declared_is_refused(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    data = write_bmp(draw())
    headers = {"Content-Length": str(len(data))}
    answer = put(
        technician, add_well(technician), data[:-1], sha256=sha256_of(data), headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "body_cut")
    assert site.stored_files() == []


def test_random_damage_is_always_refused_and_nothing_is_kept(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    well, good = add_well(technician), write_bmp(draw())
    generator = np.random.default_rng(11)
    for _ in range(100):
        bad = bytearray(good)
        bad[int(generator.integers(len(good)))] ^= 1 << int(generator.integers(8))
        assert 400 <= put(technician, well, bytes(bad), sha256=sha256_of(good)).status_code < 500
    assert (count(site, ScanImage), site.stored_files()) == (0, [])


def test_an_unknown_outlet_is_refused(technician: TestClient) -> None:
    sample = technician.post(
        "/api/v1/samples", json={"donor_code": "D-1", "container": "segment"}
    ).json()
    for outlet in (0, 13, -1, "sorted", "2"):
        answer = technician.post(f"/api/v1/samples/{sample['id']}/wells", json={"outlet": outlet})
        assert (answer.status_code, answer.json()["code"]) == (422, "outlet_unknown")
