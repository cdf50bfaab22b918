"""`make bench`: CPU time of one image of 200 cells, step by step, as a worker spends it.

Process time on one core, the median of REPEATS passes over different images; a busy machine still
raises it. The last line is the whole job, rows and PostgreSQL's share included.
"""

import hashlib
import time
from collections.abc import Callable
from statistics import median
from typing import Final, TypeVar

import cv2

from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat
from bench import image_to_rows
from bench.images import drawn_bmp
from models.bundled import load_bundled, load_outliner
from models.classifier import Classifier
from models.outliner import Outliner
from worker import pipeline
from worker.pipeline import StoredImage

REPEATS: Final = 7
Result = TypeVar("Result")


def main() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    outliner = load_outliner()
    passes = [measure(stored_image(number), classifier, outliner) for number in range(REPEATS + 1)]
    steps = {name: median(one[name] for one in passes[1:]) for name in passes[0]}
    print(f"| step | CPU, ms (median of {REPEATS}) |\n|---|--:|")
    whole = {"stored bytes to committed rows": image_to_rows.measure()}
    for name, milliseconds in (steps | whole).items():
        print(f"| {name} | {milliseconds:.0f} |")


def stored_image(number: int) -> StoredImage:
    data = drawn_bmp(number)
    return StoredImage(data, hashlib.sha256(data).hexdigest(), ImageFormat.BMP)


def measure(stored: StoredImage, classifier: Classifier, outliner: Outliner) -> dict[str, float]:
    parameters = ImagingParameters()
    spent: dict[str, float] = {}
    pixels = timed(spent, "hash and decode", lambda: pipeline.read_pixels(stored, parameters))
    found = timed(
        spent, "inspect and segment", lambda: pipeline.inspect(pixels, parameters, outliner)
    )
    regions = found.regions
    timed(
        spent,
        "crop and classify",
        lambda: pipeline.classify(pixels, regions.row, regions.column, classifier),
    )
    return spent


def timed(spent: dict[str, float], name: str, work: Callable[[], Result]) -> Result:
    begun = time.process_time()
    result = work()
    spent[name] = 1000 * (time.process_time() - begun)
    return result


if __name__ == "__main__":
    main()
