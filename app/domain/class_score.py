"""The donor score by a model of two classes: a count of calls, freed of the known error rates.

The share called deformable is a ratio over images, with its variance between the images of a well;
what wells add comes from the laboratory's earlier samples, what donors and mixes add from the
donors that the error rates were measured on. The rigidity score is the published two-class formula
on the corrected share.

References
----------
Cochran, Sampling Techniques (1977), chapter 6: the variance of a ratio of sums.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.adjusted_count import METHOD as INTERVAL_METHOD
from app.domain.adjusted_count import AdjustedCount, adjust_count, refuse_rates
from app.domain.assessment import NotAssessable
from app.domain.donor_score import (
    DonorScore,
    ModelFigures,
    Reason,
    Requirements,
    WellCells,
    WellScore,
    compare_wells,
    place_sample,
    report_wells_left_out,
    usable_wells,
)
from app.domain.error_rates import ErrorRates
from app.domain.population import report_population
from app.domain.quality import Finding
from app.domain.score_findings import report_clipped, report_interval, report_replicates
from app.domain.scoring import (
    CORRECTED_DEFORMABILITY_METHOD,
    CORRECTED_METHOD,
    Floats,
    deformable_share,
    published_rigidity_score,
)
from app.domain.well_effects import WellSpread

__all__ = ["INTERVAL_METHOD", "refuse_model", "score_classes"]

_MANY: Final = 1_000_000
"""Degrees of freedom of what is known."""


def refuse_model(model: ModelFigures) -> Reason | None:
    """Why a two-class model gives no score, whatever it sees; None where it does."""
    if model.error_rates is None:
        return Reason(
            "model_error_unknown",
            "the model version's error rates were not measured on donors held out; train one with "
            "holdout by donor",
        )
    refusal = refuse_rates(model.error_rates)
    if refusal is None:
        return None
    if refusal.code == "too_few_donors":
        return Reason("model_error_unknown", f"{refusal.because}; train with more donors")
    return Reason(
        refusal.code, f"the model hardly tells the classes apart: {refusal.because}; train another"
    )


def score_classes(
    wells: tuple[WellCells, ...],
    model: ModelFigures,
    needs: Requirements,
    history: WellSpread | None = None,
    called_history: WellSpread | None = None,
) -> DonorScore:
    """Score a sample that has what a score needs, by a model that `refuse_model` lets pass.

    Parameters
    ----------
    history, called_history
        Spread of wells in this laboratory's earlier samples by the same model version: of their
        rigidity scores, and of their shares called deformable.
    """
    assert model.error_rates is not None
    used = usable_wells(wells, needs)
    calls = [_Calls.of(well, model) for well in used]
    whole = _Calls.together(calls)
    spread = called_history if called_history is not None and called_history.is_enough else None
    variance, degrees = _add_wells(whole, len(used), spread)
    found = adjust_count(whole.share, variance, degrees, model.error_rates)
    assert not isinstance(found, NotAssessable)
    scores = tuple(
        _score_well(well, one, model.error_rates)
        for well, one in zip(used, calls, strict=True)
        if one.n_cells
    )
    replicates, placement = compare_wells(scores, history, model), place_sample(used, model)
    low, high = found.interval
    return DonorScore(
        rigidity_score=published_rigidity_score(found.share),
        rigidity_interval=(published_rigidity_score(high), published_rigidity_score(low)),
        deformability_score=100 * found.share,
        deformability_interval=(100 * low, 100 * high),
        counted=whole.share,
        corrected=found.share,
        outlet_fractions={},
        published_rigidity_score=published_rigidity_score(whole.share),
        n_cells=whole.n_cells,
        n_images=sum(well.n_images for well in used),
        n_wells=len(used),
        replicates=replicates,
        wells=scores,
        placement=placement,
        look_corrected=None,
        interval_resamples=("images",) if spread is None else ("images", "wells from history"),
        findings=(
            *report_wells_left_out(wells, needs),
            *report_interval(called_history, is_error_known=True),
            *_report_share(found),
            *report_replicates(replicates),
            *report_population(placement),
        ),
        method=CORRECTED_METHOD,
        deformability_method=CORRECTED_DEFORMABILITY_METHOD,
    )


@dataclass(frozen=True)
class _Calls:
    """Cells and calls of the images of one well or of several.

    Attributes
    ----------
    cells, called
        Shape (i,): cells of each image, and those called deformable.
    well
        Shape (i,), which well each image belongs to.
    """

    cells: Floats
    called: Floats
    well: NDArray[np.intp]

    @classmethod
    def of(cls, well: WellCells, model: ModelFigures) -> "_Calls":
        p_deformable = deformable_share(well.p_outlet.astype(np.float64), model.outlets)
        cells = np.bincount(well.image_index, minlength=well.n_images)
        called = np.bincount(well.image_index[p_deformable >= 0.5], minlength=well.n_images)
        none = np.zeros(len(cells), np.intp)
        return cls(cells.astype(np.float64), called.astype(np.float64), none)

    @classmethod
    def together(cls, calls: list["_Calls"]) -> "_Calls":
        return cls(
            np.concatenate([one.cells for one in calls]),
            np.concatenate([one.called for one in calls]),
            np.repeat(np.arange(len(calls)), [len(one.cells) for one in calls]),
        )

    @property
    def n_cells(self) -> int:
        return int(self.cells.sum())

    @property
    def share(self) -> float:
        return float(self.called.sum() / self.cells.sum())

    @property
    def degrees(self) -> int:
        """Images less wells, at least one."""
        return max(len(self.cells) - len(np.unique(self.well)), 1)

    @property
    def variance(self) -> float:
        """Of the share over images within wells, and never less than that of cells by themselves.

        The latter with one cell of each kind more, so that calls that all agree leave a doubt.
        """
        residuals = self.called - self.share * self.cells
        sizes = np.bincount(self.well)
        centred = residuals - (np.bincount(self.well, residuals) / sizes)[self.well]
        inflation = sizes / np.maximum(sizes - 1, 1)
        over_images = float((inflation[self.well] * centred**2).sum()) / self.n_cells**2
        smoothed = (self.called.sum() + 1) / (self.n_cells + 2)
        return max(over_images, float(smoothed * (1 - smoothed)) / self.n_cells)


def _add_wells(calls: _Calls, n_wells: int, spread: WellSpread | None) -> tuple[float, float]:
    """Variance of the share with what other wells would have added; its degrees of freedom."""
    images = calls.variance
    if spread is None:
        return images, calls.degrees
    wells = spread.between_sd**2 / n_wells
    chance = images**2 / calls.degrees + wells**2 / spread.degrees_of_freedom
    return images + wells, min((images + wells) ** 2 / chance, _MANY)


def _score_well(well: WellCells, calls: _Calls, rates: ErrorRates) -> WellScore:
    unclipped = (calls.share + float(rates.specificity.mean()) - 1) / rates.separation
    share, error = float(np.clip(unclipped, 0, 1)), float(np.sqrt(calls.variance))
    return WellScore(
        name=well.name,
        rigidity_score=published_rigidity_score(share),
        n_cells=calls.n_cells,
        n_images=well.n_images,
        outlet_fractions={},
        standard_error=error / rates.separation * _slope(share),
        called=calls.share,
        called_error=error,
    )


def _slope(share: float) -> float:
    """How fast the published score falls with the share: 2 in the middle, a half at the ends."""
    return float(0.5 / max(share, 1 - share) ** 2)


def _report_share(found: AdjustedCount) -> tuple[Finding, ...]:
    return (report_clipped(found.unclipped),) if found.is_clipped else ()
