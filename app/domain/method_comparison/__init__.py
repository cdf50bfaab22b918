"""Method comparison: how far the image score and the device's reference score agree.

Pairs in, figures with 95 % intervals out, or a `NotAssessable` that says why there is none. Data
are judged, never trusted: too few pairs, ties, constants and values that are no numbers give an
answer, not an exception. `docs/statistics.md` explains each method.
"""

from app.domain.method_comparison.bland_altman import BlandAltman, bland_altman
from app.domain.method_comparison.comparison import MethodComparison, compare
from app.domain.method_comparison.deming import Deming, VarianceRatio, deming, weighted_deming
from app.domain.method_comparison.descriptions import (
    PearsonR,
    PercentDeviation,
    mean_percent_deviation,
    pearson_r,
)
from app.domain.method_comparison.outliers import Outliers, find_outliers
from app.domain.method_comparison.pairs import Estimate, Pairs
from app.domain.method_comparison.passing_bablok import Linearity, PassingBablok, passing_bablok
from app.domain.method_comparison.replicates import Replicates, pooled_variance, variance_ratio

__all__ = [
    "BlandAltman", "Deming", "Estimate", "Linearity", "MethodComparison", "Outliers", "Pairs",
    "PassingBablok", "PearsonR", "PercentDeviation", "Replicates", "VarianceRatio",
    "bland_altman", "compare", "deming", "find_outliers", "mean_percent_deviation",
    "passing_bablok", "pearson_r", "pooled_variance", "variance_ratio", "weighted_deming",
]  # fmt: skip
