"""Webhooks: add one and see its secret once, watch what became of its messages, send again."""

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.webhooks import (
    SecretShown,
    change_form,
    webhook_page,
    webhooks_page,
)
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import read_pairs
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import Conflict, InvalidInput, PliantError
from app.security.permissions import Permission
from app.services import deliveries, webhooks
from app.services.webhooks import NewWebhook, WebhookChange, make_guard
from app.web.conditional import changed_meanwhile, part_of_answer
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, require
from app.web.errors import PreconditionFailed
from app.web.webhook_terms import WebhookTerms

router = APIRouter()
Pairs = Sequence[tuple[str, str]]
StateParam = Literal["pending", "acknowledged", "confirmed", "failed", "cancelled"] | None
MANAGE = require(Permission.MANAGE_WEBHOOKS)


class WebhooksDesk:
    """Both pages for one administrator, plain or with what an act came to."""

    def __init__(
        self, sessions: SessionsDep, principal: PrincipalDep, settings: SettingsDep
    ) -> None:
        self.principal = principal
        self.guard = make_guard(settings)
        self._sessions = sessions

    def show_list(
        self,
        pairs: Pairs = (),
        notice: Notice | None = None,
        shown: SecretShown | None = None,
        cursor: str | None = None,
        status: int = 200,
    ) -> Response:
        with transaction(self._sessions) as session:
            listing = webhooks.list_webhooks(session, self.principal, cursor=cursor)
        page = webhooks_page(
            listing.items,
            open_to=webhooks.events_open_to(self.principal),
            next_cursor=listing.next_cursor,
            values=FormValues(pairs),
            chosen=_events(pairs),
            notice=notice,
            shown=shown,
        )
        shell = shell_for(self.principal, "Webhooks", "webhooks")
        return render("webhooks_list.html", shell, page, status=status)

    def show_one(
        self,
        webhook_id: uuid.UUID,
        *,
        state: StateParam = None,
        cursor: str | None = None,
        notice: Notice | None = None,
        shown: SecretShown | None = None,
        typed: Pairs | None = None,
        status: int = 200,
    ) -> Response:
        with transaction(self._sessions) as session:
            view = webhooks.get_webhook(session, self.principal, webhook_id)
            listing = deliveries.list_deliveries(
                session, self.principal, webhook_id, state=state, cursor=cursor, limit=25
            )
        page = webhook_page(
            view,
            listing.items,
            change_form(
                view,
                open_to=webhooks.events_open_to(self.principal, view.kind),
                read=part_of_answer(WebhookTerms, view),
                typed=typed,
            ),
            state=state,
            next_cursor=listing.next_cursor,
            notice=notice,
            shown=shown,
        )
        shell = shell_for(self.principal, page.row.name, "webhooks")
        return render("webhook.html", shell, page, status=status)

    def act(self, webhook_id: uuid.UUID, act: Callable[[Session], object], said: str) -> Response:
        """Do it and show the page; a refusal changes nothing and says why."""
        try:
            with transaction(self._sessions) as session:
                done = act(session)
        except (Conflict, InvalidInput) as refusal:
            return self.show_one(webhook_id, notice=Notice(refusal.message), status=422)
        shown = None
        if isinstance(done, webhooks.SecretView) and done.secret is not None:
            shown = SecretShown(done.url, done.secret, is_rotated=True)
        return self.show_one(webhook_id, notice=Notice(said, "good"), shown=shown)

    def change(self, webhook_id: uuid.UUID, pairs: Pairs) -> Response:
        """Change it as it was read; a refusal keeps what was typed."""
        form = FormValues(pairs)
        change = WebhookChange(
            url=form["url"],
            description=form["description"],
            events=tuple(sorted(_events(pairs))),
            authorization=form["authorization"] or None,
        )
        try:
            with transaction(self._sessions) as session:
                deliveries.visible_endpoint(session, self.principal, webhook_id, lock=True)
                view = webhooks.get_webhook(session, self.principal, webhook_id)
                if part_of_answer(WebhookTerms, view) != form["read"]:
                    raise changed_meanwhile()
                webhooks.change_webhook(session, self.principal, webhook_id, change, self.guard)
        except PreconditionFailed as refusal:
            return self.show_one(webhook_id, notice=Notice(refusal.message), status=412)
        except (Conflict, InvalidInput) as refusal:
            return self.show_one(
                webhook_id, notice=Notice(refusal.message), typed=pairs, status=422
            )
        said = "Changed. What waits goes to the new address, too."
        return self.show_one(webhook_id, notice=Notice(said, "good"))

    def create(self, pairs: Pairs) -> Response:
        try:
            with transaction(self._sessions) as session:
                made = webhooks.create_webhook(
                    session, self.principal, _new_webhook(pairs), self.guard
                )
        except (Conflict, InvalidInput) as refusal:
            return self._refused(pairs, refusal)
        assert made.secret is not None, "just made"
        said = "The webhook was added. Copy its secret now: it is not shown again."
        return self.show_list(
            (), Notice(said, "good"), SecretShown(made.url, made.secret, is_rotated=False)
        )

    def _refused(self, pairs: Pairs, refusal: PliantError) -> Response:
        return self.show_list(pairs, Notice(refusal.message), status=422)

    def delete(self, webhook_id: uuid.UUID) -> Response:
        with transaction(self._sessions) as session:
            webhooks.delete_webhook(session, self.principal, webhook_id)
        return RedirectResponse("/webhooks", status_code=303)


