"""The services walk the table too: whatever is tried, in whatever order, nothing else happens."""

import random
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import Report, Signature
from app.domain.errors import PliantError
from app.domain.life_cycle import Act, SampleState, is_possible
from app.services.amendments import Change
from tests.integration.signed_samples import SignedSample

STEPS: Final = 30
SEED: Final = 18
DUE: Final = 0.6
"""How often a step is picked that is due: else a walk hardly gets anywhere."""
REFUSALS: Final = frozenset({"sample_state", "sample_released"})
VERSIONS: Final = (Act.RELEASE, Act.AMEND)


def steps(sample: SignedSample) -> dict[Act, Callable[[], object]]:
    """Each act as a person would do it; a release gives every reason first."""

    def release() -> None:
        if sample.state() == SampleState.SUBMITTED:
            sample.acknowledge()
        sample.release()

    def analyse() -> None:
        sample.scored.request()
        sample.scored.follow()

    return {
        Act.ANALYSE: analyse,
        Act.SUBMIT: sample.submit,
        Act.SEND_BACK: lambda: sample.send_back("look again"),
        Act.RELEASE: release,
        Act.AMEND: lambda: sample.amend(Change.DETAILS, "another word"),
        Act.REOPEN: lambda: sample.amend(Change.VALUE, "another value"),
    }


def expected(state: SampleState, act: Act, *, is_reported: bool) -> SampleState | None:
    """Where it should lead; None where it should be refused. Analyses end at once here."""
    if act is Act.RELEASE and is_reported:
        released = is_possible(state, Act.AMEND, is_reported=True)
        return SampleState.AMENDED if released and state is SampleState.SUBMITTED else None
    if act is Act.AMEND and state is SampleState.SUBMITTED:
        return None  # from there the way is a release
    if not is_possible(state, act, is_reported=is_reported):
        return None
    return {
        Act.ANALYSE: SampleState.COMPUTED,
        Act.SUBMIT: SampleState.SUBMITTED,
        Act.SEND_BACK: SampleState.COMPUTED,
        Act.RELEASE: SampleState.RELEASED,
        Act.AMEND: SampleState.AMENDED,
        Act.REOPEN: SampleState.COMPUTED,
    }[act]


def test_no_order_of_steps_leads_where_the_table_does_not(sample_to_sign: SignedSample) -> None:
    sample, rng = sample_to_sign, random.Random(SEED)
    acts = steps(sample)
    state, n_versions, refused = SampleState(sample.state()), 0, 0
    for _ in range(STEPS):
        due = [act for act in acts if expected(state, act, is_reported=n_versions > 0)]
        act = rng.choice(due if rng.random() < DUE else list(acts))
        wanted = expected(state, act, is_reported=n_versions > 0)
        if wanted is None:
            with pytest.raises(PliantError) as refusal:
                acts[act]()
            assert refusal.value.code in REFUSALS, (state, act, refusal.value.code)
            refused += 1
        else:
            acts[act]()
            n_versions += act in VERSIONS
            state = wanted
        assert sample.state() == state, act
    assert 0 < refused < STEPS
    assert n_versions > 1, "the walk hardly got anywhere"
    sees_every_version_signed(sample, n_versions)


def sees_every_version_signed(sample: SignedSample, n_versions: int) -> None:
    with transaction(sample.laboratory.sessions) as session:
        reports = session.scalars(select(Report).order_by(Report.version)).all()
        signed = session.scalars(select(Signature).where(Signature.report_id.is_not(None))).all()
    assert [report.version for report in reports] == list(range(1, n_versions + 1))
    assert {one.report_id for one in signed} == {report.id for report in reports}
    previous = [None, *(report.id for report in reports)]
    assert [report.previous_id for report in reports] == previous[:-1]
