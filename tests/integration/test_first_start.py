"""The first start makes what is needed to sign in and to score; later starts change nothing."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.db.tables import Account, AuditEntry, Control, InstrumentProfile, Job, ModelVersion
from app.security.permissions import Role
from app.services import accounts
from app.services.first_start import prepare_in
from app.storage import open_store


def _count(session: Session, table: type[object]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_an_administrator_may_sign_in_and_a_model_is_active(session: Session) -> None:
    [(role, path)] = prepare_in(session, open_store("memory://"), with_demonstration=False)
    assert role == Role.ADMINISTRATOR
    signed_in = accounts.sign_in_with_link(session, path.removeprefix("/sign-in/"))
    assert signed_in.role == Role.ADMINISTRATOR
    assert session.scalars(select(ModelVersion.state)).all() == ["active"]
    assert session.scalars(select(InstrumentProfile.um_per_px)).all() == [0.1825]
    assert _count(session, Job) == 0


def test_with_demonstration_the_other_roles_may_sign_in_too_and_donors_are_drawn(
    session: Session,
) -> None:
    links = prepare_in(session, open_store("memory://"), with_demonstration=True)
    assert [role for role, _ in links] == [Role.ADMINISTRATOR, Role.TECHNICIAN, Role.VERIFIER]
    assert set(session.scalars(select(Job.kind))) == {"make_demonstration"}


def test_until_somebody_signed_in_a_new_start_gives_new_links_and_nothing_else(
    session: Session,
) -> None:
    store = open_store("memory://")
    first = prepare_in(session, store, with_demonstration=True)
    counts = [_count(session, table) for table in (Account, Job, ModelVersion, InstrumentProfile)]
    second = prepare_in(session, store, with_demonstration=True)
    assert [role for role, _ in first] == [role for role, _ in second]
    assert not {path for _, path in first} & {path for _, path in second}
    assert counts == [
        _count(session, table) for table in (Account, Job, ModelVersion, InstrumentProfile)
    ]
    accounts.sign_in_with_link(session, second[0][1].removeprefix("/sign-in/"))
    assert prepare_in(session, store, with_demonstration=True) == []


def test_of_two_processes_that_start_at_once_one_makes_it_all(sessions: SessionMaker) -> None:
    """The second is held up until the first is done, and then finds everything there."""
    store = open_store("memory://")

    def start() -> list[tuple[Role, str]]:
        with transaction(sessions) as session:
            return prepare_in(session, store, with_demonstration=True)

    with ThreadPoolExecutor(1) as pool:
        with transaction(sessions) as session:
            first = prepare_in(session, store, with_demonstration=True)
            second = pool.submit(start)
            _wait_until_held_up(sessions, second)
        assert [role for role, _ in second.result()] == [role for role, _ in first]
    with transaction(sessions) as session:
        made = [_count(session, one) for one in (ModelVersion, InstrumentProfile, Control)]
        installed = AuditEntry.action == "model_version.installed"
        entries = session.scalars(select(AuditEntry.seq).where(installed)).all()
    assert (made, len(entries)) == ([1, 1, 1], 1)


def _wait_until_held_up(sessions: SessionMaker, other: Future[list[tuple[Role, str]]]) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    is_held_up = False
    while not is_held_up:
        assert not other.done()
        time.sleep(0.01)
        with transaction(sessions) as session:
            is_held_up = bool(session.scalar(waiting))
