"""Image scores of drawn donors against their truth and against a drawn ratchet run.

Synthetic throughout: sixty donors that nothing was fitted to or chosen on, 700 unsorted cells from
each of two wells, through the bundled network. The run has the device's error, SD 0.17.
"""

from typing import Final

import cv2
import numpy as np

from app.domain.donor_score import ModelFigures
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    Pairs,
    PercentDeviation,
    bland_altman,
    deming,
    mean_percent_deviation,
)
from app.domain.scoring import Floats, estimate_outlet_fractions, published_rigidity_score
from app.domain.synthetic.donors import draw_donor
from app.domain.synthetic.samples import ratchet_truth
from bench.estimates import calls, score_of, see_donor, true_score
from models.bundled import load_bundled
from models.classifier import Classifier

METHODS: Final = ("rs-image-outlets", "rs-image-looks", "rs-image-published")
DONORS: Final = 60
SEED: Final = 7741


def tell() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    figures = ModelFigures.from_manifest(bundle.manifest.to_json())
    assert figures.correction is not None
    outlets = figures.outlets
    scores: dict[str, list[float]] = {name: [] for name in METHODS}
    truth, run = [], []
    for number in range(DONORS):
        code = f"AGREE{number:02d}"
        donor = see_donor(code, classifier, seed=SEED)
        score = score_of(estimate_outlet_fractions(donor.p_outlet, figures.mixing), outlets)
        counted = float(np.mean(calls(donor.p_outlet, outlets)))
        told = (
            score,
            score + figures.correction.shift(donor.mean_looks),
            published_rigidity_score(counted),
        )
        for name, value in zip(METHODS, told, strict=True):
            scores[name].append(value)
        truth.append(true_score(donor, outlets))
        run.append(ratchet_truth(draw_donor(code, SEED)).rigidity_score)
    print(f"Synthetic: {DONORS} drawn donors, {bundle.manifest.name}; 95 % intervals in brackets\n")
    print("| image score | against | bias | lower limit | upper limit | mean deviation, % |"
          " Deming slope |\n|---|---|--:|--:|--:|--:|--:|")  # fmt: skip
    for name, values in scores.items():
        for against, reference in (("truth", truth), ("ratchet run, SD 0.17", run)):
            print(f"| {name} | {against} | {figures_of(Pairs.of(reference, values))} |")
    tell_gain(*(np.array(scores[name]) - np.array(truth) for name in METHODS[:2]))


def tell_gain(plain: Floats, looks: Floats) -> None:
    """What the correction for looks takes off the error, donor by donor."""
    gains = np.abs(plain) - np.abs(looks)
    half = 1.96 * float(gains.std(ddof=1)) / np.sqrt(len(gains))
    print(
        f"\nmean |error| {np.abs(plain).mean():.3f}, by looks {np.abs(looks).mean():.3f}: "
        f"gain {gains.mean():+.3f}, 95 % over donors {gains.mean() - half:+.3f} to "
        f"{gains.mean() + half:+.3f}"
    )


def figures_of(pairs: Pairs) -> str:
    limits, line, deviation = bland_altman(pairs), deming(pairs), mean_percent_deviation(pairs)
    assert isinstance(limits, BlandAltman)
    assert isinstance(line, Deming)
    assert isinstance(deviation, PercentDeviation)
    figures = [limits.bias, limits.lower_limit, limits.upper_limit]
    cells = [with_interval(one, 3) for one in figures]
    return " | ".join([*cells, with_interval(deviation.mean, 1), with_interval(line.slope, 2)])


def with_interval(estimate: Estimate, digits: int) -> str:
    low, high = estimate.low, estimate.high
    return f"{estimate.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
