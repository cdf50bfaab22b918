"""Cells per second on one core: through ONNX Runtime and through Keras' predict.

CPU time of one thread, the best of several passes: a busy machine still lowers it.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.normalisation import normalise_crops
from bench.network.drawn import draw_cells, name_donors
from models.classifier import Classifier
from models.training.architecture import build_network, multiply_adds
from models.training.config import TrainingConfig, published_config
from models.training.handover import Labels, describe, hand_over

PASSES: Final = 5
N_CELLS: Final = {"compact": 1024, "published": 64}


def measure_speed() -> dict[str, dict[str, Any]]:
    cells = draw_cells(name_donors("SPEED", 4), n_per_well=32, seed=3).cells
    figures = {}
    for config in (TrainingConfig(), published_config()):
        model = build_network(config)
        columns = config.outlets
        manifest = describe(
            Labels("speed", demonstration=True),
            config,
            temperature=1.0,
            prior=(1 / len(columns),) * len(columns),
            data={},
        )
        bundle = hand_over(model, manifest, cells.select(np.arange(8)))
        crops = cells.crops[: N_CELLS[config.architecture]]
        classifier = Classifier.load(bundle.onnx, bundle.manifest)
        figures[config.architecture] = {
            "parameters": model.count_params(),
            "multiply_adds": multiply_adds(model),
            "onnx_runtime": _cells_per_second(lambda: classifier.predict(crops), len(crops)),  # noqa: B023  called at once
            "keras_predict": _cells_per_second(lambda: _predict(model, crops, config), len(crops)),  # noqa: B023  see above
        }
    return figures


def _predict(
    model: keras.Model, crops: NDArray[np.uint8], config: TrainingConfig
) -> NDArray[np.float32]:
    """As whoever has only Keras would: its own batches of 32."""
    tensor = normalise_crops(crops, version=config.normalisation)
    answers: NDArray[np.float32] = model.predict(tensor, verbose=0)
    return answers


def _cells_per_second(work: Callable[[], object], n_cells: int) -> float:
    work()
    spent = []
    for _ in range(PASSES):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return n_cells / min(spent)
