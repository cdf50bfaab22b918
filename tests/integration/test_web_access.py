"""Who gets in: keys, sessions, roles, owners; and what a foreign page may not do."""

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from sqlalchemy import select, text, update
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.db.base import Base
from app.db.session import transaction
from app.db.tables import Account, ApiKey, AuditEntry, BrowserSession
from app.domain.errors import InvalidInput, NotAuthenticated
from app.domain.imaging.scan_image import write_bmp
from app.main import create_app
from app.security.api_keys import make_key, parse_key
from app.security.permissions import PERMISSIONS, SYSTEM, Permission, Role
from app.services import accounts, api_keys, browser_sessions, first_start
from app.settings import Settings
from app.storage import open_store
from app.web.dependencies import PERMISSION_MARK, PUBLIC_MARK
from tests.integration.conftest import SIDE_PX, Site

MATRIX: Final = Path(__file__).with_name("access_matrix.json")
OWN_PAGE: Final = {"Sec-Fetch-Site": "same-origin"}


def routes() -> Iterator[tuple[str, RouteContext]]:
    """Every route of the application as `METHOD /path`."""
    for context in iter_route_contexts(create_app(Settings()).routes):
        if isinstance(context.original_route, Mount):
            assert context.path == "/static", "only the static files are mounted"
            continue
        for method in sorted(context.methods or ()):
            yield f"{method} {context.path}", context


def marks_of(context: RouteContext) -> set[str]:
    route = context.original_route
    assert isinstance(route, APIRoute)
    calls = [dependency.call for dependency in route.dependant.dependencies]
    marks = {
        str(getattr(call, PERMISSION_MARK)) for call in calls if hasattr(call, PERMISSION_MARK)
    }
    return marks | {"public" for call in calls if hasattr(call, PUBLIC_MARK)}


def allowed_roles(mark: str) -> list[str]:
    if mark in ("public", "signed_in"):
        return ["anonymous" if mark == "public" else "anyone signed in"]
    return sorted(role for role in Role if Permission(mark) in PERMISSIONS[role])


def test_every_route_names_one_permission_or_is_marked_public() -> None:
    for name, context in routes():
        assert len(marks_of(context)) == 1, f"{name} has {marks_of(context) or 'no mark'}"


def test_who_may_call_what_is_the_agreed_table() -> None:
    """A new route or a changed permission shows here; change the table by hand, with a reason."""
    found = {name: allowed_roles(marks_of(context).pop()) for name, context in routes()}
    assert found == json.loads(MATRIX.read_text())


def _address(path: str) -> str:
    filled = re.sub(r"\{sha256\}", "0" * 64, path)
    return re.sub(r"\{\w+\}", str(uuid.uuid4()), filled)


def test_the_table_holds_on_the_wire(site: Site) -> None:
    table = json.loads(MATRIX.read_text())
    clients: dict[Role, TestClient] = {
        role: site.as_role(role) for role in Role if role != Role.VERIFIER
    }
    clients[Role.VERIFIER] = _signed_in(site, Role.VERIFIER, "Vera")
    nobody = site.client()
    for name, allowed in table.items():
        method, path = name.split()
        if allowed == ["anonymous"] or path == "/sign-out":
            continue
        refused = nobody.request(method, _address(path), headers=OWN_PAGE)
        assert refused.status_code == (401 if path.startswith("/api/") else 303), name
        for role, client in clients.items():
            answer = client.request(method, _address(path), headers=OWN_PAGE)
            may = role in allowed or allowed == ["anyone signed in"]
            assert (answer.status_code != 403) == may, f"{role}: {name} gave {answer.status_code}"


def test_a_key_round_trips_and_a_mistyped_one_is_no_key() -> None:
    made = make_key()
    assert re.fullmatch(r"pliant_[0-9a-z]{8}_[0-9A-Za-z_-]{43}[0-9A-Za-z]{6}", made.token)
    assert parse_key(made.token) == (made.prefix, made.secret_sha256)
    for place in range(7, len(made.token)):
        typo = "A" if made.token[place] != "A" else "B"
        assert parse_key(made.token[:place] + typo + made.token[place + 1 :]) is None


