"""Method comparison: how far image scores and reference scores agree, and pairs from elsewhere."""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

from app.api.v1.schemas.agreement import NoteIn, PairIn, PairsIn, WithdrawalIn
from app.domain.errors import UnsupportedMedia
from app.security.permissions import Permission
from app.services import agreement, outside_pairs
from app.services.agreement import AgreementView, PairSource, Selection
from app.services.outside_pairs import EnteredPairs, NoteView
from app.services.pair_tables import MOST_PAIRS, EnteredPair, read_table
from app.web.creation import CreationDep
from app.web.dates import IsoDate
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals

router = APIRouter(tags=["agreement"])

JSON: Final = "application/json"
CSV: Final = "text/csv"
PAIRS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Pairs as JSON, or as a table in UTF-8 with a line of column names; comma, "
        "semicolon or tab between values.",
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["pairs"],
                    "additionalProperties": False,
                    "properties": {
                        "pairs": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_PAIRS,
                            "items": PairIn.model_json_schema(),
                        }
                    },
                },
                "example": {
                    "pairs": [
                        {
                            "donor_code": "donor 1",
                            "reference_score": 3.27,
                            "image_score": 3.19,
                            "measured_with": "published network",
                        }
                    ]
                },
            },
            CSV: {
                "schema": {"type": "string"},
                "example": "donor_code,reference_score,image_score,measured_with\n"
                "donor 1,3.27,3.19,published network\n",
            },
        },
    }
}


class PairTable(BaseModel):
    """A CSV body, so that a repeat with the same `Idempotency-Key` can be recognised."""

    text: str


@dataclass(frozen=True)
class PairsBody:
    entered: list[EnteredPair]
    body: BaseModel


async def read_pairs(request: Request) -> PairsBody:
    """The pairs of a JSON or CSV body; nothing is stored yet."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await request.body()
    if kind == CSV:
        return PairsBody(read_table(data), PairTable(text=data.decode(errors="replace")))
    if kind == JSON:
        try:
            pairs = PairsIn.model_validate_json(data)
        except ValidationError as error:
            raise _as_invalid_request(error) from error
        return PairsBody(pairs.entered(), pairs)
    raise UnsupportedMedia("pairs_media_type", f"Send the pairs as {JSON} or {CSV}.")


def _as_invalid_request(error: ValidationError) -> RequestValidationError:
    """The framework's own refusal of a body, which the web layer tells in one way."""
    return RequestValidationError(
        [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
    )


@router.get(
    "/agreement",
    response_model=AgreementView,
    responses=refusals(404),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_agreement(
    *,
    session: SessionDep,
    principal: PrincipalDep,
    model_version_id: uuid.UUID | None = None,
    measured_with: Annotated[
        str | None, Query(max_length=200, description="What made the image score, by its name.")
    ] = None,
    first_on: Annotated[
        IsoDate | None, Query(alias="from", description="First day of the period.")
    ] = None,
    last_on: Annotated[
        IsoDate | None, Query(alias="to", description="Last day of the period.")
    ] = None,
    source: PairSource = PairSource.ALL,
    variance_ratio: Annotated[
        float | None,
        Query(description="Var(error of reference) / Var(error of image) for the Deming line."),
    ] = None,
) -> AgreementView:
    """Compare image scores with references: every pair, every figure with its 95 % interval."""
    selection = Selection(
        model_version_id=model_version_id,
        measured_with=measured_with,
        first_on=first_on,
        last_on=last_on,
        source=source,
    )
    return agreement.agreement(session, principal, selection, entered_ratio=variance_ratio)


@router.post(
    "/agreement/pairs",
    status_code=201,
    response_model=EnteredPairs,
    responses=refusals(413, 415),
    dependencies=[require(Permission.EDIT_REFERENCES)],
    openapi_extra=PAIRS_BODY,
)
def add_pairs(
    pairs: Annotated[PairsBody, Depends(read_pairs)],
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Enter pairs measured elsewhere, all or none; a refusal names each wrong line."""
    return creation.answer(
        pairs.body, lambda: outside_pairs.add_pairs(session, principal, pairs.entered)
    )


@router.post(
    "/agreement/pairs/{pair_id}/notes",
    status_code=201,
    response_model=NoteView,
    responses=refusals(404),
    dependencies=[require(Permission.EDIT_REFERENCES)],
)
def add_pair_note(
    pair_id: uuid.UUID,
    body: NoteIn,
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Note something on any pair, such as why it stands out; it stays in every figure."""
    return creation.answer(
        body, lambda: outside_pairs.add_note(session, principal, pair_id, body.text)
    )


@router.post(
    "/agreement/pairs/{pair_id}/withdraw",
    status_code=204,
    responses=refusals(404, 409),
    dependencies=[require(Permission.EDIT_REFERENCES)],
)
def withdraw_pair(
    pair_id: uuid.UUID, body: WithdrawalIn, session: SessionDep, principal: PrincipalDep
) -> Response:
    """Take a wrongly entered pair out of the figures; it stays listed with the reason."""
    outside_pairs.withdraw_pair(session, principal, pair_id, body.reason)
    return Response(status_code=204)
