"""What must hold of a score before its result may be released.

Everything is read from the score as it is stored, so that the verifier judges the very record that
the signature covers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.population import Standing
from app.domain.release import Condition
from app.domain.scoring import CORRECTED_METHOD, IMAGE_METHOD

RELEASED_METHODS: Final = (IMAGE_METHOD, CORRECTED_METHOD)
"""Those freed of the classifier's known errors; others stand beside a score and are not it."""


@dataclass(frozen=True)
class StoredScore:
    """A score as its row has it.

    Attributes
    ----------
    method
        Of the rigidity score.
    rigidity_score
        None where there are reasons instead.
    reasons
        Each with a ``message``; empty with a number.
    details
        What `app.domain.score_record.to_details` made.
    n_missing_corrections
        Corrections made since the analysis was frozen.
    """

    method: str
    rigidity_score: float | None
    reasons: Sequence[Mapping[str, Any]]
    details: Mapping[str, Any]
    n_missing_corrections: int

    @property
    def finding_codes(self) -> frozenset[str]:
        return frozenset(finding["code"] for finding in self.details.get("findings", ()))


def score_conditions(score: StoredScore) -> tuple[Condition, ...]:
    """The conditions of release that a score answers for, in the order a person reads them.

    Returns
    -------
    tuple of Condition
        ``score_given`` alone where there is no number; else that and ``method_corrected``,
        ``corrections_in_score``, ``population_inside``, ``replicates_agree``,
        ``model_error_known``, ``interval_complete`` and ``share_within_range``.
    """
    given = _given(score)
    if not given.holds:
        return (given,)
    return (
        given,
        _corrected(score),
        _corrections(score),
        _population(score.details),
        _replicates(score.details),
        _model_error(score),
        _interval(score),
        _share(score),
    )


def _given(score: StoredScore) -> Condition:
    if score.rigidity_score is not None:
        return _met("score_given", "The analysis gave a score.")
    why = "; ".join(reason["message"].rstrip(".") for reason in score.reasons)
    return _unmet("score_given", f"There is no donor score: {why}.")


def _corrected(score: StoredScore) -> Condition:
    code = "method_corrected"
    if score.method in RELEASED_METHODS:
        message = f"The score is freed of the classifier's known errors ({score.method})."
        return _met(code, message)
    return _unmet(
        code,
        f"The score, {score.method}, is not freed of the classifier's errors; analyse the sample "
        "with a model version whose errors are known.",
    )


def _corrections(score: StoredScore) -> Condition:
    code, missing = "corrections_in_score", score.n_missing_corrections
    if missing <= 0:
        return _met(code, "Every correction is in the score.")
    noun = "correction is" if missing == 1 else "corrections are"
    return _unmet(
        code,
        f"{missing} {noun} not in the score; wait for the analysis that follows, or request one if "
        "none is running.",
    )


def _population(details: Mapping[str, Any]) -> Condition:
    code = "population_inside"
    standing = Standing(details.get("population", Standing.UNCALIBRATED))
    if standing is Standing.INSIDE:
        return _met(code, "The cells look like those of the model's training donors.")
    if standing is Standing.OUTSIDE:
        return _unmet(
            code,
            "The cells look unlike those of every training donor, so the score may be far off; "
            "check focus and light, and sort this donor.",
        )
    if standing is Standing.EDGE:
        message = (
            "The cells look somewhat unlike those of the training donors; compare with a sort, or "
            "acknowledge it."
        )
        return _unmet(code, message, may_be_acknowledged=True)
    message = (
        "Whether the donor is like the model's training donors is not known; add images if the "
        "findings ask for more, or acknowledge it."
    )
    return _unknown(code, message)


def _replicates(details: Mapping[str, Any]) -> Condition:
    code, replicates = "replicates_agree", details.get("replicates")
    expected = None if replicates is None else replicates["expected"]
    if replicates is None or expected is None:
        message = (
            "Whether replicate wells agree is not known, for want of a second well or of earlier "
            "samples; image another well, or acknowledge it."
        )
        return _unknown(code, message)
    difference = abs(replicates["difference"])
    if difference <= expected:
        return _met(
            code, f"Replicate wells differ by {difference:.2f}, usually up to {expected:.2f}."
        )
    return _unmet(
        code,
        f"Replicate wells differ by {difference:.2f}, usually up to {expected:.2f}; look at light, "
        "focus and mixing, and retake a well or acknowledge it.",
        may_be_acknowledged=True,
    )


def _model_error(score: StoredScore) -> Condition:
    code = "model_error_known"
    if "model_error_unknown" not in score.finding_codes:
        return _met(code, "The interval holds the model's error over donors.")
    return _unmet(
        code,
        "The model's error over donors is not known, so the interval means nothing; analyse the "
        "sample with a model version that was measured on five donors or more.",
    )


def _interval(score: StoredScore) -> Condition:
    code = "interval_complete"
    if "interval_is_lower_bound" not in score.finding_codes:
        return _met(code, "The interval holds what wells of this laboratory usually differ by.")
    return _unmet(
        code,
        "The interval is a lower bound, since this laboratory has too few earlier samples with "
        "replicate wells; acknowledge it, or collect them first.",
        may_be_acknowledged=True,
    )


def _share(score: StoredScore) -> Condition:
    code = "share_within_range"
    if "share_clipped" not in score.finding_codes:
        return _met(code, "The corrected share lies between 0 and 100 %.")
    return _unmet(
        code,
        "The corrected share came out beyond 0 or 100 % and was cut there; compare with a sort, or "
        "acknowledge it.",
        may_be_acknowledged=True,
    )


def _met(code: str, message: str) -> Condition:
    return Condition(code, holds=True, message=message)


def _unmet(code: str, message: str, *, may_be_acknowledged: bool = False) -> Condition:
    return Condition(code, holds=False, message=message, may_be_acknowledged=may_be_acknowledged)


def _unknown(code: str, message: str) -> Condition:
    return Condition(code, holds=None, message=message, may_be_acknowledged=True)
