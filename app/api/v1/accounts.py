"""People, for administrators: made, let in, shut out, given another role."""

import uuid

from fastapi import APIRouter, Response

from app.api.v1.schemas.accounts import AccountIn, AccountOut, InvitedAccountOut, ProofIn, RoleIn
from app.security.permissions import Permission
from app.services import accounts
from app.services.accounts import AccountView
from app.services.reauthentication import prove_anew
from app.web.creation import CreationDep
from app.web.dependencies import (
    PrincipalDep,
    SessionDep,
    SessionsDep,
    SessionTokenDep,
    require,
)
from app.web.errors import refusals
from app.web.paging import Page, WindowDep
from app.web.signing import counting_refusals

router = APIRouter(tags=["accounts"])


@router.get("/accounts", dependencies=[require(Permission.MANAGE_ACCOUNTS)])
def list_accounts(session: SessionDep, window: WindowDep) -> Page[AccountOut]:
    """List everybody who has or had an account, the first one first."""
    items = [AccountOut.model_validate(one) for one in accounts.list_accounts(session)]
    return window.of(items, lambda one: one.id)


@router.get(
    "/accounts/{account_id}",
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def get_account(account_id: uuid.UUID, session: SessionDep) -> AccountOut:
    """Show an account."""
    return AccountOut.model_validate(accounts.find_account(session, account_id))


@router.post(
    "/accounts",
    status_code=201,
    response_model=InvitedAccountOut,
    responses=refusals(409),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def create_account(
    body: AccountIn,
    session: SessionDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    creation: CreationDep,
) -> Response:
    """Make an account with a link that signs in once; hand the link to the person alone."""
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=body.password)

    def make() -> InvitedAccountOut:
        made = accounts.create_account(session, principal, name=body.name, role=body.role)
        return _invited(made, accounts.make_sign_in_link(session, principal, made.id))

    return creation.answer(body, make, location="/api/v1/accounts/{id}", secrets=("sign_in_path",))


@router.post(
    "/accounts/{account_id}/sign-in-link",
    status_code=201,
    response_model=InvitedAccountOut,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def make_sign_in_link(
    *,
    account_id: uuid.UUID,
    body: ProofIn | None = None,
    session: SessionDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    creation: CreationDep,
) -> Response:
    """Let somebody in again who lost the password; using the link forgets the old one."""
    asked = body or ProofIn()
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=asked.password)

    def make() -> InvitedAccountOut:
        path = accounts.make_sign_in_link(session, principal, account_id)
        return _invited(accounts.find_account(session, account_id), path)

    return creation.answer(asked, make, secrets=("sign_in_path",))


@router.post(
    "/accounts/{account_id}/role",
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def change_role(
    account_id: uuid.UUID,
    body: RoleIn,
    session: SessionDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
) -> AccountOut:
    """Give another role; it acts on the person's next request."""
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=body.password)
    changed = accounts.change_role(session, principal, account_id, body.role)
    return AccountOut.model_validate(changed)


@router.post(
    "/accounts/{account_id}/disable",
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def disable_account(
    account_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> AccountOut:
    """Shut a person out at once; everything they did stays, with their name."""
    return AccountOut.model_validate(accounts.disable_account(session, principal, account_id))


@router.post(
    "/accounts/{account_id}/enable",
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def enable_account(
    account_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> AccountOut:
    """Let a person in again, with the password they had."""
    return AccountOut.model_validate(accounts.enable_account(session, principal, account_id))


@router.post(
    "/accounts/{account_id}/end-sessions",
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_ACCOUNTS)],
)
def end_sessions(account_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> AccountOut:
    """Sign a person out of every browser."""
    return AccountOut.model_validate(accounts.end_sessions(session, principal, account_id))


def _invited(account: AccountView, sign_in_path: str) -> InvitedAccountOut:
    shown = AccountOut.model_validate(account).model_dump()
    return InvitedAccountOut(**shown, sign_in_path=sign_in_path)
