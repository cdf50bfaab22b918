"""May a result leave the laboratory? Three-valued: what is unknown counts as no, and says why."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One thing that must hold before a result is released.

    Attributes
    ----------
    code
        Stable snake_case name of what must hold, e.g. ``digital_control_current``.
    holds
        None where nobody can say, which bars release like a no.
    message
        One sentence: how it stands, and what to do where it does not hold.
    may_be_acknowledged
        Whether the verifier may sign all the same, giving a reason that is kept.
    """

    code: str
    holds: bool | None
    message: str
    may_be_acknowledged: bool = False


def open_conditions(
    conditions: Iterable[Condition], *, acknowledged: frozenset[str] = frozenset()
) -> tuple[Condition, ...]:
    """Those that bar release: not known to hold, and not acknowledged where that is allowed.

    Parameters
    ----------
    acknowledged
        Codes that a verifier has acknowledged with a reason.
    """
    return tuple(
        condition
        for condition in conditions
        if condition.holds is not True
        and not (condition.may_be_acknowledged and condition.code in acknowledged)
    )
