"""A result moves only along the table; the rules here are said again, in other words."""

import random
import re

import pytest

from app.domain.errors import Conflict
from app.domain.life_cycle import MOVES, OUT_OF_HAND, Act, SampleState, is_possible, move

WALKS = 2_000
STEPS = 40
LETTERS = {
    Act.ANALYSE: "a", Act.COMPUTE: "c", Act.REFUSE: "r", Act.SUBMIT: "s", Act.SEND_BACK: "b",
    Act.RELEASE: "R", Act.AMEND: "A", Act.REOPEN: "o", Act.WITHDRAW: "W",
}  # fmt: skip
# Work ends in a score, with any number of analyses; handed in, it may come back or be worked on.
_SCORED = r"[acr]*c"
_HANDED_IN = rf"{_SCORED}s(?:b(?:{_SCORED})?s|a{_SCORED}s)*"
# Out of hand: amended at once, or reopened and handed in again before it is amended.
_AGAIN = rf"o(?:{_SCORED})?s(?:b(?:{_SCORED})?s|a{_SCORED}s)*A"
LEGAL = re.compile(rf"a{_HANDED_IN}R(?:A|{_AGAIN})*")


def walk(rng: random.Random) -> tuple[str, list[SampleState]]:
    """Try acts at random; those that were done, and the states they led through."""
    state, is_reported, done, states = SampleState.RECEIVED, False, "", [SampleState.RECEIVED]
    for _ in range(STEPS):
        act = rng.choice(list(Act))
        try:
            state = move(state, act, is_reported=is_reported)
        except Conflict as refusal:
            assert refusal.code == "sample_state"
            continue
        is_reported = is_reported or act is Act.RELEASE
        done += LETTERS[act]
        states.append(state)
    return done, states


@pytest.fixture(scope="module")
def walks() -> list[tuple[str, list[SampleState]]]:
    rng = random.Random(2041)
    return [walk(rng) for _ in range(WALKS)]


def test_no_walk_releases_by_another_way_than_work_and_submission(
    walks: list[tuple[str, list[SampleState]]],
) -> None:
    released = 0
    for done, _ in walks:
        ends = [place + 1 for place, letter in enumerate(done) if letter in "RA"]
        released += bool(ends)
        for end in ends:
            assert LEGAL.fullmatch(done[:end]), done[:end]
    assert released > WALKS / 20, "the walks hardly get anywhere"


def test_no_walk_leaves_a_withdrawn_result_or_releases_twice(
    walks: list[tuple[str, list[SampleState]]],
) -> None:
    withdrawn = 0
    for done, states in walks:
        assert done.count("R") <= 1
        if "W" in done:
            withdrawn += 1
            assert done.index("W") == len(done) - 1
            assert "R" in done
            assert states[-1] is SampleState.WITHDRAWN
    assert withdrawn > 0


def test_no_walk_works_on_a_result_that_is_out_of_hand(
    walks: list[tuple[str, list[SampleState]]],
) -> None:
    for done, states in walks:
        for before, letter, after in zip(states, done, states[1:], strict=False):
            if before in OUT_OF_HAND:
                assert letter in "oAW"
            if after is SampleState.SUBMITTED:
                assert before is SampleState.COMPUTED


def test_every_state_can_be_reached_and_every_act_done() -> None:
    reached, pairs = {SampleState.RECEIVED}, set()
    for _ in SampleState:
        reached |= {after for state in reached for after in MOVES[state].values()}
    for state in SampleState:
        pairs |= {act for act in Act if is_possible(state, act, is_reported=True)}
        pairs |= {act for act in Act if is_possible(state, act, is_reported=False)}
    assert reached == set(SampleState)
    assert pairs == set(Act)


def test_a_refused_step_says_where_the_result_stands() -> None:
    with pytest.raises(Conflict) as refused:
        move(SampleState.RECEIVED, Act.SUBMIT, is_reported=False)
    assert refused.value.code == "sample_state"
    assert refused.value.extra["state"] == "received"
    assert "cannot be submitted now" in refused.value.message
