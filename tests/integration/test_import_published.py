"""`pliant import-frdr`: the published image set, in miniature, from folders and archives."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import pytest

from app.domain.imaging.scan_image import write_bmp
from tests.integration.test_cli import pliant

SIDE_PX = 2424


def bitmap(grey: int, *, bits: int = 8) -> bytes:
    return write_bmp(np.full((SIDE_PX, SIDE_PX), grey, np.uint8), bits=bits)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Donor 4 with sorted and unsorted wells in folders, donor 2 in an archive of its own."""
    folder = tmp_path / "download"
    for grey, name in enumerate(
        (
            "donor_4/outlet_3/well_1/a.bmp",
            "donor_4/outlet_3/well_1/b.bmp",
            "donor_4/unsorted/well_2/a.bmp",
        ),
        start=100,
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bitmap(grey))
    (folder / "donor_4/unsorted/well_2/twin.bmp").write_bytes(bitmap(100))
    (folder / "readme.txt").write_text("about the images")
    with zipfile.ZipFile(folder / "Donor 2.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Outlet 2/Well 1/one.bmp", bitmap(150, bits=24))
        archive.writestr("Outlet 2/Well 1/cut.bmp", bitmap(151)[:-5])
    return folder


@pytest.fixture
def rows(database_url: str) -> Callable[[str], list[tuple[object, ...]]]:
    def ask(sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute(sql.encode()).fetchall()

    return ask


IMAGES = """
    SELECT d.code, w.outlet, w.number, i.filename FROM images i JOIN wells w ON w.id = i.well_id
    JOIN samples s ON s.id = w.sample_id JOIN donors d ON d.id = s.donor_id ORDER BY 1, 2, 3, 4
"""


def test_folders_and_archives_become_samples_with_wells_references_and_images(
    delivery: Path,
    tmp_path: Path,
    database_url: str,
    rows: Callable[[str], list[tuple[object, ...]]],
) -> None:
    settings = {"DATABASE_URL": database_url, "STORAGE_URL": (tmp_path / "store").as_uri()}
    done = pliant("import-frdr", str(delivery), **settings)
    assert rows(IMAGES) == [
        ("FRDR-2", 2, 1, "one.bmp"),
        ("FRDR-4", 3, 1, "a.bmp"),
        ("FRDR-4", 3, 1, "b.bmp"),
        ("FRDR-4", None, 2, "a.bmp"),
    ]
    assert "4 images are new, 0 were there, 2 were refused" in done.stdout
    assert "cut.bmp" in done.stderr
    assert "twin.bmp" in done.stderr
    assert "duplicate_elsewhere" in done.stderr
    assert done.returncode == 1, "something was refused, so a script must notice"
    assert rows("SELECT rigidity_score FROM reference_measurements ORDER BY 1") == [(2.47,), (3.5,)]
    assert rows("SELECT container, storage_day FROM samples ORDER BY 2") == [
        ("blood_bag", 2),
        ("citrate_tube", 12),
    ]
    again = pliant("import-frdr", str(delivery), **settings)
    assert "0 images are new, 4 were there, 2 were refused" in again.stdout
    assert len(rows("SELECT 1 FROM samples")) == 2
    assert len(rows("SELECT 1 FROM reference_measurements")) == 2


def test_check_says_what_is_there_and_what_table_1_misses_and_writes_nothing(
    delivery: Path, tmp_path: Path
) -> None:
    looked = pliant("import-frdr", str(delivery), "--check", DATA_DIR=tmp_path / "var")
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.startswith("6 images of 3 wells, 0.0 GB on disk")
    assert "0 of 65 wells have as many images as published." in looked.stdout
    assert "donor 4, outlet 3, well 1: 2 images, 92 were published" in looked.stdout
    assert "donor 4, outlet 5, well 2: 0 images, 102 were published" in looked.stdout
    assert "Donors not there: 1, 3, 5, 6, 7, 8, 9, 10." in looked.stdout
    assert "download/readme.txt" in looked.stdout
    assert not (tmp_path / "var").exists()


def test_a_folder_without_donor_outlet_and_well_names_is_refused_with_an_example(
    tmp_path: Path,
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.bmp").write_bytes(b"BM")
    refused = pliant("import-frdr", str(tmp_path / "pictures"))
    assert refused.returncode == 1
    assert "like donor_3/outlet_4/well_1" in refused.stderr


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "Donor 1.zip").write_bytes(b"PK\x03\x04 cut short")
    refused = pliant("import-frdr", str(tmp_path))
    assert refused.returncode == 1
    assert "Donor 1.zip cannot be read as a ZIP; download it again." in refused.stderr
