"""`python -m worker.offline`: what the program does to images, on a folder, without a server.

`score` scores a folder as a sample; `train` fits a demonstration network to drawn donors;
`train-outliner` fits the network that outlines cells to drawn patches.
`pliant score` and `pliant train` run them as child processes.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2

from app.domain.donor_score import ModelFigures, Requirements
from app.domain.errors import PliantError
from app.domain.imaging.parameters import ImagingParameters
from app.settings import Settings
from models.artefact import read_bundle, write_bundle
from models.bundled import BUNDLED_DIR, load_outliner
from models.classifier import Classifier
from worker.folder import score_folder

if TYPE_CHECKING:
    from models.training.config import DrawnDonorsConfig, TrainingConfig

FAILED: Final = 1
USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except PliantError as error:
        _say(error.message)
        return FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker.offline", description=__doc__)
    commands = parser.add_subparsers(required=True)
    _add_score(commands)
    _add_train(commands)
    _add_train_outliner(commands)
    return parser


def _add_score(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    usual = ImagingParameters()
    score = commands.add_parser(
        "score", help="score a folder with one folder of bitmaps per unsorted well; JSON out"
    )
    score.add_argument("folder", type=Path)
    score.add_argument("--um-per-px", type=float, default=usual.um_per_px, help="scale")
    score.add_argument("--width", type=int, default=usual.width_px, help="of every image, px")
    score.add_argument("--height", type=int, default=usual.height_px, help="of every image, px")
    score.add_argument("--bundle", type=Path, default=BUNDLED_DIR, help="another network's folder")
    score.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    if not options.folder.is_dir():
        _say(f"{options.folder} is not a folder; name one that holds bitmaps.")
        return USAGE
    cv2.setNumThreads(1)
    settings = Settings()
    bundle = read_bundle(options.bundle)
    parameters = replace(
        ImagingParameters(),
        um_per_px=options.um_per_px,
        width_px=options.width,
        height_px=options.height,
    )
    report = score_folder(
        options.folder,
        Classifier.load(bundle.onnx, bundle.manifest),
        load_outliner(),
        ModelFigures.from_manifest(bundle.manifest.to_json()),
        parameters,
        Requirements(settings.min_wells, settings.min_images_per_well, settings.min_cells),
    )
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


def _add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train", help="fit a demonstration network to drawn donors and write its bundle"
    )
    target = train.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--bundle", action="store_true", help="replace the network the program ships with"
    )
    target.add_argument("--output", type=Path, help="write the three files into this folder")
    train.add_argument("--name", default="demonstration", help="name of the model version")
    train.add_argument("--architecture", choices=("compact", "published"), default="compact")
    train.add_argument("--epochs", type=int, help="passes over the fitting cells")
    train.add_argument("--seed", type=int, help="of weights, order and augmentation")
    train.add_argument(
        "--quick", action="store_true", help="few donors, few epochs: tries the machinery, no more"
    )
    train.add_argument("--gpu", action="store_true", help="use a GPU where TensorFlow finds one")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    _quiet_tensorflow(gpu=options.gpu)
    try:
        # TensorFlow takes seconds and half a gigabyte: only this command pays for it.
        from models.training import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        _say(f"Training is not installed ({error.name} is missing); run 'make run' without")
        _say("PLIANT_TRAINING=0, or install requirements/train.txt.")
        return USAGE
    training, drawn = _configurations(options)
    bundle = run.build_bundle(options.name, training, drawn, on_step=_say)
    folder = BUNDLED_DIR if options.bundle else options.output
    write_bundle(bundle, folder)
    manifest = bundle.manifest.to_json()
    summary = {
        "folder": str(folder),
        "sha256": manifest["sha256"],
        "metrics": {key: manifest["metrics"][key] for key in ("accuracy", "parity")},
        "score_error": manifest["score_error"],
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0


def _add_train_outliner(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser(
        "train-outliner", help="fit the network that outlines cells and write its two files"
    )
    target = train.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--bundle", action="store_true", help="replace the outliner the program ships with"
    )
    target.add_argument("--output", type=Path, help="write the two files into this folder")
    train.add_argument("--seed", type=int, help="of patches, weights and order")
    train.add_argument(
        "--quick", action="store_true", help="few patches, few steps: tries the machinery, no more"
    )
    train.set_defaults(run=_train_outliner)


def _train_outliner(options: argparse.Namespace) -> int:
    _quiet_tensorflow(gpu=False)
    try:
        # TensorFlow, as in _train.
        from models.training.outliner import run  # noqa: PLC0415
        from models.training.outliner.config import OutlinerConfig, quick_config  # noqa: PLC0415
    except ModuleNotFoundError as error:
        _say(f"Training is not installed ({error.name} is missing); run 'make run' without")
        _say("PLIANT_TRAINING=0, or install requirements/train.txt.")
        return USAGE
    config = quick_config() if options.quick else OutlinerConfig()
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    trained = run.train_outliner(config, on_step=_say)
    folder = BUNDLED_DIR if options.bundle else options.output
    run.write_outliner(trained, folder)
    summary = {
        "folder": str(folder),
        "sha256": trained.description["sha256"],
        "figures": trained.description["figures"],
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0


def _configurations(options: argparse.Namespace) -> "tuple[TrainingConfig, DrawnDonorsConfig]":
    from models.training.config import (  # noqa: PLC0415  see _train
        DrawnDonorsConfig,
        TrainingConfig,
        published_config,
        quick_donors,
    )

    training = published_config() if options.architecture == "published" else TrainingConfig()
    drawn = DrawnDonorsConfig()
    if options.quick:
        training, drawn = replace(training, epochs=2), quick_donors()
    if options.epochs is not None:
        training = replace(training, epochs=options.epochs)
    if options.seed is not None:
        training = replace(training, seed=options.seed)
    return training, drawn


def _quiet_tensorflow(*, gpu: bool) -> None:
    """Must happen before TensorFlow is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
