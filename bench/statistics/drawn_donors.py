"""Image scores of drawn donors against their truth and against a drawn ratchet run.

Synthetic throughout: sixty donors that nothing was fitted to or chosen on, 700 unsorted cells from
each of two wells, through the bundled network. The run has the device's error, SD 0.17.
"""

from typing import Final

import cv2
import numpy as np

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
from app.domain.scoring import Mixing, estimate_outlet_fractions, published_rigidity_score
from app.domain.synthetic.donors import draw_donor
from app.domain.synthetic.samples import ratchet_truth
from bench.estimates import calls, score_of, see_donor
from models.bundled import load_bundled
from models.classifier import Classifier

DONORS: Final = 60
SEED: Final = 7741


def tell() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    outlets = bundle.manifest.outlets
    mixing = Mixing.usual(outlets, bundle.manifest.training_prior)
    image, published, truth, run = [], [], [], []
    for number in range(DONORS):
        code = f"AGREE{number:02d}"
        p_outlet, cells = see_donor(code, classifier, seed=SEED)
        image.append(score_of(estimate_outlet_fractions(p_outlet, mixing), outlets))
        published.append(published_rigidity_score(float(np.mean(calls(p_outlet, outlets)))))
        truth.append(score_of(np.bincount(cells, minlength=13)[list(outlets)], outlets))
        run.append(ratchet_truth(draw_donor(code, SEED)).rigidity_score)
    print(f"Synthetic: {DONORS} drawn donors, {bundle.manifest.name}; 95 % intervals in brackets\n")
    print("| image score | against | bias | lower limit | upper limit | mean deviation, % |"
          " Deming slope |\n|---|---|--:|--:|--:|--:|--:|")  # fmt: skip
    for name, scores in (("corrected", image), ("published", published)):
        for against, reference in (("truth", truth), ("ratchet run, SD 0.17", run)):
            print(f"| {name} | {against} | {told(Pairs.of(reference, scores))} |")


def told(pairs: Pairs) -> str:
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
