"""How far replicate wells of one sample may lie apart, learnt from samples scored before.

Two wells say hardly anything of their own spread, so it is pooled over earlier samples (analysis
of variance within samples); Student's t answers for its uncertainty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np
from scipy.stats import t as student_t

METHOD: Final = "replicate-wells/1"
FEWEST_DEGREES: Final = 30
"""Degrees of freedom below which a laboratory's own history is not used."""
EXPECTED_SHARE: Final = 0.95
TOLERATED_SHARE: Final = 0.999
"""Shares of samples whose wells differ by less than the expected and the largest difference."""
LARGEST_DIFFERENCE: Final = 0.5
"""Without a history: half the width of the published score's range."""


class SpreadSource(StrEnum):
    LABORATORY = "laboratory"
    MODEL = "model"


@dataclass(frozen=True)
class EarlierWell:
    """A well's figure, its rigidity score or its share called, and its error over its images."""

    figure: float
    standard_error: float


@dataclass(frozen=True)
class WellSpread:
    """Spread of the scores of wells of one sample.

    Attributes
    ----------
    within_sd
        Of a well's score within its sample, outlets; what differs between its images included.
    sampling_sd
        The part of it that resampling of images explains.
    degrees_of_freedom
        Wells less samples behind `within_sd`.
    """

    within_sd: float
    sampling_sd: float
    degrees_of_freedom: int
    source: SpreadSource

    @property
    def between_sd(self) -> float:
        """What differs between wells beyond their images."""
        return float(np.sqrt(max(self.within_sd**2 - self.sampling_sd**2, 0.0)))

    @property
    def is_enough(self) -> bool:
        return self.degrees_of_freedom >= FEWEST_DEGREES

    @classmethod
    def of_model(cls, values: Mapping[str, Any] | None) -> Self | None:
        """Read it from a manifest's calibration; None where its donors had one well each."""
        if values is None:
            return None
        return cls(
            within_sd=float(values["within_sd"]),
            sampling_sd=float(values["sampling_sd"]),
            degrees_of_freedom=int(values["degrees_of_freedom"]),
            source=SpreadSource.MODEL,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "within_sd": self.within_sd,
            "sampling_sd": self.sampling_sd,
            "between_sd": self.between_sd,
            "degrees_of_freedom": self.degrees_of_freedom,
            "source": str(self.source),
        }


def pool_wells(
    samples: Sequence[Sequence[EarlierWell]], source: SpreadSource = SpreadSource.LABORATORY
) -> WellSpread | None:
    """Pool the spread of wells over samples, ``s² = Σ (x - mean)² / Σ (W - 1)``.

    Parameters
    ----------
    samples
        The wells of each earlier sample; samples of one well say nothing and are left out.

    Returns
    -------
    WellSpread
        None without a sample of two wells.
    """
    repeated = [sample for sample in samples if len(sample) > 1]
    if not repeated:
        return None
    degrees = sum(len(sample) - 1 for sample in repeated)
    squares = sum(
        float(np.var([well.figure for well in sample])) * len(sample) for sample in repeated
    )
    sampling = np.mean([well.standard_error**2 for sample in repeated for well in sample])
    return WellSpread(float(np.sqrt(squares / degrees)), float(np.sqrt(sampling)), degrees, source)


@dataclass(frozen=True)
class ReplicateRange:
    """How far this sample's wells lie apart, and how far is usual.

    Attributes
    ----------
    difference
        First minus second well with two, largest minus smallest with more.
    expected
        Largest usual difference, either sign (95 % of samples); None without any history.
    largest
        Beyond it there is no score.
    """

    difference: float
    expected: float | None
    largest: float
    spread: WellSpread | None

    @property
    def disagree(self) -> bool:
        return abs(self.difference) > self.largest

    def to_json(self) -> dict[str, Any]:
        return {
            "difference": self.difference,
            "expected": self.expected,
            "largest": self.largest,
            "spread": None if self.spread is None else self.spread.to_json(),
        }


def judge_replicates(
    scores: Sequence[float], standard_error: float, spread: WellSpread | None
) -> ReplicateRange | None:
    """Hold the wells of a sample against each other.

    Parameters
    ----------
    scores
        Of the wells, in their order; fewer than two give None.
    standard_error
        Of one of these wells' scores from resampling its images.
    spread
        From the laboratory's history or else the model's donors; None without either.
    """
    if len(scores) < 2:
        return None
    difference = scores[0] - scores[1] if len(scores) == 2 else max(scores) - min(scores)
    if spread is None:
        return ReplicateRange(difference, None, LARGEST_DIFFERENCE, None)
    sd = float(np.hypot(spread.between_sd, standard_error))
    largest = sd * _difference_quantile(len(scores), spread.degrees_of_freedom, TOLERATED_SHARE)
    if spread.source is SpreadSource.MODEL or not spread.is_enough:
        # Wells of another place, or too few of one's own, must not withhold a score alone.
        largest = max(largest, LARGEST_DIFFERENCE)
    expected = sd * _difference_quantile(len(scores), spread.degrees_of_freedom, EXPECTED_SHARE)
    return ReplicateRange(difference, expected, largest, spread)


def _difference_quantile(n_wells: int, degrees: int, share: float) -> float:
    """Of the largest difference between wells in units of their SD; Bonferroni over the pairs."""
    n_pairs = n_wells * (n_wells - 1) / 2
    return float(np.sqrt(2) * student_t.ppf(1 - (1 - share) / 2 / n_pairs, degrees))
