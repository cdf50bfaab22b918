"""Where files lie: one small port over local folders, object stores and memory.

Keys are made of the content's SHA-256, so equal bytes are one file and writing twice is harmless.
A file proves nothing by itself: only the committed row that names it does.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from app.domain.errors import OutOfSpace, Unavailable
from app.settings import Settings

_PROBE_KEY: Final = "probe/never-written"


def image_key(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


def model_key(sha256: str) -> str:
    return f"models/{sha256[:2]}/{sha256}"


def golden_key(sha256: str) -> str:
    """Where the golden crops of the network with this hash lie."""
    return f"golden/{sha256[:2]}/{sha256}"


def saliency_key(sha256: str, name: str) -> str:
    """Where a picture of what the network with this hash looks at lies."""
    return f"saliency/{sha256[:2]}/{sha256}/{name}"


def checkpoint_key(training_run_id: UUID, name: str) -> str:
    """Where a training run keeps what it goes on from; gone once the run is over."""
    return f"training/{training_run_id}/{name}"


class Store:
    """Files under keys. `put_once` returns once the bytes would survive a power cut."""

    def __init__(self, backend: ObjectStore, *, root: Path | None = None) -> None:
        self._backend = backend
        self._root = root

    def put_once(self, key: str, data: bytes | bytearray | memoryview) -> None:
        """Write, over whatever a crash may have left under the name: equal keys, equal bytes."""
        existing = self._root and _deepest_existing(self._root / key)
        try:
            # In one piece: parts would cost three requests, and their files are not synced.
            obstore.put(self._backend, key, memoryview(data), use_multipart=False)
            if self._root and existing:
                _sync(self._root / key, up_to=existing)
        except (BaseError, OSError) as error:
            if _is_full(error):
                raise out_of_space() from error
            raise Unavailable(
                "storage_unavailable",
                "The file could not be stored; check the disk or the object store, then try again.",
            ) from error

    def get(self, key: str) -> bytes:
        """The whole file; FileNotFoundError if there is none."""
        try:
            return obstore.get(self._backend, key).bytes().to_bytes()
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(key) from error
        except (BaseError, OSError) as error:
            raise _unreadable() from error

    def get_parts(self, key: str, parts: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of a file, each (offset, length); FileNotFoundError if there is no such file."""
        starts, lengths = [start for start, _ in parts], [length for _, length in parts]
        try:
            found = obstore.get_ranges(self._backend, key, starts=starts, lengths=lengths)
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(key) from error
        except (BaseError, OSError) as error:
            raise _unreadable() from error
        return [part.to_bytes() for part in found]

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._backend, key)
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove the file; none there is fine."""
        try:
            obstore.delete(self._backend, key)
        except (NotFoundError, FileNotFoundError):
            return

    def free_bytes(self) -> int | None:
        """Space left for us on a local disk; None where the store does not tell."""
        return None if self._root is None else shutil.disk_usage(self._root).free

    def answers(self) -> bool:
        """Whether the store can be asked at all."""
        try:
            self.exists(_PROBE_KEY)
        except (BaseError, OSError):
            return False
        return self._root is None or os.access(self._root, os.W_OK)


def out_of_space() -> OutOfSpace:
    return OutOfSpace(
        "storage_full",
        "The store of images is full, so nothing was kept; tell whoever runs Pliant to free space, "
        "then send the image again.",
    )


def _is_full(error: Exception) -> bool:
    """The object store's library wraps the system's error and keeps its words only."""
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error)


def _unreadable() -> Unavailable:
    return Unavailable(
        "storage_unavailable",
        "The file could not be read; check the disk or the object store, then try again.",
    )


def open_store(url: str) -> Store:
    """`file:///folder`, `s3://bucket/prefix` (credentials: AWS_ variables) or `memory://`."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file":
            root = Path(unquote(parts.path))
            root.mkdir(parents=True, exist_ok=True)
            return Store(LocalStore(root), root=root)
        case "s3":
            prefix = parts.path.strip("/")
            return Store(S3Store(parts.netloc, prefix=prefix or None, checksum_algorithm="sha256"))
        case "memory":
            return Store(MemoryStore())
        case other:
            raise ValueError(f"storage URL begins with {other!r}; use file:///… or s3://…")


def storage_url(settings: Settings) -> str:
    """The configured place, else a folder beside the private servers."""
    return settings.storage_url or (settings.data_dir.absolute() / "storage").as_uri()


def _deepest_existing(path: Path) -> Path:
    return next(folder for folder in path.parents if folder.is_dir())


def _sync(path: Path, *, up_to: Path) -> None:
    """Flush the file and each folder that got a new name; obstore's local store never does."""
    _fsync(path)
    for folder in path.parents:
        _fsync(folder)
        if folder == up_to:
            return


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
