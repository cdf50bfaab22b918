"""What is announced, to whom, and in the transaction of the change it tells of."""

import json
import uuid
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.api.v1.event_messages import MESSAGES
from app.db.session import SessionMaker, transaction
from app.db.tables import (
    Analysis,
    Delivery,
    Job,
    ModelVersion,
    Report,
    Sample,
    ScanImage,
    TrainingRun,
)
from app.domain.errors import NotPermitted, ProcessingFailed
from app.domain.imaging.scan_image import write_bmp
from app.jobs.kinds import JobKind
from app.outbound.addresses import Guard
from app.security.permissions import SYSTEM, Principal, Role
from app.services import analyses, api_keys, events, promotions, samples, training_runs, webhooks
from app.services.amendments import Change
from app.services.events import EventType
from app.services.samples import Container, NewSample
from app.services.webhooks import NewWebhook
from tests.integration.signed_samples import SignedSample
from tests.integration.test_promotions import candidate
from tests.laboratory import NEEDS, SIDE_PX

NOWHERE = "https://1.1.1.1/in"
"""A public address, written as a number: nothing is resolved."""


def lims(session: Session, name: str = "LIMS") -> Principal:
    """A program with a key of its own."""
    key = api_keys.create_key(session, SYSTEM, name=name, role=Role.LIMS)
    return api_keys.authenticate(session, key.token)


def listen(session: Session, principal: Principal = SYSTEM, *names: EventType) -> uuid.UUID:
    """A destination that is switched off: its messages are written, and none leaves this test."""
    new = NewWebhook(url=NOWHERE, events=names or webhooks.events_open_to(principal))
    made = webhooks.create_webhook(session, principal, new, Guard())
    off = webhooks.WebhookChange(enabled=False)
    webhooks.change_webhook(session, principal, made.id, off, Guard())
    return made.id


def heard(session: Session, endpoint_id: uuid.UUID | None = None) -> list[dict[str, Any]]:
    wanted = select(Delivery).order_by(Delivery.sequence, Delivery.created_at)
    if endpoint_id is not None:
        wanted = wanted.where(Delivery.endpoint_id == endpoint_id)
    return [as_published(row.payload or "null") for row in session.scalars(wanted)]


def as_published(body: str) -> dict[str, Any]:
    """The message, whose every field the contract names."""
    message: dict[str, Any] = json.loads(body)
    MESSAGES[message["type"]][0].model_validate_json(body)
    return message


def in_all(sessions: SessionMaker) -> list[dict[str, Any]]:
    with transaction(sessions) as session:
        return heard(session)


def test_a_release_and_what_follows_are_announced_with_the_report_they_made(
    sample_to_sign: SignedSample,
) -> None:
    sessions = sample_to_sign.laboratory.sessions
    with transaction(sessions) as session:
        listen(session)
    report = sample_to_sign.hand_in_and_release()
    sample_to_sign.amend(Change.DETAILS, "the donor code was mistyped")
    sample_to_sign.amend(Change.WITHDRAW, "another donor's sample")

    released, amended, withdrawn = in_all(sessions)
    assert [one["type"] for one in (released, amended, withdrawn)] == [
        "sample.released", "sample.amended", "sample.amended",
    ]  # fmt: skip
    told = released["data"]
    assert (told["sample_id"], told["report_id"]) == (str(sample_to_sign.id), str(report.id))
    assert told["content_sha256"] == report.content_sha256
    assert [one["data"]["sequence"] for one in (released, amended, withdrawn)] == [1, 2, 3]
    assert [one["data"]["state"] for one in (released, amended, withdrawn)] == [
        "released", "amended", "withdrawn",
    ]  # fmt: skip
    assert withdrawn["data"]["report_status"] == "entered-in-error"


def test_a_refused_signature_announces_nothing(sample_to_sign: SignedSample) -> None:
    sessions = sample_to_sign.laboratory.sessions
    with transaction(sessions) as session:
        listen(session)
    sample_to_sign.submit()
    sample_to_sign.acknowledge()
    with pytest.raises(NotPermitted):
        sample_to_sign.release(password="another one altogether")
    assert in_all(sessions) == []


def analyse(sample: SignedSample) -> None:
    with transaction(sample.laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample.id, parameters=NEEDS)
    sample.laboratory.run_queue()


def set_demonstration(sample: SignedSample, *, is_demonstration: bool) -> None:
    with transaction(sample.laboratory.sessions) as session:
        session.get_one(Sample, sample.id).is_demonstration = is_demonstration


def test_a_score_is_announced_but_of_a_real_sample_never_one_by_a_demonstration_model(
    sample_to_sign: SignedSample,
) -> None:
    sessions = sample_to_sign.laboratory.sessions
    with transaction(sessions) as session:
        listen(session)
    set_demonstration(sample_to_sign, is_demonstration=False)
    analyse(sample_to_sign)
    assert in_all(sessions) == []

    set_demonstration(sample_to_sign, is_demonstration=True)
    analyse(sample_to_sign)
    (scored,) = in_all(sessions)
    assert scored["type"] == "sample.scored"
    assert scored["data"]["demonstration"] is True
    with transaction(sessions) as session:
        newest = select(Analysis.id).order_by(Analysis.created_at.desc()).limit(1)
        assert scored["data"]["analysis_id"] == str(session.scalars(newest).one())


