"""A unit over storage with everything a line can show: a gap, a strange day, an entered day."""

import datetime as dt
import uuid

from app.dashboard.contexts.sample import HistoryPart
from app.dashboard.contexts.unit_history import (
    EMPTY_PAGE,
    UnitHistoryPage,
    history_part,
    unit_history_page,
)
from app.domain.assessment import NotAssessable
from app.domain.quality import Finding, Level
from app.domain.unit_history import METHOD, DayScore, fit_trend
from app.services.scores import VersionOfScore
from app.services.unit_history import DayValue, Gap, History, HistoryPoint, UnitLine

DIN = "A999921123456"
VERSION = VersionOfScore(uuid.UUID(int=1), "demonstration-1", "0" * 64, demonstration=True)
COLLECTED_AT = dt.datetime(2026, 10, 1, 9, 41, tzinfo=dt.UTC)
SCORES = {0: (2.91, 2.86), 14: (2.97, 2.95), 28: (3.08, 2.99), 42: (3.22, 3.14)}


def point(day: int, image: float, reference: float | None) -> HistoryPoint:
    return HistoryPoint(
        sample_id=uuid.UUID(int=day),
        storage_day=day,
        storage_day_is_derived=day != 14,
        sampled_at=COLLECTED_AT + dt.timedelta(day),
        container="blood_bag" if day else "segment",
        state="released" if day < 28 else "computed",
        image=DayValue(image, (image - 0.18, image + 0.17)),
        method="rs-image-outlets/1",
        population="outside" if day == 42 else "inside",
        model_version=VERSION,
        reference=None
        if reference is None
        else DayValue(reference, (reference - 0.33, reference + 0.33), 1),
        gap=None,
    )


def gap(day: int) -> HistoryPoint:
    return HistoryPoint(
        sample_id=uuid.UUID(int=100 + day),
        storage_day=day,
        storage_day_is_derived=True,
        sampled_at=COLLECTED_AT + dt.timedelta(day),
        container="blood_bag",
        state="unavailable",
        image=None,
        method=None,
        population=None,
        model_version=None,
        reference=DayValue(2.97, (2.64, 3.30), 1),
        gap=Gap("too_few_cells", "No donor score: needs 412 more accepted cells."),
    )


def line() -> UnitLine:
    scored = [point(day, *scores) for day, scores in SCORES.items()]
    points = [*scored[:2], gap(21), *scored[2:]]
    return UnitLine(
        donor_code="D-017",
        din=DIN,
        drawn_from="bag",
        additive="SAGM",
        is_demonstration=True,
        points=tuple(points),
        trend=fit_trend([DayScore(day, one, 0.03) for day, (one, _) in SCORES.items()]),
        reference_trend=fit_trend([DayScore(day, one, 0.17) for day, (_, one) in SCORES.items()]),
        findings=(
            Finding(
                "outside_population", Level.WARNING, 1.0, 0.0,
                "On 1 of 5 days the cells look unlike those of the training donors; what changes "
                "with storage may be their look and not their rigidity.",
            ),
        ),
    )  # fmt: skip


def lonely() -> UnitLine:
    refusal = NotAssessable(
        METHOD, "no_din", "without a donation number nobody knows whether it is one unit"
    )
    return UnitLine(
        donor_code="D-017",
        din=None,
        drawn_from="citrate_tube",
        additive=None,
        is_demonstration=False,
        points=(point(0, 2.95, None),),
        trend=refusal,
        reference_trend=refusal,
        findings=(),
    )


def unit_page() -> UnitHistoryPage:
    return unit_history_page(History(DIN, None, None, (line(),), ()))


def donor_page() -> UnitHistoryPage:
    mixed = Finding(
        "several_donors", Level.WARNING, 2.0, 1.0,
        "Samples with this donation number were taken in for several donors: D-017, D-018. One of "
        "them has the wrong number or code.",
    )  # fmt: skip
    return unit_history_page(History(None, "D-017", VERSION.id, (line(), lonely()), (mixed,)))


def asking_page() -> UnitHistoryPage:
    return EMPTY_PAGE


def part() -> HistoryPart | None:
    return history_part(line())
