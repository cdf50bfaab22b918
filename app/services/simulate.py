"""Simulated samples on disk: bitmaps as the microscope writes them, and their truth beside them."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.domain.imaging.scan_image import write_bmp
from app.domain.synthetic.donors import Donor, draw_donor
from app.domain.synthetic.images import SIDE_PX, TrueCell, TrueImage
from app.domain.synthetic.samples import (
    FAULT_SHARE,
    SamplePlan,
    TruthKind,
    count_outlets,
    drawn_truth,
    outlet_name,
    plan_sample,
    population_truth,
    ratchet_truth,
)


def simulate(
    folder: Path,
    *,
    donors: int = 1,
    wells: int = 2,
    images_per_well: int = 25,
    sorted_outlets: Sequence[int] = (),
    seed: int = 1,
    bits: int = 8,
    fault_share: float = FAULT_SHARE,
    side_px: int = SIDE_PX,
) -> None:
    """Write simulated donors: unsorted wells, wells of the given outlets, and ``truth.json``."""
    truths = []
    for number in range(1, donors + 1):
        donor = draw_donor(f"SIM{number:02d}", seed)
        plans = [
            plan_sample(
                donor,
                wells=wells,
                images_per_well=images_per_well,
                outlet=outlet,
                seed=seed,
                fault_share=fault_share,
                side_px=side_px,
            )
            for outlet in (None, *sorted_outlets)
        ]
        counts = [write_sample(plan, folder, bits=bits) for plan in plans]
        truths.append(donor_truth(donor, counts[0]))
    truth = {"simulated": True, "seed": seed, "donors": truths}
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


def write_sample(plan: SamplePlan, folder: Path, *, bits: int = 8) -> Counter[int]:
    """Write one sample below ``donor_<code>/<outlet>/well_<n>``; usable cells by outlet."""
    below = folder / f"donor_{plan.donor.code}" / outlet_name(plan.outlet)
    counts: Counter[int] = Counter()
    for well, name, image in plan.images():
        place = below / f"well_{well}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.bmp").write_bytes(write_bmp(image.pixels, bits=bits))
        (place / f"{name}.truth.json").write_text(json.dumps(image_truth(image)) + "\n")
        counts.update(count_outlets(image))
    return counts


def donor_truth(donor: Donor, unsorted_counts: Counter[int]) -> dict[str, Any]:
    """The three kinds of truth about one donor's sample."""
    drawn = drawn_truth(unsorted_counts).to_json() if unsorted_counts.total() else None
    return {
        "donor_code": donor.code,
        TruthKind.DRAWN: drawn,
        TruthKind.POPULATION: population_truth(donor).to_json(),
        TruthKind.RATCHET: ratchet_truth(donor).to_json(),
    }


def image_truth(image: TrueImage) -> dict[str, Any]:
    """What is true of one image; positions and lengths in px, rows down, columns to the right."""
    height, width = image.pixels.shape
    return {
        "height": height,
        "width": width,
        "verdict": image.verdict,
        "reasons": list(image.reasons),
        "cells": [_cell_truth(cell) for cell in image.cells],
        "debris": [
            {
                "row": round(piece.row, 2),
                "column": round(piece.column, 2),
                "radius_px": round(piece.radius_px, 2),
                "kind": piece.kind,
            }
            for piece in image.debris
        ],
    }


def _cell_truth(cell: TrueCell) -> dict[str, Any]:
    return {
        "row": round(cell.row, 2),
        "column": round(cell.column, 2),
        "outlet": cell.outlet,
        "stiffness": round(cell.stiffness, 4),
        "diameter_px": round(cell.diameter_px, 2),
        "verdict": cell.verdict,
        "outline": [
            [round(float(row), 1), round(float(column), 1)] for row, column in cell.outline
        ],
    }
