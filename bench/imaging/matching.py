"""Found cells against drawn ones: one to one, nearest pairs first."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from bench.imaging.fields import Found, Outline, Points, TrueField

LARGEST_ERROR_PX: Final = 4.0
"""Largest distance of centres in a pair, px of the usual size."""
_SUBPIXELS_BITS: Final = 2
"""Overlaps are counted on a grid of quarter pixels."""


@dataclass(frozen=True)
class Counts:
    """Cells that should be found, those that were, and what was found beside them."""

    n_true: int
    n_hit: int
    n_false: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.n_true + other.n_true, self.n_hit + other.n_hit, self.n_false + other.n_false
        )

    @property
    def recall(self) -> float:
        return self.n_hit / self.n_true if self.n_true else float("nan")

    @property
    def precision(self) -> float:
        n_found = self.n_hit + self.n_false
        return self.n_hit / n_found if n_found else float("nan")

    @property
    def f1(self) -> float:
        total = self.n_true + self.n_hit + self.n_false
        return 2 * self.n_hit / total if total else float("nan")


@dataclass(frozen=True, eq=False)
class Comparison:
    """How what was found in one field compares with its truth.

    Attributes
    ----------
    isolated, complete
        Counts for the isolated cells, and for all complete ones.
    overlaps
        Intersection over union of the outlines of the complete cells found; empty without
        outlines.
    n_accepted, n_bad, n_overlapping, n_touching
        Accepted crops; those without one whole, sharp, single cell in their middle; of these, those
        of a whole and sharp cell whose outline another one crosses; and those whose cell is right
        but touches another.
    n_good, n_removed
        Good cells found, and those of them that were not accepted.
    """

    isolated: Counts
    complete: Counts
    overlaps: NDArray[np.float64]
    n_accepted: int
    n_bad: int
    n_overlapping: int
    n_touching: int
    n_good: int
    n_removed: int


def pair(true: Points, found: Points, *, largest_px: float) -> NDArray[np.int64]:
    """Pairs of indices (true, found), shape (p, 2); each is used once, nearest pairs first."""
    if not len(true) or not len(found):
        return np.empty((0, 2), np.int64)
    near = cKDTree(true).sparse_distance_matrix(cKDTree(found), largest_px, output_type="ndarray")
    taken_true, taken_found = np.zeros(len(true), bool), np.zeros(len(found), bool)
    pairs = []
    for candidate in np.sort(near, order="v"):
        index, other = int(candidate["i"]), int(candidate["j"])
        if not taken_true[index] and not taken_found[other]:
            taken_true[index] = taken_found[other] = True
            pairs.append((index, other))
    return np.array(pairs, np.int64).reshape(-1, 2)


def compare(field: TrueField, found: Found) -> Comparison:
    largest_px = LARGEST_ERROR_PX * field.per_usual_px
    pairs = pair(field.centres, found.centres, largest_px=largest_px)
    true_of = np.full(len(found.centres), -1)
    true_of[pairs[:, 1]] = pairs[:, 0]
    complete = pairs[field.is_complete[pairs[:, 0]]]
    overlaps = [] if found.outlines is None else [
        measure_overlap(field.outlines[t], found.outlines[f]) for t, f in complete
    ]  # fmt: skip
    return Comparison(
        isolated=_count(field, found, true_of, field.is_isolated),
        complete=_count(field, found, true_of, field.is_complete),
        overlaps=np.array(overlaps),
        **_judge_crops(field, found, true_of),
    )


def _count(
    field: TrueField, found: Found, true_of: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> Counts:
    """Count for the wanted cells; what lies on other cells or on debris counts neither way."""
    is_paired = true_of >= 0
    is_hit = is_paired & wanted[true_of]
    neutral = np.column_stack([field.centres[~wanted], field.radii_px[~wanted]])
    is_neutral = (is_paired & ~is_hit) | _lies_on(found.centres, neutral)
    is_neutral |= _lies_on(found.centres, field.debris)
    return Counts(int(wanted.sum()), int(is_hit.sum()), int((~is_hit & ~is_neutral).sum()))


def _lies_on(points: Points, discs: Points) -> NDArray[np.bool_]:
    if not len(points) or not len(discs):
        return np.zeros(len(points), bool)
    distance = np.hypot(*(points[:, None] - discs[None, :, :2]).transpose(2, 0, 1))
    return np.asarray((distance <= discs[:, 2]).any(axis=1))


def _judge_crops(field: TrueField, found: Found, true_of: NDArray[np.int64]) -> dict[str, int]:
    """Accepted crops that are bad, good cells that were refused.

    A cell is good if it is whole, sharp and no other covers it. What touches is neither: its
    crop is right if it is accepted, and may be refused.
    """
    is_paired = true_of >= 0
    is_complete = is_paired & field.is_complete[true_of]
    is_right = is_complete & ~field.is_overlapping[true_of]
    is_good = is_paired & field.is_isolated[true_of] & ~_is_at_edge(field)[true_of]
    return {
        "n_accepted": int(found.is_accepted.sum()),
        "n_bad": int((found.is_accepted & ~is_right).sum()),
        "n_overlapping": int((found.is_accepted & is_complete & ~is_right).sum()),
        "n_touching": int((found.is_accepted & is_right & field.is_touching[true_of]).sum()),
        "n_good": int(is_good.sum()),
        "n_removed": int((is_good & ~found.is_accepted).sum()),
    }


def _is_at_edge(field: TrueField) -> NDArray[np.bool_]:
    """Cells whose crop would leave the image: nobody can accept them."""
    half_px = 31 * field.per_usual_px
    size = np.array(field.pixels.shape)
    outside = (field.centres < half_px) | (field.centres > size - half_px)
    return np.asarray(outside.any(axis=1))


def measure_overlap(one: Outline, other: Outline) -> float:
    """Intersection over union of two outlines."""
    corner = np.floor(np.minimum(one.min(axis=0), other.min(axis=0))) - 1
    size = np.ceil(np.maximum(one.max(axis=0), other.max(axis=0)) - corner) + 2
    height, width = (size * 2**_SUBPIXELS_BITS).astype(int)
    first, second = (_paint(outline - corner, (height, width)) for outline in (one, other))
    union = cv2.countNonZero(first | second)
    return cv2.countNonZero(first & second) / union if union else 0.0


def _paint(outline: Outline, shape: tuple[int, int]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    corners = np.rint(outline[:, ::-1] * 2**_SUBPIXELS_BITS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1)
    return mask
