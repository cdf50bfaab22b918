import datetime as dt

import pytest

from app.dashboard.contexts.wording import FormValues, count_text, din_text, signed_text
from app.dashboard.forms import field_of, reference_of, sample_of
from app.domain.errors import InvalidInput


def test_counts_leave_empty_outlets_out() -> None:
    form = FormValues(entered_as="counts", counts_2="1 200", counts_3="4 000", counts_9="")
    assert reference_of(form).counts == {2: 1200, 3: 4000}


def test_fractions_may_be_typed_as_percent_with_a_comma() -> None:
    form = FormValues(
        entered_as="fractions", fractions_3="40,0", fractions_4="60", n_cells="31 000"
    )
    entered = reference_of(form)
    assert entered.fractions is not None
    assert dict(entered.fractions) == pytest.approx({3: 0.4, 4: 0.6})
    assert entered.n_cells == 31_000


def test_only_the_chosen_form_counts() -> None:
    form = FormValues(entered_as="score", rigidity_score="2.96", counts_3="12")
    entered = reference_of(form)
    assert (entered.rigidity_score, entered.counts) == (2.96, None)


@pytest.mark.parametrize(
    "form",
    [
        FormValues(entered_as="counts"),
        FormValues(entered_as="counts", counts_3="many"),
        FormValues(entered_as="counts", counts_3="12.5"),
        FormValues(entered_as="fractions", fractions_3="0"),
        FormValues(entered_as="score"),
        FormValues(entered_as="score", rigidity_score="3", sorted_at="yesterday"),
    ],
)
def test_an_unreadable_reference_is_refused_with_a_sentence(form: FormValues) -> None:
    with pytest.raises(InvalidInput) as refusal:
        reference_of(form)
    assert refusal.value.message.endswith(".")


def test_times_of_the_form_are_utc() -> None:
    form = FormValues(donor_code="D-1", container="blood_bag", sampled_at="2026-11-20T09:30")
    assert sample_of(form).sampled_at == dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)


def test_a_container_that_the_form_does_not_offer_is_refused() -> None:
    with pytest.raises(InvalidInput):
        sample_of(FormValues(donor_code="D-1", container="bucket"))


def test_an_error_of_the_donation_number_points_at_its_field() -> None:
    assert field_of(InvalidInput("din_check_character", "No.")) == "din"
    assert field_of(InvalidInput("donor_code", "No.")) == "donor_code"
    assert field_of(InvalidInput("something_else", "No.")) is None


def test_values_are_written_for_people() -> None:
    din = din_text("A999921123456", is_checked=True)
    assert din is not None
    assert (din.grouped, din.check) == ("A9999 21 123456", "3")
    assert count_text(31204) == "31\u202f204"
    assert signed_text(-0.1234) == "−0.12"
    assert signed_text(-0.0012) == "0.00"
