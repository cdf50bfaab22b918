"""Lists that are read whole come in pages all the same: a client need not know which is which."""

from starlette.testclient import TestClient

from app.main import openapi_document
from app.security.permissions import Role
from tests.integration.conftest import Site

PROFILES = "/api/v1/instrument-profiles"


def test_every_list_takes_a_cursor_and_a_limit() -> None:
    n_lists = 0
    for path, methods in openapi_document()["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if "/Page_" not in schema.get("$ref", ""):
            continue
        names = {parameter["name"] for parameter in methods["get"]["parameters"]}
        assert {"cursor", "limit"} <= names, path
        n_lists += 1
    assert n_lists > 12


def profiles(client: TestClient, limit: int) -> list[str]:
    found: list[str] = []
    asked: dict[str, str | int] = {"limit": limit}
    while True:
        page = client.get(PROFILES, params=asked).raise_for_status().json()
        assert 1 <= len(page["items"]) <= limit
        found += [one["name"] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


def test_a_short_list_comes_in_pages_each_row_once(site: Site) -> None:
    client = site.as_role(Role.ADMINISTRATOR)
    for number in range(4):
        new = {"name": f"20x {number}", "um_per_px": 0.365, "width": 1212, "height": 1212}
        client.post(PROFILES, json=new).raise_for_status()
    everything = profiles(client, 200)
    assert len(set(everything)) == len(everything) >= 4
    assert all(profiles(client, limit) == everything for limit in (1, 2, 3, len(everything)))
    foreign = client.get("/api/v1/model-versions", params={"cursor": "bm9uZQ"})
    assert (foreign.status_code, foreign.json()["code"]) == (422, "cursor_unknown")
