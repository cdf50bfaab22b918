"""The first start of an installation: what must be there before anybody can sign in."""

import json
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import Control
from app.domain.errors import Conflict
from app.security.permissions import SYSTEM, Role
from app.services import accounts, control_seals, demo, instrument_profiles, model_versions
from app.services.doctor import IS_SUPERUSER
from app.settings import Settings
from app.storage import Store, open_store, storage_url

BUNDLED: Final = Path(__file__).resolve().parents[2] / "models" / "bundled"


def prepare(settings: Settings) -> list[tuple[Role, str]]:
    """Make what is missing; every later start finds it there.

    Returns
    -------
    list
        Role and path of one-time sign-in links, until somebody has signed in; then nothing.
    """
    assert settings.database_url is not None, "the supervisor sets PLIANT_DATABASE_URL"
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        with transaction(make_sessions(engine)) as session:
            refuse_superuser(session)
            return prepare_in(
                session, open_store(storage_url(settings)), with_demonstration=settings.demo
            )
    finally:
        engine.dispose()


def refuse_superuser(session: Session) -> None:
    """A superuser passes every grant and can switch off what keeps the audit trail add-only.

    Raises
    ------
    Conflict
        ``database_superuser``
    """
    if session.scalar(text(IS_SUPERUSER)):
        raise Conflict(
            "database_superuser",
            "PLIANT_DATABASE_URL signs in as a superuser, whom the database refuses nothing; make "
            "a role without that right, give it the database, and use it instead.",
        )


def prepare_in(
    session: Session, store: Store, *, with_demonstration: bool
) -> list[tuple[Role, str]]:
    # First, since it lets one process on at a time: what follows then finds what another made.
    _install_bundled_model(session, store)
    instrument_profiles.built_in(session)
    install_shipped_control(session)
    if with_demonstration:
        demo.queue_demonstration(session)
    if queries.has_anyone_signed_in(session):
        return []
    roles = [Role.ADMINISTRATOR]
    if with_demonstration:
        roles += [Role.TECHNICIAN, Role.VERIFIER]
    return [(role, _sign_in_link(session, role)) for role in roles]


def _install_bundled_model(session: Session, store: Store) -> None:
    manifest = json.loads((BUNDLED / "manifest.json").read_text())
    onnx = (BUNDLED / "model.onnx").read_bytes()
    golden = (BUNDLED / "golden.npz").read_bytes()
    model_versions.install_bundled(session, store, onnx=onnx, manifest=manifest, golden=golden)


def install_shipped_control(session: Session) -> Control:
    description = json.loads((BUNDLED / "control" / "control.json").read_text(encoding="utf-8"))
    return control_seals.install_shipped(session, description)


def _sign_in_link(session: Session, role: Role) -> str:
    """A fresh link for the first account of the role, which is named like the role."""
    account = queries.by_name(session, role.value)
    if account is None:
        account_id = accounts.create_account(session, SYSTEM, name=role.value, role=role).id
    else:
        account_id = account.id
    return accounts.make_sign_in_link(session, SYSTEM, account_id)
