"""Dates and moments as they come in from outside: ISO 8601 text, and nothing that looks like it.

Left to itself the framework reads any number, and any text that is one, as seconds since 1970.
"""

import datetime as dt
import re
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ].+", re.ASCII)
"""Only that it is text and begins with a day: the rest is read, and refused, by its parser."""


def _text_of_date(value: object) -> object:
    if isinstance(value, str) and DATE.fullmatch(value):
        return value
    raise PydanticCustomError("date_text", "Write the date as text, like 2026-11-20")


def _text_of_moment(value: object) -> object:
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return value
    raise PydanticCustomError(
        "moment_text", "Write the time as text with its zone, like 2026-11-20T09:30:00Z"
    )


IsoDate = Annotated[dt.date, BeforeValidator(_text_of_date)]
IsoMoment = Annotated[AwareDatetime, BeforeValidator(_text_of_moment)]


def date_of(text: str) -> dt.date:
    """The same for a field of a form; anything else is a `ValueError`."""
    if not DATE.fullmatch(text):
        raise ValueError(text)
    return dt.date.fromisoformat(text)


def utc_moment_of(text: str) -> dt.datetime:
    """A moment of a form whose times are UTC; one that names its own zone keeps that."""
    if not MOMENT.fullmatch(text):
        raise ValueError(text)
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
