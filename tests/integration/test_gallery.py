"""The cells of a whole sample, listed by what one looks for, and their crops in one picture."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import Role
from tests.integration.conftest import Site
from tests.integration.corrected_samples import WHY, ScoredSample, scored_sample
from tests.laboratory import SIDE_PX, Laboratory, drawn_plan, open_laboratory, some_donor

CROP_PX = 60


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(site.sessions, database_url, tmp_path)


@pytest.fixture
def sample(laboratory: Laboratory) -> ScoredSample:
    return scored_sample(laboratory)


Asked = str | int


def pages(
    client: TestClient, sample_id: uuid.UUID, **asked: Asked
) -> Iterator[list[dict[str, Any]]]:
    cursor: str | None = ""
    while cursor is not None:
        asked |= {"cursor": cursor} if cursor else {}
        answer = client.get(f"/api/v1/samples/{sample_id}/cells", params=asked).raise_for_status()
        yield answer.json()["items"]
        cursor = answer.json()["next_cursor"]


def listed(client: TestClient, sample_id: uuid.UUID, **asked: Asked) -> list[dict[str, Any]]:
    return [cell for page in pages(client, sample_id, **asked) for cell in page]


def distance_from_half(cell: dict[str, Any]) -> float:
    return abs(float(cell["p_deformable"]) - 0.5)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("doubtful", lambda cell: cell["p_verdict"]),
        ("small", lambda cell: cell["diameter_um"]),
        ("large", lambda cell: -cell["diameter_um"]),
        ("deformable", lambda cell: -cell["p_deformable"]),
        ("rigid", lambda cell: cell["p_deformable"]),
        ("undecided", distance_from_half),
    ],
)
def test_cells_come_in_the_order_asked_for_and_each_of_them_once(
    technician: TestClient,
    sample: ScoredSample,
    sort: str,
    key: Callable[[dict[str, Any]], float],
) -> None:
    cells = listed(technician, sample.id, sort=sort, limit=37)
    assert len({cell["id"] for cell in cells}) == len(cells) > 100
    figures = [key(cell) for cell in cells if cell["p_deformable"] is not None]
    assert figures == sorted(figures)


def test_an_outlying_cell_is_the_most_unusual_one(
    technician: TestClient, sample: ScoredSample
) -> None:
    cells = listed(technician, sample.id, sort="unusual")
    assert len(cells) == len(listed(technician, sample.id, sort="place"))
    middle = np.median([cell["diameter_um"] for cell in cells])
    far = [abs(cell["diameter_um"] - middle) for cell in cells]
    tenth = len(cells) // 10
    assert np.mean(far[:tenth]) > np.mean(far[-tenth:])


def test_wells_verdicts_and_findings_are_shown_alone(
    technician: TestClient, sample: ScoredSample
) -> None:
    everything = listed(technician, sample.id)
    for well in sample.wells:
        alone = listed(technician, sample.id, well_id=str(well))
        assert alone == [cell for cell in everything if cell["well_id"] == str(well)] != []
    for show in ("accepted", "rejected"):
        shown = listed(technician, sample.id, show=show)
        assert {cell["verdict"] for cell in shown} == {show}
    blurred = listed(technician, sample.id, finding="blurred")
    assert blurred
    assert all("blurred" in cell["findings"] for cell in blurred)
    assert listed(technician, sample.id, show="corrected") == []


def test_excluding_what_was_shown_skips_nothing_on_the_next_page(
    technician: TestClient, sample: ScoredSample
) -> None:
    everything = {cell["id"] for cell in listed(technician, sample.id, show="accepted")}
    seen: list[str] = []
    for page in pages(technician, sample.id, show="accepted", limit=40):
        seen += [cell["id"] for cell in page]
        body = {"cell_ids": seen[-5:], "verdict": "rejected", "reason": WHY}
        technician.patch("/api/v1/cells", json=body).raise_for_status()
    assert set(seen) == everything
    corrected = listed(technician, sample.id, show="corrected")
    assert {cell["verdict"] for cell in corrected} == {"rejected"}


def test_a_cursor_of_something_else_is_refused(
    technician: TestClient, sample: ScoredSample
) -> None:
    for cursor in ("", "!", "bm90aGluZw", "MS4wfG5vdC1hbi1pZA"):
        answer = technician.get(f"/api/v1/samples/{sample.id}/cells?cursor={cursor}x")
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")


def test_another_clients_cells_do_not_exist(site: Site, sample: ScoredSample) -> None:
    lims = site.as_role(Role.LIMS)
    assert lims.get(f"/api/v1/samples/{sample.id}/cells").status_code == 404
    sheet = lims.post(
        f"/api/v1/samples/{sample.id}/crop-sheets",
        json={"cell_ids": [str(sample.cells(sample.images["accepted"][0])[0])]},
    )
    assert sheet.status_code == 404


Encode = Callable[[NDArray[np.uint8]], bytes]


def png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize(
    "encode", [write_bmp, lambda pixels: write_bmp(pixels, bits=24), png], ids=["8", "24", "png"]
)
def test_a_sheet_shows_the_crops_in_the_order_asked(
    technician: TestClient, laboratory: Laboratory, encode: Encode
) -> None:
    sample_id = laboratory.take_sample()
    well = laboratory.add_well(sample_id, 1)
    pixels = {}
    for _, _, image in list(drawn_plan(some_donor(), 2).images())[:2]:
        pixels[str(laboratory.send(well, encode(image.pixels)))] = image.pixels
    laboratory.run_queue()
    cells = listed(technician, sample_id, sort="small")
    assert len({cell["image_id"] for cell in cells}) == 2
    answer = technician.post(
        f"/api/v1/samples/{sample_id}/crop-sheets", json={"cell_ids": [c["id"] for c in cells]}
    ).raise_for_status()
    sheet = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    for number, cell in enumerate(cells):
        row, column = (CROP_PX * place for place in divmod(number, 20))
        shown = sheet[row : row + CROP_PX, column : column + CROP_PX].astype(float)
        assert np.abs(shown - padded_crop(pixels[cell["image_id"]], cell)).mean() < 4


def padded_crop(pixels: NDArray[np.uint8], cell: dict[str, Any]) -> NDArray[np.uint8]:
    half = CROP_PX // 2
    around = np.pad(pixels, half, constant_values=128)
    assert around.shape == (SIDE_PX + CROP_PX, SIDE_PX + CROP_PX)
    row, column = round(cell["row"]), round(cell["column"])
    return around[row : row + CROP_PX, column : column + CROP_PX]


def test_a_cell_of_another_sample_is_not_shown(
    technician: TestClient, laboratory: Laboratory, sample: ScoredSample
) -> None:
    other = laboratory.take_sample("D-2")
    cell = str(sample.cells(sample.images["accepted"][0])[0])
    answer = technician.post(f"/api/v1/samples/{other}/crop-sheets", json={"cell_ids": [cell]})
    assert (answer.status_code, answer.json()["code"]) == (404, "cell_unknown")


def test_the_page_shows_cells_of_a_probability_a_size_and_a_shape(
    technician: TestClient, sample: ScoredSample
) -> None:
    cells = {cell["id"]: cell for cell in listed(technician, sample.id)}

    def shown(**asked: str) -> list[dict[str, Any]]:
        page = technician.get(f"/samples/{sample.id}/cells", params=asked).text
        return [cells[one] for one in re.findall(r'data-cell="([^"]+)"', page)]

    likely = shown(deformable="60")
    assert likely
    assert all(0.6 <= one["p_deformable"] < 0.8 and one["verdict"] == "accepted" for one in likely)
    by_size = {code: {one["id"] for one in shown(size=code)} for code in ("0", "5", "6", "7", "8")}
    edges = {"0": (0, 5), "5": (5, 6), "6": (6, 7), "7": (7, 8), "8": (8, 99)}
    for code, (least, most) in edges.items():
        inside = {one["id"] for one in cells.values() if least <= one["diameter_um"] < most}
        assert by_size[code] == inside if len(inside) <= 240 else by_size[code] < inside
    assert any(by_size.values())
    shapes = [{one["id"] for one in shown(shape=code)} for code in ("round", "oval", "long")]
    assert sum(map(len, shapes)) == len(set.union(*shapes)) > 0
    assert len(shown(deformable="of course")) == min(len(cells), 240)


def test_a_cell_corrected_by_hand_is_shown_with_its_reason(
    technician: TestClient, sample: ScoredSample
) -> None:
    sample.exclude(cell=sample.cells(sample.images["accepted"][0])[0])
    page = technician.get(f"/samples/{sample.id}/cells", params={"show": "corrected"}).text
    assert f'data-why="{WHY}"' in page
    assert f'<span class="caption">{WHY}</span>' in page
