"""Dates and times from outside: ISO 8601 text counts, a number never becomes a day in 1970."""

import datetime as dt
import itertools
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from app.main import openapi_document
from app.security.permissions import Role
from app.web.dates import utc_moment_of
from tests.integration.conftest import Site

ANY_ID: Final = str(uuid.UUID(int=0))
NUMBERS: Final = (0, 0.0, 1795132800, -1, "0", "0.0", "1795132800", "20261120", "1e9", True)
"""What reads as a moment since 1970, and what is nearly one."""
NO_DATES: Final = (*NUMBERS, "", " ", "2026-11-20T00:00:00Z", " 2026-11-20", "20.11.2026", "today")
NO_MOMENTS: Final = (*NUMBERS, "", " ", "2026-11-20", "2026-11-20T09:30", "2026-11-20T25:00Z")
OF_FORMAT: Final = {"date": NO_DATES, "date-time": NO_MOMENTS}


@dataclass(frozen=True)
class Told:
    status: int
    code: str | None
    places: list[list[str | int]]


@dataclass(frozen=True)
class Place:
    """Where a date comes in; `keys` lead to it, in the query or in the body."""

    method: str
    path: str
    keys: tuple[str | int, ...]
    format: str
    body: Mapping[str, object] | None = None

    @property
    def address(self) -> str:
        return self.path.replace("{sample_id}", ANY_ID).replace("{control_id}", ANY_ID)

    def ask(self, client: TestClient, value: object) -> Told:
        key = str(self.keys[-1])
        if self.body is None:
            answer = client.request(self.method, self.address, params={key: str(value)})
        else:
            body = {**self.body, key: value}
            sent = {self.keys[0]: [body]} if len(self.keys) > 1 else body
            answer = client.request(self.method, self.address, json=sent)
        told = answer.json()
        places = [error["where"][-len(self.keys) :] for error in told.get("errors", ())]
        return Told(answer.status_code, told.get("code"), places)


SAMPLE: Final = {"donor_code": "D-1", "container": "segment"}
PAIR: Final = {
    "donor_code": "D-1", "reference_score": 3.1, "image_score": 3.2, "measured_with": "x",
}  # fmt: skip
PLACES: Final = (
    Place("get", "/api/v1/agreement", ("from",), "date"),
    Place("get", "/api/v1/agreement", ("to",), "date"),
    Place("get", "/api/v1/audit", ("from",), "date"),
    Place("get", "/api/v1/audit", ("to",), "date"),
    Place("get", "/api/v1/model-versions/active", ("at",), "date-time"),
    Place("post", "/api/v1/samples", ("collected_on",), "date", SAMPLE),
    Place("post", "/api/v1/samples", ("sampled_at",), "date-time", SAMPLE),
    Place("post", "/api/v1/samples/{sample_id}/references", ("sorted_at",), "date-time", {}),
    Place("post", "/api/v1/agreement/pairs", ("pairs", 0, "measured_on"), "date", PAIR),
    Place(
        "post", "/api/v1/controls", ("expires_on",), "date", {"kind": "wet", "name": "Lot 1"}
    ),
    Place("post", "/api/v1/controls/{control_id}/runs", ("measured_at",), "date-time", {}),
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.path} {place.keys[-1]}")
def test_a_number_is_no_date_wherever_one_comes_in(site: Site, place: Place) -> None:
    client = site.as_role(Role.ADMINISTRATOR)
    for value in OF_FORMAT[place.format]:
        told = place.ask(client, value)
        assert told == Told(422, "invalid_request", [list(place.keys)]), value


def test_what_iso_8601_writes_gets_past_the_door(site: Site) -> None:
    client = site.as_role(Role.ADMINISTRATOR)
    good = {"date": "2026-11-20", "date-time": "2026-11-20T09:30:00+02:00"}
    codes = [place.ask(client, good[place.format]).code for place in PLACES]
    assert "invalid_request" not in codes


def test_no_date_of_the_contract_is_left_out_here() -> None:
    known = {(place.method, place.path, place.keys[-1], place.format) for place in PLACES}
    assert set(_dates_that_come_in()) == known


def _dates_that_come_in() -> Iterator[tuple[str, str, str, str]]:
    document = openapi_document()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts = [(each["name"], each["schema"]) for each in operation.get("parameters", ())]
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            for name, schema in (*parts, *(("", body["schema"]) for body in bodies)):
                for key, form in _dates_in(schema, name, schemas):
                    yield method, path, key, form


def _dates_in(
    schema: Mapping[str, Any], name: str, schemas: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Walk a schema; ours of requests never refer to themselves."""
    if schema.get("format") in OF_FORMAT:
        yield name, schema["format"]
    inner = [(name, part) for kind in ("anyOf", "oneOf", "allOf") for part in schema.get(kind, ())]
    inner += schema.get("properties", {}).items()
    if "items" in schema:
        inner.append((name, schema["items"]))
    if "$ref" in schema:
        inner.append((name, schemas[schema["$ref"].rpartition("/")[2]]))
    for key, part in inner:
        yield from _dates_in(part, key, schemas)


def test_a_page_refuses_them_too(site: Site) -> None:
    client = site.as_role(Role.ADMINISTRATOR)
    for page, field in itertools.product(("/agreement", "/audit"), ("from", "to")):
        for text in ("0", "0.0", "20261120", "2026-W47-5", "2026-11-20T00:00:00Z"):
            assert client.get(page, params={field: text}).status_code == 422, (page, field, text)
        assert client.get(page, params={field: "2026-11-20"}).status_code == 200


def test_a_form_s_time_is_utc_unless_it_names_its_zone() -> None:
    half_past_nine = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
    for text in ("2026-11-20T09:30", "2026-11-20T09:30:00Z", "2026-11-20T11:30+02:00"):
        assert utc_moment_of(text) == half_past_nine
    for text in ("0", "2026-11-20", "20261120T0930"):
        with pytest.raises(ValueError, match=re.escape(text)):
            utc_moment_of(text)