def _refusal(client: TestClient) -> tuple[int, str]:
    answer = client.get("/api/v1/samples")
    assert answer.headers["www-authenticate"] == "Bearer"
    return answer.status_code, answer.json()["code"]


def test_missing_unknown_revoked_and_expired_keys_are_told_apart(site: Site) -> None:
    assert _refusal(site.client()) == (401, "authentication_required")
    assert _refusal(site.client(make_key().token)) == (401, "key_unknown")
    assert _refusal(site.client("not a key")) == (401, "key_unknown")
    key = site.key(Role.TECHNICIAN)
    client = site.client(key)
    assert client.get("/api/v1/samples").status_code == 200
    with transaction(site.sessions) as session:
        session.execute(update(ApiKey).values(expires_at=dt.datetime.now(dt.UTC)))
    assert _refusal(client) == (401, "key_expired")
    with transaction(site.sessions) as session:
        api_keys.revoke_key(session, SYSTEM, session.scalars(select(ApiKey.id)).one())
    assert _refusal(client) == (401, "key_revoked")


def test_no_secret_is_anywhere_in_the_database(site: Site) -> None:
    key = site.key(Role.LIMS)
    link = _link(site, Role.TECHNICIAN, "Ann").rsplit("/", 1)[-1]
    with transaction(site.sessions) as session:
        cookie = accounts.sign_in_with_link(session, link).token
    with transaction(site.sessions) as session:
        rows = [
            row
            for table in Base.metadata.tables
            for row in session.scalars(text(f'SELECT t::text FROM "{table}" t'))
        ]
    dump = "\n".join(rows)
    assert "api_key.created" in dump
    for secret in (key, key[16:59], link, cookie):
        assert secret not in dump


def test_another_scheme_is_not_authentication(site: Site) -> None:
    answer = site.client().get("/api/v1/samples", headers={"Authorization": "Basic dXNlcjpwdw=="})
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_required")


def test_a_key_in_the_address_is_refused_and_recorded(site: Site) -> None:
    key = site.key(Role.TECHNICIAN)
    answer = site.client(key).get("/api/v1/samples", params={"key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "key_in_url")
    assert key not in answer.text
    with transaction(site.sessions) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
    assert entry is not None
    assert (entry.action, entry.entity_id) == ("api_key.in_url", key[7:15])
    assert key not in entry.content


def test_a_lims_key_sees_its_own_samples_and_no_others_exist_for_it(
    site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]]
) -> None:
    foreign = add_well(technician)
    lims, other = site.as_role(Role.LIMS), site.as_role(Role.LIMS)
    own = add_well(lims)
    assert [s["id"] for s in lims.get("/api/v1/samples").json()["items"]] == [own["sample_id"]]
    assert other.get("/api/v1/samples").json()["items"] == []
    assert len(technician.get("/api/v1/samples").json()["items"]) == 2
    for client, well in ((lims, foreign), (other, own)):
        for method, path, body in foreign_requests(well):
            answer = client.request(method, path, json=body)
            assert answer.status_code == 404, f"{method} {path}"
    assert lims.get(f"/api/v1/samples/{own['sample_id']}").status_code == 200


def test_images_and_analyses_of_others_do_not_exist_for_a_lims_key(
    site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]]
) -> None:
    well, data = add_well(technician), write_bmp(np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8))
    sha256 = hashlib.sha256(data).hexdigest()
    sent = technician.put(f"/api/v1/wells/{well['id']}/images/{sha256}", content=data)
    image = f"/api/v1/images/{sent.json()['id']}"
    with transaction(site.sessions) as session:
        store = open_store(site.storage.as_uri())
        first_start.prepare_in(session, store, with_demonstration=False)
    asked = technician.post(f"/api/v1/samples/{well['sample_id']}/analyses")
    analysis = f"/api/v1/analyses/{asked.json()['id']}"
    lims = site.as_role(Role.LIMS)
    for path in (image, f"{image}/pixels", f"{image}/overlay", f"{image}/cells", analysis):
        assert technician.get(path).status_code == 200, path
        assert lims.get(path).status_code == 404, path
    assert lims.get(f"{analysis}/events").status_code == 404


