"""Creating POSTs: 201 or 202 with `Location`, done once per `Idempotency-Key`."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.security.permissions import Principal
from app.services import idempotency
from app.web.dependencies import PrincipalDep, SessionDep

NEVER_KEPT: Final = frozenset({"password"})
"""What a repeat may lack or have anew: of a password, even the hash of its request would tell."""
KeyHeader = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Repeats with this key get the first answer."),
]


class Creation:
    """Answers a creating request; a repeat with the same key and body gets the first answer."""

    def __init__(
        self, request: Request, session: Session, principal: Principal, key: str | None
    ) -> None:
        self._route = f"{request.method} {request.url.path}"
        self._session = session
        self._principal = principal
        self._key = key

    def answer(
        self,
        body: BaseModel | None,
        make: Callable[[], object],
        *,
        location: str | None = None,
        status: int = 201,
        secrets: tuple[str, ...] = (),
    ) -> JSONResponse:
        """Do `make` unless it was done; `location` is a pattern over the answer's fields.

        `secrets` are members of the first answer only: kept for a repeat, they would lie readable
        in the database, so a repeat has null there.
        """
        if self._key is None:
            return _respond(_made(make, location, status))
        request = idempotency.Request(
            self._principal,
            self._route,
            self._key,
            body.model_dump_json(exclude=set(NEVER_KEPT)).encode() if body else b"",
        )
        answer = idempotency.earlier_answer(self._session, request)
        if answer is not None:
            return _respond(answer, replayed=True)
        answer = _made(make, location, status)
        kept = answer.body | dict.fromkeys(secrets)
        idempotency.remember(self._session, request, replace(answer, body=kept))
        return _respond(answer)


async def get_creation(
    request: Request, session: SessionDep, principal: PrincipalDep, key: KeyHeader = None
) -> Creation:
    return Creation(request, session, principal, key)


CreationDep = Annotated[Creation, Depends(get_creation, scope="function")]


def _made(make: Callable[[], object], location: str | None, status: int) -> idempotency.Answer:
    body = jsonable_encoder(make())
    headers = {"Location": location.format(**body)} if location else {}
    return idempotency.Answer(status, body, headers)


def _respond(answer: idempotency.Answer, *, replayed: bool = False) -> JSONResponse:
    headers = answer.headers | ({"Idempotency-Replayed": "true"} if replayed else {})
    # Sorted, since the database keeps no order: a replay is the first answer byte for byte.
    body = json.loads(json.dumps(answer.body, sort_keys=True))
    return JSONResponse(body, status_code=answer.status, headers=headers)
