"""A real server under bodies that never end: refused at the limit, memory bounded, work goes on."""

import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np
import pytest

from app.db.session import make_engine, make_sessions, transaction
from app.domain.imaging.scan_image import write_bmp
from app.embedded import postgres
from app.security.permissions import SYSTEM, Role
from app.services import api_keys, instrument_profiles
from tests.integration.web_server import started_web

TEN_GB: Final = 10 * 1024**3
MOST_GROWTH_BYTES: Final = 60_000_000


class Server:
    """uvicorn in a child process, as `pliant up` starts it."""

    def __init__(self, pid: int, port: int, key: str, folder: Path) -> None:
        self._pid = pid
        self.log = folder / "log"
        self.port = port
        self.key = key
        self.storage = folder / "storage"

    def client(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self._pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    @contextlib.contextmanager
    def connection(self, path: str, headers: dict[str, str]) -> Iterator[socket.socket]:
        """A raw connection that has sent the head of a PUT."""
        lines = [f"PUT {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.key}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            yield connection


@pytest.fixture(scope="module")
def server(
    postgres_dir: Path, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    postgres.create_database(postgres_dir, "limits", template=migrated_template)
    database_url = postgres.app_url(postgres_dir, "limits")
    key = _make_key(database_url)
    folder = tmp_path_factory.mktemp("limits")
    log, storage = folder / "log", folder / "storage"
    environment = {
        "PLIANT_DATABASE_URL": database_url,
        "PLIANT_STORAGE_URL": storage.as_uri(),
        "PLIANT_WEB_PROCESSES": "1",
    }
    with started_web(environment, log=log) as (process, port):
        yield Server(process.pid, port, key, folder)
    postgres.drop_database(postgres_dir, "limits")


def _make_key(database_url: str) -> str:
    engine = make_engine(database_url)
    with transaction(make_sessions(engine)) as session:
        instrument_profiles.built_in(session)
        made = api_keys.create_key(session, SYSTEM, name="test", role=Role.TECHNICIAN)
    engine.dispose()
    return made.token


@pytest.fixture
def well(server: Server) -> dict[str, Any]:
    with server.client() as client:
        new = {"donor_code": "D-1", "container": "segment"}
        sample = client.post("/api/v1/samples", json=new).raise_for_status().json()
        address = f"/api/v1/samples/{sample['id']}/wells"
        made: dict[str, Any] = client.post(address, json={"outlet": "unsorted"}).json()
        return made


def image_path(well: dict[str, Any], data: bytes = b"") -> str:
    return f"/api/v1/wells/{well['id']}/images/{hashlib.sha256(data).hexdigest()}"


def assert_work_goes_on(server: Server, well: dict[str, Any]) -> None:
    pixels = np.random.default_rng().integers(0, 256, (2424, 2424), dtype=np.uint8)
    data = write_bmp(pixels)
    with server.client() as client:
        answer = client.put(image_path(well, data), content=data)
        assert answer.status_code == 201, answer.text
        images = client.get(f"/api/v1/wells/{well['id']}").json()["images"]
        assert images["total"] == 1


def read_answer(connection: socket.socket) -> bytes:
    """What the server says before it closes, whatever is still unsent."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            said += piece
    return said


def test_ten_gigabytes_are_refused_by_their_declared_length(
    server: Server, well: dict[str, Any]
) -> None:
    before = server.memory_bytes()
    with server.connection(image_path(well), {"Content-Length": str(TEN_GB)}) as connection:
        began = time.monotonic()
        said = read_answer(connection)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in said
    assert time.monotonic() - began < 5
    assert server.memory_bytes() - before < MOST_GROWTH_BYTES
    assert_work_goes_on(server, well)


def test_a_client_that_sends_ten_gigabytes_sees_the_refusal(
    server: Server, well: dict[str, Any]
) -> None:
    """An ordinary client, which sends its body before it reads the answer."""
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        piece = bytes(1_000_000)
        while sent < TEN_GB:
            sent += len(piece)
            yield piece

    before = server.memory_bytes()
    with server.client() as client:
        headers = {"Content-Length": str(TEN_GB)}
        answer = client.put(image_path(well), content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert sent < TEN_GB / 100
    assert server.memory_bytes() - before < MOST_GROWTH_BYTES
    assert_work_goes_on(server, well)


def test_a_stream_without_end_is_refused(server: Server, well: dict[str, Any]) -> None:
    before = server.memory_bytes()
    chunked = {"Transfer-Encoding": "chunked"}
    with server.connection(image_path(well), chunked) as connection:
        with contextlib.suppress(ConnectionError):
            for _ in range(300):
                connection.sendall(b"f4240\r\n" + bytes(1_000_000) + b"\r\n")
        said = read_answer(connection)
    assert said.startswith(b"HTTP/1.1 411 ")
    assert b'"code":"length_required"' in said
    assert server.memory_bytes() - before < MOST_GROWTH_BYTES
    assert_work_goes_on(server, well)


def test_an_endless_stream_to_another_address_is_refused_too(
    server: Server, well: dict[str, Any]
) -> None:
    before = server.memory_bytes()
    lines = ["POST /api/v1/samples HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked"]
    lines += [f"Authorization: Bearer {server.key}", "Content-Type: application/json", "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(300):
                connection.sendall(b"f4240\r\n" + b" " * 1_000_000 + b"\r\n")
        said = read_answer(connection)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert server.memory_bytes() - before < MOST_GROWTH_BYTES
    assert_work_goes_on(server, well)


def test_a_cut_upload_leaves_nothing_and_may_be_sent_again(
    server: Server, well: dict[str, Any]
) -> None:
    data = write_bmp(np.random.default_rng(3).integers(0, 256, (2424, 2424), dtype=np.uint8))
    headers = {"Content-Length": str(len(data))}
    with server.connection(image_path(well, data), headers) as connection:
        connection.sendall(data[: len(data) // 2])
    with server.client() as client:
        assert client.head(image_path(well, data)).status_code == 404
        assert not list(server.storage.rglob(hashlib.sha256(data).hexdigest()))
        assert client.put(image_path(well, data), content=data).status_code == 201
        assert client.head(image_path(well, data)).status_code == 200


def test_a_bad_header_is_refused_before_the_body_has_come(
    server: Server, well: dict[str, Any]
) -> None:
    headers = {"Content-Length": "5876854"}
    with server.connection(image_path(well), headers) as connection:
        connection.sendall(b"\xff\xd8\xff\xe0" + bytes(60))
        said = connection.recv(65536)
    assert said.startswith(b"HTTP/1.1 415 ")


def test_forty_slow_uploads_do_not_keep_others_waiting(
    server: Server, well: dict[str, Any]
) -> None:
    """Bodies under way hold neither a database connection nor a thread."""
    data = write_bmp(np.zeros((2424, 2424), dtype=np.uint8))
    headers = {"Content-Length": str(len(data))}
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(server.connection(image_path(well, data), headers))
            slow.sendall(data[:2000])
        assert_work_goes_on(server, well)
        with server.client() as client:
            began = time.monotonic()
            assert client.get("/livez").status_code == 200
            assert time.monotonic() - began < 5


def test_no_secret_of_an_address_is_logged(server: Server) -> None:
    with server.client() as client:
        client.get("/livez", params={"key": server.key})
        client.get("/sign-in/a-one-time-token")
        client.get("/api/v1/samples/a-sample-id")
    log = server.log.read_text()
    assert "/api/v1/samples/{sample_id}" in log
    assert "/sign-in/{token}" in log
    for secret in (server.key, "a-one-time-token", "a-sample-id"):
        assert secret not in log
