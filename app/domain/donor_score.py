"""The donor score of a sample: one number from its unsorted wells, an interval, or the reasons.

The interval resamples wells and then images, never cells alone, because cells of one image share
its light and its focus. With two wells that still misses most of the spread between wells, so the
spread of the model's own errors over held-out donors, who were scored from one well each, is
added to every draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.quality import Finding, Level
from app.domain.scoring import (
    USUAL_MIX_WEIGHT,
    Floats,
    Mixing,
    bin_posteriors,
    crossing_share,
    deformable_share,
    expectation_maximisation,
    published_rigidity_score,
    rigidity_scores,
)

DRAWS: Final = 1000
SEED: Final = 20260101


@dataclass(frozen=True)
class Requirements:
    """What a donor score needs; below it there is no number."""

    min_wells: int
    min_images_per_well: int
    min_cells: int


@dataclass(frozen=True)
class ModelFigures:
    """What a model version's manifest says of its outlets and its errors.

    Attributes
    ----------
    outlets
        The k outlets of the probabilities, in their order.
    mixing
        How posteriors become shares.
    score_error_sd
        Root mean square error of the rigidity score over held-out donors; None where it was not
        measured.
    n_error_donors
        Held-out donors behind it.
    """

    outlets: tuple[int, ...]
    mixing: Mixing
    score_error_sd: float | None
    n_error_donors: int

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """Read them from a model version's manifest, as JSON values."""
        error = manifest["score_error"]
        return cls(
            outlets=tuple(manifest["outlets"]),
            mixing=Mixing.usual(manifest["outlets"], manifest["training_prior"]),
            score_error_sd=None if error is None else float(np.hypot(error["sd"], error["bias"])),
            n_error_donors=0 if error is None else int(error["n_donors"]),
        )


@dataclass(frozen=True)
class WellCells:
    """The accepted cells of one unsorted well.

    Attributes
    ----------
    p_outlet
        Shape (n, k), probabilities over the model's outlets.
    image_index
        Shape (n,), which of the well's accepted images each cell lies in.
    n_images
        Accepted images, those without a cell included.
    """

    name: str
    p_outlet: NDArray[np.float32]
    image_index: NDArray[np.intp]
    n_images: int


@dataclass(frozen=True)
class Reason:
    """Why there is no donor score; `message` says what is missing."""

    code: str
    message: str
    well: str | None = None
    missing: int | None = None


NO_UNSORTED_WELL: Final = Reason(
    "no_unsorted_well", "a donor score comes from unsorted wells and there is none; add one"
)


@dataclass(frozen=True)
class WellScore:
    name: str
    rigidity_score: float
    n_cells: int
    n_images: int
    outlet_fractions: dict[int, float]


@dataclass(frozen=True)
class DonorScore:
    rigidity_score: float
    rigidity_interval: tuple[float, float]
    deformability_score: float
    deformability_interval: tuple[float, float]
    counted: float
    corrected: float
    outlet_fractions: dict[int, float]
    published_rigidity_score: float
    n_cells: int
    n_images: int
    n_wells: int
    replicate_difference: float | None
    wells: tuple[WellScore, ...]
    findings: tuple[Finding, ...]


