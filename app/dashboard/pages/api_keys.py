"""API keys: make one and see it once, replace it without a gap, end it."""

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.dashboard.contexts.api_keys import ShownKey, keys_page
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep, read_pairs
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import Conflict, InvalidInput, NotPermitted, TooMany
from app.security.permissions import Permission, Role
from app.services import api_keys, people
from app.services.reauthentication import is_fresh, prove_anew
from app.web.dependencies import PrincipalDep, SessionsDep, SessionTokenDep, require
from app.web.errors import status_of
from app.web.signing import counting_refusals

router = APIRouter()
Pairs = Sequence[tuple[str, str]]
Done = tuple[Notice, ShownKey | None]
Act = Callable[[Session], Done]


class KeysDesk:
    """The page for one administrator: done and shown, or refused and shown as typed."""

    def __init__(
        self, sessions: SessionsDep, principal: PrincipalDep, token: SessionTokenDep
    ) -> None:
        self.principal = principal
        self._sessions = sessions
        self._token = token

    def show(
        self,
        pairs: Pairs = (),
        notice: Notice | None = None,
        shown: ShownKey | None = None,
        status: int = 200,
    ) -> Response:
        with transaction(self._sessions) as session:
            keys = api_keys.list_keys(session)
            page = keys_page(
                keys,
                people.names(session, {key.created_by for key in keys}),
                asks_password=not is_fresh(session, self._token),
                values=FormValues({name: text for name, text in pairs if name != "password"}),
                chosen=_scopes(pairs),
                notice=notice,
                shown=shown,
            )
        shell = shell_for(self.principal, "API keys", "api-keys")
        return render("api_keys.html", shell, page, status=status)

    def act(self, pairs: Pairs, act: Act, *, needs_proof: bool = True) -> Response:
        try:
            with (
                counting_refusals(self._sessions, self.principal),
                transaction(self._sessions) as session,
            ):
                if needs_proof:
                    password = dict(pairs).get("password") or None
                    prove_anew(session, self.principal, token=self._token, password=password)
                notice, shown = act(session)
        except (Conflict, InvalidInput, NotPermitted, TooMany) as refusal:
            status = 422 if isinstance(refusal, NotPermitted) else status_of(refusal)
            return self.show(pairs, Notice(refusal.message), status=status)
        return self.show((), notice, shown)


def _desk(sessions: SessionsDep, principal: PrincipalDep, token: SessionTokenDep) -> KeysDesk:
    return KeysDesk(sessions, principal, token)


async def _pairs(request: Request) -> Pairs:
    return await read_pairs(request)


DeskDep = Annotated[KeysDesk, Depends(_desk)]
PairsDep = Annotated[Pairs, Depends(_pairs)]


@router.get("/api-keys", dependencies=[require(Permission.MANAGE_KEYS)])
def get_keys(desk: DeskDep) -> Response:
    return desk.show()


@router.post("/api-keys", dependencies=[require(Permission.MANAGE_KEYS)])
def post_key(pairs: PairsDep, desk: DeskDep) -> Response:
    form = FormValues(pairs)

    def make(session: Session) -> Done:
        limited = form["limit"] == "some"
        made = api_keys.create_key(
            session,
            desk.principal,
            name=form["name"],
            role=_role(form["role"]),
            days=_number(form["days"] or str(api_keys.LONGEST_DAYS)),
            scopes=[_permission(one) for one in sorted(_scopes(pairs))] if limited else None,
        )
        return _copy_now(), ShownKey(made.key.name, made.token)

    return desk.act(pairs, make)


@router.post("/api-keys/{key_id}/rotate", dependencies=[require(Permission.MANAGE_KEYS)])
def post_rotation(key_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def rotate(session: Session) -> Done:
        made = api_keys.rotate_key(
            session, desk.principal, key_id, overlap_hours=_number(form["overlap_hours"])
        )
        return _copy_now(), ShownKey(made.key.name, made.token)

    return desk.act(tuple(form.items()), rotate)


@router.post("/api-keys/{key_id}/revoke", dependencies=[require(Permission.MANAGE_KEYS)])
def post_revocation(key_id: uuid.UUID, desk: DeskDep) -> Response:
    def revoke(session: Session) -> Done:
        name = api_keys.revoke_key(session, desk.principal, key_id).name
        return Notice(f"The key of {name} no longer works.", "good"), None

    return desk.act((), revoke, needs_proof=False)


def _copy_now() -> Notice:
    return Notice("Copy the key below now: it is shown this once and kept nowhere.", "good")


def _scopes(pairs: Pairs) -> frozenset[str]:
    return frozenset(text for name, text in pairs if name == "scope")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInput("key_role", "Choose a role from the list.") from error


def _permission(text: str) -> Permission:
    try:
        return Permission(text)
    except ValueError as error:
        raise InvalidInput("key_scopes", "Choose from the list what the key may do.") from error


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidInput("key_lifetime", f"{text} is not a number of days or hours.") from error
