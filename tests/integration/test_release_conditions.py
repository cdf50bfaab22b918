"""What bars a release: every term that says no, does not know, or breaks."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import pytest
from sqlalchemy import text

from app.db.session import transaction
from app.db.tables import Sample
from app.domain.errors import Conflict
from app.domain.release import Condition
from app.services import audit
from app.services.release_conditions import find_case, gather_conditions, release_rules
from app.services.release_terms import Case
from app.services.sign_offs import Desk, refuse_open
from app.settings import Settings
from tests.integration.signed_samples import SignedSample

TERMS: Final = tuple(release_rules(Settings()).terms)
Answer = Callable[[Case], Iterable[Condition]]


@pytest.fixture
def sample(sample_to_sign: SignedSample) -> SignedSample:
    """Handed in, everything acknowledged: one step before its release."""
    sample_to_sign.submit()
    sample_to_sign.acknowledge()
    return sample_to_sign


def says(holds: bool | None) -> Answer:  # noqa: FBT001  a condition's value, not an option
    return lambda _: (Condition("swapped", holds=holds, message="As the test says."),)


def breaks(error: Exception) -> Answer:
    def term(_: Case) -> Iterable[Condition]:
        raise error

    return term


def takes_too_long(case: Case) -> Iterable[Condition]:
    case.session.execute(text("SET LOCAL statement_timeout = 20"))
    case.session.execute(text("SELECT pg_sleep(1)"))
    return (Condition("swapped", holds=True, message="Too late."),)


def asks_nonsense(case: Case) -> Iterable[Condition]:
    case.session.execute(text("SELECT no_such_column FROM samples"))
    return ()


FAILURES: Final[dict[str, Answer]] = {
    "no": says(holds=False),
    "unknown": says(holds=None),
    "nothing": lambda _: (),
    "not a number": breaks(ZeroDivisionError("division by zero")),
    "storage": breaks(OSError("the disk is gone")),
    "database": asks_nonsense,
    "too late": takes_too_long,
}


def test_every_term_that_fails_in_any_way_bars_the_release(sample: SignedSample) -> None:
    """Each alone, the others held by the test: what is asked is whether one no is enough."""
    assert len(TERMS) >= 13
    held = dict.fromkeys(TERMS, says(holds=True))
    with transaction(sample.laboratory.sessions) as session:
        desk = Desk(session, sample.laboratory.store, sample.rules)
        row = session.get_one(Sample, sample.id)
        case = find_case(session, desk.store, sample.verifier, row, sample.rules)
        assert case is not None
        refuse_open(case, gather_conditions(case, replace(sample.rules, terms=held)))
        for name in TERMS:
            for how, failure in FAILURES.items():
                rules = replace(sample.rules, terms={**held, name: failure})
                with pytest.raises(Conflict) as refused:
                    refuse_open(case, gather_conditions(case, rules))
                assert refused.value.code == "conditions_open", (name, how)
                assert len(refused.value.extra["conditions"]) == 1, (name, how)


def test_a_release_asks_every_term(sample: SignedSample) -> None:
    for how in ("no", "unknown", "database"):
        terms = {**sample.rules.terms, TERMS[-1]: FAILURES[how]}
        with pytest.raises(Conflict, match="conditions_open"):
            sample.under(replace(sample.rules, terms=terms)).release()
    assert sample.release().version == 1, "and nothing else stood in the way"


def open_codes(sample: SignedSample) -> set[str]:
    return {one.code for one in sample.standing().conditions if not one.is_settled}


def test_each_condition_of_our_own_is_seen_to_fail_and_to_hold_again(sample: SignedSample) -> None:
    assert open_codes(sample) == set()
    for code, (spoil, mend) in spoilers(sample).items():
        change(sample, spoil)
        assert code in open_codes(sample), code
        change(sample, mend)
        assert open_codes(sample) == set(), code


def spoilers(sample: SignedSample) -> dict[str, tuple[str, str]]:
    """By condition: a change of the rows that it must notice, and the way back."""
    score = sample.scored.score()
    low, high = score["rigidity_interval"]
    set_detail = "UPDATE scores SET details = jsonb_set(details, '{%s}', '%s')"
    return {
        "result_submitted": (
            "UPDATE samples SET state = 'computed'", "UPDATE samples SET state = 'submitted'"
        ),
        "images_settled": (
            "UPDATE images SET verdict = 'pending' WHERE filename = 'fabricated.bmp' "
            "AND verdict = 'partly'",
            "UPDATE images SET verdict = 'partly' WHERE verdict = 'pending'",
        ),
        "enough_material": (
            set_detail % ("n_cells", "3"), set_detail % ("n_cells", score["n_cells"])
        ),
        "interval_sound": (
            set_detail % ("rigidity_interval", "[9.0, 9.5]"),
            set_detail % ("rigidity_interval", f"[{low!r}, {high!r}]"),
        ),
        "score_given": (
            "UPDATE scores SET rigidity_score = NULL, reasons = '[{\"message\": \"none\"}]'",
            f"UPDATE scores SET rigidity_score = {score['rigidity_score']!r}, reasons = '[]'",
        ),
        "model_fit_for_release": (
            "UPDATE samples SET is_demonstration = false",
            "UPDATE samples SET is_demonstration = true",
        ),
        "model_file_sound": (
            f"UPDATE model_versions SET sha256 = '{'0' * 64}'",
            f"UPDATE model_versions SET sha256 = '{score['model_version']['sha256']}'",
        ),
        "evidence_unchanged": (
            "UPDATE samples SET accession_number = 'ACC-9'",
            "UPDATE samples SET accession_number = NULL",
        ),
        "newest_analysis_done": (
            "INSERT INTO analyses (sample_id, model_version_id, parameters, state, created_by) "
            "SELECT sample_id, model_version_id, parameters, 'failed', 'test' FROM analyses",
            "DELETE FROM analyses WHERE state = 'failed'",
        ),
        "audit_trail_sound": (
            "UPDATE audit_head SET hash = reverse(hash)",
            "UPDATE audit_head SET hash = reverse(hash)",
        ),
    }  # fmt: skip


def change(sample: SignedSample, statement: str) -> None:
    with transaction(sample.laboratory.sessions) as session:
        session.connection().exec_driver_sql(statement)


def test_an_image_sent_to_two_wells_needs_a_word(sample: SignedSample) -> None:
    image_id = sample.scored.images["accepted"][0]
    with transaction(sample.laboratory.sessions) as session:
        audit.record(
            session, actor="test", action="image.duplicate_refused", entity="image",
            entity_id=str(image_id), after={"sent_to": str(uuid.uuid4())},
        )  # fmt: skip
    assert open_codes(sample) == {"images_unique"}
    sample.acknowledge("images_unique")
    assert open_codes(sample) == set()


def test_a_word_for_what_needs_none_is_refused(sample: SignedSample) -> None:
    for code in ("score_given", "model_file_sound", "no_such_condition"):
        with pytest.raises(Conflict, match="not_acknowledgeable"):
            sample.acknowledge(code)


def test_what_was_acknowledged_for_one_analysis_counts_for_no_other(sample: SignedSample) -> None:
    sample.scored.request()
    sample.scored.follow()
    sample.submit()
    assert "interval_complete" in open_codes(sample)
