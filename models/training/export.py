"""From a fitted Keras network to a checked bundle: ONNX, manifest, golden crops."""

import contextlib
import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from app.domain.errors import ProcessingFailed
from app.domain.imaging.normalisation import normalise_crops
from models.artefact import INPUT_NAME, OUTPUT_NAME, Bundle, Golden
from models.classifier import Classifier
from models.manifest import Manifest

if TYPE_CHECKING:
    import keras

OPSET: Final = 17
PARITY_TOLERANCE: Final = 1e-4
"""Largest difference of a probability between Keras and ONNX Runtime."""


@dataclass(frozen=True)
class Exported:
    """An ONNX file and how far its answers lie from Keras'."""

    onnx: bytes
    parity: float


def to_onnx(model: "keras.Model", metadata: dict[str, str]) -> bytes:
    """Convert a network to one self-contained ONNX file with our names and open batch dimension.

    Parameters
    ----------
    model
        Input ``crops`` (batch, 60, 60, 1), one output.
    metadata
        Written into the file, for whoever finds it without its manifest.
    """
    side_px = model.input_shape[1]
    model(np.zeros((1, side_px, side_px, 1), np.float32))  # Keras exports only what has been called
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            # Keras' bridge to tf2onnx reads np.object to see whether numpy still has it.
            warnings.filterwarnings("ignore", message=".*np.object.*", category=FutureWarning)
            model.export(str(path), format="onnx", opset_version=OPSET, verbose=False)
        graph_model = onnx.load_model_from_string(path.read_bytes())
    _name_by_place(graph_model.graph)
    for port in (*graph_model.graph.input, *graph_model.graph.output):
        port.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(graph_model, metadata)
    data: bytes = graph_model.SerializeToString(deterministic=True)
    return data


def _name_by_place(graph: onnx.GraphProto) -> None:
    """Name nodes, values and weights by their place: the same network gives the same bytes.

    The converter numbers them on through the life of the process.
    """
    names = {graph.input[0].name: INPUT_NAME, graph.output[0].name: OUTPUT_NAME, "": ""}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    used = [name for node in graph.node for name in node.input if name in weights]
    ordered = list(dict.fromkeys(used))
    names |= {name: f"weight_{place}" for place, name in enumerate(ordered)}
    for place, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{place}"
        for port, name in enumerate(node.output):
            names.setdefault(name, f"value_{place}_{port}")
    for node in graph.node:
        for ports in (node.input, node.output):
            ports[:] = [names[name] for name in ports]
    tensors = [weights[name] for name in ordered]
    for tensor in tensors:
        tensor.name = names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    del graph.value_info[:]
    graph.doc_string = ""
    graph.input[0].name, graph.output[0].name = INPUT_NAME, OUTPUT_NAME


def metadata_of(manifest: Manifest) -> dict[str, str]:
    """What a stranger needs to feed the file correctly."""
    return {
        "input": INPUT_NAME,
        "outlets": ",".join(str(outlet) for outlet in manifest.outlets),
        "normalisation": manifest.normalisation,
        "crop_px": str(manifest.crop_px),
        "demonstration": str(manifest.demonstration).lower(),
    }


def parity(
    model: "keras.Model", classifier: Classifier, crops: NDArray[np.uint8]
) -> tuple[float, NDArray[np.float32]]:
    """Compare Keras with ONNX Runtime on the same crops.

    Parameters
    ----------
    crops
        uint8, shape (n, 60, 60).

    Returns
    -------
    largest
        Largest absolute difference of a probability.
    probabilities
        ONNX Runtime's answers, float32, shape (n, outlets).

    Raises
    ------
    ProcessingFailed
        ``export_parity``: the file would not give the answers that were evaluated.
    """
    tensor = normalise_crops(crops, version=classifier.manifest.normalisation)
    expected = np.asarray(model.predict_on_batch(tensor))
    probabilities = classifier.predict(crops)
    largest = float(np.abs(probabilities - expected).max())
    if not largest <= PARITY_TOLERANCE:
        raise ProcessingFailed(
            "export_parity",
            f"The exported network differs from the trained one by {largest:.2g}; "
            "report this with the training configuration.",
        )
    return largest, probabilities


def bundle_of(onnx_file: bytes, manifest: Manifest, golden_crops: NDArray[np.uint8]) -> Bundle:
    """Join file, manifest and the file's own answers to the golden crops."""
    classifier = Classifier.load(onnx_file, manifest)
    golden = Golden(crops=golden_crops, probabilities=classifier.predict(golden_crops))
    return Bundle(onnx_file, manifest, golden)
