"""Every cell of an analysis over HTTP: pages, a table, and the forms that are not there."""

import csv
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.bulk import copy_rows
from app.db.queries.samples import newest_scan
from app.db.session import transaction
from app.db.tables import Cell, ModelVersion, Prediction, ScanImage
from app.domain.errors import PliantError
from app.security.permissions import SYSTEM, Role
from app.services import first_start
from app.services.inspections import CELL_COLUMNS, PREDICTION_COLUMNS
from app.storage import open_store
from app.web.negotiation import choose
from tests.integration.conftest import Site

CELLS_PER_IMAGE = 3
FIRST_OF_EACH = 1


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


def test_what_cannot_be_answered_is_refused(
    site: Site, technician: TestClient, cells_path: str
) -> None:
    parquet = {"Accept": "application/vnd.apache.parquet"}
    answer = technician.get(cells_path, headers=parquet)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    answer = technician.get(f"{cells_path}?cursor=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")
    for accept in ("application/json", "text/csv"):
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
