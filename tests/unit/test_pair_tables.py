"""A table of pairs measured elsewhere: what its columns are read as, and what they are not."""

import datetime as dt

import pytest

from app.domain.errors import InvalidInput
from app.services.pair_tables import EnteredPair, read_table

NO_DATES = ("20261120", "2026-W47-5", "2026W475", "2026-11-2", "2026-02-30", "20.11.2026", "7")


def measured_on(text: str) -> list[EnteredPair]:
    header = "donor_code,reference_score,image_score,measured_with,measured_on"
    return read_table(f"{header}\nD-1,3.0,3.1,another,{text}\n".encode())


def test_a_date_is_a_day_of_a_month_as_at_every_other_door() -> None:
    (entered,) = measured_on("2026-11-20")
    assert entered.pair.measured_on == dt.date(2026, 11, 20)


@pytest.mark.parametrize("text", NO_DATES)
def test_what_only_python_takes_for_a_date_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInput, match="pairs_refused") as refused:
        measured_on(text)
    (error,) = refused.value.extra["errors"]
    assert (error["place"], error["column"]) == ("line 2", "measured_on")
    assert error["message"] == f"it is not a date like 2026-11-20: {text}"
