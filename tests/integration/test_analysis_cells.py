"""Every cell of an analysis over HTTP: pages, a table, and the forms that are not there."""

import csv
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from pyarrow import parquet
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.bulk import copy_rows
from app.db.queries.samples import newest_scan
from app.db.session import transaction
from app.db.tables import Cell, ModelVersion, Prediction, ScanImage
from app.domain.errors import PliantError
from app.reports.content import RESEARCH_USE
from app.security.permissions import SYSTEM, Role
from app.services import first_start
from app.services.analysis_cells import AnalysisCellView
from app.services.cell_tables import PAGES_PER_GROUP, parquet_pieces
from app.services.inspections import CELL_COLUMNS, PREDICTION_COLUMNS
from app.storage import open_store
from app.web.negotiation import choose
from tests.integration.conftest import Site

CELLS_PER_IMAGE = 3
FIRST_OF_EACH = 1
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def cells_path(site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]]) -> str:
    """Return the address of the cells of an analysis: two images, one cell each without a crop."""
    with transaction(site.sessions) as session:
        first_start.prepare_in(session, open_store(site.storage.as_uri()), with_demonstration=False)
    well = add_well(technician)
    for _ in range(2):
        add_image(site, uuid.UUID(well["id"]))
    asked = technician.post(f"/api/v1/samples/{well['sample_id']}/analyses").raise_for_status()
    return f"/api/v1/analyses/{asked.json()['id']}/cells"


def add_image(site: Site, well_id: uuid.UUID) -> None:
    with transaction(site.sessions) as session:
        version = session.scalars(select(ModelVersion)).one()
        image = ScanImage(
            scan_id=newest_scan(session, well_id).id, well_id=well_id, sha256=uuid.uuid4().hex * 2,
            filename="=1+1.bmp", format="bmp", n_bytes=1, verdict="accepted", findings=[],
            created_by=SYSTEM.id,
        )  # fmt: skip
        session.add(image)
        session.flush()
        ids = [uuid.uuid4() for _ in range(CELLS_PER_IMAGE)]
        measures = [10.5, 20.0, 50.0, 8.0, 0.9, 1.1, 0.3, 0.7, 0.0, 0.06, 0.01]
        found = (bytes(32), "accepted", 0.75, ["several"])
        rows = [(id_, image.id, *measures, *found) for id_ in ids]
        copy_rows(session, Cell, CELL_COLUMNS, rows)
        p_outlet = [0.25] * len(version.manifest["outlets"])
        predictions = [(id_, version.id, 0.5, p_outlet) for id_ in ids[FIRST_OF_EACH:]]
        copy_rows(session, Prediction, PREDICTION_COLUMNS, predictions)


def test_cells_come_in_pages_each_once(technician: TestClient, cells_path: str) -> None:
    cells, cursor = [], ""
    while True:
        page = technician.get(f"{cells_path}?limit=4{cursor}").raise_for_status().json()
        cells += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(cells) == len({cell["id"] for cell in cells}) == 2 * CELLS_PER_IMAGE
    assert sum(cell["p_deformable"] == 0.5 for cell in cells) == 4
    assert {cell["outlet"] for cell in cells} == {None}
    for cell in cells:
        assert (cell["row"], cell["column"], cell["verdict"]) == (10.5, 20.0, "accepted")
        assert cell["p_outlet"] is None or set(cell["p_outlet"].values()) == {0.25}


def test_a_table_holds_every_cell_and_no_formula(technician: TestClient, cells_path: str) -> None:
    answer = technician.get(cells_path, headers={"Accept": "text/csv"}).raise_for_status()
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert len(rows) == 2 * CELLS_PER_IMAGE
    assert sorted(row["p_outlet_3"] for row in rows) == ["", "", "0.25", "0.25", "0.25", "0.25"]
    assert {row["filename"] for row in rows} == {"'=1+1.bmp"}
    assert {(row["row"], row["findings"]) for row in rows} == {("10.5", "several")}
    measures = {(row["crenation"], row["contrast"], row["p_verdict"]) for row in rows}
    assert measures == {("0.01", "0.06", "0.75")}
    verdicts = {(row["verdict"], row["found_verdict"], row["is_used"]) for row in rows}
    assert verdicts == {("accepted", "accepted", "True")}


def test_values_are_parted_by_semicolons_where_that_is_asked_for(
    technician: TestClient, cells_path: str
) -> None:
    """With the label in the line of names, and the decimal mark that every program reads."""
    table = {"Accept": "text/csv"}
    answer = technician.get(cells_path, headers=table, params={"separator": "semicolon"})
    rows = list(csv.DictReader(answer.raise_for_status().text.splitlines(), delimiter=";"))
    with_commas = csv.DictReader(technician.get(cells_path, headers=table).text.splitlines())
    assert rows == list(with_commas)
    assert {row["row"] for row in rows} == {"10.5"}
    assert {row[RESEARCH_USE] for row in rows} == {""}


