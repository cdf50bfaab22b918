"""What a candidate would change: the same cells scored by it and by the version that is active."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class ScoreInBrief:
    """A rigidity score with its interval, or the codes of the reasons why there is none."""

    rigidity_score: float | None
    interval: tuple[float, float] | None
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        interval = values["interval"]
        return cls(
            rigidity_score=values["rigidity_score"],
            interval=None if interval is None else (interval[0], interval[1]),
            reasons=tuple(values["reasons"]),
        )


@dataclass(frozen=True)
class SampleImpact:
    """One sample, scored by both versions from the same images and cells.

    Attributes
    ----------
    sample_id, donor_code
        Which sample; the id as text.
    is_locked
        Whether it belongs to the locked set; the others are the newest scored samples.
    old, new
        By the active version and by the candidate.
    reference
        Mean of the device's scores of the sample, outlets; None where there is none.
    """

    sample_id: str
    donor_code: str
    is_locked: bool
    old: ScoreInBrief
    new: ScoreInBrief
    reference: float | None

    @property
    def delta(self) -> float | None:
        """New minus old, outlets; None where either gives no score."""
        if self.old.rigidity_score is None or self.new.rigidity_score is None:
            return None
        return self.new.rigidity_score - self.old.rigidity_score

    @property
    def leaves_interval(self) -> bool:
        """Whether the new score lies outside the interval that was told with the old one."""
        new, told = self.new.rigidity_score, self.old.interval
        return new is not None and told is not None and not told[0] <= new <= told[1]

    @property
    def loses_score(self) -> bool:
        return self.old.rigidity_score is not None and self.new.rigidity_score is None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            sample_id=values["sample_id"],
            donor_code=values["donor_code"],
            is_locked=values["is_locked"],
            old=ScoreInBrief.from_json(values["old"]),
            new=ScoreInBrief.from_json(values["new"]),
            reference=values["reference"],
        )


@dataclass(frozen=True)
class ImpactSummary:
    """The samples together.

    Attributes
    ----------
    n_samples, n_compared
        Re-scored; with a score by both versions.
    mean_delta, sd_delta
        Of the differences new minus old, outlets; None with fewer than one and two samples.
    n_leaving
        Whose new score lies outside the old one's interval.
    n_losing
        With an old score and no new one.
    n_referenced
        Compared samples that the device measured too.
    old_error, new_error
        Mean absolute difference from the reference, outlets.
    """

    n_samples: int
    n_compared: int
    mean_delta: float | None
    sd_delta: float | None
    n_leaving: int
    n_losing: int
    n_referenced: int
    old_error: float | None
    new_error: float | None


def summarise(samples: Sequence[SampleImpact]) -> ImpactSummary:
    deltas = [sample.delta for sample in samples if sample.delta is not None]
    referenced = [one for one in samples if one.delta is not None and one.reference is not None]
    return ImpactSummary(
        n_samples=len(samples),
        n_compared=len(deltas),
        mean_delta=float(np.mean(deltas)) if deltas else None,
        sd_delta=float(np.std(deltas, ddof=1)) if len(deltas) > 1 else None,
        n_leaving=sum(sample.leaves_interval for sample in samples),
        n_losing=sum(sample.loses_score for sample in samples),
        n_referenced=len(referenced),
        old_error=_mean_error((one.old, one.reference) for one in referenced),
        new_error=_mean_error((one.new, one.reference) for one in referenced),
    )


def _mean_error(pairs: Iterable[tuple[ScoreInBrief, float | None]]) -> float | None:
    errors = [
        abs(score.rigidity_score - reference)
        for score, reference in pairs
        if score.rigidity_score is not None and reference is not None
    ]
    return float(np.mean(errors)) if errors else None
