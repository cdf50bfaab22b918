"""Sensitivity and specificity of a classifier, by donor, for a sample of the usual outlet mix.

Positive is deformable. Cells of the outermost outlets are told more easily than those next to the
border between the classes, so a rate belongs to a mix of outlets within its class. Calibrating
cells come outlet by outlet, in numbers that say nothing about a donor: each donor's rates are
weighed to the usual mix, and what other mixes would add is kept as a spread of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.outlets import LAST_DEFORMABLE_OUTLET, PUBLISHED_MIX

Floats = NDArray[np.float64]

FEWEST_DONORS: Final = 5
"""With fewer the spread over donors is a guess, and nothing rests on it."""
MIX_SD: Final = 0.10
"""SD over donors of the share that the outermost outlet has in its class. Our choice: scores of the
ten published donors imply 0.07 for normal stiffness, whose width also differs between donors."""
FEWEST_CELLS: Final = 20
"""Of an outlet, before its rate says anything of a donor who has more of another."""
ROUNDS: Final = 100
SETTLED: Final = 1e-9
"""Of the additive fit, which ends where no donor moves by more."""


@dataclass(frozen=True)
class ErrorRates:
    """Error rates of d donors of known truth, who did not fit the network that met them.

    Attributes
    ----------
    sensitivity, specificity
        Shape (d,): share of deformable cells called deformable, of rigid cells called rigid.
    sensitivity_mix_sd, specificity_mix_sd
        SD of what the sample's own mix of outlets within a class adds to either rate.
    """

    sensitivity: Floats
    specificity: Floats
    sensitivity_mix_sd: float = 0.0
    specificity_mix_sd: float = 0.0

    @classmethod
    def from_json(
        cls, values: Mapping[str, Any] | None, called_outlets: Sequence[int]
    ) -> Self | None:
        """Read a manifest's member ``error_rates``.

        Parameters
        ----------
        values
            None where nothing was measured.
        called_outlets
            Of the manifest: the outlets behind the columns of each donor's confusion matrix.

        Returns
        -------
        ErrorRates
            None unless the donors were held out as such.
        """
        if values is None or values["held_out"] != "donor":
            return None
        is_called = np.asarray(called_outlets) <= LAST_DEFORMABLE_OUTLET
        matrices = [np.asarray(donor["confusion"], dtype=np.float64) for donor in values["donors"]]
        counts = np.array([matrix.sum(axis=1) for matrix in matrices])
        called = np.array([matrix[:, is_called].sum(axis=1) for matrix in matrices])
        return cls.of_outlets(counts, called, values["outlets"])

    @classmethod
    def of_outlets(cls, counts: Floats, called: Floats, outlets: Sequence[int]) -> Self:
        """From cells by true outlet.

        Parameters
        ----------
        counts, called
            Shape (d, k): cells of each donor and true outlet, and those called deformable.
        outlets
            The k true outlets, of those in `PUBLISHED_MIX`, of both classes.
        """
        order = np.asarray(outlets)
        is_deformable = order <= LAST_DEFORMABLE_OUTLET
        weights = np.array([PUBLISHED_MIX[outlet] for outlet in outlets])
        counts, called = counts.reshape(-1, len(order)), called.reshape(-1, len(order))
        known = (counts[:, is_deformable].sum(axis=1) > 0) & (
            counts[:, ~is_deformable].sum(axis=1) > 0
        )
        counts, called = counts[known], called[known]
        deformable = _Class.of(counts, called, weights, is_deformable)
        rigid = _Class.of(counts, counts - called, weights, ~is_deformable)
        return cls(deformable.rates, rigid.rates, deformable.mix_sd, rigid.mix_sd)

    @property
    def n_donors(self) -> int:
        return len(self.sensitivity)

    @property
    def separation(self) -> float:
        """Sensitivity + specificity - 1, of the mean donor (Youden's J)."""
        return float(self.sensitivity.mean() + self.specificity.mean() - 1)

    def called(self, share: Floats) -> Floats:
        """Share each donor would have called deformable, shape (d, n), for true shares (n,)."""
        se, sp = self.sensitivity[:, np.newaxis], self.specificity[:, np.newaxis]
        return np.asarray(share * se + (1 - share) * (1 - sp))

    def mix_variance(self, share: Floats) -> Floats:
        """Variance of the called share over samples' own mixes, shape (n,)."""
        deformable, rigid = share * self.sensitivity_mix_sd, (1 - share) * self.specificity_mix_sd
        return np.asarray(deformable**2 + rigid**2)


@dataclass(frozen=True)
class _Class:
    """Rates of one class, at its usual mix."""

    rates: Floats
    mix_sd: float

    @classmethod
    def of(cls, counts: Floats, right: Floats, weights: Floats, members: NDArray[np.bool_]) -> Self:
        """`right` are the cells told correctly; `members` the class's outlets."""
        counts, right = counts[:, members], right[:, members]
        weights = weights[members] / weights[members].sum()
        is_seen = counts >= np.minimum(FEWEST_CELLS, counts.max(axis=1, keepdims=True))
        rates = np.where(is_seen, right / np.maximum(counts, 1), 0.0)
        outlets, donors = _usual_rates(rates, is_seen)
        filled = np.where(is_seen, rates, np.clip(outlets + donors, 0, 1))
        return cls(filled @ weights, MIX_SD * float(np.ptp(outlets)))


def _usual_rates(rates: Floats, is_seen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Rates of the usual donor by outlet, and how far each donor lies off them.

    The two are taken as additive, so that a donor who lacks an outlet lends it no rate. An outlet
    that nobody has is taken like the mean of the others.

    Returns
    -------
    outlets, donors
        Shape (k,) and (d, 1).
    """
    per_outlet, per_donor = is_seen.sum(axis=0), is_seen.sum(axis=1, keepdims=True)
    outlets, donors = np.zeros(rates.shape[1]), np.zeros((len(rates), 1))
    for _ in range(ROUNDS):
        before = donors
        sums = np.where(is_seen, rates - donors, 0.0).sum(axis=0)
        known = sums / np.maximum(per_outlet, 1)
        outlets = np.where(per_outlet > 0, known, known.sum() / max((per_outlet > 0).sum(), 1))
        donors = np.where(is_seen, rates - outlets, 0.0).sum(axis=1, keepdims=True) / per_donor
        if not len(donors) or np.abs(donors - before).max() < SETTLED:
            break
    return outlets, donors
