"""Intervals of a score by resampling: wells, then images; cells go with their images.

Cells of one image share its light and its focus, so an image is drawn as a whole: that carries the
chance of its cells, and drawing cells again inside it would count their chance twice. Images are
put in an order of their own first, so that the same cells in any order give the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.scoring import (
    Floats,
    Mixing,
    bin_posteriors,
    expectation_maximisation,
    rigidity_scores,
)
from app.domain.well_effects import WellSpread

METHOD: Final = "interval-images-wells-donors/1"
DRAWS: Final = 1000
WELL_DRAWS: Final = 200
"""Enough for a standard error; an interval's ends need more."""
SEED: Final = 20260101


@dataclass(frozen=True)
class Pool:
    """The cells of all wells: b binned posteriors, and how many cells of each image they hold."""

    posteriors: Floats  # (b, k)
    counts: Floats  # (images, b)
    well_of_image: NDArray[np.intp]  # (images,)
    n_wells: int

    @property
    def total(self) -> Floats:
        """Cells in each bin, shape (1, b)."""
        return np.asarray(self.counts.sum(axis=0, keepdims=True))

    @property
    def by_well(self) -> Floats:
        """Cells of each well in each bin, shape (wells, b)."""
        return np.stack([self.counts[self.images_of(i)].sum(axis=0) for i in range(self.n_wells)])

    def images_of(self, well: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.well_of_image == well)


def pool_cells(
    p_outlet: Sequence[NDArray[np.float32]],
    image_index: Sequence[NDArray[np.intp]],
    n_images: Sequence[int],
) -> Pool:
    """Bin the posteriors of wells; wells keep their order, images are put in an order of their own.

    Parameters
    ----------
    p_outlet
        By well, shape (n, k).
    image_index
        By well, shape (n,): which of its images each cell lies in.
    n_images
        By well, images without a cell included.
    """
    offsets = np.cumsum([0, *n_images])
    images = np.concatenate(
        [index + offset for index, offset in zip(image_index, offsets[:-1], strict=True)]
    )
    posteriors, counts = bin_posteriors(
        np.concatenate(p_outlet), images, int(offsets[-1]), steps=16
    )
    well_of_image = np.repeat(np.arange(len(n_images)), n_images)
    ranks = np.arange(1.0, counts.shape[1] + 1)
    order = np.lexsort([counts @ np.sqrt(ranks), counts @ ranks, well_of_image])
    # The mean of a bin depends on the order of its cells in the last digit, and no further.
    return Pool(np.round(posteriors, 12), counts[order], well_of_image[order], len(n_images))


@dataclass(frozen=True)
class ModelError:
    """Errors of the rigidity score over donors the model has not seen.

    Attributes
    ----------
    sd
        Root mean square error, outlets.
    n_donors
        Donors behind it, at least two.
    """

    sd: float
    n_donors: int

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Errors for n draws: Student's t with donors - 1."""
        return np.asarray(self.sd * rng.standard_t(self.n_donors - 1, size=n))


@dataclass(frozen=True)
class Draws:
    """d redrawn samples.

    Attributes
    ----------
    shares
        Shape (d, k), over the model's outlets.
    well_errors
        Shape (d,), outlets: what other wells would have added, from the laboratory's history.
    model_errors
        Shape (d,), outlets: what another donor would have added.
    scores
        Shape (d,): rigidity scores, well errors included.
    resampled
        What was redrawn, for the record.
    """

    shares: Floats
    well_errors: Floats
    model_errors: Floats
    scores: Floats
    resampled: tuple[str, ...]


def draw_samples(
    pool: Pool,
    mixing: Mixing,
    outlets: Sequence[int],
    history: WellSpread | None,
    error: ModelError | None,
    rng: np.random.Generator,
) -> Draws:
    """Redraw a sample: wells as in the laboratory's history if that is enough, else its own."""
    if history is not None and history.is_enough:
        shares = resample_images(pool, mixing, rng)
        t = rng.standard_t(history.degrees_of_freedom, size=len(shares))
        well_errors = t * history.between_sd / np.sqrt(pool.n_wells)
        resampled: tuple[str, ...] = ("images", "wells from history")
    else:
        shares = resample_wells(pool, mixing, rng)
        well_errors, resampled = np.zeros(len(shares)), ("wells", "images")
    scores = rigidity_scores(shares, outlets) + well_errors
    errors = np.zeros(len(shares)) if error is None else error.draw(len(shares), rng)
    return Draws(shares, well_errors, errors, scores, resampled)


def resample_wells(pool: Pool, mixing: Mixing, rng: np.random.Generator) -> Floats:
    """Shares, shape (DRAWS, k), of samples redrawn by well and then by image."""
    times = rng.multinomial(pool.n_wells, np.full(pool.n_wells, 1 / pool.n_wells), size=DRAWS)
    return _shares_of_draws(pool, _draw_images(pool, times, rng), mixing)


def resample_images(pool: Pool, mixing: Mixing, rng: np.random.Generator) -> Floats:
    """Shares, shape (DRAWS, k), of samples of the same wells, redrawn by image alone."""
    times = np.ones((DRAWS, pool.n_wells), dtype=np.int64)
    return _shares_of_draws(pool, _draw_images(pool, times, rng), mixing)


def standard_error_of_wells(
    pool: Pool, mixing: Mixing, outlets: Sequence[int], rng: np.random.Generator
) -> Floats:
    """Standard error of each well's rigidity score from resampling its images, shape (wells,).

    A well without a cell has no score, and 0 here.
    """
    errors = np.zeros(pool.n_wells)
    for well in range(pool.n_wells):
        images = pool.images_of(well)
        alone = Pool(pool.posteriors, pool.counts[images], np.zeros(len(images), np.intp), 1)
        times = np.ones((WELL_DRAWS, 1), dtype=np.int64)
        if not alone.counts.any():
            continue
        shares = _shares_of_draws(alone, _draw_images(alone, times, rng), mixing)
        if len(shares) > 1:
            errors[well] = rigidity_scores(shares, outlets).std(ddof=1)
    return errors


def _draw_images(pool: Pool, times: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """How often each image is drawn, shape (draws, images); `times` says so of its well."""
    weights = np.zeros((len(times), len(pool.counts)))
    for well in range(pool.n_wells):
        images = pool.images_of(well)
        n_drawn = times[:, well] * len(images)
        weights[:, images] = rng.multinomial(n_drawn, np.full(len(images), 1 / len(images)))
    return weights


def _shares_of_draws(pool: Pool, weights: Floats, mixing: Mixing) -> Floats:
    drawn = weights @ pool.counts
    return expectation_maximisation(pool.posteriors, drawn[drawn.sum(axis=1) > 0], mixing)


def interval_of(draws: Floats) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
