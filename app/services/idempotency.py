"""A creating request sent twice with the same `Idempotency-Key` is answered once more, not done.

As draft-ietf-httpapi-idempotency-key-header-07 has it: another body is 422, a twin under way 409.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db.tables import IdempotentAnswer
from app.domain.errors import Conflict, InvalidInput
from app.security.permissions import Principal

KEPT: Final = dt.timedelta(days=7)
LONGEST_KEY: Final = 255
PATIENCE_SECONDS: Final = 10.0
"""How long a twin waits for the first one's answer: most get it, and need not ask again."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """What makes two requests the same: who, where, the client's key, and the body's hash."""

    principal: Principal
    route: str
    key: str
    body: bytes

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def earlier_answer(session: Session, request: Request) -> Answer | None:
    """The stored answer, if any. Holds a lock, so that a twin waits for this transaction.

    Raises
    ------
    InvalidInput
        ``idempotency_key`` for an unusable key, ``idempotency_key_reused`` for another body.
    Conflict
        ``idempotency_in_flight``: the same request is still being worked on.
    """
    if not 1 <= len(request.key) <= LONGEST_KEY or not request.key.isprintable():
        raise InvalidInput(
            "idempotency_key", f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters."
        )
    _lock(session, request)
    row = session.get(IdempotentAnswer, (request.principal.id, request.route, request.key))
    if row is None:
        return None
    if dt.datetime.now(dt.UTC) - row.created_at > KEPT:
        session.delete(row)
        session.flush()
        return None
    if row.body_sha256 != request.body_sha256:
        raise InvalidInput(
            "idempotency_key_reused",
            "This Idempotency-Key was used with another body; use a new key for a new request.",
        )
    return Answer(row.status, dict(row.answer), row.headers)


def remember(session: Session, request: Request, answer: Answer) -> None:
    """Keep the answer, in the transaction of what it answers."""
    session.add(
        IdempotentAnswer(
            principal=request.principal.id,
            route=request.route,
            key=request.key,
            body_sha256=request.body_sha256,
            status=answer.status,
            answer=answer.body,
            headers=answer.headers,
        )
    )
    session.flush()


def _lock(session: Session, request: Request) -> None:
    name = f"{request.principal.id}|{request.route}|{request.key}"
    key = func.hashtextextended(name, 0)
    if session.scalar(select(func.pg_try_advisory_xact_lock(key))):
        return
    session.execute(text(f"SET LOCAL lock_timeout = {round(1000 * PATIENCE_SECONDS)}"))
    try:
        session.execute(select(func.pg_advisory_xact_lock(key)))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise Conflict(
            "idempotency_in_flight",
            "The same request is still being worked on; send it again in a moment for its answer.",
            retry_after_seconds=1,
        ) from error
    session.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
