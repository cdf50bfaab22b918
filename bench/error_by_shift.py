"""`python -m bench.error_by_shift`: the score's error against how far a donor's look is shifted.

The same drawn donors five times: with no look of their own, with half of it, as the population has
it, and with more. 5,000 unsorted cells each, through the bundled network, which knows none of them.
With `--write` the table goes to standard output and the picture into docs/images.
"""

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from app.charts.drawing import (
    GRID,
    MUTED,
    Axis,
    Series,
    diamond,
    dot,
    element,
    figure,
    line,
    text,
)
from app.domain.donor_score import ModelFigures
from app.domain.look_correction import LookCorrection
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.scoring import (
    Floats,
    Mixing,
    estimate_outlet_fractions,
    published_rigidity_score,
)
from app.domain.synthetic.donors import Donor, draw_donor
from bench.estimates import SeenDonor, calls, score_of, see_cells, true_score
from models.bundled import load_bundled
from models.classifier import Classifier

DONORS: Final = 24
CELLS_PER_WELL: Final = 2500
SEED: Final = 31_415
SHIFTS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Times what a donor of the simulated population has."""
PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "error-by-shift.svg"
SERIES: Final = (
    Series("score", "#0b4f9c", None, dot),
    Series("published two-class score", "#a84400", None, diamond),
)


@dataclass(frozen=True)
class Errors:
    """Of one shift's donors: of the score, with looks corrected, and of the published score."""

    score: Floats
    looks: Floats
    published: Floats
    accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="draw the picture for the documents")
    is_written = parser.parse_args().write
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    correction = ModelFigures.from_manifest(bundle.manifest.to_json()).correction
    assert correction is not None
    usual = Mixing.usual(bundle.manifest.outlets, bundle.manifest.training_prior)
    found = {}
    print("| look | two-class accuracy | mean of \\|ΔRS\\| | looks corrected | published score |")
    print("|--:|--:|--:|--:|--:|")
    for shift in SHIFTS:
        seen = [
            see_cells(shifted(number, shift), classifier, cells_per_well=CELLS_PER_WELL)
            for number in range(DONORS)
        ]
        found[shift] = errors_of(seen, bundle.manifest.outlets, usual, correction)
        print(told(shift, found[shift]), flush=True)
    if is_written:
        PICTURE.write_text(draw(found) + "\n", encoding="utf-8")


def shifted(number: int, shift: float) -> Donor:
    """A donor whose cues and darkness differ from the average so many times as much."""
    donor = draw_donor(f"SHIFT{number:02d}", SEED)
    return replace(
        donor,
        cue_offsets=tuple(shift * offset for offset in donor.cue_offsets),
        body_depth=1.0 + shift * (donor.body_depth - 1.0),
    )


def errors_of(
    seen: list[SeenDonor], outlets: tuple[int, ...], usual: Mixing, correction: LookCorrection
) -> Errors:
    truth = np.array([true_score(donor, outlets) for donor in seen])
    scores = np.array(
        [score_of(estimate_outlet_fractions(donor.p_outlet, usual), outlets) for donor in seen]
    )
    shifts = np.array([correction.shift(donor.mean_looks) for donor in seen])
    called = [calls(donor.p_outlet, outlets) for donor in seen]
    published = np.array([published_rigidity_score(float(np.mean(one))) for one in called])
    right = [
        np.mean(one == (donor.outlets <= LAST_DEFORMABLE_OUTLET))
        for one, donor in zip(called, seen, strict=True)
    ]
    return Errors(
        score=np.abs(scores - truth),
        looks=np.abs(scores + shifts - truth),
        published=np.abs(published - truth),
        accuracy=float(np.mean(right)),
    )


def told(shift: float, errors: Errors) -> str:
    return (
        f"| {shift:.1f} × | {errors.accuracy:.3f} | {errors.score.mean():.3f} "
        f"| {errors.looks.mean():.3f} | {errors.published.mean():.3f} |"
    )


def draw(found: dict[float, Errors]) -> str:
    """Mean error of ours and of the published score over the shift; faint dots are donors."""
    across, up = Axis(0, 2, 60, 520), Axis(0, 0.6, 250, 40)
    marks = [text("|ΔRS| against truth, outlets", 14, 16, size=12)]
    for level in (0, 0.2, 0.4, 0.6):
        marks.append(line(60, up.at(level), 520, up.at(level), GRID, 1))
        marks.append(text(f"{level:.1f}", 52, up.at(level) + 4, size=11, fill=MUTED, anchor="end"))
    for shift, errors in found.items():
        marks.append(text(f"{shift:.1f} ×", across.at(shift), 268, size=11, anchor="middle"))
        marks += [_donor(across.at(shift), up.at(min(error, 0.6))) for error in errors.score]
    means = (
        [(across.at(shift), up.at(one.score.mean())) for shift, one in found.items()],
        [(across.at(shift), up.at(one.published.mean())) for shift, one in found.items()],
    )
    for place, (series, points) in enumerate(zip(SERIES, means, strict=True)):
        marks += [line(*here, *there, series.colour, 2) for here, there in pairwise(points)]
        marks += [series.mark(column, row, 5) for column, row in points]
        marks.append(series.mark(80, 54 + 20 * place, 5))
        marks.append(text(series.name, 94, 58 + 20 * place, size=12, fill=series.colour))
    marks.append(text("look of the donor; the simulated population has 1 ×", 60, 290, size=12))
    return figure(
        marks, (560, 300), ident="error-by-shift",
        title="Error of the image score against the shift of a donor's look",
        description="Mean absolute error over 24 drawn donors at five shifts, of the image score "
        "and of the published two-class score; small dots are single donors.",
    )  # fmt: skip


def _donor(column: float, row: float) -> str:
    return element("circle", cx=column, cy=row, r=2.5, fill=SERIES[0].colour, opacity=0.3)


if __name__ == "__main__":
    main()
