"""`python -m worker.control_bundle`: the control that ships with the program, and what it answers.

Run it whenever the bundled network or the pipeline changed; it changes nothing else. The images
are drawn once and kept: `--redraw` makes another control, whose charts begin anew.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
from threadpoolctl import threadpool_limits

from app.domain.digital_control import sealed_sha256, sealed_text
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat, write_bmp
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from app.services.control_seals import FORMAT
from app.services.digital_controls import ControlToRun, SealedImage
from models.artefact import sha256_of
from models.bundled import load_bundled, load_outliner
from models.classifier import Classifier
from worker import pipeline
from worker.controls import CONTROL_DIR, environment, run_control

NAME: Final = "Pliant control 1"
DESCRIPTION_FILE: Final = "control.json"
SEED: Final = 1108
DONORS: Final = ("CONTROL-1", "CONTROL-2", "CONTROL-3")
SIDE_PX: Final = 512
N_CELLS: Final = 48
"""In a field of 93 µm: many alone, some touching, so that every rule has something to judge."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m worker.control_bundle", description=__doc__)
    parser.add_argument("--redraw", action="store_true", help="draw other images first")
    options = parser.parse_args(arguments)
    if options.redraw or not (CONTROL_DIR / DESCRIPTION_FILE).exists():
        draw_images(CONTROL_DIR)
    description = describe(CONTROL_DIR)
    text = json.dumps(description, indent=2, allow_nan=False) + "\n"
    (CONTROL_DIR / DESCRIPTION_FILE).write_text(text, encoding="utf-8")
    sys.stdout.write(json.dumps(description["answers"][0]["figures"]) + "\n")
    return 0


def draw_images(folder: Path) -> None:
    """One image of each donor in the published look, as 8-bit bitmaps."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, code in enumerate(DONORS, 1):
        donor = draw_donor(code, SEED)
        look = draw_well_look(donor, outlet=None, well=1)
        drawn = draw_image(
            donor, look, outlet=None, number=number, seed=SEED,
            height=SIDE_PX, width=SIDE_PX, n_cells=N_CELLS,
        )  # fmt: skip
        (folder / f"control-{number}.bmp").write_bytes(write_bmp(drawn.pixels))


def describe(folder: Path) -> dict[str, Any]:
    """Images with their hashes, and what the bundled network and this pipeline say of them."""
    usual = replace(ImagingParameters(), height_px=SIDE_PX, width_px=SIDE_PX)
    parameters = {name: getattr(usual, name) for name in ("um_per_px", "height_px", "width_px")}
    images = [
        SealedImage(sha256_of(path.read_bytes()), ImageFormat.BMP, path.name)
        for path in sorted(folder.glob("control-*.bmp"))
    ]
    return {
        "format": FORMAT,
        "name": NAME,
        "images": [
            {"file": one.file, "sha256": one.sha256, "format": one.format.value} for one in images
        ],
        "parameters": parameters,
        "answers": [_answer(folder, ControlToRun(uuid.UUID(int=0), NAME, tuple(images), usual))],
    }


def _answer(folder: Path, control: ControlToRun) -> dict[str, Any]:
    cv2.setNumThreads(1)
    threadpool_limits(limits=1, user_api="blas")
    bundle = load_bundled()
    figures = run_control(
        control,
        Classifier.load(bundle.onnx, bundle.manifest),
        load_outliner(),
        lambda image: (folder / str(image.file)).read_bytes(),
    )
    return {
        "model_sha256": bundle.manifest.sha256,
        "pipeline_version": pipeline.PIPELINE_VERSION,
        "environment": environment(),
        "figures": figures,
        "sha256": sealed_sha256(sealed_text(figures)),
    }


if __name__ == "__main__":
    sys.exit(main())
