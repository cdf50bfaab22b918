"""A score freed of what a sample's look says about the network's error.

Donors and wells whose cells look a little lighter, larger or sharper shift all posteriors at once.
What of that shift can be foreseen is linear in the sample's mean looks. The weights are bound to
be blind to outlets: among the donors that gave them, the weighted looks do not rise or fall with
the true score. So a stiff donor is not drawn towards an average donor, and the correction never
reads the score it corrects.

References
----------
Brown, Journal of the Royal Statistical Society B 44 (1982) 287-321: multivariate calibration.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.cell_looks import VERSION as LOOKS_VERSION
from app.domain.population import Placement, Standing
from app.domain.score_intervals import SEED, Draws, ModelError, interval_of

Floats = NDArray[np.float64]

LOOKS_METHOD: Final = "rs-image-looks/1"
RIDGE: Final = 0.2
"""Added to the correlation matrix of the looks; chosen among 0.01 to 0.6 by leaving donors out."""
FEWEST_DONORS: Final = 60
"""With fewer the weights cost more than they give."""


@dataclass(frozen=True)
class LookCorrection:
    """Weights of the looks.

    Attributes
    ----------
    centre, weights
        Shape (f,): looks of the usual sample, and outlets per unit of each look.
    error_sd
        Root mean square error of the corrected score over donors left out, in outlets.
    n_donors
        Donors behind it.
    """

    centre: Floats
    weights: Floats
    error_sd: float
    n_donors: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> Self | None:
        """Read a manifest's member; None where it has none or measured looks otherwise."""
        if values is None or values["looks_version"] != LOOKS_VERSION:
            return None
        return cls(
            centre=np.asarray(values["centre"], dtype=np.float64),
            weights=np.asarray(values["weights"], dtype=np.float64),
            error_sd=float(values["error_sd"]),
            n_donors=int(values["n_donors"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "looks_version": LOOKS_VERSION,
            "centre": [float(f"{value:.7g}") for value in self.centre],
            "weights": [float(f"{value:.7g}") for value in self.weights],
            "error_sd": self.error_sd,
            "n_donors": self.n_donors,
        }

    def shift(self, looks: Floats) -> float:
        """What to add to the rigidity score of a sample with these mean looks, shape (f,)."""
        return float((looks - self.centre) @ self.weights)


def fit_weights(
    looks: Floats, scores: Floats, truths: Floats, *, ridge: float = RIDGE
) -> tuple[Floats, Floats]:
    """Weights that shrink the scores' errors and are blind to the truth.

    Looks and scores are regressed on the true scores. With e the scores' residuals, Z the looks'
    residuals in their standard deviations and b the looks' slopes in the same unit, the weights
    minimise ``mean((e + Z c)²) + ridge |c|²`` subject to ``b c = 0``.

    Parameters
    ----------
    looks
        Shape (d, f), mean looks of d samples.
    scores, truths
        Shape (d,), outlets.

    Returns
    -------
    centre, weights
        Shape (f,) both.
    """
    centred = truths - truths.mean()
    slopes = centred @ looks / (centred @ centred)
    residuals = looks - looks.mean(axis=0) - np.outer(centred, slopes)
    sd = np.maximum(residuals.std(axis=0), 1e-9)
    errors = scores - scores.mean() - centred * (centred @ scores) / (centred @ centred)
    z, b = residuals / sd, slopes / sd
    matrix = z.T @ z / len(z) + ridge * np.eye(len(b))
    towards, across = np.linalg.solve(matrix, np.column_stack([z.T @ errors / len(z), b])).T
    c = -(towards - across * (b @ towards) / (b @ across))
    return looks.mean(axis=0), np.asarray(c / sd)


def cross_fit(
    looks: Floats, scores: Floats, truths: Floats, *, folds: int = 10, ridge: float = RIDGE
) -> Floats:
    """Corrected scores, shape (d,), each with weights of the other folds' donors."""
    corrected = np.empty(len(scores))
    for fold in range(folds):
        left_out = np.arange(len(scores)) % folds == fold
        centre, weights = fit_weights(
            looks[~left_out], scores[~left_out], truths[~left_out], ridge=ridge
        )
        corrected[left_out] = scores[left_out] + (looks[left_out] - centre) @ weights
    return corrected


def fit_look_correction(looks: Floats, scores: Floats, truths: Floats) -> LookCorrection | None:
    """Fit to samples of known truth, one per donor; None under `FEWEST_DONORS`."""
    if len(scores) < FEWEST_DONORS:
        return None
    centre, weights = fit_weights(looks, scores, truths)
    errors = cross_fit(looks, scores, truths) - truths
    return LookCorrection(centre, weights, float(np.sqrt(np.mean(errors**2))), len(scores))


@dataclass(frozen=True)
class LookCorrectedScore:
    """The score by `rs-image-looks/1`, beside the score itself.

    Attributes
    ----------
    shift
        What the sample's look added, in outlets.
    """

    rigidity_score: float
    rigidity_interval: tuple[float, float]
    shift: float
    method: str = LOOKS_METHOD

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"rigidity_interval": list(self.rigidity_interval)}


def correct_score(
    correction: LookCorrection | None,
    looks: Floats | None,
    placement: Placement,
    score: float,
    draws: Draws,
) -> LookCorrectedScore | None:
    """The corrected score; none for a donor whose look the weights were not made for.

    Parameters
    ----------
    looks
        Shape (f,), the sample's mean looks.
    draws
        Of the uncorrected score; the model's error is drawn anew, as the correction left it.
    """
    if looks is None or correction is None:
        return None
    if placement.standing not in (Standing.INSIDE, Standing.EDGE):
        return None
    shift = correction.shift(looks)
    error = ModelError(correction.error_sd, correction.n_donors)
    errors = error.draw(len(draws.scores), np.random.default_rng(SEED))
    return LookCorrectedScore(score + shift, interval_of(draws.scores + shift + errors), shift)
