"""A restored copy of an installation: its webhooks are held until a person lets them go."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import AuditEntry, WebhookEndpoint
from app.embedded import postgres
from app.embedded.children import running
from app.security.permissions import SYSTEM, Role
from app.services import audit
from app.services.restored_copies import HELD_REASON, hold_webhooks
from tests.conftest import migrate
from tests.integration.conftest import Site
from tests.integration.test_cli import pliant
from tests.integration.test_webhooks_api import WEBHOOKS, make, send_all
from tests.receivers import Receiver, running_receiver


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    """Yield a receiver that this installation may call."""
    with running_receiver() as running_one:
        allowed = {"outbound_allowed": f"127.0.0.1:{running_one.port}"}
        site.app.state.settings = site.settings.model_copy(update=allowed)
        yield running_one


def test_what_waits_in_a_copy_goes_out_only_once_a_person_says_so(
    site: Site, administrator: TestClient, receiver: Receiver, tmp_path: Path
) -> None:
    path = f"{WEBHOOKS}/{make(administrator, url=receiver.url)['id']}"
    waiting = administrator.post(f"{path}/test").raise_for_status().json()
    with transaction(site.sessions) as session:
        assert hold_webhooks(session, SYSTEM) == 1
    send_all(site, tmp_path)
    assert not receiver.received
    held = administrator.get(path).json()
    assert (held["enabled"], held["disabled_reason"], held["n_waiting"]) == (False, HELD_REASON, 1)
    administrator.patch(path, json={"enabled": True}).raise_for_status()
    send_all(site, tmp_path)
    assert [one.id for one in receiver.received] == [waiting["message_id"]]


def test_only_what_is_on_is_held_and_the_trail_names_it(
    site: Site, administrator: TestClient
) -> None:
    on, off, gone = (make(administrator)["id"] for _ in range(3))
    administrator.patch(f"{WEBHOOKS}/{off}", json={"enabled": False}).raise_for_status()
    administrator.delete(f"{WEBHOOKS}/{gone}").raise_for_status()
    reason = administrator.get(f"{WEBHOOKS}/{off}").json()["disabled_reason"]
    with transaction(site.sessions) as session:
        assert hold_webhooks(session, SYSTEM) == 1
        assert hold_webhooks(session, SYSTEM) == 0
        named = session.scalars(
            select(AuditEntry.entity_id).where(AuditEntry.action == "webhook.held")
        ).all()
        assert audit.verify(session).is_whole
    assert named == [on]
    assert administrator.get(f"{WEBHOOKS}/{off}").json()["disabled_reason"] == reason


def test_a_copy_s_database_is_started_alone_and_stopped_again(data_dir: Path) -> None:
    log = data_dir / "log"
    with running(postgres.postgres_child(data_dir), log=log):
        migrate(postgres.owner_url(data_dir))
        with database_of(data_dir) as session:
            session.add(
                WebhookEndpoint(
                    kind="webhook", url="https://1.1.1.1/in", description="", secret="whsec_x",
                    events=["sample.released"], is_own_only=False, created_by="account:1",
                )
            )  # fmt: skip
    first, second = (pliant("webhook", "hold", DATA_DIR=data_dir) for _ in range(2))
    assert first.stdout.startswith("1 webhooks are held"), first.stderr
    assert second.stdout.startswith("0 webhooks are held"), second.stderr
    assert not postgres.is_running(data_dir)
    with running(postgres.postgres_child(data_dir), log=log), database_of(data_dir) as session:
        assert session.scalars(select(WebhookEndpoint.disabled_reason)).all() == [HELD_REASON]


@contextmanager
def database_of(data_dir: Path) -> Iterator[Session]:
    engine = make_engine(postgres.app_url(data_dir))
    with transaction(make_sessions(engine)) as session:
        yield session
    engine.dispose()


def test_where_nothing_was_ever_started_nothing_is_held(tmp_path: Path) -> None:
    refused = pliant("webhook", "hold", DATA_DIR=tmp_path / "none")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Pliant does not run on" in refused.stderr
    assert not (tmp_path / "none").exists()
