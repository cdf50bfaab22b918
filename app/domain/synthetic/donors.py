"""Latent parameters of a simulated donor and of a well: what truth is drawn from.

Stiffness is one number per cell, in standard deviations over the cells of all donors. The device
sorts by stiffness plus a small sorting error into outlets 2 to 5 at thresholds that belong to the
device, so a donor with stiffer cells has another outlet mix. What a camera sees of stiffness is a
handful of weak cues; every donor adds an offset of their own to each, which is why a network
cannot be perfect on a donor it has never seen.

References
----------
Lamoureux et al., Data in Brief 47 (2023) 108928: the mix over donors and the range of scores.
"""

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.scoring import rigidity_score_of_fractions

Floats = NDArray[np.float64]

OUTLET_THRESHOLDS: Final = (-1.54, -0.14, 1.26)
"""Stiffness at which outlets 2|3, 3|4 and 4|5 part; gives 5/39/47/9 % over many donors."""

SORTING_SD: Final = 0.14
"""Sorting error of the device, in the unit of stiffness."""

RUN_ERROR_SD: Final = 0.17
"""Between-run SD of the rigidity score of one sample (five repeated sorts, published)."""

RATCHET_CELLS: Final = 30_000

DONOR_STIFFNESS_SD: Final = 0.42
LARGEST_DONOR_STIFFNESS: Final = 0.9
"""Keeps the population's rigidity score within about 2.4 to 3.7."""

CUE_LOADINGS: Final = {
    "rim_depth": 0.76,
    "texture": -0.76,
    "dimple": -0.76,
    "crescent_width": -0.66,
    "rim_width": 0.55,
    "grain": 0.50,
    "shadow_softness": -0.50,
    "roundness": 0.45,
    "size": -0.12,
}
"""Correlation of each cue with stiffness within a donor; the rest of a cue is chance."""

CUES: Final = tuple(CUE_LOADINGS)

DONOR_CUE_SD: Final = 0.17
"""SD over donors of a cue's offset, in the cue's own standard deviations."""
DONOR_CONFOUNDING_SD: Final = 0.07
"""SD over donors of an offset along stiffness itself: donors who merely look stiffer."""


@dataclass(frozen=True, kw_only=True)
class Donor:
    """A simulated donor.

    Attributes
    ----------
    code
        Pseudonymous donor code.
    seed
        Everything drawn for this donor derives from it.
    mean_stiffness, stiffness_sd
        Distribution of stiffness over the donor's cells (SD over all donors' cells = 1).
    outlet_mix
        Shares over outlets 2 to 5: truth kind ``population``.
    mean_diameter_um, diameter_cv
        Planar size, µm, and its coefficient of variation.
    cue_offsets
        Offset of each cue in `CUES`, in standard deviations.
    body_depth
        Darkness of the cell bodies relative to the average donor, about 0.85 to 1.15.
    crowding
        Mean number of cells in an image of 2424 x 2424.
    """

    code: str
    seed: int
    mean_stiffness: float
    stiffness_sd: float
    outlet_mix: tuple[float, float, float, float]
    mean_diameter_um: float
    diameter_cv: float
    cue_offsets: tuple[float, ...]
    body_depth: float
    crowding: float

    @property
    def rigidity_score(self) -> float:
        """Rigidity score of the donor's whole population."""
        return rigidity_score_of_fractions(mix_by_outlet(self.outlet_mix))


@dataclass(frozen=True, kw_only=True)
class WellLook:
    """Light and focus of one well.

    Attributes
    ----------
    exposure
        Mean grey of the empty background, 0-255.
    unevenness
        SD of the background over an image, grey values.
    meniscus_row, meniscus_column
        Where the liquid's surface is level, in well radii from the middle of the well.
    meniscus_slope
        Strength of the one-sided shading per well radius.
    twist_radians
        Turn of the shading against the radial direction.
    blur_px, noise_sd
        Optical blur and camera noise, grey values.
    """

    exposure: float
    unevenness: float
    meniscus_row: float
    meniscus_column: float
    meniscus_slope: float
    twist_radians: float
    blur_px: float
    noise_sd: float


