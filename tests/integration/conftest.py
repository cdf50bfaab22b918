"""The web process over a fresh database and folder, and clients of every role."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.embedded import postgres
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import api_keys, instrument_profiles
from app.services.instrument_profiles import NewProfile
from app.settings import Settings
from app.storage import open_store
from tests.integration.delivery_office import QUICK, Office
from tests.integration.signed_samples import SignedSample, signed_sample
from tests.laboratory import open_laboratory
from worker.context import Context

SIDE_PX = 64
"""Small images keep the tests fast; what is checked does not depend on the size."""
BASE_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Site:
    """One running web application, its records and its files."""

    app: FastAPI
    sessions: SessionMaker
    storage: Path
    settings: Settings

    def client(self, token: str | None = None) -> TestClient:
        """Make a client without cookies of others; nothing follows redirects unasked."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return TestClient(self.app, BASE_URL, headers=headers, follow_redirects=False)

    def key(self, role: Role, name: str = "test") -> str:
        with transaction(self.sessions) as session:
            return api_keys.create_key(session, SYSTEM, name=name, role=role).token

    def as_role(self, role: Role) -> TestClient:
        return self.client(self.key(role))

    def stored_files(self) -> list[Path]:
        return [path for path in self.storage.rglob("*") if path.is_file()]


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """Yield the application over a fresh database, with the two built-in profiles' sizes small."""
    storage = tmp_path / "storage"
    settings = Settings(database_url=database_url, storage_url=storage.as_uri(), demo=False)
    engine = make_engine(database_url)
    app = create_app(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(TestClient(app))  # runs the lifespan
        yield Site(app, make_sessions(engine), storage, settings)
    engine.dispose()


@pytest.fixture
def technician(site: Site) -> TestClient:
    return site.as_role(Role.TECHNICIAN)


@pytest.fixture
def small_profile(site: Site) -> str:
    """Return the id of a profile whose images are 64 x 64."""
    new = NewProfile(name="small", um_per_px=0.1825, width=SIDE_PX, height=SIDE_PX)
    with transaction(site.sessions) as session:
        instrument_profiles.built_in(session)
        return str(instrument_profiles.create_profile(session, SYSTEM, new).id)


@pytest.fixture
def add_well(small_profile: str) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a sample with one well, through the API."""

    def add(client: TestClient, **well: object) -> dict[str, Any]:
        sample = client.post(
            "/api/v1/samples", json={"donor_code": "D-1", "container": "citrate_tube"}
        ).raise_for_status()
        answer = client.post(
            f"/api/v1/samples/{sample.json()['id']}/wells",
            json={"outlet": "unsorted", "profile_id": small_profile} | well,
        ).raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    return add


@pytest.fixture(scope="session")
def signed_template(
    postgres_dir: Path, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, SignedSample]:
    """Return a database that holds a sample ready to be handed in; clones of it cost little."""
    name = "template_signed"
    postgres.create_database(postgres_dir, name, template=migrated_template)
    url = postgres.app_url(postgres_dir, name)
    engine = make_engine(url)
    laboratory = open_laboratory(make_sessions(engine), url, tmp_path_factory.mktemp("signed"))
    sample = signed_sample(laboratory)
    engine.dispose()
    return name, sample


@pytest.fixture
def sample_to_sign(
    postgres_dir: Path,
    signed_template: tuple[str, SignedSample],
    drop_beside: Callable[[str], None],
) -> Iterator[SignedSample]:
    """Yield a scored demonstration sample in a database of the test's own, controls in order."""
    template, sample = signed_template
    name = f"signed_{uuid.uuid4().hex[:12]}"
    postgres.create_database(postgres_dir, name, template=template)
    url = postgres.app_url(postgres_dir, name)
    engine = make_engine(url)
    yield sample.at(make_sessions(engine), url)
    engine.dispose()
    drop_beside(name)


@pytest.fixture
def bare(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Office:
    """Return an outbox that is retried within a second."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        webhook_retry_seconds=QUICK,
        webhook_timeout_seconds=2.0,
    )
    store = open_store((tmp_path / "storage").as_uri())
    return Office(sessions, Context(settings=settings, sessions=sessions, store=store))