def _ids(sample: str, well: str, image: str, analysis: str) -> dict[str, str]:
    return {"sample_id": sample, "well_id": well, "image_id": image, "analysis_id": analysis}


def test_somebody_elses_ids_answer_like_ids_that_nobody_has(
    site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]]
) -> None:
    """Every route that a lims key may call, with the ids of another client: no difference leaks."""
    well, data = add_well(technician), write_bmp(np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8))
    sha256 = hashlib.sha256(data).hexdigest()
    image = technician.put(f"/api/v1/wells/{well['id']}/images/{sha256}", content=data).json()
    with transaction(site.sessions) as session:
        store = open_store(site.storage.as_uri())
        first_start.prepare_in(session, store, with_demonstration=False)
    analysis = technician.post(f"/api/v1/samples/{well['sample_id']}/analyses").json()
    foreign = _ids(well["sample_id"], well["id"], image["id"], analysis["id"])
    unknown = _ids(*(str(uuid.uuid4()) for _ in range(4)))
    lims, n_asked = site.as_role(Role.LIMS), 0
    for name, allowed in json.loads(MATRIX.read_text()).items():
        method, path = name.split()
        if Role.LIMS not in allowed or not set(re.findall(r"\{(\w+)\}", path)) & foreign.keys():
            continue
        answers = [
            lims.request(method, _filled(path, ids), json={}, headers=OWN_PAGE)
            for ids in (foreign, unknown)
        ]
        codes = [(answer.status_code, _code(answer)) for answer in answers]
        assert codes[0] == codes[1], f"{name} tells a foreign id from an unknown one"
        assert codes[0][0] in (404, 409, 411, 422), f"{name} gave {codes[0]}"
        for secret in (sha256, "D-1"):
            assert secret not in answers[0].text, name
        n_asked += 1
    assert n_asked > 20, "the table names that many routes over samples"


def _filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    return _address(path)


def _code(answer: Any) -> str:  # noqa: ANN401  two HTTP libraries' answers
    kind = str(answer.headers.get("content-type", ""))
    return str(answer.json()["code"]) if kind.endswith("problem+json") and answer.content else kind


def foreign_requests(well: dict[str, Any]) -> list[tuple[str, str, Any]]:
    sample, well_path = f"/api/v1/samples/{well['sample_id']}", f"/api/v1/wells/{well['id']}"
    return [
        ("GET", sample, None),
        ("POST", f"{sample}/wells", {"outlet": "unsorted", "number": 2}),
        ("POST", f"{sample}/analyses", {}),
        ("POST", f"{sample}/references", {"rigidity_score": 3.0}),
        ("GET", f"{sample}/references", None),
        ("GET", f"{sample}/score", None),
        ("GET", well_path, None),
        ("POST", f"{well_path}/scans", None),
        ("HEAD", f"{well_path}/images/{'0' * 64}", None),
        ("PUT", f"{well_path}/images/{'0' * 64}", None),
    ]


@pytest.mark.parametrize("kind", ["foreign", "unknown"])
def test_an_unknown_id_and_a_foreign_one_get_the_same_answer(
    site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]], kind: str
) -> None:
    sample_id = add_well(technician)["sample_id"] if kind == "foreign" else str(uuid.uuid4())
    answer = site.as_role(Role.LIMS).get(f"/api/v1/samples/{sample_id}").json()
    assert (answer["status"], answer["code"]) == (404, "sample_unknown")
    assert "request_id" in answer
    assert answer["detail"] == "There is no such sample; check the address."


def _link(site: Site, role: Role, name: str) -> str:
    with transaction(site.sessions) as session:
        account = accounts.create_account(session, SYSTEM, name=name, role=role)
        return accounts.make_sign_in_link(session, SYSTEM, account.id)


def _signed_in(site: Site, role: Role = Role.TECHNICIAN, name: str = "Ann") -> TestClient:
    path = _link(site, role, name)
    with transaction(site.sessions) as session:
        token = accounts.sign_in_with_link(session, path.rsplit("/", 1)[-1]).token
    client = site.client()
    client.cookies.set("pliant", token)
    return client


