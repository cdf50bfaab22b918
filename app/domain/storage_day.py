"""How long red cells were stored: whole days from collection to sampling."""

import datetime as dt

from app.domain.errors import InvalidInput


def judge_storage_day(
    *, entered: int | None, collected_on: dt.date | None, sampled_at: dt.datetime | None
) -> tuple[int | None, bool]:
    """The storage day, and whether it was derived from the two dates.

    Parameters
    ----------
    entered
        Days from collection, as somebody said; 0 is the day of collection.
    collected_on
        The date of collection.
    sampled_at
        When the sample was taken, in the zone of the collection site.

    Raises
    ------
    InvalidInput
        ``storage_day``, ``sampled_before_collection`` or ``storage_day_contradiction``.
    """
    if entered is not None and entered < 0:
        raise InvalidInput("storage_day", "The storage day counts from 0, the day of collection.")
    if collected_on is None or sampled_at is None:
        return entered, False
    derived = (sampled_at.date() - collected_on).days
    if derived < 0:
        raise InvalidInput(
            "sampled_before_collection", "The sample was taken before its collection; correct it."
        )
    if entered not in (None, derived):
        raise InvalidInput(
            "storage_day_contradiction",
            f"From collection to sampling are {derived} days, not {entered}; correct one.",
        )
    return derived, True
