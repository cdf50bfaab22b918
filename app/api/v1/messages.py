"""A sample's result as other programs take it: FHIR, HL7, and what a plain receiver makes of it."""

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from app.db.session import transaction
from app.outbound import fhir_r4, hl7_v2
from app.outbound.results import Sender
from app.reports.content import ReportContent
from app.security.permissions import Permission
from app.services import messages
from app.services.messages import LimsReading
from app.services.release_conditions import release_rules
from app.services.sign_offs import Desk
from app.web.conditional import names, tag_of
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, StoreDep, require
from app.web.errors import refusals

router = APIRouter(tags=["messages"])

FHIR_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A Bundle: DiagnosticReport, Observations, Specimen, Device.",
        "content": {fhir_r4.MEDIA_TYPE: {"schema": {"type": "object"}}},
    }
}
HL7_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One message, UTF-8; segments end with a carriage return.",
        "content": {hl7_v2.MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    304: {"description": "The report is the one whose `ETag` was sent."},
}
KEPT_FRESH: Final = {"Cache-Control": "private, no-cache"}
VersionParam = Annotated[int | None, Query(ge=1, description="Absent: the newest.")]
UnreleasedParam = Annotated[
    bool,
    Query(
        description="Where nothing was released yet: tell the newest score as preliminary, as "
        "registered while it is still to come, or as cancelled where none can be had. Without it "
        "that is 409."
    ),
]


class Outbox:
    """What is told of the sample that was asked for, and by whom; found before anything is written.

    The transaction is over by then, since writing takes longer than reading.
    """

    def __init__(
        self,
        sample_id: uuid.UUID,
        sessions: SessionsDep,
        store: StoreDep,
        settings: SettingsDep,
        principal: PrincipalDep,
        version: VersionParam = None,
        unreleased: UnreleasedParam = False,  # noqa: FBT002  a query parameter
    ) -> None:
        self.sender: Sender = messages.sender_of(settings)
        with transaction(sessions) as session:
            self.content: ReportContent = messages.message_content(
                Desk(session, store, release_rules(settings)),
                principal,
                sample_id,
                version=version,
                unreleased=unreleased,
            )


OutboxDep = Annotated[Outbox, Depends(Outbox)]


@router.get(
    "/samples/{sample_id}/fhir",
    response_class=Response,
    responses={**FHIR_ANSWER, **refusals(401, 403, 404, 409, 422)},
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_fhir(outbox: OutboxDep) -> Response:
    """The newest version that was released, as a FHIR R4 Bundle of type collection.

    Every Observation has a local code and a name that says its direction; a LOINC code stands
    beside it where the site set one. A withdrawn result has no values, and says why in
    `dataAbsentReason`. There is no Patient: the Specimen carries accession and donation number.
    """
    made = fhir_r4.bundle(outbox.content, outbox.sender)
    return Response(made, media_type=fhir_r4.MEDIA_TYPE, headers=KEPT_FRESH)


@router.get(
    "/samples/{sample_id}/hl7",
    response_class=Response,
    responses={**HL7_ANSWER, **refusals(401, 403, 404, 409, 422)},
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_hl7(
    outbox: OutboxDep,
    if_none_match: Annotated[str, Header(description="The `ETag` that was read.")] = "",
) -> Response:
    """The newest version that was released, as an HL7 v2.5.1 message, ORU^R01.

    MSH-7 and MSH-10 differ on every request; the `ETag` is the report's and stays.
    """
    tag = tag_of(f"{outbox.content.to_text()}{outbox.sender}".encode())
    headers = {**KEPT_FRESH, "ETag": tag}
    if names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    made = hl7_v2.message(outbox.content, outbox.sender)
    return Response(made, media_type=f"{hl7_v2.MEDIA_TYPE}; charset=utf-8", headers=headers)


@router.get(
    "/samples/{sample_id}/hl7/reading",
    response_model=LimsReading,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_hl7_reading(outbox: OutboxDep) -> LimsReading:
    """What a receiver reads that splits the message on | and ^, with warnings of what goes wrong.

    Some receivers restore no escape sequence and look at PID-3, ORC-2/3, OBR-2/3/4 and
    OBX-2/3/5/6 alone.
    """
    return messages.read_as_lims(outbox.content, outbox.sender)
