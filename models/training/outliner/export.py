"""From a fitted outliner to its ONNX file and description."""

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from models.artefact import sha256_of
from models.outliner import FORMAT, INPUT_NAME, OUTPUT_NAMES, Outliner
from models.training.outliner.architecture import untie, with_answers

OPSET: Final = 17
_KEPT_WHOLE: Final = 64
"""Weights of fewer numbers than this stay float32."""


def to_onnx(model: keras.Model) -> bytes:
    """Convert a fitted outliner to one self-contained ONNX file, its weights at half precision.

    The weights are widened again when the file is loaded; halving them costs no accuracy that
    could be measured and half the bytes.
    """
    answering = with_answers(untie(model))
    answering(np.zeros((1, 64, 64, 1), np.float32))  # Keras exports only what has been called
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outliner.onnx"
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            # Keras' bridge to tf2onnx reads np.object to see whether numpy still has it.
            warnings.filterwarnings("ignore", message=".*np.object.*", category=FutureWarning)
            answering.export(str(path), format="onnx", opset_version=OPSET, verbose=False)
        graph_model = onnx.load_model_from_string(path.read_bytes())
    _rename_outputs(graph_model.graph)
    _halve_weights(graph_model.graph)
    graph_model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.checker.check_model(graph_model)
    data: bytes = graph_model.SerializeToString(deterministic=True)
    return data


def describe(data: bytes, training: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    """The description that is shipped beside the file."""
    return {
        "format": FORMAT,
        "sha256": sha256_of(data),
        "input": INPUT_NAME,
        "outputs": list(OUTPUT_NAMES),
        "opset": OPSET,
        "data": "drawn cells only",
        "training": training,
        "figures": figures,
    }


def measure_parity(model: keras.Model, outliner: Outliner, sheet: NDArray[np.float32]) -> float:
    """Largest difference of a centre or kind probability between Keras and ONNX Runtime."""
    centre, _, kinds = with_answers(model).predict_on_batch(sheet[np.newaxis, :, :, np.newaxis])
    maps = outliner(sheet)
    kinds = np.moveaxis(kinds[0], 0, -1)
    return float(
        max(
            np.abs(centre[0, 0] - maps.centre).max(),
            np.abs((kinds - maps.kinds) * maps.centre[..., np.newaxis]).max(),
        )
    )


def _rename_outputs(graph: onnx.GraphProto) -> None:
    names = {port.name: wanted for port, wanted in zip(graph.output, OUTPUT_NAMES, strict=True)}
    for node in graph.node:
        for ports in (node.input, node.output):
            ports[:] = [names.get(name, name) for name in ports]
    for port in graph.output:
        port.name = names[port.name]


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Store each large float32 weight as float16, followed by a cast that loading folds away."""
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _KEPT_WHOLE:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