def _desk(sessions: SessionsDep, principal: PrincipalDep, settings: SettingsDep) -> WebhooksDesk:
    return WebhooksDesk(sessions, principal, settings)


async def _pairs(request: Request) -> Pairs:
    return await read_pairs(request)


DeskDep = Annotated[WebhooksDesk, Depends(_desk)]
PairsDep = Annotated[Pairs, Depends(_pairs)]


@router.get("/webhooks", dependencies=[MANAGE])
def get_webhooks(desk: DeskDep, cursor: str | None = None) -> Response:
    return desk.show_list(cursor=cursor)


@router.post("/webhooks", dependencies=[MANAGE])
def post_webhook(pairs: PairsDep, desk: DeskDep) -> Response:
    return desk.create(pairs)


@router.get("/webhooks/{webhook_id}", dependencies=[MANAGE])
def get_webhook(
    webhook_id: uuid.UUID, desk: DeskDep, state: StateParam = None, cursor: str | None = None
) -> Response:
    return desk.show_one(webhook_id, state=state, cursor=cursor)


@router.post("/webhooks/{webhook_id}/test", dependencies=[MANAGE])
def post_test(webhook_id: uuid.UUID, desk: DeskDep) -> Response:
    return desk.act(
        webhook_id,
        lambda session: webhooks.send_test(session, desk.principal, webhook_id),
        "A test message is on its way; load the page again to see what came of it.",
    )


@router.post("/webhooks/{webhook_id}/rotate", dependencies=[MANAGE])
def post_rotation(webhook_id: uuid.UUID, desk: DeskDep) -> Response:
    return desk.act(
        webhook_id,
        lambda session: webhooks.rotate_secret(session, desk.principal, webhook_id),
        "Copy the new secret now: it is not shown again. For a day both sign.",
    )


@router.post("/webhooks/{webhook_id}/change", dependencies=[MANAGE])
def post_change(webhook_id: uuid.UUID, pairs: PairsDep, desk: DeskDep) -> Response:
    return desk.change(webhook_id, pairs)


@router.post("/webhooks/{webhook_id}/switch", dependencies=[MANAGE])
def post_switch(webhook_id: uuid.UUID, pairs: PairsDep, desk: DeskDep) -> Response:
    change = WebhookChange(enabled=FormValues(pairs)["enabled"] == "yes")
    said = "What waited is being sent." if change.enabled else "Its messages wait from now on."
    return desk.act(
        webhook_id,
        lambda session: webhooks.change_webhook(
            session, desk.principal, webhook_id, change, desk.guard
        ),
        said,
    )


@router.post("/webhooks/{webhook_id}/delete", dependencies=[MANAGE])
def post_deletion(webhook_id: uuid.UUID, desk: DeskDep) -> Response:
    return desk.delete(webhook_id)


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", dependencies=[MANAGE])
def post_replay(webhook_id: uuid.UUID, delivery_id: uuid.UUID, desk: DeskDep) -> Response:
    return desk.act(
        webhook_id,
        lambda session: deliveries.replay(session, desk.principal, webhook_id, delivery_id),
        "The message is on its way again, under its old id.",
    )


def _events(pairs: Pairs) -> frozenset[str]:
    return frozenset(value for name, value in pairs if name == "event")


def _new_webhook(pairs: Pairs) -> NewWebhook:
    form = FormValues(pairs)
    is_fhir = form["kind"] == "fhir"
    return NewWebhook(
        url=form["url"],
        kind="fhir" if is_fhir else "webhook",
        # A FHIR server gets reports alone, whatever else was ticked.
        events=() if is_fhir else tuple(sorted(_events(pairs))),
        description=form["description"],
        reads_back=form["reads_back"] == "yes",
        authorization=form["authorization"] or None,
    )
