"""Figures of one method on fields of one look, on the published figure and on real smears."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from bench.imaging.fields import Method, TrueField
from bench.imaging.foreign import AnnotatedImage
from bench.imaging.matching import Comparison, Counts, compare, pair
from bench.imaging.shares import Share, bootstrap


@dataclass(frozen=True, kw_only=True)
class LookFigures:
    """Figures of one method on one look, with intervals over images."""

    n_images: int
    n_isolated: int
    n_complete: int
    isolated_recall: Share
    isolated_precision: Share
    f1: Share
    overlap: Share
    bad: Share
    overlapping: Share
    touching: Share
    removed: Share
    n_accepted: int

    @classmethod
    def of(cls, compared: Sequence[Comparison]) -> Self:
        return cls(
            n_images=len(compared),
            n_isolated=add_isolated(compared).n_true,
            n_complete=add_complete(compared).n_true,
            isolated_recall=bootstrap(compared, lambda c: add_isolated(c).recall),
            isolated_precision=bootstrap(compared, lambda c: add_isolated(c).precision),
            f1=bootstrap(compared, lambda c: add_complete(c).f1),
            overlap=bootstrap(compared, median_overlap),
            bad=bootstrap(compared, lambda c: _share_of_accepted(c, "n_bad")),
            overlapping=bootstrap(compared, lambda c: _share_of_accepted(c, "n_overlapping")),
            touching=bootstrap(compared, lambda c: _share_of_accepted(c, "n_touching")),
            removed=bootstrap(compared, share_removed),
            n_accepted=sum(one.n_accepted for one in compared),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        read: dict[str, Any] = {
            name: Share(**value) if isinstance(value, dict) else value
            for name, value in saved.items()
        }
        return cls(**read)


@dataclass(frozen=True, kw_only=True)
class CentreFigures:
    """Centres that people marked and a method found, and detections per marked centre."""

    n_images: int
    n_centres: int
    recall: Share
    detections: float


def compare_all(method: Method, fields: Iterable[TrueField]) -> list[Comparison]:
    return [compare(field, method(field.pixels, um_per_px=field.um_per_px)) for field in fields]


def add_isolated(compared: Sequence[Comparison]) -> Counts:
    return sum((one.isolated for one in compared), Counts(0, 0, 0))


def add_complete(compared: Sequence[Comparison]) -> Counts:
    return sum((one.complete for one in compared), Counts(0, 0, 0))


def median_overlap(compared: Sequence[Comparison]) -> float:
    overlaps = np.concatenate([one.overlaps for one in compared])
    return float(np.median(overlaps)) if len(overlaps) else float("nan")


def _share_of_accepted(compared: Sequence[Comparison], count: str) -> float:
    part = sum(getattr(one, count) for one in compared)
    return _share(part, sum(one.n_accepted for one in compared))


def share_removed(compared: Sequence[Comparison]) -> float:
    return _share(sum(one.n_removed for one in compared), sum(one.n_good for one in compared))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def measure_centres(
    method: Method, images: Iterable[AnnotatedImage], *, um_per_px: float, reach_px: float
) -> CentreFigures | None:
    """Recall of marked centres; not every cell is marked, so what else is found is only counted.

    None without images.
    """
    counts = []
    for image in images:
        found = method(image.pixels, um_per_px=um_per_px)
        hits = len(pair(image.centres, found.centres, largest_px=reach_px))
        counts.append((hits, len(image.centres), len(found.centres)))
    if not counts:
        return None
    n_centres = sum(count[1] for count in counts)
    return CentreFigures(
        n_images=len(counts),
        n_centres=n_centres,
        recall=bootstrap(counts, lambda c: _share(sum(k[0] for k in c), sum(k[1] for k in c))),
        detections=_share(sum(count[2] for count in counts), n_centres),
    )