def test_no_event_of_a_real_sample_leaves_that_a_demonstration_model_scored(
    sample_to_sign: SignedSample,
) -> None:
    sample_to_sign.hand_in_and_release()
    set_demonstration(sample_to_sign, is_demonstration=False)
    with transaction(sample_to_sign.laboratory.sessions) as session:
        listen(session)
        report = session.scalars(select(Report)).one()
        image = sample_to_sign.scored.images["accepted"][0]
        events.report_kept(session, report)
        events.sample_scored(session, session.get_one(Analysis, report.analysis_id))
        events.image_rejected(session, session.get_one(ScanImage, image))
        assert heard(session) == []


def test_a_rejected_image_is_announced_with_what_was_found_and_a_good_one_is_not(
    sample_to_sign: SignedSample,
) -> None:
    laboratory = sample_to_sign.laboratory
    with transaction(laboratory.sessions) as session:
        listen(session)
    well_id = laboratory.add_well(laboratory.take_sample("D-9"), 1)
    black = write_bmp(np.zeros((SIDE_PX, SIDE_PX), np.uint8))
    image_id = laboratory.send(well_id, black)
    with transaction(laboratory.sessions) as session:
        inspection = select(Job.id).where(Job.kind == JobKind.INSPECT_IMAGE, Job.state == "queued")
        assert len(session.scalars(inspection).all()) == 1
    laboratory.run_queue()
    (rejected,) = in_all(laboratory.sessions)
    assert (rejected["type"], rejected["data"]["image_id"]) == ("image.rejected", str(image_id))
    assert rejected["data"]["findings"]


def test_an_activation_is_announced(session: Session) -> None:
    admin = Principal("account:ada", "Ada", Role.ADMINISTRATOR, sees_all=True)
    listen(session)
    version = candidate(session)
    promotions.activate(session, admin, version.id, reason="The first of our own.")
    (told,) = heard(session)
    assert told["type"] == "model_version.activated"
    assert told["data"]["model_sha256"] == version.sha256
    assert told["data"]["state"] == "active"


def test_the_end_of_a_training_run_is_announced_however_it_ends(session: Session) -> None:
    listen(session)
    job = Job(kind="train", queue="training", subject_id=uuid.uuid4(), max_attempts=3)
    job.state = "failed"
    session.add(job)
    session.flush()
    run = TrainingRun(
        id=job.subject_id, name="autumn", config={}, selection={}, warnings=[], n_cells=1,
        n_images=1, dataset_sha256="a" * 64, is_demonstration=False, job_id=job.id,
        created_by="system",
    )  # fmt: skip
    session.add(run)
    session.flush()
    training_runs.record_end(session, job, ProcessingFailed("out_of_memory", "It was too much."))
    (told,) = heard(session)
    assert told["type"] == "training_run.finished"
    assert (told["data"]["training_run_id"], told["data"]["state"]) == (str(run.id), "failed")


def scored_by(session: Session, principal: Principal) -> uuid.UUID:
    """A sample of this program's, scored by a real model."""
    new = NewSample(donor_code=principal.name, container=Container.BLOOD_BAG)
    sample = samples.create_sample(session, principal, new)
    version: ModelVersion = candidate(session, principal.name)
    analysis = Analysis(
        sample_id=sample.id, model_version_id=version.id, state="done", parameters={},
        created_by=principal.id,
    )  # fmt: skip
    session.add(analysis)
    session.flush()
    events.sample_scored(session, analysis)
    return sample.id


def test_a_lims_hears_of_its_own_samples_and_of_nothing_else(session: Session) -> None:
    owner = lims(session)
    theirs, others, everyone = (
        listen(session, who) for who in (owner, lims(session, "another"), SYSTEM)
    )
    sample_id = scored_by(session, owner)
    admin = Principal("account:ada", "Ada", Role.ADMINISTRATOR, sees_all=True)
    promotions.activate(session, admin, candidate(session).id, reason="Ours.")
    (told,) = heard(session, theirs)
    assert told["data"]["sample_id"] == str(sample_id)
    assert heard(session, others) == []
    assert len(heard(session, everyone)) == 2


def test_whose_last_key_was_revoked_hears_nothing_more(session: Session) -> None:
    owner = lims(session)
    theirs = listen(session, owner)
    scored_by(session, owner)
    (key,) = api_keys.list_keys(session)
    api_keys.revoke_key(session, SYSTEM, key.id)
    scored_by(session, owner)
    assert len(heard(session, theirs)) == 1


def test_the_contract_names_every_message_that_is_sent(session: Session) -> None:
    endpoint_id = listen(session)
    on = webhooks.WebhookChange(enabled=True)
    webhooks.change_webhook(session, SYSTEM, endpoint_id, on, Guard())
    webhooks.send_test(session, SYSTEM, endpoint_id)
    (told,) = heard(session)
    assert set(MESSAGES) == {*EventType, told["type"]}


def test_only_what_a_destination_asked_for_is_sent_to_it(session: Session) -> None:
    deaf = listen(session, SYSTEM, EventType.IMAGE_REJECTED)
    scored_by(session, SYSTEM)
    assert heard(session, deaf) == []


def test_a_deleted_destination_hears_nothing_and_a_disabled_one_later(session: Session) -> None:
    deleted, disabled = listen(session), listen(session)
    webhooks.delete_webhook(session, SYSTEM, deleted)
    scored_by(session, SYSTEM)
    assert heard(session, deleted) == []
    assert len(heard(session, disabled)) == 1
    assert webhooks.get_webhook(session, SYSTEM, disabled).n_waiting == 1
