"""Users: invite, let in again, shut out, give another role."""

import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.users import Invitation, users_page
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput, NotPermitted, PliantError, TooMany
from app.security.permissions import Permission, Role
from app.services import accounts
from app.services.reauthentication import is_fresh, prove_anew
from app.web.dependencies import PrincipalDep, SessionsDep, SessionTokenDep, SettingsDep, require
from app.web.errors import status_of
from app.web.signing import counting_refusals

router = APIRouter()
Done = tuple[Notice, Invitation | None]
Act = Callable[[Session], Done]


class UsersDesk:
    """The page for one administrator: done and shown, or refused and shown as typed."""

    def __init__(
        self,
        request: Request,
        sessions: SessionsDep,
        principal: PrincipalDep,
        token: SessionTokenDep,
        settings: SettingsDep,
    ) -> None:
        self.principal = principal
        self._sessions: SessionMaker = sessions
        self._token = token
        address = str(settings.public_url or request.base_url)
        self.address = address.rstrip("/")

    def show(
        self,
        values: FormValues,
        notice: Notice | None = None,
        invitation: Invitation | None = None,
        status: int = 200,
    ) -> Response:
        with transaction(self._sessions) as session:
            page = users_page(
                accounts.list_accounts(session),
                self.principal,
                asks_password=not is_fresh(session, self._token),
                values=values,
                notice=notice,
                invitation=invitation,
            )
        shell = shell_for(self.principal, "Users", "users")
        return render("users.html", shell, page, status=status)

    def act(self, form: FormValues, act: Act, *, needs_proof: bool = True) -> Response:
        try:
            with (
                counting_refusals(self._sessions, self.principal),
                transaction(self._sessions) as session,
            ):
                if needs_proof:
                    password = form["password"] or None
                    prove_anew(session, self.principal, token=self._token, password=password)
                notice, invitation = act(session)
        except (Conflict, InvalidInput, NotPermitted, TooMany) as refusal:
            return self._refused(form, refusal)
        return self.show(FormValues(), notice, invitation)

    def _refused(self, form: FormValues, refusal: PliantError) -> Response:
        kept = FormValues(name=form["name"], role=form["role"])
        status = status_of(refusal)
        return self.show(kept, Notice(refusal.message), status=422 if status == 403 else status)


def _desk(
    request: Request,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    settings: SettingsDep,
) -> UsersDesk:
    return UsersDesk(request, sessions, principal, token, settings)


DeskDep = Annotated[UsersDesk, Depends(_desk)]


@router.get("/users", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def get_users(desk: DeskDep) -> Response:
    return desk.show(FormValues())


@router.post("/users", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_user(form: FormDep, desk: DeskDep) -> Response:
    def invite(session: Session) -> Done:
        made = accounts.create_account(
            session, desk.principal, name=form["name"], role=_role(form["role"])
        )
        path = accounts.make_sign_in_link(session, desk.principal, made.id)
        return _invited(made.name), Invitation(made.name, desk.address + path)

    return desk.act(form, invite)


@router.post("/users/{account_id}/link", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_link(account_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def make(session: Session) -> Done:
        path = accounts.make_sign_in_link(session, desk.principal, account_id)
        name = accounts.find_account(session, account_id).name
        return _invited(name), Invitation(name, desk.address + path)

    return desk.act(form, make)


@router.post("/users/{account_id}/role", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_role(account_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def change(session: Session) -> Done:
        changed = accounts.change_role(session, desk.principal, account_id, _role(form["role"]))
        return Notice(f"{changed.name} is {changed.role} from now on.", "good"), None

    return desk.act(form, change)


@router.post("/users/{account_id}/disable", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_disabled(account_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def disable(session: Session) -> Done:
        name = accounts.disable_account(session, desk.principal, account_id).name
        told = f"{name} is signed out everywhere and cannot sign in; API keys go on."
        return Notice(told, "good"), None

    return desk.act(form, disable, needs_proof=False)


@router.post("/users/{account_id}/enable", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_enabled(account_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def enable(session: Session) -> Done:
        name = accounts.enable_account(session, desk.principal, account_id).name
        return Notice(f"{name} can sign in again.", "good"), None

    return desk.act(form, enable)


@router.post("/users/{account_id}/end-sessions", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def post_ended_sessions(account_id: uuid.UUID, form: FormDep, desk: DeskDep) -> Response:
    def end(session: Session) -> Done:
        name = accounts.end_sessions(session, desk.principal, account_id).name
        return Notice(f"{name} is signed out everywhere.", "good"), None

    return desk.act(form, end, needs_proof=False)


def _invited(name: str) -> Notice:
    return Notice(f"Hand the link below to {name} alone; it works once, within a day.", "good")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInput("account_role", "Choose a role from the list.") from error
