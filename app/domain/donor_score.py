"""The donor score of a sample: one number from its unsorted wells, an interval, or the reasons.

The interval resamples images, never cells alone, because cells of one image share its light and
its focus. Two wells say too little of the spread between wells: that comes from the laboratory's
earlier samples, and until these are enough the interval is called a lower bound. The spread of the
model's own errors over donors it has not seen is added to every draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.error_rates import FEWEST_DONORS, ErrorRates
from app.domain.look_correction import LookCorrectedScore, LookCorrection, correct_score
from app.domain.population import Placement, TrainingDonors, report_population
from app.domain.quality import Finding
from app.domain.score_findings import report_interval, report_left_out, report_replicates
from app.domain.score_intervals import (
    SEED,
    Draws,
    ModelError,
    Pool,
    draw_samples,
    interval_of,
    pool_cells,
    standard_error_of_wells,
)
from app.domain.scoring import (
    IMAGE_METHOD,
    OUTLETS_DEFORMABILITY_METHOD,
    Floats,
    Mixing,
    crossing_share,
    deformable_share,
    expectation_maximisation,
    published_rigidity_score,
    rigidity_scores,
)
from app.domain.well_effects import ReplicateRange, WellSpread, judge_replicates


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
        Root mean square error of the rigidity score over donors the model was not fitted to; None
        where it was not measured.
    n_error_donors
        Donors behind it.
    training_donors
        What the donors that fitted the model look like; None where that was not measured.
    correction
        What a sample's look says of the score's error; None where that was not measured.
    well_spread
        How far wells of one donor lay apart there; None where donors had one well.
    is_two_class
        Whether the two columns are classes, deformable and rigid, and no outlets.
    error_rates
        Of the two classes, by donor; None where they were not measured on donors held out.
    """

    outlets: tuple[int, ...]
    mixing: Mixing
    score_error_sd: float | None
    n_error_donors: int
    training_donors: TrainingDonors | None = None
    correction: LookCorrection | None = None
    well_spread: WellSpread | None = None
    is_two_class: bool = False
    error_rates: ErrorRates | None = None

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """Read them from a model version's manifest, as JSON values."""
        calibration = manifest.get("calibration") or {}
        # The calibration's donors are more, and their wells' own spread is kept apart.
        error = calibration.get("donor_error") or manifest["score_error"]
        return cls(
            outlets=tuple(manifest["outlets"]),
            mixing=Mixing.usual(manifest["outlets"], manifest["training_prior"]),
            score_error_sd=None
            if error is None
            else float(np.hypot(_donors_alone(error["sd"], error), error["bias"])),
            n_error_donors=0 if error is None else int(error["n_donors"]),
            training_donors=TrainingDonors.from_json(manifest.get("training_donors")),
            correction=_read_correction(calibration),
            well_spread=WellSpread.of_model(calibration.get("wells")),
            is_two_class=manifest["target"] == "class",
            error_rates=ErrorRates.from_json(manifest.get("error_rates"), manifest["outlets"]),
        )

    @property
    def error(self) -> ModelError | None:
        """None where it was not measured."""
        if self.score_error_sd is None or self.n_error_donors < 2:
            return None
        return ModelError(self.score_error_sd, self.n_error_donors)

    @property
    def is_error_known(self) -> bool:
        """Whether an interval with this error may be relied on."""
        return self.error is not None and self.n_error_donors >= FEWEST_DONORS


def _donors_alone(sd: float, error: Mapping[str, Any]) -> float:
    """An SD of errors over samples, less what their wells and images added to it.

    The interval adds that anew, from the sample's own images and the laboratory's own wells.
    """
    well_sd = error.get("well_sd")
    if well_sd is None:
        return sd
    return float(np.sqrt(max(sd**2 - well_sd**2 / error["n_wells"], 0.0)))


