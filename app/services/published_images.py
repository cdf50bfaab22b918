"""The published image set on disk, as delivered: folders, archives, or archives within folders."""

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from app.domain.errors import InvalidInput
from app.domain.published_dataset import WellPlace, place_of

SUFFIXES: Final = frozenset({".bmp", ".png", ".tif", ".tiff"})


@dataclass(frozen=True)
class SourceImage:
    """One image file: where it belongs and where its bytes lie."""

    place: WellPlace
    name: str
    """From the folder that was named, the archive's own name included."""
    n_bytes: int
    archive: zipfile.ZipFile | None
    path: str

    def read(self) -> bytearray:
        """Read the bytes.

        Raises
        ------
        InvalidInput
            ``archive_damaged``.
        """
        if self.archive is None:
            return bytearray(Path(self.path).read_bytes())
        try:
            return bytearray(self.archive.read(self.path))
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise _damaged(self.name) from error


@dataclass(frozen=True)
class Delivery:
    """What lies in a folder or archive: images by well, and files that say nothing of theirs."""

    images: tuple[SourceImage, ...]
    left_out: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        return sum(image.n_bytes for image in self.images)

    @property
    def counts(self) -> Mapping[WellPlace, int]:
        return Counter(image.place for image in self.images)


def find_images(source: Path, opened: ExitStack) -> Delivery:
    """Look through a folder or a ZIP; archives stay open until `opened` is closed.

    Raises
    ------
    InvalidInput
        ``import_source``: nothing there, or nothing that names donor, outlet and well.
    """
    if not source.exists():
        raise InvalidInput("import_source", f"There is no {source}; name a folder or a ZIP file.")
    found = list(_entries(source, opened))
    images = [entry for entry in found if isinstance(entry, SourceImage)]
    if not images:
        raise InvalidInput(
            "import_source",
            f"No image below {source} has donor, outlet (or unsorted) and well in its folders' "
            "names, like donor_3/outlet_4/well_1; rename the folders.",
        )
    images.sort(key=lambda image: (image.place, image.name))
    left_out = sorted(entry for entry in found if isinstance(entry, str))
    return Delivery(tuple(images), tuple(left_out))


def _entries(source: Path, opened: ExitStack) -> Iterator[SourceImage | str]:
    if source.is_file():
        yield from _in_archive(source, source.name, opened)
        return
    for path in sorted(source.rglob("*")):
        # The named folder may itself be the donor's: its own name counts.
        name = (PurePosixPath(source.absolute().name) / path.relative_to(source)).as_posix()
        if path.suffix.lower() == ".zip":
            yield from _in_archive(path, name, opened)
        elif path.is_file():
            yield _entry(name, path.stat().st_size, None, str(path))


def _in_archive(path: Path, name: str, opened: ExitStack) -> Iterator[SourceImage | str]:
    try:
        archive = opened.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, OSError) as error:
        raise _damaged(name) from error
    for member in archive.infolist():
        if not member.is_dir():
            inside = f"{name}/{member.filename}"
            yield _entry(inside, member.file_size, archive, member.filename)


def _entry(
    name: str, n_bytes: int, archive: zipfile.ZipFile | None, path: str
) -> SourceImage | str:
    parts = PurePosixPath(name).parts
    place = place_of(parts) if PurePosixPath(name).suffix.lower() in SUFFIXES else None
    return name if place is None else SourceImage(place, name, n_bytes, archive, path)


def by_donor(images: Iterable[SourceImage]) -> dict[int, list[SourceImage]]:
    donors: dict[int, list[SourceImage]] = {}
    for image in images:
        donors.setdefault(image.place.donor, []).append(image)
    return donors


def _damaged(name: str) -> InvalidInput:
    return InvalidInput("archive_damaged", f"{name} cannot be read as a ZIP; download it again.")
