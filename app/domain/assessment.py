"""A figure that is not given: a value of its own, so that it cannot be mistaken for a number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotAssessable:
    """Why a method says nothing about these data.

    Attributes
    ----------
    method
        Name and version of the method that was asked, such as ``deming/1``.
    code
        Stable, snake_case name of the reason.
    because
        The reason for a person; completes "not assessable, because".
    """

    method: str
    code: str
    because: str