def _read_correction(calibration: Mapping[str, Any]) -> LookCorrection | None:
    correction = LookCorrection.from_json(calibration.get("look_correction"))
    if correction is None:
        return None
    error_sd = _donors_alone(correction.error_sd, calibration["donor_error"])
    return replace(correction, error_sd=error_sd)


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
    mean_looks
        Shape (f,), means over the accepted cells (`app.domain.cell_looks`); None where they were
        not measured.
    """

    name: str
    p_outlet: NDArray[np.float32]
    image_index: NDArray[np.intp]
    n_images: int
    mean_looks: Floats | None = None


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
    standard_error: float | None = None
    """From its images; None in scores from before it was kept."""
    called: float | None = None
    called_error: float | None = None
    """Share of its cells called deformable, and its standard error; two classes only."""


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
    replicates: ReplicateRange | None
    wells: tuple[WellScore, ...]
    placement: Placement
    look_corrected: LookCorrectedScore | None
    interval_resamples: tuple[str, ...]
    findings: tuple[Finding, ...]
    method: str = IMAGE_METHOD
    deformability_method: str = OUTLETS_DEFORMABILITY_METHOD


def usable_wells(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[WellCells, ...]:
    """Those with images enough and any cell: an empty well is no replicate."""
    return tuple(
        well for well in wells if well.n_images >= needs.min_images_per_well and len(well.p_outlet)
    )


def counted_share(wells: tuple[WellCells, ...], model: ModelFigures) -> float | None:
    """Share of cells called deformable, as classified; None without a cell."""
    p_outlet = np.concatenate([well.p_outlet for well in wells]) if wells else np.zeros((0, 1))
    if not len(p_outlet):
        return None
    return float(np.mean(deformable_share(p_outlet.astype(np.float64), model.outlets) >= 0.5))


def score_donor(
    wells: tuple[WellCells, ...],
    model: ModelFigures,
    needs: Requirements,
    history: WellSpread | None = None,
) -> DonorScore:
    """Score a sample that has what a score needs, by a model of outlets.

    The shares over outlets are EM's, drawn towards the usual mix; the rigidity score is their
    crossover (`rs-image-outlets/1`). Wells below their minimum are left out with a finding.
    `app.domain.score_reasons` says whether the number may be given.

    Parameters
    ----------
    history
        Spread of wells in this laboratory's earlier samples by the same model version.
    """
    used = usable_wells(wells, needs)
    pool = pool_cells(
        [well.p_outlet for well in used],
        [well.image_index for well in used],
        [well.n_images for well in used],
    )
    rng = np.random.default_rng(SEED)
    point = expectation_maximisation(pool.posteriors, pool.total, model.mixing)
    draws = draw_samples(pool, model.mixing, model.outlets, history, model.error, rng)
    counted = counted_share(used, model)
    assert counted is not None
    scores = _well_scores(used, pool, model, rng)
    corrected = float(deformable_share(point, model.outlets)[0])
    score = float(rigidity_scores(point, model.outlets)[0])
    placement = place_sample(used, model)
    replicates = compare_wells(scores, history, model)
    low, high = interval_of(_deformable_draws(draws, point[0], score, model))
    return DonorScore(
        rigidity_score=score,
        rigidity_interval=interval_of(draws.scores + draws.model_errors),
        deformability_score=100 * corrected,
        deformability_interval=(100 * low, 100 * high),
        counted=counted,
        corrected=corrected,
        outlet_fractions=_by_outlet(point[0], model),
        published_rigidity_score=published_rigidity_score(counted),
        n_cells=sum(len(well.p_outlet) for well in used),
        n_images=sum(well.n_images for well in used),
        n_wells=len(used),
        replicates=replicates,
        wells=scores,
        placement=placement,
        look_corrected=correct_score(
            model.correction, looks_of_sample(used), placement, score, draws
        ),
        interval_resamples=draws.resampled,
        findings=(
            *report_wells_left_out(wells, needs),
            *report_interval(history, is_error_known=model.is_error_known),
            *report_replicates(replicates),
            *report_population(placement),
        ),
    )


def _deformable_draws(draws: Draws, point: Floats, score: float, model: ModelFigures) -> Floats:
    """Shares deformable; errors of the score carried over at its crossing, dF = -f dRS."""
    crossing = crossing_share(point, score, model.outlets)
    errors = draws.well_errors + draws.model_errors
    return np.asarray(
        np.clip(deformable_share(draws.shares, model.outlets) - crossing * errors, 0, 1)
    )


def place_sample(wells: tuple[WellCells, ...], model: ModelFigures) -> Placement:
    """Among the donors that the model was fitted to."""
    if model.training_donors is None:
        return Placement.unknown()
    return model.training_donors.place(
        looks_of_sample(wells),
        n_cells=sum(len(well.p_outlet) for well in wells),
        n_wells=len(wells),
    )


def looks_of_sample(wells: tuple[WellCells, ...]) -> Floats | None:
    """Over all cells of the wells; None where a well with cells lacks them."""
    seen = [well for well in wells if len(well.p_outlet)]
    known = [well.mean_looks for well in seen if well.mean_looks is not None]
    if not seen or len(known) < len(seen):
        return None
    return np.asarray(np.average(known, axis=0, weights=[len(well.p_outlet) for well in seen]))


def _well_scores(
    wells: tuple[WellCells, ...], pool: Pool, model: ModelFigures, rng: np.random.Generator
) -> tuple[WellScore, ...]:
    per_well = pool.by_well
    filled = np.flatnonzero(per_well.sum(axis=1) > 0)
    shares = expectation_maximisation(pool.posteriors, per_well[filled], model.mixing)
    scores = rigidity_scores(shares, model.outlets)
    errors = standard_error_of_wells(pool, model.mixing, model.outlets, rng)[filled]
    return tuple(
        WellScore(
            name=wells[i].name,
            rigidity_score=float(score),
            n_cells=len(wells[i].p_outlet),
            n_images=wells[i].n_images,
            outlet_fractions=_by_outlet(share, model),
            standard_error=float(error),
        )
        for i, score, share, error in zip(filled, scores, shares, errors, strict=True)
    )


def _by_outlet(shares: Floats, model: ModelFigures) -> dict[int, float]:
    return {outlet: float(f) for outlet, f in zip(model.outlets, shares, strict=True)}


def compare_wells(
    wells: tuple[WellScore, ...], history: WellSpread | None, model: ModelFigures
) -> ReplicateRange | None:
    """By the laboratory's own wells where they are enough, else by those of the model's donors."""
    errors = [well.standard_error or 0.0 for well in wells]
    usual = float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0
    spread = history if history is not None and history.is_enough else model.well_spread
    return judge_replicates([well.rigidity_score for well in wells], usual, spread)


def report_wells_left_out(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[Finding, ...]:
    used = {well.name for well in usable_wells(wells, needs)}
    return tuple(
        report_left_out(well.name, well.n_images, needs.min_images_per_well)
        for well in wells
        if well.name not in used
    )
