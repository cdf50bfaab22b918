"""Forms as browsers post them: read once, kept as typed, turned into what a service takes."""

import datetime as dt
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from app.dashboard.contexts.wording import FormValues
from app.domain.errors import InvalidInput, TooLarge
from app.domain.outlets import OUTLETS
from app.services.instrument_profiles import NewProfile, Polarity
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample
from app.web.dates import date_of, utc_moment_of

MAX_FORM_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100
FIELD_OF_CODE: Final = {
    "donor_code": "donor_code",
    "storage_day": "storage_day",
    "storage_day_contradiction": "storage_day",
    "sampled_before_collection": "sampled_at",
}
"""Which field of the sample's form an error code is about; DIN codes share a prefix."""

N = TypeVar("N", int, float)


async def read_form(request: Request) -> FormValues:
    """The fields of an urlencoded form; the last of two equal names wins."""
    return FormValues(await read_pairs(request))


async def read_pairs(request: Request, *, most_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    """Names and values of an urlencoded form, stripped, in the order they were sent."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge("form_too_large", "The form holds too much text; shorten it.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError as error:
        raise InvalidInput(
            "form_unreadable", "The form could not be read; send it again."
        ) from error
    return [(name, value.strip()) for name, value in pairs]


FormDep = Annotated[FormValues, Depends(read_form)]


def sample_of(values: FormValues) -> NewSample:
    """What the form of a new sample says.

    Raises
    ------
    InvalidInput
        A date, time, number or container that cannot be read.
    """
    if values["container"] not in list(Container):
        raise InvalidInput("container", "Choose the container that the sample came in.")
    return NewSample(
        donor_code=values["donor_code"],
        container=Container(values["container"]),
        din=values["din"] or None,
        accession_number=values["accession_number"] or None,
        placer_order_number=values["placer_order_number"] or None,
        filler_order_number=values["filler_order_number"] or None,
        collected_on=_date(values["collected_on"]),
        storage_day=_number(values["storage_day"], int, "storage_day", "The storage day"),
        additive=values["additive"] or None,
        sampled_at=_utc_moment(values["sampled_at"], "sampled_at"),
        notes=values["notes"] or None,
        is_demonstration=values["demonstration"] == "true",
    )


def field_of(error: InvalidInput) -> str | None:
    """The field of the sample's form that an error is about."""
    if error.code == "identifier_malformed":
        return str(error.extra["scheme"])
    return "din" if error.code.startswith("din_") else FIELD_OF_CODE.get(error.code)


def profile_of(values: FormValues) -> NewProfile:
    """What the form of an instrument profile says.

    Raises
    ------
    InvalidInput
        A scale or size that is no number, or a look that is not offered.
    """
    if values["polarity"] not in list(Polarity):
        raise InvalidInput("profile_polarity", "Choose how cells look against the field.")
    return NewProfile(
        name=values["name"],
        um_per_px=_number(values["um_per_px"], float, "profile_scale", "The scale") or 0.0,
        width=_number(values["width"], int, "profile_size", "The width") or 0,
        height=_number(values["height"], int, "profile_size", "The height") or 0,
        polarity=Polarity(values["polarity"]),
    )


def reference_of(values: FormValues) -> EnteredReference:
    """What the form of a reference says; fractions may be typed as percent.

    Raises
    ------
    InvalidInput
        Nothing entered, or a number or time that cannot be read.
    """
    kind = values["entered_as"]
    return EnteredReference(
        counts=_by_outlet(values, "counts", int) if kind == "counts" else None,
        fractions=_scaled(_by_outlet(values, "fractions", float)) if kind == "fractions" else None,
        n_cells=_n_cells(values) if kind == "fractions" else None,
        rigidity_score=_score(values) if kind == "score" else None,
        sorted_at=_utc_moment(values["sorted_at"], "sorted_at"),
        device=values["device"] or None,
        source=values["source"] or None,
    )


def _by_outlet(values: FormValues, kind: str, number: type[N]) -> dict[int, N]:
    entered = {
        outlet: _number(values[f"{kind}_{outlet}"], number, "reference_counts", f"Outlet {outlet}")
        for outlet in OUTLETS
    }
    given = {outlet: value for outlet, value in entered.items() if value is not None}
    if not given:
        raise InvalidInput("reference_counts", "Enter at least one outlet.")
    return given


def _scaled(fractions: dict[int, float]) -> dict[int, float]:
    """Fractions as the service wants them, summing to one, from fractions or percent."""
    total = sum(fractions.values())
    if total <= 0:
        raise InvalidInput("reference_counts", "The fractions are all zero; enter the shares.")
    return {outlet: value / total for outlet, value in fractions.items()}


def _n_cells(values: FormValues) -> int | None:
    return _number(values["n_cells"], int, "reference_counts", "The number of cells")


def _score(values: FormValues) -> float:
    score = _number(values["rigidity_score"], float, "reference_score", "The rigidity score")
    if score is None:
        raise InvalidInput("reference_score", "Enter the rigidity score, or choose another form.")
    return score


def _number(text: str, number: type[N], code: str, name: str) -> N | None:
    """A number as people type it: spaces between thousands, comma or dot before decimals."""
    plain = text.replace(" ", "").replace("\u202f", "").replace("\u00a0", "").replace(",", ".")
    if not plain:
        return None
    try:
        return number(plain)
    except ValueError as error:
        raise InvalidInput(code, f"{name} is not a number: {text}. Correct it.") from error


def _date(text: str) -> dt.date | None:
    try:
        return date_of(text) if text else None
    except ValueError as error:
        raise InvalidInput("collected_on", "The date of collection is not a date.") from error


def _utc_moment(text: str, code: str) -> dt.datetime | None:
    """The form says that its times are UTC, so that nobody's clock setting changes a record."""
    try:
        return utc_moment_of(text) if text else None
    except ValueError as error:
        raise InvalidInput(code, "The time is not one; write it as 2026-11-20T09:30.") from error
