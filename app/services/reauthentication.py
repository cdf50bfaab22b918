"""Whoever decides at an open browser proves anew who they are; an API key is its own proof."""

import datetime as dt
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries.accounts import browser_session
from app.domain.errors import NotPermitted
from app.security.permissions import Principal
from app.security.tokens import hash_token
from app.services.signing import confirm_signer

FRESH: Final = dt.timedelta(minutes=5)


def prove_anew(
    session: Session, principal: Principal, *, token: str | None, password: str | None
) -> None:
    """Check the password where one is given; else the session must be minutes old.

    Call it before any row is locked: the check takes a tenth of a second on purpose.

    Raises
    ------
    NotPermitted
        `password_refused`, or `reauthentication_needed` without a password.
    """
    if not principal.id.startswith("account:"):
        return
    if password:
        confirm_signer(session, principal, password)
    elif not is_fresh(session, token):
        raise NotPermitted(
            "reauthentication_needed",
            "You signed in more than five minutes ago; type your password again.",
        )


def is_fresh(session: Session, token: str | None) -> bool:
    found = None if token is None else browser_session(session, hash_token(token))
    if found is None or found[0].reauthenticated_at is None:
        return False
    return dt.datetime.now(dt.UTC) - found[0].reauthenticated_at <= FRESH
