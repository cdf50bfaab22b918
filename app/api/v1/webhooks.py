"""Webhooks: where events and reports go, what became of each message, and sending it again."""

import uuid
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.api.v1.schemas.webhooks import WebhookChangeIn, WebhookIn
from app.security.permissions import Permission
from app.services import deliveries, webhooks
from app.services.deliveries import DeliveryView
from app.services.webhooks import SecretView, WebhookView, make_guard
from app.web.conditional import EditDep, mark_part
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, SettingsDep, require
from app.web.errors import refusals
from app.web.paging import CursorParam, LimitParam, Page
from app.web.webhook_terms import WebhookTerms

router = APIRouter(tags=["webhooks"])
StateParam = Literal["pending", "acknowledged", "confirmed", "failed", "cancelled"] | None


@router.post(
    "/webhooks",
    status_code=201,
    response_model=SecretView,
    responses=refusals(409),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def create_webhook(
    body: WebhookIn,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    creation: CreationDep,
) -> JSONResponse:
    """Make a destination. Its `secret` signs every message and is in this answer alone."""

    def make() -> SecretView:
        guard = make_guard(settings)
        return webhooks.create_webhook(session, principal, body.new_webhook(), guard)

    return creation.answer(body, make, location="/api/v1/webhooks/{id}", secrets=("secret",))


@router.get(
    "/webhooks",
    response_model=Page[WebhookView],
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def list_webhooks(
    session: SessionDep,
    principal: PrincipalDep,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Page[WebhookView]:
    """Newest first, with their health."""
    rows = webhooks.list_webhooks(session, principal, cursor=cursor, limit=limit)
    return Page[WebhookView](items=list(rows.items), next_cursor=rows.next_cursor)


@router.get(
    "/webhooks/{webhook_id}",
    response_model=WebhookView,
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def get_webhook(
    webhook_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, response: Response
) -> WebhookView:
    """One destination and how it does."""
    view = webhooks.get_webhook(session, principal, webhook_id)
    mark_part(response, WebhookTerms, view)
    return view


@router.patch(
    "/webhooks/{webhook_id}",
    response_model=WebhookView,
    responses=refusals(404, 412),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def change_webhook(
    webhook_id: uuid.UUID,
    body: WebhookChangeIn,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    edit: EditDep,
    response: Response,
) -> WebhookView:
    """Change what is given. Switched off, its messages wait; switched on, they are sent.

    `If-Match` is about the address, the events and the other terms, not about what was delivered.
    """
    edit.check(
        hold=lambda: deliveries.visible_endpoint(session, principal, webhook_id, lock=True),
        read=lambda: webhooks.get_webhook(session, principal, webhook_id),
        kind=WebhookTerms,
        is_part=True,
    )
    guard = make_guard(settings)
    view = webhooks.change_webhook(session, principal, webhook_id, body.change(), guard)
    mark_part(response, WebhookTerms, view)
    return view


@router.delete(
    "/webhooks/{webhook_id}",
    status_code=204,
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def delete_webhook(webhook_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    """It hears nothing more; what waited for it is dropped."""
    webhooks.delete_webhook(session, principal, webhook_id)
    return Response(status_code=204)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    status_code=201,
    response_model=SecretView,
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def rotate_webhook_secret(
    webhook_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, creation: CreationDep
) -> JSONResponse:
    """A new secret, in this answer alone; until `previous_secret_until` both sign."""
    return creation.answer(
        None,
        lambda: webhooks.rotate_secret(session, principal, webhook_id),
        secrets=("secret",),
    )


@router.post(
    "/webhooks/{webhook_id}/test",
    status_code=202,
    response_model=DeliveryView,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def test_webhook(
    webhook_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, creation: CreationDep
) -> JSONResponse:
    """Send a message of type `webhook.test`, signed and logged like any other."""
    return creation.answer(
        None, lambda: webhooks.send_test(session, principal, webhook_id), status=202
    )


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response_model=Page[DeliveryView],
    responses=refusals(404),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def list_deliveries(
    webhook_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    state: StateParam = None,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Page[DeliveryView]:
    """Newest first: each message with its body, every try, and how it ended."""
    rows = deliveries.list_deliveries(
        session, principal, webhook_id, state=state, cursor=cursor, limit=limit
    )
    return Page[DeliveryView](items=list(rows.items), next_cursor=rows.next_cursor)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryView,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_WEBHOOKS)],
)
def replay_delivery(
    webhook_id: uuid.UUID,
    delivery_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Send the same message again, under its old id, with all its tries before it."""
    return creation.answer(
        None,
        lambda: deliveries.replay(session, principal, webhook_id, delivery_id),
        status=202,
    )