def test_parquet_holds_the_rows_of_the_table_with_types_units_and_meanings(
    technician: TestClient, cells_path: str
) -> None:
    answer = technician.get(cells_path, headers={"Accept": PARQUET}).raise_for_status()
    assert answer.headers["content-type"] == PARQUET
    table = parquet.read_table(BytesIO(answer.content))
    lines = technician.get(cells_path, headers={"Accept": "text/csv"}).text.splitlines()
    rows = list(csv.DictReader(lines))
    assert [*table.column_names, RESEARCH_USE] == list(rows[0])
    assert table.schema.metadata[b"label"] == RESEARCH_USE.encode()
    for name in ("id", "row", "p_outlet_3", "findings", "is_used", "outlet"):
        values = ["" if value is None else str(value) for value in table[name].to_pylist()]
        assert values == [row[name] for row in rows]
    assert set(table["filename"].to_pylist()) == {"=1+1.bmp"}
    area = table.schema.field("area_um2")
    assert (str(area.type), area.metadata[b"unit"]) == ("double", b"um2")
    assert all(field.metadata[b"meaning"] for field in table.schema)


def test_every_column_is_explained_and_each_form_has_the_same_ones(
    technician: TestClient, cells_path: str
) -> None:
    told = technician.get("/api/v1/cell-columns").raise_for_status().json()
    names = [column["name"] for column in told]
    cell = technician.get(cells_path).json()["items"][0]
    assert [name.partition("_{")[0] for name in names] == list(cell)
    assert all(column["meaning"] for column in told)
    numbers = [column for column in told if column["kind"] == "number"]
    assert all(column["unit"] for column in numbers)


def test_a_file_is_written_group_by_group_while_it_is_sent() -> None:
    """What is held at a time is a row group, however many cells there are."""
    read: list[int] = []

    def pages() -> Iterator[tuple[AnalysisCellView, ...]]:
        for _ in range(2 * PAGES_PER_GROUP + 1):
            read.append(len(read))
            yield (some_cell(), some_cell())

    pieces = parquet_pieces(pages(), (2, 3))
    first = next(pieces)
    assert len(read) == PAGES_PER_GROUP
    file = parquet.ParquetFile(BytesIO(first + b"".join(pieces)))
    assert file.metadata.num_row_groups == 3
    assert file.metadata.num_rows == 2 * len(read)
    assert (
        parquet.ParquetFile(BytesIO(b"".join(parquet_pieces(iter([()]), (2,))))).read().num_rows
        == 0
    )


def some_cell() -> AnalysisCellView:
    return AnalysisCellView(
        id=uuid.uuid4(), image_id=uuid.uuid4(), filename="a.bmp", well_id=uuid.uuid4(),
        well_name="A1", outlet=3, row=1.0, column=2.0, area_um2=50.0, diameter_um=8.0,
        circularity=0.9, elongation=1.1, rim_contrast=0.3, rim_width_um=0.7, shading_angle=0.0,
        contrast=None, crenation=None, verdict="accepted", is_used=True, found_verdict="accepted",
        p_verdict=None, findings=[], p_deformable=0.5, p_outlet={"2": 0.5, "3": 0.5},
    )  # fmt: skip


def test_pyarrow_is_loaded_for_those_who_ask_for_its_files_only() -> None:
    code = "import sys, app.main; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_cannot_be_answered_is_refused(
    site: Site, technician: TestClient, cells_path: str
) -> None:
    answer = technician.get(cells_path, headers={"Accept": "application/vnd.ms-excel"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    answer = technician.get(f"{cells_path}?cursor=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")
    for accept in ("application/json", "text/csv", PARQUET):
        foreign = site.as_role(Role.LIMS).get(cells_path, headers={"Accept": accept})
        assert (foreign.status_code, foreign.json()["code"]) == (404, "analysis_unknown")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0, */*", "application/json"),
        ("image/png, */*;q=0.1", "application/json"),
    ],
)
def test_the_client_gets_the_form_it_likes_best(accept: str, chosen: str) -> None:
    assert choose(accept, ("application/json", "text/csv")) == chosen


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=zero", "application/json;q=0"])
def test_nothing_is_sent_that_the_client_did_not_ask_for(accept: str) -> None:
    with pytest.raises(PliantError) as refusal:
        choose(accept, ("application/json", "text/csv"))
    assert refusal.value.code == "not_acceptable"
