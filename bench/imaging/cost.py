"""CPU time per image, of all methods on the same images in turn."""

import time
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from statistics import median

from bench.imaging.drawn import draw_for_cost


@dataclass(frozen=True)
class Spent:
    """CPU time per image on all threads, ms, and what came of it, cells or crops (median)."""

    median_ms: float
    smallest_ms: float
    n_found: float


def measure_cost(
    methods: Mapping[str, Callable[..., Sized]], *, n_cells: int, n_images: int
) -> dict[str, Spent]:
    """Time every method on images of `n_cells` each, after one more image to warm up."""
    spent: dict[str, list[tuple[float, int]]] = {name: [] for name in methods}
    for number in range(n_images + 1):
        field = draw_for_cost(n_cells, number=number)
        for name, method in methods.items():
            begun = time.process_time()
            found = method(field.pixels, um_per_px=field.um_per_px)
            spent[name].append((1000 * (time.process_time() - begun), len(found)))
    return {name: _summarise(measured[1:]) for name, measured in spent.items()}


def _summarise(measured: list[tuple[float, int]]) -> Spent:
    spent_ms = [one[0] for one in measured]
    return Spent(median(spent_ms), min(spent_ms), median(one[1] for one in measured))
