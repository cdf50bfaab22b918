"""How often a key may ask, and how often a password may be guessed."""

import contextlib
import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, text
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import PasswordTry
from app.domain.errors import TooMany
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import accounts, password_tries
from app.settings import Settings
from tests.integration.conftest import BASE_URL, Site
from tests.integration.signed_samples import PASSWORD, hashed

SAMPLES = "/api/v1/samples"


def counted(site: Site, stack: contextlib.ExitStack, **settings: object) -> TestClient:
    """Open another web process on the same records."""
    app = create_app(site.settings.model_copy(update=settings))
    return stack.enter_context(TestClient(app, BASE_URL, follow_redirects=False))


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_a_key_that_asks_too_often_is_told_how_long_to_wait(
    site: Site, broker_url: str, stack: contextlib.ExitStack
) -> None:
    limits = {"broker_url": broker_url, "key_requests_per_minute": 5}
    first, second = counted(site, stack, **limits), counted(site, stack, **limits)
    bearer = {"Authorization": f"Bearer {site.key(Role.TECHNICIAN)}"}
    answers = [
        client.get(SAMPLES, headers=bearer) for client in (first, second, first, second, first)
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    for client in (first, second):
        refused = client.get(SAMPLES, headers=bearer)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["content-type"] == "application/problem+json"
    other = {"Authorization": f"Bearer {site.key(Role.LIMS)}"}
    assert first.get(SAMPLES, headers=other).status_code == 200, "each key has its own minute"


def test_a_folder_of_images_in_seconds_stays_far_below_the_default(
    site: Site, broker_url: str, stack: contextlib.ExitStack
) -> None:
    client = counted(site, stack, broker_url=broker_url)
    bearer = {"Authorization": f"Bearer {site.key(Role.TECHNICIAN)}"}
    statuses = {client.get(SAMPLES, headers=bearer).status_code for _ in range(300)}
    assert statuses == {200}
    assert Settings().key_requests_per_minute >= 100 * 100


def test_without_the_broker_requests_pass_and_are_counted_as_uncounted(
    site: Site, stack: contextlib.ExitStack
) -> None:
    nowhere = "redis+socket:///nonexistent/valkey.sock"
    client = counted(site, stack, broker_url=nowhere, key_requests_per_minute=1)
    bearer = {"Authorization": f"Bearer {site.key(Role.TECHNICIAN)}"}
    for _ in range(3):
        assert client.get(SAMPLES, headers=bearer).status_code == 200
    assert "pliant_uncounted_requests_total 3.0" in client.get("/metrics").text


@pytest.fixture
def ann(site: Site) -> str:
    with transaction(site.sessions) as session:
        made = accounts.create_account(session, SYSTEM, name="Ann", role=Role.TECHNICIAN)
        session.execute(
            text("UPDATE accounts SET password_hash = :hash WHERE id = :id"),
            {"hash": hashed(), "id": made.id},
        )
    return "Ann"


def sign_in(client: TestClient, name: str, password: str) -> tuple[int, str]:
    answer = client.post(
        "/sign-in",
        data={"name": name, "password": password, "next": "/samples"},
        headers={"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "203.0.113.7"},
    )
    return answer.status_code, answer.text


def grow_older(site: Site, seconds: float) -> None:
    """Let time pass for what was tried."""
    with transaction(site.sessions) as session:
        session.execute(
            text("UPDATE password_tries SET at = at - make_interval(secs => :s)"), {"s": seconds}
        )


def test_guessing_is_slowed_down_then_refused_and_never_for_ever(site: Site, ann: str) -> None:
    client = site.client()
    assert [sign_in(client, ann, f"wrong password {n}")[0] for n in range(5)] == [401] * 5
    status, page = sign_in(client, ann, PASSWORD)
    assert status == 429, "even the right one has to wait a second"
    assert "Too many wrong passwords" in page
    grow_older(site, 1.1)
    assert sign_in(client, ann, PASSWORD)[0] == 303
    assert sign_in(client, ann, "wrong again, once")[0] == 401, "a right password starts anew"


def test_ten_guesses_in_a_quarter_of_an_hour_are_all_that_are_looked_at(
    site: Site, ann: str
) -> None:
    """However many are sent, from whatever address they claim, and however they are spread."""
    looked_at = 0
    for _ in range(200):
        try:
            with transaction(site.sessions) as session:
                password_tries.begin_try(session, name=ann, address="192.0.2.1")
            looked_at += 1
        except TooMany as refusal:
            wait = refusal.extra["retry_after_seconds"]
            assert 1 <= wait <= 15 * 60
        grow_older(site, 4)
    assert looked_at == password_tries.MOST_AT_ONE_NAME, "200 x 4 s are less than the window"
    grow_older(site, 15 * 60)
    with transaction(site.sessions) as session:
        password_tries.begin_try(session, name=ann, address="192.0.2.1")


def test_many_guesses_at_once_count_as_many(site: Site, ann: str) -> None:
    passed: list[int] = []

    def guess(number: int) -> None:
        with contextlib.suppress(TooMany), transaction(site.sessions) as session:
            password_tries.begin_try(session, name=ann, address="192.0.2.1")
            passed.append(number)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == password_tries.FREE_TRIES


def test_an_address_that_tries_every_name_is_refused(site: Site) -> None:
    def begin(number: int, address: str) -> None:
        with transaction(site.sessions) as session:
            password_tries.begin_try(session, name=f"person {number}", address=address)

    for number in range(password_tries.MOST_FROM_ONE_ADDRESS):
        begin(number, "192.0.2.1")
    with pytest.raises(TooMany, match="too_many_tries"):
        begin(1000, "192.0.2.1")
    begin(1000, "192.0.2.2")


def test_an_unknown_name_is_refused_like_a_known_one(site: Site, ann: str) -> None:
    client = site.client()
    known = [sign_in(client, ann, "wrong password")[0] for _ in range(7)]
    unknown = [sign_in(client, "Nobody", "wrong password")[0] for _ in range(7)]
    assert known == unknown == [401] * 5 + [429] * 2


def test_tries_are_forgotten_after_a_while_and_hold_no_name(site: Site, ann: str) -> None:
    sign_in(site.client(), ann, "wrong password")
    with transaction(site.sessions) as session:
        row = session.scalars(text("SELECT t::text FROM password_tries t")).one()
        assert ann.lower() not in row.lower()
        assert password_tries.prune_tries(session) == 0
    grow_older(site, dt.timedelta(minutes=16).total_seconds())
    with transaction(site.sessions) as session:
        assert password_tries.prune_tries(session) == 1
        assert session.scalar(select(func.count()).select_from(PasswordTry)) == 0