def test_a_cookie_session_may_use_the_api_from_our_own_pages_only(site: Site) -> None:
    client = _signed_in(site)
    sample = {"donor_code": "D-1", "container": "segment"}
    assert client.get("/api/v1/samples").status_code == 200
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:9000"},
    ):
        answer = client.post("/api/v1/samples", json=sample, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), headers
    for headers in (OWN_PAGE, {"Origin": "http://127.0.0.1:8000"}):
        assert client.post("/api/v1/samples", json=sample, headers=headers).status_code == 201


def test_every_changing_route_refuses_a_foreign_page(site: Site) -> None:
    client = _signed_in(site, Role.ADMINISTRATOR)
    for name, _ in routes():
        method, path = name.split()
        if method not in ("GET", "HEAD"):
            answer = client.request(method, _address(path), headers={"Origin": "https://evil.test"})
            assert answer.status_code == 403, name


def test_a_key_is_used_and_the_cookie_beside_it_ignored(site: Site) -> None:
    client = _signed_in(site)
    with_bad_key = {"Authorization": f"Bearer {make_key().token}"}
    assert client.get("/api/v1/samples", headers=with_bad_key).json()["code"] == "key_unknown"


def test_signing_out_disabling_and_a_new_password_act_on_the_next_request(site: Site) -> None:
    client = _signed_in(site)
    token = client.cookies["pliant"]
    with transaction(site.sessions) as session:
        accounts.sign_out(session, token)
    assert client.get("/api/v1/samples").status_code == 401
    client = _signed_in(site, name="Ben")
    with transaction(site.sessions) as session:
        ben = next(a for a in accounts.list_accounts(session) if a.name == "Ben")
        accounts.disable_account(session, SYSTEM, ben.id)
    assert client.get("/api/v1/samples").status_code == 401


def test_a_sign_in_link_works_once(site: Site) -> None:
    token = _link(site, Role.VERIFIER, "Eve").rsplit("/", 1)[-1]
    with transaction(site.sessions) as session:
        assert accounts.sign_in_with_link(session, token).needs_password
    with transaction(site.sessions) as session, pytest.raises(NotAuthenticated, match="link_used"):
        accounts.sign_in_with_link(session, token)


@pytest.mark.parametrize("clock", ["last_seen_at", "expires_at"])
def test_a_session_ends_when_idle_or_old(site: Site, clock: str) -> None:
    client = _signed_in(site)
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=31)
    with transaction(site.sessions) as session:
        session.execute(update(BrowserSession).values({clock: past}))
    assert client.get("/api/v1/samples").status_code == 401


def test_a_changed_role_acts_on_the_next_request(site: Site) -> None:
    client = _signed_in(site, Role.ADMINISTRATOR)
    assert client.get("/api/v1/audit").status_code == 200
    with transaction(site.sessions) as session:
        session.execute(update(Account).values(role="technician"))
    assert client.get("/api/v1/audit").status_code == 403


def test_a_password_is_set_once_by_link_then_signs_in(site: Site) -> None:
    token = _link(site, Role.TECHNICIAN, "Ann").rsplit("/", 1)[-1]
    good = "correct horse battery"
    with transaction(site.sessions) as session:
        first = accounts.sign_in_with_link(session, token)
        ann = browser_sessions.authenticate(session, first.token)
        for weak in ("short", "password1234", "Ann Ann Ann Ann", "x" * 129):
            with pytest.raises(InvalidInput, match="password_"):
                accounts.set_password(session, ann, new=weak)
        accounts.set_password(session, ann, new=good)
        with pytest.raises(NotAuthenticated, match="authentication_required"):
            browser_sessions.authenticate(session, first.token)
        with pytest.raises(InvalidInput, match="password_wrong"):
            accounts.set_password(session, ann, new=good, current="wrong horse battery")
        assert not accounts.sign_in_with_password(session, "ann", good).needs_password
        for name, password in (("Ann", "wrong horse battery"), ("Nobody", good)):
            with pytest.raises(NotAuthenticated, match="sign_in_failed"):
                accounts.sign_in_with_password(session, name, password)


def test_verifying_is_never_given_to_a_key(site: Site) -> None:
    with transaction(site.sessions) as session, pytest.raises(InvalidInput, match="key_role"):
        api_keys.create_key(session, SYSTEM, name="robot", role=Role.VERIFIER)
