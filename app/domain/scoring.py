"""Scores: from shares of cells over outlets to one number on the outlet scale.

A rigidity score (RS) is the outlet number at which the cumulative share of cells crosses one half,
linear between outlets; **higher = more rigid**. The image score and the device's reference score
use the same function on different shares, so they can be compared.

References
----------
Lamoureux et al., Lab on a Chip 22 (2022) 26-39; Data in Brief 47 (2023) 108928.
Saerens, Latinne and Decaestecker, Neural Computation 14 (2002) 21-41, for the estimate of shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.outlets import LAST_DEFORMABLE_OUTLET, OUTLETS, PUBLISHED_MIX

Floats = NDArray[np.float64]

IMAGE_METHOD: Final = "rs-image-outlets/1"
CORRECTED_METHOD: Final = "rs-image-corrected/1"
PUBLISHED_METHOD: Final = "rs-image-published/1"
REFERENCE_METHOD: Final = "rs-device/1"
OUTLETS_DEFORMABILITY_METHOD: Final = "ds-outlets/1"
CORRECTED_DEFORMABILITY_METHOD: Final = "ds-corrected/1"
COUNTED_METHOD: Final = "classify-and-count/1"
SHARES_METHOD: Final = "em-usual-mix/1"
USUAL_MIX_WEIGHT: Final = 0.15
RS_RANGE: Final = 1.0
"""Width of the published image score's range; what percent deviation is relative to."""


def rigidity_score_of_fractions(fractions: Mapping[int, float]) -> float:
    """Outlet number at which the cumulative share crosses one half.

    Parameters
    ----------
    fractions
        Share of cells by outlet 1 to 12, or counts; they are divided by their sum.

    Returns
    -------
    float
        ``(m - 1) + (0.5 - F[m-1]) / f[m]`` with m the first outlet whose cumulative share F
        reaches 0.5. Higher = more rigid.

    Raises
    ------
    ValueError
        An unknown outlet, a negative or non-finite share, or nothing but zeros.
    """
    shares = shares_of(fractions)
    return float(rigidity_scores(shares[np.newaxis, :], OUTLETS)[0])


def shares_of(fractions: Mapping[int, float]) -> Floats:
    """Shares over outlets 1 to 12, shape (12,), summing to one; see above for what is refused."""
    if unknown := set(fractions) - set(OUTLETS):
        raise ValueError(f"unknown outlet {min(unknown)}")
    shares = np.array([fractions.get(outlet, 0.0) for outlet in OUTLETS], dtype=np.float64)
    if not np.all(np.isfinite(shares)) or np.any(shares < 0) or shares.sum() <= 0:
        raise ValueError("shares must be finite, not negative, and not all zero")
    return np.asarray(shares / shares.sum())


def rigidity_scores(shares: Floats, outlets: Sequence[int]) -> Floats:
    """Rigidity scores of many distributions at once.

    Parameters
    ----------
    shares
        Shape (n, k), each row summing to one, columns in the order of `outlets`.
    outlets
        The k consecutive outlet numbers of the columns.

    Returns
    -------
    ndarray
        Shape (n,), outlet numbers.
    """
    cumulative = np.cumsum(shares, axis=1)
    # Rounding may leave an exact half a hair below one half.
    column = np.argmax(cumulative >= 0.5 - 1e-12, axis=1)
    rows = np.arange(len(shares))
    share = shares[rows, column]
    below = cumulative[rows, column] - share
    first = np.asarray(outlets, dtype=np.float64)[column]
    return np.asarray(first - 1 + (0.5 - below) / share)


def cumulate(fractions: Mapping[str, float]) -> dict[str, float]:
    """Running sums over outlets in ascending order; keys are outlet numbers as text."""
    outlets = sorted(fractions, key=int)
    totals = accumulate(fractions[outlet] for outlet in outlets)
    return {outlet: float(total) for outlet, total in zip(outlets, totals, strict=True)}


def crossing_share(shares: Floats, score: float, outlets: Sequence[int]) -> float:
    """Share of the outlet in which the cumulative share crosses one half.

    It ties errors of the two scales together: dF = f dRS at the crossing.

    Parameters
    ----------
    shares
        Shape (k,), in the order of `outlets`.
    score
        The rigidity score of these shares.
    """
    # A crossing at an outlet's very end may be rounded into the next one, which may be empty.
    return float(shares[int(np.ceil(score - 1e-9)) - outlets[0]])


def published_rigidity_score(p_deformable: float) -> float:
    """The published two-class score: deformable counts as outlet 3, rigid as outlet 4.

    Parameters
    ----------
    p_deformable
        Share of cells called deformable, 0 to 1.

    Returns
    -------
    float
        2.5 to 3.5, falling in `p_deformable`.
    """
    if not 0 <= p_deformable <= 1:
        raise ValueError("a share lies between 0 and 1")
    if p_deformable >= 0.5:
        return 2 + 0.5 / p_deformable
    return 3 + (0.5 - p_deformable) / (1 - p_deformable)


