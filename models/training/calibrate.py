"""`python -m models.training.calibrate`: measure the bundled network anew and write its manifest.

Needed whenever segmentation, crops or the drawing of cells change: the looks of the training donors
and the errors over other donors are measured through the whole program. The network stays as it
is. About a quarter of an hour on an idle core.
"""

import argparse
import sys
from dataclasses import replace

import cv2

from models.artefact import Bundle, write_bundle
from models.bundled import BUNDLED_DIR, load_bundled
from models.classifier import Classifier
from models.training.config import DrawnDonorsConfig
from models.training.drawn_donors import fit_donors
from models.training.unsorted_donors import (
    UnsortedConfig,
    calibrate_network,
    see_training_donors,
)


def main() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    drawn = DrawnDonorsConfig(**bundle.manifest.data["configuration"])
    config = UnsortedConfig(n_donors=_options().donors)
    training_donors = see_training_donors(
        classifier, fit_donors(drawn), replace(config, seed=drawn.seed), on_step=_tell
    )
    calibration = calibrate_network(classifier, config, on_step=_tell)
    manifest = replace(
        bundle.manifest, training_donors=training_donors, calibration=calibration.to_json()
    )
    write_bundle(Bundle(bundle.onnx, manifest, bundle.golden), BUNDLED_DIR)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    usual = UnsortedConfig().n_donors
    parser.add_argument(
        "--donors", type=int, default=usual, help="donors to measure the error on; 60 or more"
    )
    return parser.parse_args()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
