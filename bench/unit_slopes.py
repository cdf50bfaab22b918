"""How often the interval of a unit's slope holds it; drawn scores, no image. Prints one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.assessment import NotAssessable
from app.domain.unit_history import DayScore, fit_trend

DAYS: Final = ((0, 14, 28), (0, 14, 28, 42), (0, 7, 14, 21, 28, 35, 42))
DRIFT_SDS: Final = (0.0, 0.05, 0.15)
"""Outlets; how much samplings of one unit differ beyond their wells."""
UNITS: Final = 4_000
SEED: Final = 20_261_123
SLOPE: Final = 0.004
"""Outlets per day."""
DONOR_SD: Final = 0.15
WELL_SD: Final = 0.06
N_WELLS: Final = 2


@dataclass(frozen=True)
class Coverage:
    """Shares of units whose interval held the slope, and its usual width per week."""

    given: float
    residuals_alone: float
    width_per_week: float


def draw_unit(
    days: Sequence[int], drift_sd: float, rng: np.random.Generator
) -> tuple[list[DayScore], int]:
    """Samplings of one unit with the standard error of their wells, and its degrees of freedom."""
    wells = rng.normal(0, WELL_SD, (len(days), N_WELLS))
    within_sd = float(np.sqrt(wells.var(axis=1, ddof=1).mean()))
    scores = 3.0 + rng.normal(0, DONOR_SD) + SLOPE * np.array(days)
    scores = scores + rng.normal(0, drift_sd, len(days)) + wells.mean(axis=1)
    error = within_sd / float(np.sqrt(N_WELLS))
    points = [DayScore(day, float(one), error) for day, one in zip(days, scores, strict=True)]
    return points, len(days) * (N_WELLS - 1)


def holds(points: Sequence[DayScore], degrees: float) -> tuple[bool, float]:
    """Whether the interval holds the slope, and its width per week."""
    found = fit_trend(points, repeat_degrees=degrees)
    assert not isinstance(found, NotAssessable)
    low, high = found.slope_per_day.low, found.slope_per_day.high
    assert low is not None
    assert high is not None
    return low <= SLOPE <= high, 7 * (high - low)


def measure(days: Sequence[int], drift_sd: float, *, n_units: int = UNITS) -> Coverage:
    rng = np.random.default_rng(SEED)
    given, alone, widths = [], [], []
    for _ in range(n_units):
        points, degrees = draw_unit(days, drift_sd, rng)
        held, width = holds(points, degrees)
        given.append(held)
        widths.append(width)
        alone.append(holds([DayScore(one.storage_day, one.score) for one in points], degrees)[0])
    return Coverage(float(np.mean(given)), float(np.mean(alone)), float(np.median(widths)))


def main() -> None:
    print("| days | drift SD | coverage | residuals alone | usual width per week |")
    print("|---|--:|--:|--:|--:|")
    for days in DAYS:
        for drift_sd in DRIFT_SDS:
            found = measure(days, drift_sd)
            print(
                f"| {', '.join(map(str, days))} | {drift_sd:.2f} | {found.given:.3f} | "
                f"{found.residuals_alone:.3f} | {found.width_per_week:.2f} |"
            )


if __name__ == "__main__":
    main()
