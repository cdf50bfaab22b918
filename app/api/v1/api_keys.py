"""API keys, for administrators: made, shown once, limited, replaced, revoked."""

import uuid

from fastapi import APIRouter, Response

from app.api.v1.schemas.api_keys import ApiKeyIn, ApiKeyOut, NewApiKeyOut, RotationIn
from app.security.permissions import Permission
from app.services import api_keys
from app.services.api_keys import NewKeyView
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

router = APIRouter(tags=["API keys"])


@router.get("/api-keys", dependencies=[require(Permission.MANAGE_KEYS)])
def list_api_keys(session: SessionDep, window: WindowDep) -> Page[ApiKeyOut]:
    """List every key there was, newest first; none of them can be read again."""
    items = [ApiKeyOut.model_validate(key) for key in api_keys.list_keys(session)]
    return window.of(items, lambda one: one.id)


@router.post(
    "/api-keys",
    status_code=201,
    response_model=NewApiKeyOut,
    responses=refusals(409),
    dependencies=[require(Permission.MANAGE_KEYS)],
)
def create_api_key(
    body: ApiKeyIn,
    session: SessionDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    creation: CreationDep,
) -> Response:
    """Make a key for a program; `token` is shown in this answer and never again."""
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=body.password)

    def make() -> NewApiKeyOut:
        made = api_keys.create_key(
            session, principal, name=body.name, role=body.role, days=body.days, scopes=body.scopes
        )
        return _shown_once(made)

    return creation.answer(body, make, location="/api/v1/api-keys/{id}", secrets=("token",))


@router.get(
    "/api-keys/{key_id}",
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_KEYS)],
)
def get_api_key(key_id: uuid.UUID, session: SessionDep) -> ApiKeyOut:
    """Show what a key may do, until when, and when it was last used."""
    return ApiKeyOut.model_validate(api_keys.get_key(session, key_id))


@router.post(
    "/api-keys/{key_id}/rotate",
    status_code=201,
    response_model=NewApiKeyOut,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_KEYS)],
)
def rotate_api_key(
    *,
    key_id: uuid.UUID,
    body: RotationIn | None = None,
    session: SessionDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    creation: CreationDep,
) -> Response:
    """Make its successor with the same terms; the old key works on for `overlap_hours`.

    Both see the same samples. A key that ended has a successor, too, and stays ended.
    """
    asked = body or RotationIn()
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=asked.password)

    def make() -> NewApiKeyOut:
        made = api_keys.rotate_key(session, principal, key_id, overlap_hours=asked.overlap_hours)
        return _shown_once(made)

    return creation.answer(asked, make, location="/api/v1/api-keys/{id}", secrets=("token",))


@router.post(
    "/api-keys/{key_id}/revoke",
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_KEYS)],
)
def revoke_api_key(key_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> ApiKeyOut:
    """End a key at once; asking again changes nothing."""
    return ApiKeyOut.model_validate(api_keys.revoke_key(session, principal, key_id))


def _shown_once(made: NewKeyView) -> NewApiKeyOut:
    shown = ApiKeyOut.model_validate(made.key).model_dump()
    return NewApiKeyOut(**shown, token=made.token)
