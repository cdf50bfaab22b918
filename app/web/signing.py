"""What both doors to signing share: the desk, and a limit to how often a password is tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends

from app.db.session import SessionMaker, transaction
from app.domain.errors import NotPermitted
from app.security.permissions import Principal
from app.services import password_tries, signing
from app.services.release_conditions import release_rules
from app.services.sign_offs import Desk
from app.web.dependencies import SessionDep, SettingsDep, StoreDep


def get_desk(session: SessionDep, store: StoreDep, settings: SettingsDep) -> Desk:
    return Desk(session, store, release_rules(settings))


DeskDep = Annotated[Desk, Depends(get_desk, scope="function")]


@contextmanager
def counting_refusals(sessions: SessionMaker, principal: Principal) -> Iterator[None]:
    """Keep a wrong password on record, since the transaction it was typed into is rolled back.

    It counts as a try at signing in does, so that guessing here is no quicker than there.
    """
    with transaction(sessions) as session:
        password_tries.check_may_try(session, name=principal.name)
    try:
        yield
    except NotPermitted as refusal:
        if refusal.code == "password_refused":
            with transaction(sessions) as session:
                password_tries.note_try(session, name=principal.name)
                signing.note_refused_password(session, principal)
        raise
