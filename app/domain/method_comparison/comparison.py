"""Every method on the same pairs, and whether there are enough of them."""

from dataclasses import dataclass
from typing import Final

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.bland_altman import BlandAltman, bland_altman
from app.domain.method_comparison.deming import EQUAL_ERRORS, Deming, VarianceRatio, deming
from app.domain.method_comparison.descriptions import (
    PearsonR,
    PercentDeviation,
    mean_percent_deviation,
    pearson_r,
)
from app.domain.method_comparison.outliers import Outliers, find_outliers
from app.domain.method_comparison.pairs import Pairs
from app.domain.method_comparison.passing_bablok import PassingBablok, passing_bablok

RECOMMENDED_PAIRS: Final = 40
"""The usual least number of samples for a method comparison."""
DECISION_LEVELS: Final = (2.5, 3.0, 3.5)
"""Reference scores at which the bias is told: ends and middle of the published score's range."""


@dataclass(frozen=True)
class MethodComparison:
    """The figures of one method comparison, or for each why it is not given."""

    bland_altman: BlandAltman | NotAssessable
    deming: Deming | NotAssessable
    passing_bablok: PassingBablok | NotAssessable
    percent_deviation: PercentDeviation | NotAssessable
    pearson: PearsonR | NotAssessable
    outliers: Outliers | NotAssessable


def compare(pairs: Pairs, ratio: VarianceRatio = EQUAL_ERRORS) -> MethodComparison:
    """Compare image scores with reference scores by every method."""
    return MethodComparison(
        bland_altman=bland_altman(pairs),
        deming=deming(pairs, ratio, levels=DECISION_LEVELS),
        passing_bablok=passing_bablok(pairs),
        percent_deviation=mean_percent_deviation(pairs),
        pearson=pearson_r(pairs),
        outliers=find_outliers(pairs),
    )
