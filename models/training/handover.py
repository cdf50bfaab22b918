"""From a fitted network to a bundle: described, exported, compared with Keras."""

from dataclasses import dataclass, replace
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from models.artefact import Bundle, sha256_of
from models.classifier import Classifier
from models.manifest import Manifest
from models.training.architecture import CROP_PX, multiply_adds
from models.training.config import TrainingConfig
from models.training.dataset import LabelledCells
from models.training.export import OPSET, bundle_of, metadata_of, parity, to_onnx

N_GOLDEN: Final = 200
N_PARITY: Final = 512
UNHASHED: Final = "0" * 64
"""Until the file is there to be hashed."""


@dataclass(frozen=True)
class Labels:
    """What a model version is called, and of what kind it is."""

    name: str
    demonstration: bool


def describe(
    labels: Labels,
    config: TrainingConfig,
    *,
    temperature: float,
    prior: tuple[float, ...],
    data: dict[str, Any],
) -> Manifest:
    """A manifest without file and figures."""
    return Manifest(
        name=labels.name,
        architecture=config.architecture,
        target=config.target,
        outlets=config.outlets,
        crop_px=CROP_PX,
        normalisation=config.normalisation,
        opset=OPSET,
        sha256=UNHASHED,
        demonstration=labels.demonstration,
        temperature=temperature,
        training_prior=prior,
        data=data,
        training=config.to_json(),
        metrics={},
        score_error=None,
    )


def hand_over(model: keras.Model, manifest: Manifest, cells: LabelledCells) -> Bundle:
    """Export a network, and keep its own answers to some cells.

    Parameters
    ----------
    manifest
        Without the file's hash; its metrics gain parity and size.
    cells
        To compare Keras with ONNX Runtime on, and to take golden crops from.

    Raises
    ------
    ProcessingFailed
        ``export_parity``.
    """
    onnx_file = to_onnx(model, metadata_of(manifest))
    manifest = replace(manifest, sha256=sha256_of(onnx_file))
    compared = cells.crops[spread(len(cells), N_PARITY)]
    difference, _ = parity(model, Classifier.load(onnx_file, manifest), compared)
    size = {
        "parity": difference,
        "parameters": model.count_params(),
        "multiply_adds": multiply_adds(model),
    }
    manifest = replace(manifest, metrics={**manifest.metrics, **size})
    return bundle_of(onnx_file, manifest, cells.crops[spread(len(cells), N_GOLDEN)])


def spread(n_cells: int, wanted: int) -> NDArray[np.int64]:
    """Indices spread evenly over all cells, hence over donors and outlets."""
    return np.unique(np.linspace(0, n_cells - 1, min(wanted, n_cells)).astype(np.int64))
