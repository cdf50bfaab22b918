"""What repeated measurements of one sample say: errors, their ratio, limits for single runs.

References
----------
Bland and Altman, Statistical Methods in Medical Research 8 (1999) 135-160, section 5.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.method_comparison.deming import VarianceRatio
from app.domain.method_comparison.pairs import Pairs, Z, is_constant

SINGLE_METHOD: Final = "bland-altman-replicates/1"

FEWEST_DF: Final = 20
"""Our choice: a ratio of two variances with 20 degrees of freedom each is known to about ± 60 %."""


@dataclass(frozen=True)
class Replicates:
    """Pooled variance within samples.

    Attributes
    ----------
    variance
        Mean square of repeats about their sample's mean; 0 without degrees of freedom.
    df
        Repeats beyond the first of each sample.
    mean_share
        Mean over samples of 1 / number of repeats: what is left of the variance in a sample's mean.
    """

    variance: float
    df: int
    mean_share: float


NO_REPEATS: Final = Replicates(variance=0.0, df=0, mean_share=1.0)


def pooled_variance(repeats: Sequence[Sequence[float]]) -> Replicates:
    """Pool the repeats of many samples; a sample of one adds no degree of freedom.

    Parameters
    ----------
    repeats
        The measurements of each sample, one or more, all of them numbers.
    """
    given = [np.asarray(one, dtype=np.float64) for one in repeats if len(one)]
    df = sum(len(one) - 1 for one in given)
    squares = sum(float(np.sum((one - one.mean()) ** 2)) for one in given)
    share = float(np.mean([1 / len(one) for one in given])) if given else 1.0
    return Replicates(squares / df if df else 0.0, df, share)


def variance_ratio(reference: Replicates, image: Replicates) -> VarianceRatio:
    """The ratio from replicates where both have 20 degrees of freedom, else 1, assumed."""
    of_reference = reference.variance * reference.mean_share
    of_image = image.variance * image.mean_share
    is_known = min(reference.df, image.df) >= FEWEST_DF and min(of_reference, of_image) > 0
    return VarianceRatio(
        value=of_reference / of_image if is_known else 1.0,
        source="replicates" if is_known else "assumed",
        df_reference=reference.df,
        df_image=image.df,
    )


def single_sd(pairs: Pairs, reference: Replicates, image: Replicates) -> float | None:
    """Standard deviation of the difference between one measurement by each method.

    ``s² = s_d² + (1 - mean 1/m_x) s_wx² + (1 - mean 1/m_y) s_wy²`` where the pairs are means of
    m repeats.

    Returns
    -------
    float or None
        None for fewer than two pairs, or where all differences are equal.
    """
    if pairs.n < 2 or is_constant(pairs.differences):
        return None
    within = sum((1 - one.mean_share) * one.variance for one in (reference, image))
    return float(np.sqrt(pairs.differences.var(ddof=1) + within))


@dataclass(frozen=True)
class SingleRun:
    """Limits of agreement for one run of the reference where the pairs are means of several.

    No interval is given for them: the exact one covers plain differences only.
    """

    method: str
    sd: float
    lower_limit: float
    upper_limit: float
    df_reference: int


def single_run(pairs: Pairs, reference: Replicates) -> SingleRun | None:
    """Wider limits than those of the means; None where runs were not repeated often enough.

    Parameters
    ----------
    reference
        The repeats that the reference scores of these pairs are means of.
    """
    sd = single_sd(pairs, reference, NO_REPEATS)
    if sd is None or reference.df < FEWEST_DF:
        return None
    bias = float(pairs.differences.mean())
    return SingleRun(SINGLE_METHOD, sd, bias - Z * sd, bias + Z * sd, reference.df)
