"""Where a sample's result stands, and which step leads where: one table, nothing else decides."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.domain.errors import Conflict


class SampleState(StrEnum):
    RECEIVED = "received"
    RUNNING = "running"
    COMPUTED = "computed"
    UNAVAILABLE = "unavailable"
    SUBMITTED = "submitted"
    RELEASED = "released"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What is done to a result.

    `analyse` begins an analysis; `compute` and `refuse` are its two ends, with a score and without.
    `release` makes the first version of the report, `amend` a later one, `withdraw` a last one
    without a value; `reopen` takes a released result back to work, on the way to an amendment.
    """

    ANALYSE = "analyse"
    COMPUTE = "compute"
    REFUSE = "refuse"
    SUBMIT = "submit"
    SEND_BACK = "send_back"
    RELEASE = "release"
    AMEND = "amend"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"


_AT_WORK: Final = {
    Act.ANALYSE: SampleState.RUNNING,
    Act.COMPUTE: SampleState.COMPUTED,
    Act.REFUSE: SampleState.UNAVAILABLE,
    Act.WITHDRAW: SampleState.WITHDRAWN,
}
_OUT: Final = {
    Act.REOPEN: SampleState.COMPUTED,
    Act.AMEND: SampleState.AMENDED,
    Act.WITHDRAW: SampleState.WITHDRAWN,
}
MOVES: Final[Mapping[SampleState, Mapping[Act, SampleState]]] = {
    SampleState.RECEIVED: {Act.ANALYSE: SampleState.RUNNING},
    SampleState.RUNNING: _AT_WORK,
    SampleState.COMPUTED: _AT_WORK | {Act.SUBMIT: SampleState.SUBMITTED},
    SampleState.UNAVAILABLE: _AT_WORK,
    SampleState.SUBMITTED: {
        Act.ANALYSE: SampleState.RUNNING,
        Act.SEND_BACK: SampleState.COMPUTED,
        Act.RELEASE: SampleState.RELEASED,
        Act.AMEND: SampleState.AMENDED,
        Act.WITHDRAW: SampleState.WITHDRAWN,
    },
    SampleState.RELEASED: _OUT,
    SampleState.AMENDED: _OUT,
    SampleState.WITHDRAWN: {},
}
AFTER_A_REPORT: Final = frozenset({Act.AMEND, Act.REOPEN, Act.WITHDRAW})
"""Steps that follow a released report; without one there is nothing to follow."""
BEFORE_A_REPORT: Final = frozenset({Act.RELEASE})
"""The first report is released once; what comes later amends it."""
OUT_OF_HAND: Final = frozenset({SampleState.RELEASED, SampleState.AMENDED, SampleState.WITHDRAWN})
"""States in which what the result rests on stays as it is."""

_REFUSED: Final = {
    Act.ANALYSE: "analysed anew",
    Act.COMPUTE: "scored",
    Act.REFUSE: "scored",
    Act.SUBMIT: "submitted",
    Act.SEND_BACK: "sent back",
    Act.RELEASE: "released",
    Act.AMEND: "amended",
    Act.REOPEN: "reopened",
    Act.WITHDRAW: "withdrawn",
}


def move(state: SampleState, act: Act, *, is_reported: bool) -> SampleState:
    """The state that an act leads to.

    Parameters
    ----------
    is_reported
        Whether a version of the report was released, however long ago.

    Raises
    ------
    Conflict
        ``sample_state``: this act is not possible now.
    """
    if not is_possible(state, act, is_reported=is_reported):
        raise Conflict(
            "sample_state",
            f"The result is {state} and cannot be {_REFUSED[act]} now; reload and look where it "
            "stands.",
            state=str(state),
        )
    return MOVES[state][act]


def is_possible(state: SampleState, act: Act, *, is_reported: bool) -> bool:
    """Whether the table has this step, and the report asked for is there, or not there yet."""
    if act in AFTER_A_REPORT and not is_reported:
        return False
    if act in BEFORE_A_REPORT and is_reported:
        return False
    return act in MOVES[state]
