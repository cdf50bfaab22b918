"""Reading the audit trail: by person, kind and period, page by page, and as a table."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from app.db.session import transaction
from app.security.permissions import Role
from app.services import audit
from app.web.csv_tables import csv_lines
from tests.integration.conftest import Site

AUDIT = "/api/v1/audit"


@pytest.fixture
def administrator(site: Site) -> TestClient:
    client = site.as_role(Role.ADMINISTRATOR)
    with transaction(site.sessions) as session:
        for number in range(25):
            audit.record(
                session,
                actor="account:a" if number % 2 else "key:b",
                action="sample.received",
                entity="sample",
                entity_id=f"s{number}",
                after={"donor_code": "=HYPERLINK(1)", "number": number},
            )
    return client


def items(client: TestClient, **wanted: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        client.get(AUDIT, params=wanted).raise_for_status().json()["items"]
    )
    return found


def test_entries_are_found_by_person_kind_and_day(administrator: TestClient) -> None:
    today = dt.datetime.now(dt.UTC).date()
    assert len(items(administrator, actor="account:a")) == 12
    assert len(items(administrator, action="sample.received")) == 25
    assert len(items(administrator, entity="sample", entity_id="s3")) == 1
    day = {"from": today.isoformat(), "to": today.isoformat()}
    assert len(items(administrator, **day)) >= 25
    assert items(administrator, to=(today - dt.timedelta(days=1)).isoformat()) == []
    assert items(administrator, **{"from": (today + dt.timedelta(days=1)).isoformat()}) == []
    assert len(items(administrator, **{"from": "0001-01-01", "to": "9999-12-31"})) >= 25


def test_pages_hold_every_entry_once_while_others_are_added(
    site: Site, administrator: TestClient
) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        wanted = {"action": "sample.received", "limit": "7"}
        wanted |= {"cursor": cursor} if cursor else {}
        page = administrator.get(AUDIT, params=wanted).json()
        seen += [one["seq"] for one in page["items"]]
        site.key(Role.LIMS)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25
    assert seen == sorted(seen, reverse=True)


def test_the_table_holds_what_was_asked_for_and_runs_no_formula(administrator: TestClient) -> None:
    answer = administrator.get(
        AUDIT, params={"entity": "sample"}, headers={"Accept": "text/csv"}
    ).raise_for_status()
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 25
    assert {row["entity"] for row in rows} == {"sample"}
    assert rows[0]["after"].startswith("{")
    assert administrator.get(AUDIT, headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("start", list("=+-@\t\r"))
def test_a_cell_that_begins_like_a_formula_is_text(start: str) -> None:
    [row] = csv.reader(io.StringIO(csv_lines([[f"{start}1+1", "x", None, -3]]), newline=""))
    assert row == [f"'{start}1+1", "x", "", "-3"]


def test_kinds_are_listed_without_reading_the_whole_trail(
    site: Site, administrator: TestClient
) -> None:
    with transaction(site.sessions) as session:
        entities, actions = audit.kinds(session)
    assert (entities, actions) == (("api_key", "sample"), ("api_key.created", "sample.received"))
    assert administrator.get(f"{AUDIT}/verify").json()["is_whole"] is True
    with transaction(site.sessions) as session:
        assert session.scalar(text("SELECT count(*) FROM audit")) == 26
