"""May a candidate take the active version's place? Three-valued: what is unknown counts as no.

The gate compares two real networks. A demonstration model's figures are of drawn cells, so that
neither end of such a comparison would mean anything: there the gate asks nothing of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from app.domain.impact import ImpactSummary
from app.domain.outlets import LAST_DEFORMABLE_OUTLET

ACCURACY_MARGIN: Final = 0.01
"""By so much may the lower 95 % bound of the candidate's accuracy lie below the active one's."""
GROUP_MARGIN: Final = 0.03
"""No donor and no outlet may be told worse by more."""
LARGEST_CALIBRATION_ERROR: Final = 0.05
MOST_TRIED: Final = 5
"""Versions tried on one locked set; a set that chose among more has become training data."""
LARGEST_MEAN_DELTA: Final = 0.17
"""Outlets: the ratchet's own spread between runs (Lamoureux et al. 2022)."""
LEAVING_SHARE: Final = 0.1
"""Of the compared samples; a twentieth would leave by chance if both versions were as good."""
FEWEST_COMPARED: Final = 5
"""Samples that a preview must have compared before its mean says anything."""

_ROUNDING: Final = 1e-9
"""Differences of shares are a hair beside the decimal numbers they stand for."""

Figures = Mapping[str, float | int | str | None]


@dataclass(frozen=True)
class Rule:
    """One rule of the gate as it stood.

    Attributes
    ----------
    code
        Stable snake_case name.
    holds
        None where nobody can say, which bars like a no.
    message
        One sentence: how it stands.
    figures
        The numbers behind it, with the limit.
    """

    code: str
    holds: bool | None
    message: str
    figures: Figures

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"figures": dict(self.figures)}


@dataclass(frozen=True)
class HeldOutFigures:
    """What a manifest says of cells whose donors did not fit the network; shares in [0, 1].

    Attributes
    ----------
    accuracy
        Share told deformable or rigid correctly.
    accuracy_low
        Lower 95 % bound over donors; None with fewer than five.
    by_donor, by_outlet
        The same share among the cells of each donor, and of each true outlet.
    calibration_error
        Expected calibration error.
    """

    accuracy: float | None
    accuracy_low: float | None
    by_donor: Mapping[str, float]
    by_outlet: Mapping[int, float]
    calibration_error: float | None

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """Read them; figures of held-out wells or cells flatter, and count as unknown."""
        if manifest.get("data", {}).get("holdout", "donor") != "donor":
            return cls(None, None, {}, {}, None)
        metrics = manifest.get("metrics", {})
        interval = (metrics.get("intervals") or {}).get("accuracy")
        return cls(
            accuracy=metrics.get("accuracy"),
            accuracy_low=None if interval is None else interval[0],
            by_donor={one["donor"]: one["accuracy"] for one in metrics.get("by_donor", [])},
            by_outlet=_by_outlet(manifest.get("error_rates"), manifest["outlets"]),
            calibration_error=metrics.get("calibration_error"),
        )


def _by_outlet(rates: Mapping[str, Any] | None, outlets: Sequence[int]) -> dict[int, float]:
    """Share of each true outlet's cells whose likeliest outlet lies on the right side."""
    if not rates or not rates["donors"]:
        return {}
    true_outlets = np.asarray(rates["outlets"])
    counts = np.sum([one["confusion"] for one in rates["donors"]], axis=0)
    is_deformable = np.asarray(outlets) <= LAST_DEFORMABLE_OUTLET
    is_right = (true_outlets <= LAST_DEFORMABLE_OUTLET)[:, None] == is_deformable
    right, total = (counts * is_right).sum(axis=1), counts.sum(axis=1)
    return {
        int(true_outlets[i]): float(right[i] / total[i]) for i in np.flatnonzero(total > 0).tolist()
    }


def judge_figures(candidate: HeldOutFigures, active: HeldOutFigures) -> tuple[Rule, ...]:
    """The rules about held-out donors."""
    return (
        _judge_accuracy(candidate, active),
        _judge_groups("donors_not_worse", "donor", candidate.by_donor, active.by_donor),
        _judge_groups("outlets_not_worse", "outlet", candidate.by_outlet, active.by_outlet),
        _judge_calibration(candidate.calibration_error),
    )


