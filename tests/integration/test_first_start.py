"""The first start makes what is needed to sign in and to score; later starts change nothing."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Account, InstrumentProfile, Job, ModelVersion
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
