"""`pliant score`: a folder of bitmaps scored without a server."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from app.domain.imaging.scan_image import write_bmp
from tests.unit.imaging_truth import draw_number
from worker import offline

SIDE_PX: Final = 512
SIZE: Final = ("--width", str(SIDE_PX), "--height", str(SIDE_PX))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return two unsorted wells of one drawn image each, at a site that asks for no more."""
    for name, least in (("WELLS", 2), ("IMAGES_PER_WELL", 1), ("CELLS", 1)):
        monkeypatch.setenv(f"PLIANT_MIN_{name}", str(least))
    for number, well in enumerate(("A1", "A2")):
        (tmp_path / well).mkdir()
        drawn = draw_number(5 * number, side_px=SIDE_PX, n_cells=25)
        (tmp_path / well / "image.bmp").write_bytes(write_bmp(drawn.pixels))
    return tmp_path


def scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert offline.main(["score", str(folder), *SIZE]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def copy(source: Path, to: Path) -> None:
    to.write_bytes(source.read_bytes())


def test_a_copy_counts_once_and_says_of_which_file_it_is_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scored(folder, capsys)
    copy(folder / "A1" / "image.bmp", folder / "A1" / "image copy.bmp")
    copy(folder / "A1" / "image.bmp", folder / "A2" / "again.bmp")
    after = scored(folder, capsys)
    assert before["rigidity_score"] is not None
    assert before["n_cells"] > 0
    unequal = {name for name in before if before[name] != after[name]}
    assert unequal == {"images"}
    refusals = {
        image["file"]: image["findings"][0]["code"]
        for image in after["images"]
        if image["verdict"] == "refused"
    }
    assert refusals == {"A1/image.bmp": "duplicate", "A2/again.bmp": "duplicate_elsewhere"}


def test_sorted_cells_are_judged_and_never_scored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "A2").rename(folder / "outlet 3")
    told = scored(folder, capsys)
    assert [image["well"] for image in told["images"]] == ["A1", "outlet 3"]
    assert told["images"][1]["n_cells"] > 0
    assert (told["n_cells"], told["rigidity_score"]) == (told["images"][0]["n_cells"], None)
    assert [reason["code"] for reason in told["reasons"]] == ["too_few_wells"]


def test_a_file_that_is_no_image_is_named_and_stops_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scored(folder, capsys)
    for name in ("torn.bmp", "torn too.bmp"):
        (folder / "A1" / name).write_bytes(b"BM, and no more")
    after = scored(folder, capsys)
    assert after["rigidity_score"] == before["rigidity_score"]
    refused = [image for image in after["images"] if image["verdict"] == "refused"]
    assert {image["file"] for image in refused} == {"A1/torn.bmp", "A1/torn too.bmp"}
    assert "duplicate" not in {image["findings"][0]["code"] for image in refused}
