"""The errors of the domain, one small tree; doors translate them once.

PliantError
├── InvalidInput       what was sent can never be accepted as it is
│   └── UnsupportedMedia, TooLarge
├── NotAuthenticated   nobody could be recognised by what was sent
├── NotPermitted       the principal may not do this
├── NotFound           unknown, or not visible to this principal
├── Conflict           the state of the record forbids it now
├── TooMany            too often in too short a time; the same request will work later
├── Unavailable        this installation cannot do it now; the same request may work later
│   └── OutOfSpace     nothing more can be stored until somebody frees space
└── ProcessingFailed   a worker could not finish; stored as the job's failure
"""

from collections.abc import Mapping
from typing import Any


class PliantError(Exception):
    """An expected refusal.

    Parameters
    ----------
    code
        Stable, snake_case, documented name of the refusal; programs rely on it.
    message
        One sentence for a person: the cause and the next step.
    extra
        Further members of the problem document, such as ``reasons``.
    """

    def __init__(self, code: str, message: str, **extra: Any) -> None:  # noqa: ANN401  JSON values
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.extra: Mapping[str, Any] = extra


class InvalidInput(PliantError): ...  # noqa: N818  the tree's root says Error; leaves read as sentences


class UnsupportedMedia(InvalidInput): ...


class TooLarge(InvalidInput): ...


class NotAuthenticated(PliantError): ...  # noqa: N818


class NotPermitted(PliantError): ...  # noqa: N818


class NotFound(PliantError): ...  # noqa: N818


class Conflict(PliantError): ...  # noqa: N818


class TooMany(PliantError):  # noqa: N818
    """Say `retry_after_seconds` with it: the answer's Retry-After."""


class Unavailable(PliantError): ...  # noqa: N818


class OutOfSpace(Unavailable): ...


class ProcessingFailed(PliantError): ...  # noqa: N818