def missing_for_score(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[Reason, ...]:
    """The reasons why these wells give no donor score; empty when they do."""
    if not wells:
        return (NO_UNSORTED_WELL,)
    enough = usable_wells(wells, needs)
    if len(enough) >= needs.min_wells:
        return _missing_cells(enough, needs)
    short = tuple(_missing_images(well, needs) for well in wells if well not in enough)
    if len(wells) >= needs.min_wells:
        return short
    lacking = needs.min_wells - len(wells)
    few = Reason(
        "too_few_wells",
        f"needs {lacking} more unsorted {'well' if lacking == 1 else 'wells'}",
        missing=lacking,
    )
    return (few, *short)


def usable_wells(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[WellCells, ...]:
    return tuple(well for well in wells if well.n_images >= needs.min_images_per_well)


def _missing_images(well: WellCells, needs: Requirements) -> Reason:
    missing = needs.min_images_per_well - well.n_images
    noun = "image" if missing == 1 else "images"
    return Reason(
        "too_few_images", f"needs {missing} more {noun} in {well.name}", well.name, missing
    )


def _missing_cells(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[Reason, ...]:
    missing = needs.min_cells - sum(len(well.p_outlet) for well in wells)
    if missing <= 0:
        return ()
    return (Reason("too_few_cells", f"needs {missing} more accepted cells", missing=missing),)


def counted_share(wells: tuple[WellCells, ...], model: ModelFigures) -> float | None:
    """Share of cells called deformable, as classified; None without a cell."""
    p_outlet = np.concatenate([well.p_outlet for well in wells]) if wells else np.zeros((0, 1))
    if not len(p_outlet):
        return None
    return float(np.mean(deformable_share(p_outlet.astype(np.float64), model.outlets) >= 0.5))


def score_donor(
    wells: tuple[WellCells, ...], model: ModelFigures, needs: Requirements
) -> DonorScore:
    """Score a sample for which `missing_for_score` found nothing missing.

    The shares over outlets are EM's, drawn towards the usual mix; the rigidity score is their
    crossover (`rs-image-outlets/1`). Wells below their minimum are left out with a finding.
    """
    used = usable_wells(wells, needs)
    left_out = [well for well in wells if well not in used]
    pool = _pool(used)
    rng = np.random.default_rng(SEED)
    point = expectation_maximisation(
        pool.posteriors, pool.counts.sum(axis=0, keepdims=True), model.mixing
    )
    draws = _resample(pool, model, rng)
    counted = counted_share(used, model)
    assert counted is not None
    scores = _well_scores(used, pool, model)
    corrected = float(deformable_share(point, model.outlets)[0])
    score = float(rigidity_scores(point, model.outlets)[0])
    errors = _draw_model_errors(model, len(draws), rng)
    crossing = crossing_share(point[0], score, model.outlets)
    low, high = _interval(np.clip(deformable_share(draws, model.outlets) - crossing * errors, 0, 1))
    return DonorScore(
        rigidity_score=score,
        rigidity_interval=_interval(rigidity_scores(draws, model.outlets) + errors),
        deformability_score=100 * corrected,
        deformability_interval=(100 * low, 100 * high),
        counted=counted,
        corrected=corrected,
        outlet_fractions=_by_outlet(point[0], model),
        published_rigidity_score=published_rigidity_score(counted),
        n_cells=sum(len(well.p_outlet) for well in used),
        n_images=sum(well.n_images for well in used),
        n_wells=len(used),
        replicate_difference=_spread(scores),
        wells=scores,
        findings=_findings(left_out, model, needs),
    )


@dataclass(frozen=True)
class _Pool:
    """The cells of all wells: b binned posteriors, and how many cells of each image they hold."""

    posteriors: Floats  # (b, k)
    counts: Floats  # (images, b)
    well_of_image: NDArray[np.intp]  # (images,)


def _pool(wells: tuple[WellCells, ...]) -> _Pool:
    offsets = np.cumsum([0, *(well.n_images for well in wells)])
    images = np.concatenate(
        [well.image_index + offset for well, offset in zip(wells, offsets[:-1], strict=True)]
    )
    posteriors, counts = bin_posteriors(
        np.concatenate([well.p_outlet for well in wells]), images, int(offsets[-1]), steps=16
    )
    well_of_image = np.repeat(np.arange(len(wells)), [well.n_images for well in wells])
    return _Pool(posteriors, counts, well_of_image)


def _resample(pool: _Pool, model: ModelFigures, rng: np.random.Generator) -> Floats:
    """Shares, shape (DRAWS, k), of samples redrawn by well and then by image."""
    weights = np.zeros((DRAWS, len(pool.counts)))
    n_wells = int(pool.well_of_image.max()) + 1
    times = rng.multinomial(n_wells, np.full(n_wells, 1 / n_wells), size=DRAWS)
    for well in range(n_wells):
        images = np.flatnonzero(pool.well_of_image == well)
        n_drawn = times[:, well] * len(images)
        weights[:, images] = rng.multinomial(n_drawn, np.full(len(images), 1 / len(images)))
    drawn = weights @ pool.counts
    drawn = drawn[drawn.sum(axis=1) > 0]
    return expectation_maximisation(pool.posteriors, drawn, model.mixing)


def _draw_model_errors(model: ModelFigures, n: int, rng: np.random.Generator) -> Floats:
    """Errors of the rigidity score as over held-out donors (t, donors - 1); 0 if not measured."""
    if model.score_error_sd is None or model.n_error_donors < 2:
        return np.zeros(n)
    return model.score_error_sd * rng.standard_t(model.n_error_donors - 1, size=n)


def _interval(draws: Floats) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _well_scores(
    wells: tuple[WellCells, ...], pool: _Pool, model: ModelFigures
) -> tuple[WellScore, ...]:
    per_well = np.stack(
        [pool.counts[pool.well_of_image == i].sum(axis=0) for i in range(len(wells))]
    )
    filled = per_well.sum(axis=1) > 0
    shares = expectation_maximisation(pool.posteriors, per_well[filled], model.mixing)
    scores = rigidity_scores(shares, model.outlets)
    named = [well for well, has_cells in zip(wells, filled, strict=True) if has_cells]
    return tuple(
        WellScore(
            well.name, float(score), len(well.p_outlet), well.n_images, _by_outlet(share, model)
        )
        for well, score, share in zip(named, scores, shares, strict=True)
    )


def _by_outlet(shares: Floats, model: ModelFigures) -> dict[int, float]:
    return {outlet: float(f) for outlet, f in zip(model.outlets, shares, strict=True)}


def _spread(scores: tuple[WellScore, ...]) -> float | None:
    """First minus second well with two, largest minus smallest with more, None with one."""
    values = [well.rigidity_score for well in scores]
    if len(values) < 2:
        return None
    return values[0] - values[1] if len(values) == 2 else max(values) - min(values)


def _findings(
    left_out: list[WellCells], model: ModelFigures, needs: Requirements
) -> tuple[Finding, ...]:
    found = [
        Finding(
            "well_left_out",
            Level.WARNING,
            float(well.n_images),
            float(needs.min_images_per_well),
            f"{well.name} has {well.n_images} accepted images of {needs.min_images_per_well} "
            "needed and is left out; add images to include it.",
        )
        for well in left_out
    ]
    if model.score_error_sd is None or model.n_error_donors < 2:
        found.append(
            Finding(
                "interval_is_lower_bound",
                Level.WARNING,
                None,
                None,
                "The model's error over donors was not measured: read the interval as a lower "
                "bound; well effects are not included.",
            )
        )
    else:
        found.append(
            Finding(
                "no_laboratory_history",
                Level.INFO,
                float(model.n_error_donors),
                None,
                f"The interval takes well and donor effects from {model.n_error_donors} held-out "
                "donors of the model; this laboratory's own history is not included yet.",
            )
        )
    return tuple(found)


def to_details(score: DonorScore) -> dict[str, Any]:
    """The record kept beside the number; keys of outlets become text, as JSON wants."""
    return {
        "rigidity_interval": list(score.rigidity_interval),
        "deformability_score": score.deformability_score,
        "deformability_interval": list(score.deformability_interval),
        "fraction_deformable": {"counted": score.counted, "corrected": score.corrected},
        "outlet_fractions": {str(k): v for k, v in score.outlet_fractions.items()},
        "published_rigidity_score": score.published_rigidity_score,
        "n_cells": score.n_cells,
        "n_images": score.n_images,
        "n_wells": score.n_wells,
        "replicate_difference": score.replicate_difference,
        "wells": [
            {
                "name": well.name,
                "rigidity_score": well.rigidity_score,
                "n_cells": well.n_cells,
                "n_images": well.n_images,
                "outlet_fractions": {str(k): v for k, v in well.outlet_fractions.items()},
            }
            for well in score.wells
        ],
        "findings": [finding.to_json() for finding in score.findings],
        "interval_method": {"draws": DRAWS, "seed": SEED, "resampled": ["wells", "images"]},
        "usual_mix_weight": USUAL_MIX_WEIGHT,
    }
