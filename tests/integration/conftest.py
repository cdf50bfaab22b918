"""The web process over a fresh database and folder, and clients of every role."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import api_keys, instrument_profiles
from app.services.instrument_profiles import NewProfile
from app.settings import Settings

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
