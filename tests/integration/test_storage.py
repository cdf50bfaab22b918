"""One contract for every store: a folder, an object store, memory."""

import os
from pathlib import Path

import pytest

from app.domain.errors import Unavailable
from app.storage import Store, image_key, open_store
from tests.object_store import BUCKET, credentials

SHA256 = "ab" + "0" * 62
DATA = bytes(range(256)) * 100


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return open_store((tmp_path / "storage").as_uri())
    if request.param == "memory":
        return open_store("memory://")
    for name, value in credentials(request.getfixturevalue("s3_address")).items():
        monkeypatch.setenv(name, value)
    return open_store(f"s3://{BUCKET}/{tmp_path.name}")


class TestEveryStore:
    def test_what_was_put_is_there_byte_for_byte(self, store: Store) -> None:
        store.put_once(image_key(SHA256), DATA)
        assert store.exists(image_key(SHA256))
        assert store.get(image_key(SHA256)) == DATA

    def test_putting_twice_is_harmless_and_heals_a_broken_file(self, store: Store) -> None:
        store.put_once("some/key", b"")
        store.put_once("some/key", DATA)
        store.put_once("some/key", DATA)
        assert store.get("some/key") == DATA

    def test_what_is_not_there_is_a_missing_file(self, store: Store) -> None:
        assert not store.exists("no/such")
        with pytest.raises(FileNotFoundError):
            store.get("no/such")

    def test_deleting_leaves_nothing_and_may_be_repeated(self, store: Store) -> None:
        store.put_once("some/key", DATA)
        store.delete("some/key")
        store.delete("some/key")
        assert not store.exists("some/key")

    def test_large_files_come_back_whole(self, store: Store) -> None:
        large = DATA * 700
        store.put_once("large", bytearray(large))
        assert store.get("large") == large

    def test_parts_are_read_without_the_rest(self, store: Store) -> None:
        store.put_once("some/key", DATA)
        assert store.get_parts("some/key", [(1000, 20), (0, 3), (1010, 5)]) == [
            DATA[1000:1020],
            DATA[:3],
            DATA[1010:1015],
        ]
        with pytest.raises(FileNotFoundError):
            store.get_parts("no/such", [(0, 1)])

    def test_it_answers(self, store: Store) -> None:
        assert store.answers()


def test_files_lie_in_folders_by_the_first_two_digits() -> None:
    assert image_key(SHA256) == f"blobs/ab/{SHA256}"


def test_a_file_and_every_new_folder_are_flushed_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    really_flush = os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        really_flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    open_store(tmp_path.as_uri()).put_once(image_key(SHA256), DATA)
    written = tmp_path / image_key(SHA256)
    assert flushed == [path.stat().st_ino for path in (written, *written.parents[:3])]


def test_a_folder_that_cannot_be_written_is_unavailable_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path.as_uri())
    (tmp_path / "blobs").write_text("a file where a folder must be")
    with pytest.raises(Unavailable, match="storage_unavailable"):
        store.put_once(image_key(SHA256), DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="ftp"):
        open_store("ftp://host/folder")
