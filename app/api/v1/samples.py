"""Samples, and the wells of a sample."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from app.api.v1.schemas.samples import (
    SampleChangeIn,
    SampleIn,
    SampleOut,
    SampleTerms,
    WellIn,
    WellOut,
)
from app.db.session import transaction
from app.domain.errors import InvalidInput
from app.domain.life_cycle import SampleState
from app.security.permissions import Permission
from app.services import sample_changes, samples
from app.services.samples import NewSample, NewWell
from app.web.conditional import EditDep, mark_part
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, SettingsDep, require
from app.web.errors import refusals
from app.web.json_answers import json_answer
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["samples"])

Filter = Annotated[str | None, Query(max_length=100)]
LocalFilter = Annotated[
    str | None,
    Query(max_length=250, description="A number of the site's own, `scheme:number`."),
]
SAMPLES: Final = TypeAdapter(Page[SampleOut])


@router.post(
    "/samples",
    status_code=201,
    response_model=SampleOut,
    dependencies=[require(Permission.EDIT_SAMPLES)],
    responses=refusals(409),
)
def create_sample(
    body: SampleIn,
    session: SessionDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> Response:
    """Take in a sample; a wrong DIN check character is refused."""
    new, site = NewSample(**body.model_dump()), samples.site_identifiers(settings)
    return creation.answer(
        body,
        lambda: SampleOut.model_validate(samples.create_sample(session, principal, new, site)),
        location="/api/v1/samples/{id}",
    )


@router.get(
    "/samples",
    response_model=Page[SampleOut],
    dependencies=[require(Permission.READ_SAMPLES)],
)
def list_samples(
    *,
    sessions: SessionsDep,
    principal: PrincipalDep,
    donor_code: Filter = None,
    din: Filter = None,
    accession_number: Filter = None,
    placer_order_number: Filter = None,
    filler_order_number: Filter = None,
    local_identifier: LocalFilter = None,
    state: SampleState | None = None,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Response:
    """List samples, newest first."""
    with transaction(sessions) as session:
        listing = samples.list_samples(
            session,
            principal,
            donor_code=donor_code,
            din=din,
            accession_number=accession_number,
            placer_order_number=placer_order_number,
            filler_order_number=filler_order_number,
            local_identifier=local_identifier,
            state=state,
            cursor=cursor,
            limit=limit,
        )
    items = [SampleOut.model_validate(view) for view in listing.items]
    return json_answer(SAMPLES, Page(items=items, next_cursor=listing.next_cursor))


@router.get(
    "/samples/{sample_id}",
    dependencies=[require(Permission.READ_SAMPLES)],
    responses=refusals(404),
)
def get_sample(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, response: Response
) -> SampleOut:
    """Show a sample with its wells, image counts, references and latest score."""
    view = samples.get_sample(session, principal, sample_id)
    mark_part(response, SampleTerms, view)
    return SampleOut.model_validate(view)


@router.patch(
    "/samples/{sample_id}",
    dependencies=[require(Permission.EDIT_SAMPLES)],
    responses=refusals(404, 409, 412),
)
def change_sample(
    sample_id: uuid.UUID,
    body: SampleChangeIn,
    session: SessionDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    edit: EditDep,
    response: Response,
) -> SampleOut:
    """Correct what a sample is known by, until its result is handed in.

    `If-Match` is about these numbers and notes: images that arrive meanwhile do not matter.
    """
    edit.check(
        hold=lambda: sample_changes.hold_sample(session, principal, sample_id),
        read=lambda: samples.get_sample(session, principal, sample_id),
        kind=SampleTerms,
        is_part=True,
    )
    changes, site = body.model_dump(exclude_unset=True), samples.site_identifiers(settings)
    sample_changes.change_sample(session, principal, sample_id, changes, site)
    view = samples.get_sample(session, principal, sample_id)
    mark_part(response, SampleTerms, view)
    return SampleOut.model_validate(view)


@router.post(
    "/samples/{sample_id}/wells",
    status_code=201,
    response_model=WellOut,
    dependencies=[require(Permission.EDIT_SAMPLES)],
    responses=refusals(404, 409),
)
def add_well(
    sample_id: uuid.UUID,
    body: WellIn,
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> Response:
    """Add a well with its first scan; a donor score comes from unsorted wells only."""
    new = NewWell(**(body.model_dump() | {"outlet": _outlet(body.outlet)}))
    return creation.answer(
        body,
        lambda: WellOut.model_validate(samples.add_well(session, principal, sample_id, new)),
        location="/api/v1/wells/{id}",
    )


def _outlet(given: int | str) -> int | None:
    if given == "unsorted":
        return None
    if isinstance(given, str):
        raise InvalidInput("outlet_unknown", "The outlet is unsorted or 1 to 12; correct it.")
    return given
