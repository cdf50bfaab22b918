"""What a reader of a method comparison must not overlook, as findings."""

from collections.abc import Sequence

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.bland_altman import BlandAltman
from app.domain.method_comparison.comparison import MethodComparison
from app.domain.method_comparison.outliers import Outliers
from app.domain.method_comparison.passing_bablok import (
    CRITICAL_5_PERCENT,
    Linearity,
    PassingBablok,
)
from app.domain.quality import Finding, Level


def findings_of(
    comparison: MethodComparison, methods: Sequence[str], donors: Sequence[str]
) -> tuple[Finding, ...]:
    """Findings on the pairs and on their figures.

    Parameters
    ----------
    methods
        What made the image score of each pair.
    donors
        The donor of each pair.
    """
    found = [_several_methods(methods), _repeated_donors(donors), *_of_figures(comparison)]
    return tuple(finding for finding in found if finding is not None)


def _several_methods(methods: Sequence[str]) -> Finding | None:
    n = len(set(methods))
    if n < 2:
        return None
    return Finding(
        "several_methods", Level.WARNING, n, 1,
        f"The image scores were made by {n} methods; choose one of them to judge it.",
    )  # fmt: skip


def _repeated_donors(donors: Sequence[str]) -> Finding | None:
    n_donors = len(set(donors))
    if n_donors == len(donors):
        return None
    return Finding(
        "repeated_donors", Level.WARNING, n_donors, len(donors),
        f"{len(donors)} pairs come from {n_donors} donors. The intervals suppose that pairs are "
        "independent, so they are too narrow; measure more donors.",
    )  # fmt: skip


def _of_figures(comparison: MethodComparison) -> list[Finding | None]:
    return [
        _level(comparison.bland_altman),
        _curve(comparison.passing_bablok),
        _outliers(comparison.outliers),
    ]


def _level(answer: BlandAltman | NotAssessable) -> Finding | None:
    if not (isinstance(answer, BlandAltman) and answer.depends_on_level and answer.slope_on_level):
        return None
    slope = answer.slope_on_level.value
    return Finding(
        "depends_on_level", Level.WARNING, slope, 0,
        f"The difference {'rises' if slope > 0 else 'falls'} with the level by {abs(slope):.2f} "
        "per outlet, so one bias and one pair of limits describe no level well; read the bias at "
        "each level. Unequal spread of the two methods alone also causes this.",
    )  # fmt: skip


def _curve(answer: PassingBablok | NotAssessable) -> Finding | None:
    if not isinstance(answer, PassingBablok) or not isinstance(answer.linearity, Linearity):
        return None
    if not answer.linearity.is_rejected:
        return None
    return Finding(
        "not_linear", Level.WARNING, answer.linearity.statistic, CRITICAL_5_PERCENT,
        "The two scores are not on a straight line by the CUSUM test, so the slopes and intercepts "
        "describe them badly; look at the plots.",
    )  # fmt: skip


def _outliers(answer: Outliers | NotAssessable) -> Finding | None:
    if not isinstance(answer, Outliers) or not answer.places:
        return None
    n = len(answer.places)
    return Finding(
        "outliers", Level.WARNING, n, 0,
        f"{n} {'pair stands' if n == 1 else 'pairs stand'} out from the others. Every figure still "
        f"counts {'it' if n == 1 else 'them'}; look for the cause and note it.",
    )  # fmt: skip
