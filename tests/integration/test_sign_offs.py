"""From a score to a report: who may sign what, when, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.db.session import transaction
from app.db.tables import AuditEntry, Report, Sample, Signature
from app.domain.errors import Conflict, InvalidInput, NotPermitted, PliantError
from app.reports.content import Meaning, ReportContent, ReportStatus
from app.security.permissions import SYSTEM, Role
from app.services import analyses, references, samples, scores
from app.services.amendments import Change
from app.services.references import EnteredReference
from app.services.scores import NoScore
from tests.integration.signed_samples import PASSWORD, SignedSample, person
from tests.laboratory import NEEDS


@pytest.fixture
def sample(sample_to_sign: SignedSample) -> SignedSample:
    return sample_to_sign


def content_of(report: Report) -> ReportContent:
    return ReportContent.from_text(report.content)


def actions_on(sample: SignedSample) -> list[str]:
    with transaction(sample.laboratory.sessions) as session:
        wanted = select(AuditEntry.action).where(AuditEntry.entity_id == str(sample.id))
        return list(session.scalars(wanted.order_by(AuditEntry.seq)))


def test_a_result_is_handed_in_by_one_person_and_released_by_another(sample: SignedSample) -> None:
    sample.submit()
    assert sample.state() == "submitted"
    sample.acknowledge()
    assert sample.standing().is_ready
    report = sample.release()
    assert (sample.state(), report.version, report.status) == ("released", 1, "final")
    content = content_of(report)
    assert [(one.printed_name, one.meaning, one.with_password) for one in content.signatures] == [
        ("Tom", Meaning.REVIEWED, False), ("Vera", Meaning.APPROVED, True),
    ]  # fmt: skip
    assert content.status is ReportStatus.FINAL
    assert content.is_demonstration
    assert content.result is not None
    assert content.result.rigidity_score == sample.scored.score()["rigidity_score"]
    assert {one.code for one in content.acknowledgements} == {
        one.code for one in content.conditions if one.is_acknowledged
    }
    assert all(one.holds or one.is_acknowledged for one in content.conditions)
    assert "no wet control" in content.control_state
    with transaction(sample.laboratory.sessions) as session:
        view = scores.latest_score(session, SYSTEM, sample.id)
    assert view.released_at == report.created_at == content.issued_at
    assert actions_on(sample)[-1] == "sample.released"


def test_nobody_releases_their_own_work_unless_the_site_says_so(sample: SignedSample) -> None:
    sample.submit(sample.verifier)
    with pytest.raises(NotPermitted, match="own_work"):
        sample.release()
    assert sample.state() == "submitted"
    alone = sample.under(replace(sample.rules, two_persons=False))
    alone.acknowledge()
    assert content_of(alone.release()).is_signed_by_one_person


def test_a_wrong_password_a_key_or_an_unseen_score_signs_nothing(sample: SignedSample) -> None:
    sample.submit()
    sample.acknowledge()
    for principal, password, code in (
        (sample.verifier, "not the right one", "password_refused"),
        (replace(sample.verifier, id="key:3d5e1d2c"), PASSWORD, "browser_session_needed"),
    ):
        with pytest.raises(NotPermitted, match=code):
            sample.release(principal, password)
    with transaction(sample.laboratory.sessions) as session:
        references.add_reference(
            session, SYSTEM, sample.id, EnteredReference(rigidity_score=3.0), run_sd=0.17
        )
    report = sample.release()
    reference = content_of(report).reference
    assert reference is not None, "what was known when it was signed is in the report"


def test_a_result_sent_back_can_be_handed_in_again(sample: SignedSample) -> None:
    sample.submit()
    with pytest.raises(InvalidInput, match="reason_missing"):
        sample.send_back(" ")
    signature = sample.send_back("well 2 looks dry")
    assert (sample.state(), signature.meaning) == ("computed", "rejected")
    with pytest.raises(Conflict, match="sample_state"):
        sample.release()
    sample.hand_in_and_release()
    assert sample.state() == "released"


def test_a_correction_or_an_analysis_takes_a_submission_back(sample: SignedSample) -> None:
    cell, *_ = sample.scored.cells(sample.scored.images["accepted"][0])
    sample.submit()
    sample.scored.exclude(cell=cell)
    assert sample.state() == "running"
    assert "sample.taken_back" in actions_on(sample)
    sample.scored.follow()
    sample.submit()
    sample.scored.request()
    assert sample.state() == "running"
    sample.scored.follow()
    assert sample.state() == "computed"
    report = sample.hand_in_and_release()
    (exclusions,) = content_of(report).exclusions
    assert exclusions.cells_excluded == 1


def test_what_a_released_result_rests_on_stays_as_it_is(sample: SignedSample) -> None:
    cell, *_ = sample.scored.cells(sample.scored.images["accepted"][0])
    sample.hand_in_and_release()
    for change in (
        lambda: sample.scored.exclude(cell=cell),
        sample.scored.request,
        lambda: sample.laboratory.add_well(sample.id, 3),
    ):
        with pytest.raises(Conflict, match="sample_released"):
            change()
    assert sample.state() == "released"


def test_another_value_is_a_new_version_and_the_old_one_stays(sample: SignedSample) -> None:
    cell, *_ = sample.scored.cells(sample.scored.images["accepted"][0])
    first = sample.hand_in_and_release()
    sample.amend(Change.VALUE, "a crop of two cells was counted", told="Dr Weber")
    assert sample.state() == "computed"
    sample.scored.exclude(cell=cell)
    sample.scored.follow()
    second = sample.hand_in_and_release()
    content = content_of(second)
    assert (sample.state(), second.version, second.status) == ("amended", 2, "corrected")
    assert content.amendment is not None
    assert content.amendment.previous_report_id == first.id == second.previous_id
    assert content.amendment.reason == "a crop of two cells was counted"
    assert content.amendment.told == "Dr Weber"
    assert [one.act for one in content.signatures] == ["reopen", "submit", "amend"]
    with transaction(sample.laboratory.sessions) as session:
        kept = session.get_one(Report, first.id)
    assert (kept.content, kept.status) == (first.content, "final")


def test_a_reference_that_came_later_amends_the_words_and_not_the_value(
    sample: SignedSample,
) -> None:
    first = content_of(sample.hand_in_and_release())
    with transaction(sample.laboratory.sessions) as session:
        references.add_reference(
            session, SYSTEM, sample.id, EnteredReference(rigidity_score=3.0), run_sd=0.17
        )
    sample.amend(Change.DETAILS, "the sort came later")
    with transaction(sample.laboratory.sessions) as session:
        reports = session.scalars(select(Report).order_by(Report.version)).all()
    second = content_of(reports[-1])
    assert (second.version, second.status, sample.state()) == (2, "amended", "amended")
    assert second.result == first.result
    assert (first.reference is None, second.reference is None) == (True, False)
    assert [one.act for one in second.signatures] == ["submit", "release", "amend"]


def test_a_withdrawn_result_has_no_value_and_never_one_again(sample: SignedSample) -> None:
    sample.hand_in_and_release()
    sample.amend(Change.WITHDRAW, "wrong sample in the well")
    with transaction(sample.laboratory.sessions) as session:
        last = session.scalars(select(Report).order_by(Report.version)).all()[-1]
        listed = samples.get_sample(session, SYSTEM, sample.id).latest_score
        followed = scores.progress_of_sample(session, SYSTEM, sample.id).score
        outcome = scores.outcome_of_analysis(session, SYSTEM, last.analysis_id)
        with pytest.raises(Conflict, match="score_unavailable") as refused:
            scores.latest_score(session, SYSTEM, sample.id)
    content = content_of(last)
    assert (sample.state(), content.status) == ("withdrawn", ReportStatus.ENTERED_IN_ERROR)
    assert (content.result, content.reference, listed, followed) == (None, None, None, None)
    assert [reason["code"] for reason in refused.value.extra["reasons"]] == ["withdrawn"]
    assert "rigidity" not in str(refused.value.extra)
    assert isinstance(outcome, NoScore)
    assert [reason.code for reason in outcome.reasons] == ["withdrawn"]
    assert outcome.n_cells > 0
    assert (outcome.fraction_deformable.counted, outcome.published_rigidity_score) == (None, None)
    for step in (sample.submit, sample.release, lambda: sample.amend(Change.VALUE, "again")):
        with pytest.raises(PliantError, match="sample_state"):
            step()


def test_a_demonstration_model_releases_no_sample_of_a_real_donor(sample: SignedSample) -> None:
    with transaction(sample.laboratory.sessions) as session:
        session.get_one(Sample, sample.id).is_demonstration = False
    sample.submit()
    sample.acknowledge()
    with pytest.raises(Conflict, match="demonstration_model"):
        sample.release()
    assert sample.state() == "submitted"


def test_signed_rows_cannot_be_changed_or_removed(sample: SignedSample) -> None:
    sample.hand_in_and_release()
    for statement in (
        "UPDATE reports SET status = 'amended'", "DELETE FROM signatures",
        "UPDATE acknowledgements SET reason = 'none'", "TRUNCATE acknowledgements",
    ):  # fmt: skip
        with (
            pytest.raises(DBAPIError),
            transaction(sample.laboratory.sessions) as session,
        ):
            session.connection().exec_driver_sql(statement)


def test_two_verifiers_who_sign_at_once_make_one_report(sample: SignedSample) -> None:
    """The second waits for the sample's row and finds that nothing is submitted any more."""
    other = person(sample.laboratory, "Otto", Role.VERIFIER)
    sample.submit()
    sample.acknowledge()
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(sample.release, who) for who in (sample.verifier, other)]
    refusals = [one.exception() for one in tries if one.exception()]
    assert [getattr(refusal, "code", None) for refusal in refusals] == ["sample_state"]
    with transaction(sample.laboratory.sessions) as session:
        assert len(session.scalars(select(Report)).all()) == 1
        acts = session.scalars(select(Signature.act).order_by(Signature.created_at)).all()
        assert session.get_one(Sample, sample.id).state == "released"
    assert list(acts) == ["submit", "release"]


def test_a_new_analysis_is_asked_for_with_the_version_that_was_seen(sample: SignedSample) -> None:
    with transaction(sample.laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample.id, parameters=NEEDS)
    with pytest.raises(Conflict, match="sample_state"):
        sample.submit()