def percent_deviation(image_score: float, reference_score: float) -> float:
    """Percent deviation as the parent paper defines it: relative to the score's range of 1.00."""
    return 100 * abs(image_score - reference_score) / RS_RANGE


def deformable_share(shares: Floats, outlets: Sequence[int]) -> Floats:
    """Share in outlets 1 to 3 of each distribution; shape (n, k) to (n,)."""
    is_deformable = np.asarray(outlets) <= LAST_DEFORMABLE_OUTLET
    return np.asarray(shares[:, is_deformable].sum(axis=1))


@dataclass(frozen=True)
class Mixing:
    """What turns the posteriors of cells into shares over outlets.

    A donor whose look differs from the training donors' shifts all of its posteriors at once, and
    more cells do not help. So the shares are drawn towards a usual mix by a weight that does not
    shrink with the number of cells. With 0.15 the scores of drawn donors rise with their
    truth at a slope of one; without it they overshoot.

    Attributes
    ----------
    training_prior
        Shape (k,), mix over outlets that the posteriors were calibrated on, all positive.
    expected
        Shape (k,), the usual mix; here that of the ten published donors.
    weight
        Cells of the usual mix that are added for each cell seen; 0 gives plain EM.
    """

    training_prior: Floats
    expected: Floats
    weight: float

    @classmethod
    def usual(cls, outlets: Sequence[int], training_prior: Sequence[float]) -> Self:
        """For a model version's outlets; published outlets it lacks count for the nearest one."""
        expected = np.zeros(len(outlets))
        for outlet, share in PUBLISHED_MIX.items():
            expected[int(np.argmin(np.abs(np.asarray(outlets) - outlet)))] += share
        return cls(np.asarray(training_prior, dtype=np.float64), expected, USUAL_MIX_WEIGHT)

    @classmethod
    def plain(cls, training_prior: Sequence[float]) -> Self:
        """Saerens EM alone."""
        prior = np.asarray(training_prior, dtype=np.float64)
        return cls(prior, prior, 0.0)


def estimate_outlet_fractions(p_outlet: NDArray[np.floating], mixing: Mixing) -> Floats:
    """Shares over outlets from per-cell posteriors, corrected for the training mix by EM.

    Parameters
    ----------
    p_outlet
        Shape (n, k), calibrated posterior of each cell over k outlets, rows summing to one.

    Returns
    -------
    ndarray
        Shape (k,), shares summing to one: the most probable ones given `mixing`. It assumes that
        only the mix differs between this sample and the training cells.
    """
    posteriors, counts = bin_posteriors(p_outlet, np.zeros(len(p_outlet), dtype=np.intp), 1)
    return np.asarray(expectation_maximisation(posteriors, counts, mixing)[0])


def bin_posteriors(
    p_outlet: NDArray[np.floating], image_index: NDArray[np.intp], n_images: int, *, steps: int = 24
) -> tuple[Floats, Floats]:
    """Pool cells whose posteriors nearly agree, so that resampling images costs milliseconds.

    Parameters
    ----------
    p_outlet
        Shape (n, k), rows summing to one.
    image_index
        Shape (n,), which image each cell lies in, 0 to ``n_images - 1``.
    steps
        Posteriors are pooled on a grid of ``1 / steps``; each bin keeps its own mean.

    Returns
    -------
    posteriors
        Shape (b, k), mean posterior of each bin.
    counts
        Shape (n_images, b), cells of each image in each bin.
    """
    p = np.asarray(p_outlet, dtype=np.float64)
    grid = np.rint(p * steps).astype(np.int64)
    key = grid @ (steps + 1) ** np.arange(p.shape[1], dtype=np.int64)
    _, bins = np.unique(key, return_inverse=True)
    n_bins = int(bins.max()) + 1 if len(bins) else 0
    size = np.bincount(bins, minlength=n_bins)
    sums = np.stack([np.bincount(bins, column, n_bins) for column in p.T], axis=1)
    counts = np.bincount(image_index * n_bins + bins, minlength=n_images * n_bins)
    return sums / size[:, np.newaxis], counts.reshape(n_images, n_bins).astype(np.float64)


def expectation_maximisation(
    posteriors: Floats, counts: Floats, mixing: Mixing, *, rounds: int = 500
) -> Floats:
    """Saerens EM, drawn towards a usual mix, for many weightings of the same binned cells at once.

    Parameters
    ----------
    posteriors
        Shape (b, k).
    counts
        Shape (d, b), cells per bin in each of d draws; every draw holds at least one cell.

    Returns
    -------
    ndarray
        Shape (d, k), shares of each draw; iterated until none moves by more than 1e-6.
    """
    likelihood = posteriors / mixing.training_prior
    weights = counts / counts.sum(axis=1, keepdims=True)
    shares = np.repeat(mixing.training_prior[np.newaxis, :], len(counts), axis=0)
    for _ in range(rounds):
        density = np.maximum(shares @ likelihood.T, 1e-300)
        seen = shares * ((weights / density) @ likelihood)
        updated = (seen + mixing.weight * mixing.expected) / (1 + mixing.weight)
        moved = float(np.abs(updated - shares).max())
        shares = updated
        if moved < 1e-6:
            break
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
