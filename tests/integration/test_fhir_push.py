"""Reports for a FHIR server: acknowledged when it answers, confirmed when it gives them back."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import Delivery
from app.domain.errors import InvalidInput
from app.outbound.fhir_push import facts_of, search_address
from app.security.permissions import SYSTEM
from app.services import webhooks
from app.services.amendments import Change
from app.services.webhooks import NewWebhook, WebhookChange, make_guard
from tests.integration.delivery_office import Office
from tests.integration.signed_samples import SignedSample
from tests.receivers import Received, Receiver, Reply, running_receiver

SECRET = "Bearer of a receiver's own"


@dataclass
class FhirServer:
    """Answers 200 to a Bundle; what it keeps of it is another matter."""

    receiver: Receiver
    keeps: bool = True
    changes: dict[str, Any] | None = None

    def behave(self, request: Received) -> Reply:
        if self.keeps:
            bundle = json.loads(request.body)
            place = search_address(self.receiver.url, bundle).partition(str(self.receiver.port))[2]
            found = {"resourceType": "Bundle", "type": "searchset", "entry": bundle["entry"]}
            text = json.dumps(found)
            for old, new in (self.changes or {}).items():
                text = text.replace(old, new)
            self.receiver.stored[place] = (200, text)
        return Reply(200, '{"resourceType": "Bundle", "type": "transaction-response"}')


@contextmanager
def fhir_server(
    sample: SignedSample, *, reads_back: bool = True, retry_seconds: str = "0.02,0.02,0.02"
) -> Iterator[tuple[Office, FhirServer]]:
    laboratory = sample.laboratory
    with running_receiver() as receiver:
        server = FhirServer(receiver)
        receiver.behave = server.behave
        changes = {"webhook_retry_seconds": retry_seconds, "webhook_timeout_seconds": 5.0}
        settings = laboratory.context.settings.model_copy(update=changes)
        bare = Office(laboratory.sessions, replace(laboratory.context, settings=settings))
        office = bare.allow(receiver.port)
        new = NewWebhook(
            url=receiver.url, events=(), kind="fhir", reads_back=reads_back, authorization=SECRET
        )
        with transaction(office.sessions) as session:
            webhooks.create_webhook(session, SYSTEM, new, make_guard(office.context.settings))
        yield office, server


def deliveries_of(office: Office) -> list[Delivery]:
    with transaction(office.sessions) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.sequence)))


def test_a_released_report_is_posted_as_a_bundle_and_closed_on_read_back(
    sample_to_sign: SignedSample,
) -> None:
    with fhir_server(sample_to_sign) as (office, server):
        report = sample_to_sign.hand_in_and_release()
        office.send()
        (request,) = server.receiver.received
        assert request.headers["content-type"] == "application/fhir+json"
        assert request.headers["authorization"] == SECRET
        bundle = Bundle.model_validate_json(request.body)
        assert bundle.identifier is not None
        assert bundle.identifier.value == str(report.id)
        (delivery,) = deliveries_of(office)
        assert (delivery.state, delivery.payload) == ("confirmed", request.body)
        assert delivery.acknowledged_at is not None
        assert delivery.confirmed_at is not None
        assert [row.outcome for row in office.attempts()] == ["confirmed"]


def test_a_server_that_says_yes_and_keeps_nothing_is_not_believed(
    sample_to_sign: SignedSample,
) -> None:
    with fhir_server(sample_to_sign) as (office, server):
        server.keeps = False
        sample_to_sign.hand_in_and_release()
        office.send()
        (delivery,) = deliveries_of(office)
        assert (delivery.state, delivery.confirmed_at) == ("failed", None)
        assert delivery.acknowledged_at is not None
        attempts = office.attempts()
        assert [row.outcome for row in attempts] == ["acknowledged"] * 4
        assert {row.read_back_status for row in attempts} == {404}
        assert "could not be read back" in (attempts[0].error or "")


def test_a_server_that_kept_another_value_is_told_apart(sample_to_sign: SignedSample) -> None:
    with fhir_server(sample_to_sign) as (office, server):
        server.changes = {'"final"': '"preliminary"'}
        sample_to_sign.hand_in_and_release()
        office.send()
        (delivery,) = deliveries_of(office)
        assert delivery.state == "failed"
        assert "does not give back what was sent" in (office.attempts()[0].error or "")


def test_what_a_slow_server_kept_in_the_end_is_not_posted_again(
    sample_to_sign: SignedSample,
) -> None:
    with fhir_server(sample_to_sign, retry_seconds="600,600") as (office, server):
        server.keeps = False
        sample_to_sign.hand_in_and_release()
        office.send()
        server.keeps = True
        server.behave(server.receiver.received[0])
        with transaction(office.sessions) as session:
            delivery = session.scalars(select(Delivery)).one()
            delivery.next_attempt_at -= dt.timedelta(hours=1)
        office.send()
        assert len(server.receiver.received) == 1
        assert deliveries_of(office)[0].state == "confirmed"


def test_a_destination_that_moves_is_asked_at_its_new_server_alone(
    sample_to_sign: SignedSample,
) -> None:
    """The old one may keep the report for ever, and gets no word, and no credentials, any more."""
    with (
        fhir_server(sample_to_sign, retry_seconds="600,600") as (near, old),
        running_receiver() as receiver,
    ):
        old.keeps = False
        sample_to_sign.hand_in_and_release()
        near.send()
        asked = len(old.receiver.got)
        new = FhirServer(receiver)
        receiver.behave = new.behave
        office = near.allow(old.receiver.port, receiver.port)
        guard = make_guard(office.context.settings)
        with transaction(office.sessions) as session:
            (webhook,) = webhooks.list_webhooks(session, SYSTEM).items
            with pytest.raises(InvalidInput, match="webhook_authorization"):
                move = WebhookChange(url=receiver.url)
                webhooks.change_webhook(session, SYSTEM, webhook.id, move, guard)
            move = WebhookChange(url=receiver.url, authorization="Bearer of the new one")
            webhooks.change_webhook(session, SYSTEM, webhook.id, move, guard)
            session.scalars(select(Delivery)).one().next_attempt_at -= dt.timedelta(hours=1)
        office.send()
        assert len(old.receiver.got) == asked
        (request,) = receiver.received
        assert request.headers["authorization"] == "Bearer of the new one"
        assert deliveries_of(office)[0].state == "confirmed"


def test_an_amended_and_a_withdrawn_report_follow_in_order(sample_to_sign: SignedSample) -> None:
    with fhir_server(sample_to_sign) as (office, server):
        sample_to_sign.hand_in_and_release()
        sample_to_sign.amend(Change.DETAILS, "the donor code was mistyped")
        sample_to_sign.amend(Change.WITHDRAW, "another donor's sample")
        office.send()
        posted = [json.loads(one.body) for one in server.receiver.received]
        told = [one["resource"]["status"] for bundle in posted for one in bundle["entry"][:1]]
        assert told == ["final", "amended", "entered-in-error"]
        assert [row.state for row in deliveries_of(office)] == ["confirmed"] * 3


def test_without_read_back_an_answer_is_the_end(sample_to_sign: SignedSample) -> None:
    with fhir_server(sample_to_sign, reads_back=False) as (office, server):
        sample_to_sign.hand_in_and_release()
        office.send()
        (delivery,) = deliveries_of(office)
        assert (delivery.state, delivery.confirmed_at) == ("acknowledged", None)
        assert server.receiver.got == []


@pytest.mark.parametrize(
    ("stored", "is_same"),
    [
        ({"valueQuantity": {"value": 2.5, "unit": "outlet"}}, True),
        ({"valueQuantity": {"value": 2.50}}, True),
        ({"valueQuantity": {"value": 2.6}}, False),
        ({"valueString": "2.5"}, False),
        ({}, False),
    ],
)
def test_values_are_compared_as_numbers(stored: dict[str, Any], *, is_same: bool) -> None:
    named = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"code": "RS"}]}}
    sent = facts_of(named | {"valueQuantity": {"value": 2.5}})
    assert (sent <= facts_of(named | stored)) == is_same