def generator(*key: int | str) -> np.random.Generator:
    """Random generator of a key; the same key always gives the same numbers, in any order."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng(words)


def outlet_mix(mean_stiffness: float, stiffness_sd: float) -> tuple[float, float, float, float]:
    """Shares over outlets 2 to 5 of normally distributed cells, sorting error included."""
    spread = np.hypot(stiffness_sd, SORTING_SD)
    below = ndtr((np.array(OUTLET_THRESHOLDS) - mean_stiffness) / spread)
    second, third, fourth, fifth = np.diff(below, prepend=0.0, append=1.0)
    return float(second), float(third), float(fourth), float(fifth)


def mix_by_outlet(mix: tuple[float, ...]) -> dict[int, float]:
    return dict(zip(IMAGED_OUTLETS, mix, strict=True))


def draw_donor(code: str, seed: int, *, appearance_shift: float = 0.0) -> Donor:
    """A donor; code and seed decide everything.

    Parameters
    ----------
    code
        Donor code; part of the seed, so two codes give two donors.
    seed
        Not negative.
    appearance_shift
        Length of an additional offset in cue space, in standard deviations: 0 for a donor of
        the simulated population, 2 or more for one that looks like nothing a network has seen.
    """
    rng = generator("donor", code, seed)
    mean = _bounded_normal(rng, DONOR_STIFFNESS_SD, LARGEST_DONOR_STIFFNESS)
    stiffness_sd = float(np.clip(rng.normal(0.84, 0.06), 0.70, 0.98))
    return Donor(
        code=code,
        seed=seed,
        mean_stiffness=mean,
        stiffness_sd=stiffness_sd,
        outlet_mix=outlet_mix(mean, stiffness_sd),
        mean_diameter_um=float(np.clip(rng.normal(6.4, 0.22), 5.9, 6.9)),
        diameter_cv=float(rng.uniform(0.05, 0.08)),
        cue_offsets=tuple(float(offset) for offset in _cue_offsets(rng, appearance_shift)),
        body_depth=float(np.clip(rng.normal(1.0, 0.07), 0.82, 1.18)),
        crowding=float(np.clip(rng.lognormal(np.log(205), 0.22), 120, 300)),
    )


def draw_well_look(donor: Donor, *, outlet: int | None, well: int) -> WellLook:
    """Light of one of the donor's wells; `outlet` is None for unsorted cells."""
    rng = generator("well", donor.code, donor.seed, outlet or 0, well)
    return WellLook(
        exposure=float(rng.uniform(174, 206)),
        unevenness=float(rng.uniform(3.0, 8.5)),
        meniscus_row=float(rng.normal(0, 0.15)),
        meniscus_column=float(rng.normal(0, 0.15)),
        meniscus_slope=float(rng.uniform(0.95, 1.4)),
        twist_radians=float(rng.normal(0, 0.15)),
        blur_px=float(rng.uniform(0.7, 1.1)),
        noise_sd=float(rng.uniform(1.2, 2.0)),
    )


def draw_stiffness(
    donor: Donor, *, outlet: int | None, count: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Stiffness and outlet of cells of a donor, from one outlet or unsorted.

    Returns
    -------
    stiffness
        Shape (count,).
    outlets
        Shape (count,), 2 to 5.
    """
    spread = float(np.hypot(donor.stiffness_sd, SORTING_SD))
    low, high = _share_bounds(donor, outlet)
    sorted_value = donor.mean_stiffness + spread * ndtri(
        np.clip(rng.uniform(low, high, count), 1e-9, 1 - 1e-9)
    )
    outlets = IMAGED_OUTLETS[0] + np.searchsorted(OUTLET_THRESHOLDS, sorted_value, side="left")
    reliability = donor.stiffness_sd**2 / spread**2
    residual_sd = donor.stiffness_sd * np.sqrt(1 - reliability)
    stiffness = (
        donor.mean_stiffness
        + reliability * (sorted_value - donor.mean_stiffness)
        + rng.normal(0, residual_sd, count)
    )
    return stiffness, outlets.astype(np.int64)


def draw_cues(donor: Donor, stiffness: Floats, rng: np.random.Generator) -> Floats:
    """What can be seen of stiffness.

    Returns
    -------
    ndarray
        Shape (n, len(CUES)), each cue with mean near 0 and SD near 1 over many donors.
    """
    loadings = np.array(tuple(CUE_LOADINGS.values()))
    chance = rng.normal(size=(stiffness.size, loadings.size)) * np.sqrt(1 - loadings**2)
    return np.asarray(stiffness[:, np.newaxis] * loadings + chance + np.array(donor.cue_offsets))


def draw_ratchet_counts(
    donor: Donor, *, rng: np.random.Generator, cells: int = RATCHET_CELLS
) -> dict[int, int]:
    """Counts of one simulated ratchet run: truth kind ``ratchet``.

    The run's error moves the whole distribution, so that its rigidity score has the published
    between-run SD; counting noise of the multinomial comes on top.
    """
    wanted = donor.rigidity_score + rng.normal(0, RUN_ERROR_SD)
    mix = outlet_mix(_mean_stiffness_at(wanted, donor.stiffness_sd), donor.stiffness_sd)
    counts = rng.multinomial(cells, mix)
    return {outlet: int(n) for outlet, n in zip(IMAGED_OUTLETS, counts, strict=True)}


def _bounded_normal(rng: np.random.Generator, sd: float, largest: float) -> float:
    share = ndtr(largest / sd)
    return float(sd * ndtri(rng.uniform(1 - share, share)))


def _cue_offsets(rng: np.random.Generator, shift: float) -> Floats:
    loadings = np.array(tuple(CUE_LOADINGS.values()))
    own = rng.normal(0, DONOR_CUE_SD, loadings.size)
    confounding = rng.normal(0, DONOR_CONFOUNDING_SD) * loadings
    direction = rng.normal(size=loadings.size)
    return np.asarray(own + confounding + shift * direction / np.linalg.norm(direction))


def _share_bounds(donor: Donor, outlet: int | None) -> tuple[float, float]:
    if outlet is None:
        return 0.0, 1.0
    edges = np.concatenate(([0.0], np.cumsum(donor.outlet_mix)))
    place = IMAGED_OUTLETS.index(outlet)
    return float(edges[place]), float(edges[place + 1])


def _mean_stiffness_at(rigidity_score: float, stiffness_sd: float) -> float:
    def excess(mean: float) -> float:
        mix = mix_by_outlet(outlet_mix(mean, stiffness_sd))
        return rigidity_score_of_fractions(mix) - rigidity_score

    return float(brentq(excess, -2.2, 2.2))