def _judge_accuracy(candidate: HeldOutFigures, active: HeldOutFigures) -> Rule:
    low, now = candidate.accuracy_low, active.accuracy
    figures = {
        "candidate_accuracy": candidate.accuracy,
        "candidate_lower_bound": low,
        "active_accuracy": now,
        "margin": ACCURACY_MARGIN,
    }
    if low is None or now is None:
        missing = "The candidate's lower bound" if low is None else "The active version's accuracy"
        message = f"{missing} is not known; five held-out donors are needed for a bound."
        return Rule("accuracy_not_worse", None, message, figures)
    message = (
        f"Lower 95 % bound of the candidate's accuracy {_percent(low)}, the active version's "
        f"accuracy {_percent(now)}; {100 * ACCURACY_MARGIN:.0f} point less is allowed."
    )
    return Rule("accuracy_not_worse", low >= now - ACCURACY_MARGIN - _ROUNDING, message, figures)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _judge_groups(
    code: str, noun: str, candidate: Mapping[Any, float], active: Mapping[Any, float]
) -> Rule:
    """Compare what both versions were measured on; a group that only one knows says nothing."""
    shared = sorted(set(candidate) & set(active))
    figures: dict[str, float | int | str | None] = {
        "n_compared": len(shared),
        "margin": GROUP_MARGIN,
    }
    if not shared:
        message = f"No {noun} was held out of both versions, so no {noun} can be compared."
        return Rule(code, None, message, figures)
    worst = min(shared, key=lambda group: candidate[group] - active[group])
    change = candidate[worst] - active[worst]
    figures |= {"worst": str(worst), "change": change}
    message = (
        f"Of {len(shared)} compared, {noun} {worst} does worst against the active version: "
        f"{100 * change:+.1f} points, {-100 * GROUP_MARGIN:+.0f} is allowed."
    )
    return Rule(code, change >= -GROUP_MARGIN - _ROUNDING, message, figures)


def _judge_calibration(error: float | None) -> Rule:
    figures = {"calibration_error": error, "limit": LARGEST_CALIBRATION_ERROR}
    if error is None:
        return Rule("calibrated", None, "The candidate's calibration was not measured.", figures)
    message = f"Calibration error {error:.3f}, at most {LARGEST_CALIBRATION_ERROR} is allowed."
    return Rule("calibrated", error <= LARGEST_CALIBRATION_ERROR, message, figures)


def judge_tried(n_tried: int | None) -> Rule:
    """Whether the locked set still says something about versions it did not choose.

    Parameters
    ----------
    n_tried
        Versions tried on this locked set, the candidate included; None where it is empty.
    """
    figures = {"versions_tried": n_tried, "limit": MOST_TRIED}
    if n_tried is None:
        message = "There is no locked set: lock samples with a reference, then preview again."
        return Rule("locked_set_fresh", None, message, figures)
    message = f"Versions tried on this locked set: {n_tried}, allowed {MOST_TRIED}."
    return Rule("locked_set_fresh", n_tried <= MOST_TRIED, message, figures)


def judge_impact(impact: ImpactSummary | None) -> tuple[Rule, ...]:
    """The rules about samples scored before.

    Parameters
    ----------
    impact
        None where there is no finished preview against the version that is active now.
    """
    if impact is None:
        message = "There is no finished preview against the active version; compute one."
        return (Rule("impact_known", None, message, {}),)
    n, limit = impact.n_compared, FEWEST_COMPARED
    message = f"Samples scored by both versions: {n}, needed {limit}."
    figures: Figures = {"n_compared": n, "limit": limit}
    known = Rule("impact_known", True if n >= limit else None, message, figures)
    return (known, _judge_shift(impact), _judge_leaving(impact))


def _judge_shift(impact: ImpactSummary) -> Rule:
    mean = impact.mean_delta
    figures = {"mean_delta": mean, "sd_delta": impact.sd_delta, "limit": LARGEST_MEAN_DELTA}
    if mean is None:
        return Rule("no_shift", None, "No sample was scored by both versions.", figures)
    message = f"Scores change by {mean:+.2f} on average, ±{LARGEST_MEAN_DELTA} is allowed."
    return Rule("no_shift", abs(mean) <= LARGEST_MEAN_DELTA, message, figures)


def _judge_leaving(impact: ImpactSummary) -> Rule:
    allowed = max(1, int(LEAVING_SHARE * impact.n_compared))
    figures = {"n_leaving": impact.n_leaving, "limit": allowed, "n_losing": impact.n_losing}
    message = (
        f"Scores that leave the interval told before: {impact.n_leaving}, allowed {allowed}; "
        f"samples that lose their score: {impact.n_losing}, allowed 0."
    )
    holds = impact.n_leaving <= allowed and impact.n_losing == 0
    return Rule("no_shock", holds if impact.n_compared else None, message, figures)


def failed_rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those that bar activation: not known to hold."""
    return tuple(rule for rule in rules if rule.holds is not True)
