"""From a configuration to the outliner's two files."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.domain.errors import ProcessingFailed
from models.outliner import Outliner
from models.training.outliner.config import OutlinerConfig
from models.training.outliner.export import describe, measure_parity, to_onnx
from models.training.outliner.fit import fit_outliner
from models.training.outliner.measure import measure_looks
from models.training.outliner.patches import draw_patches

PARITY_TOLERANCE: Final = 0.02
"""Largest difference of a probability that halving the weights may make."""
_PROGRESS_EVERY: Final = 1000


class TrainedOutliner(NamedTuple):
    """The ONNX file and its description."""

    onnx: bytes
    description: dict[str, Any]


def train_outliner(
    config: OutlinerConfig, *, on_step: Callable[[str], None] = lambda _: None
) -> TrainedOutliner:
    """Draw patches, fit, export, check and measure.

    Raises
    ------
    ProcessingFailed
        ``export_parity``: the file would not give the answers that were fitted.
    """
    started = time.monotonic()
    patches = draw_patches(
        config.patches,
        config.n_patches,
        seed=config.seed,
        processes=config.processes,
        on_progress=lambda n: on_step(f"{n} patches") if n % _PROGRESS_EVERY == 0 else None,
    )
    drawn = time.monotonic()
    model = fit_outliner(config, patches, on_step=on_step)
    fitted = time.monotonic()
    data = to_onnx(model)
    outliner = Outliner.load(data)
    parity = measure_parity(model, outliner, patches.sheets[0].astype("float32"))
    if not parity <= PARITY_TOLERANCE:
        raise ProcessingFailed(
            "export_parity",
            f"The exported network differs from the trained one by {parity:.2g}; "
            "report this with the training configuration.",
        )
    figures = {
        "parity": parity,
        "drawing_seconds": round(drawn - started),
        "fitting_seconds": round(fitted - drawn),
        "looks": measure_looks(outliner, n_fields=config.measured_fields),
    }
    return TrainedOutliner(data, describe(data, config.to_json(), figures))


def write_outliner(trained: TrainedOutliner, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outliner.onnx").write_bytes(trained.onnx)
    text = json.dumps(trained.description, indent=2, allow_nan=False) + "\n"
    (folder / "outliner.json").write_text(text, encoding="utf-8")
