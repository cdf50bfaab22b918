"""What may be entered as a reference, and what is a slip of the pen."""

import pytest

from app.domain.errors import InvalidInput
from app.services.references import EnteredReference, score_entered


@pytest.mark.parametrize(
    ("entered", "code"),
    [
        (EnteredReference(), "reference_ambiguous"),
        (EnteredReference(counts={3: 1}, rigidity_score=3.0), "reference_ambiguous"),
        (EnteredReference(rigidity_score=float("nan")), "reference_score"),
        (EnteredReference(rigidity_score=12.5), "reference_score"),
        (EnteredReference(counts={}), "reference_counts"),
        (EnteredReference(counts={3: 0}), "reference_counts"),
        (EnteredReference(fractions={3: 0.4, 4: 0.6}), "reference_counts"),
        (EnteredReference(fractions={3: 0.4, 4: 0.4}, n_cells=100), "reference_counts"),
        (EnteredReference(fractions={3: float("nan")}, n_cells=100), "reference_counts"),
    ],
)
def test_a_slip_is_refused_by_name(entered: EnteredReference, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        score_entered(entered, run_sd=0.17)
    assert refusal.value.code == code


def test_rounded_fractions_are_read_as_the_shares_they_stand_for() -> None:
    entered = EnteredReference(fractions={2: 0.33, 3: 0.33, 4: 0.33}, n_cells=300)
    assert score_entered(entered, run_sd=0.17).rigidity_score == pytest.approx(2.5)
