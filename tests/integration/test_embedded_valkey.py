"""The private Valkey: reachable by its socket alone, and forgetful by design."""

import socket
import stat
from pathlib import Path

import redis

from app.embedded import valkey
from app.embedded.children import running


def client(url: str) -> redis.Redis:
    return redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"))


def test_it_answers_on_its_socket_and_on_no_port(broker_url: str) -> None:
    server = client(broker_url)
    assert server.set("bell", "rung")
    assert server.get("bell") == b"rung"
    assert server.config_get("port") == {"port": "0"}


def test_its_folder_and_socket_are_closed_to_others(broker_url: str) -> None:
    path = Path(broker_url.removeprefix("redis+socket://"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_it_keeps_nothing_over_a_restart(data_dir: Path) -> None:
    for expected in (None, None):
        with running(valkey.valkey_child(data_dir), log=data_dir / "log"):
            server = client(valkey.broker_url(data_dir))
            assert server.get("bell") == expected
            server.set("bell", "rung")
    assert list((data_dir / "valkey").glob("*.rdb")) == []


def test_a_long_data_path_gets_a_short_socket(data_dir: Path) -> None:
    deep = data_dir / ("long" * 20) / ("path" * 20)
    with running(valkey.valkey_child(deep), log=data_dir / "log"):
        path = valkey.broker_url(deep).removeprefix("redis+socket://")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
    Path(path).parent.rmdir()
