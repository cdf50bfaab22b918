"""A donor score as it is stored and told: every figure, and the method behind each."""

from dataclasses import asdict
from typing import Any

from app.domain.adjusted_count import METHOD as ADJUSTED_METHOD
from app.domain.donor_score import DonorScore
from app.domain.look_correction import LOOKS_METHOD
from app.domain.population import METHOD as POPULATION_METHOD
from app.domain.score_intervals import DRAWS, SEED
from app.domain.score_intervals import METHOD as RESAMPLED_METHOD
from app.domain.scoring import (
    CORRECTED_METHOD,
    COUNTED_METHOD,
    PUBLISHED_METHOD,
    SHARES_METHOD,
    USUAL_MIX_WEIGHT,
)
from app.domain.well_effects import METHOD as REPLICATES_METHOD


def to_details(score: DonorScore) -> dict[str, Any]:
    """The record kept beside the number; keys of outlets become text, as JSON wants."""
    replicates, looks = score.replicates, score.look_corrected
    is_counted = score.method == CORRECTED_METHOD
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
        "replicate_difference": None if replicates is None else replicates.difference,
        "replicates": None if replicates is None else replicates.to_json(),
        "wells": [
            asdict(well)
            | {"outlet_fractions": {str(k): v for k, v in well.outlet_fractions.items()}}
            for well in score.wells
        ],
        "population": str(score.placement.standing),
        "placement": score.placement.to_json(),
        "look_corrected": None if looks is None else looks.to_json(),
        "findings": [finding.to_json() for finding in score.findings],
        "interval_method": _interval_method(score),
        "usual_mix_weight": None if is_counted else USUAL_MIX_WEIGHT,
        "methods": methods_of(score),
    }


def _interval_method(score: DonorScore) -> dict[str, Any]:
    resampled = list(score.interval_resamples)
    if score.method == CORRECTED_METHOD:
        return {"resampled": resampled}
    return {"draws": DRAWS, "seed": SEED, "resampled": resampled}


def methods_of(score: DonorScore) -> dict[str, str]:
    """Name and version of the method behind each figure, by the figure's name in the API."""
    is_counted = score.method == CORRECTED_METHOD
    interval = ADJUSTED_METHOD if is_counted else RESAMPLED_METHOD
    shares = ("outlet_fractions", "cumulated_fractions")
    return {
        "rigidity_score": score.method,
        "rigidity_interval": interval,
        "deformability_score": score.deformability_method,
        "deformability_interval": interval,
        "fraction_deformable.counted": COUNTED_METHOD,
        "fraction_deformable.corrected": score.deformability_method,
        **({} if is_counted else dict.fromkeys(shares, SHARES_METHOD)),
        "published_rigidity_score": PUBLISHED_METHOD,
        "wells": score.method,
        "replicate_difference": REPLICATES_METHOD,
        "replicates": REPLICATES_METHOD,
        "population_basis": POPULATION_METHOD,
        **({} if score.look_corrected is None else {"look_corrected": LOOKS_METHOD}),
    }
