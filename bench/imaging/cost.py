"""CPU time per image, of all methods on the same images in turn."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.imaging.drawn import draw_for_cost
from bench.imaging.fields import Method


@dataclass(frozen=True)
class Spent:
    """CPU time per image on all threads, ms."""

    median_ms: float
    smallest_ms: float


def measure_cost(
    methods: Mapping[str, Method | Callable[..., object]], *, n_cells: int, n_images: int
) -> dict[str, Spent]:
    """Time every method on images of `n_cells` each, after one more image to warm up."""
    spent: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(n_images + 1):
        field = draw_for_cost(n_cells, number=number)
        for name, method in methods.items():
            begun = time.process_time()
            method(field.pixels, um_per_px=field.um_per_px)
            spent[name].append(1000 * (time.process_time() - begun))
    return {name: Spent(median(all_ms[1:]), min(all_ms[1:])) for name, all_ms in spent.items()}
