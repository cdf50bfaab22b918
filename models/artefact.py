"""A network as a file: the bundle of ONNX, manifest and golden crops, and the checks on each.

A file is checked before ONNX Runtime sees it, because it may have been uploaded, half written or
exported by a future version: hash, format, operators, shapes and weights, in that order.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from app.domain.errors import InvalidInput, ProcessingFailed, TooLarge
from models.manifest import Manifest

MAX_ONNX_BYTES: Final = 64_000_000
"""The published network has 4.2 MB; an order of magnitude is left for others."""
MAX_GOLDEN_BYTES: Final = 16_000_000
"""Unpacked; two hundred crops with their answers have less than one."""
LARGEST_TOLERANCE: Final = 1e-3
"""A golden answer that may be further off guards nothing."""
MAX_OPSET: Final = 18
INPUT_NAME: Final = "crops"
OUTPUT_NAME: Final = "probabilities"

# One word per line would hide the rest of the file.
# fmt: off
KNOWN_OPERATORS: Final = frozenset(
    {
        "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv",
        "Div", "Exp", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
        "Identity", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg", "Pad", "Pow", "ReduceMax",
        "ReduceMean", "ReduceSum", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Softmax",
        "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze",
    }
)
# fmt: on
"""What a classifier of crops needs. No control flow, no custom domain, nothing that allocates by
a number in its input."""

KNOWN_TYPES: Final = frozenset(
    {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.INT32,
        onnx.TensorProto.INT64,
        onnx.TensorProto.BOOL,
    }
)
"""Of weights and constants: those whose values can be looked at."""

MODEL_FILE: Final = "model.onnx"
MANIFEST_FILE: Final = "manifest.json"
GOLDEN_FILE: Final = "golden.npz"


@dataclass(frozen=True)
class Golden:
    """Crops with the answers the network gave when it was exported.

    Attributes
    ----------
    crops
        uint8, shape (n, crop_px, crop_px).
    probabilities
        float32, shape (n, outlets), rows sum to 1.
    tolerance
        Largest absolute difference that still counts as the same answer.
    """

    crops: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    tolerance: float = 1e-5

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            crops=self.crops,
            probabilities=self.probabilities,
            tolerance=np.float64(self.tolerance),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Golden":
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidInput
            ``golden_crops_unreadable``: another file, pickled objects, arrays that are no crops
            with their answers, or a tolerance that would accept any answer.
        """
        try:
            golden = cls._read(data)
        except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise _golden_unreadable() from error
        if not golden._is_sound:
            raise _golden_unreadable()
        return golden

    @classmethod
    def _read(cls, data: bytes) -> "Golden":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # A few packed kilobytes can hold terabytes of zeros.
            if sum(member.file_size for member in archive.infolist()) > MAX_GOLDEN_BYTES:
                raise _golden_unreadable()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(
                crops=arrays["crops"],
                probabilities=arrays["probabilities"],
                tolerance=float(arrays["tolerance"]),
            )

    @property
    def _is_sound(self) -> bool:
        return (
            self.crops.dtype == np.uint8
            and self.crops.ndim == 3
            and self.probabilities.dtype == np.float32
            and self.probabilities.ndim == 2
            and len(self.probabilities) == len(self.crops) > 0
            and bool(np.isfinite(self.probabilities).all())
            and 0.0 <= self.tolerance <= LARGEST_TOLERANCE
        )


def _golden_unreadable() -> InvalidInput:
    return InvalidInput(
        "golden_crops_unreadable", "The golden crops cannot be read; export the model again."
    )


class Bundle(NamedTuple):
    """The three parts that make a model version."""

    onnx: bytes
    manifest: Manifest
    golden: Golden


def read_bundle(folder: Path) -> Bundle:
    """Read and check the three files of a bundle; see `check_onnx` for what is refused."""
    manifest = Manifest.from_text((folder / MANIFEST_FILE).read_bytes())
    data = (folder / MODEL_FILE).read_bytes()
    check_onnx(data, manifest)
    golden = Golden.from_bytes((folder / GOLDEN_FILE).read_bytes())
    return Bundle(data, manifest, golden)


def write_bundle(bundle: Bundle, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(bundle.onnx)
    (folder / MANIFEST_FILE).write_text(bundle.manifest.to_text(), encoding="utf-8")
    (folder / GOLDEN_FILE).write_bytes(bundle.golden.to_bytes())


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_onnx(data: bytes, manifest: Manifest) -> None:
    """Refuse a network file that is not exactly what its manifest says.

    Parameters
    ----------
    data
        The ONNX file.
    manifest
        Its description, already read strictly.

    Raises
    ------
    TooLarge
        ``model_too_large``.
    ProcessingFailed
        ``model_digest_mismatch``: the bytes are not the ones described.
    InvalidInput
        ``model_not_onnx``, ``model_external_data``, ``model_operator_unknown``,
        ``model_wrong_opset``, ``model_wrong_shape``, ``model_weights_of_unknown_type``,
        ``model_weights_not_finite``.
    """
    if len(data) > MAX_ONNX_BYTES:
        raise TooLarge(
            "model_too_large",
            f"The network file has {len(data)} bytes, more than {MAX_ONNX_BYTES}; "
            "export a smaller network.",
        )
    if sha256_of(data) != manifest.sha256:
        raise ProcessingFailed(
            "model_digest_mismatch",
            "The network file is not the one its manifest names; restore or export it again.",
        )
    model = _parse(data)
    _check_self_contained(model)
    _check_operators(model)
    _check_opset(model, manifest)
    _check_by_schema(model)
    _check_shapes(model, manifest)
    _check_weights(model)


def _parse(data: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise _not_onnx() from error
    # Protocol buffers decode many strangers into an empty message without complaint.
    if not model.ir_version or not model.graph.node:
        raise _not_onnx()
    return model


def _not_onnx() -> InvalidInput:
    return InvalidInput(
        "model_not_onnx", "The network file is not an ONNX model; export the network as ONNX."
    )


def _check_self_contained(model: onnx.ModelProto) -> None:
    external = onnx.TensorProto.EXTERNAL
    for tensor in _tensors(model):
        if tensor.data_location == external or tensor.external_data:
            raise InvalidInput(
                "model_external_data",
                f"The network keeps {tensor.name or 'a constant'} in another file; "
                "export it as one file.",
            )


def _check_operators(model: onnx.ModelProto) -> None:
    if model.functions:
        raise _unknown_operator(f"function {model.functions[0].name}")
    if model.training_info:
        raise _unknown_operator("a graph for training")
    for node in model.graph.node:
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise _unknown_operator(f"a graph inside {node.op_type}")
        if node.domain not in {"", "ai.onnx"}:
            raise _unknown_operator(f"{node.domain}.{node.op_type}")
        if node.op_type not in KNOWN_OPERATORS:
            raise _unknown_operator(node.op_type)


def _unknown_operator(name: str) -> InvalidInput:
    return InvalidInput(
        "model_operator_unknown",
        f"The network uses {name}, which is not allowed here; export it without it.",
    )


def _check_opset(model: onnx.ModelProto, manifest: Manifest) -> None:
    versions = {item.domain: item.version for item in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    if version != manifest.opset or version > MAX_OPSET:
        raise InvalidInput(
            "model_wrong_opset",
            f"The network has opset {version}, its manifest {manifest.opset}, the limit is "
            f"{MAX_OPSET}; export it with opset {MAX_OPSET} or less.",
        )


def _check_by_schema(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InvalidInput(
            "model_not_onnx",
            "The network breaks the rules of ONNX; export it again.",
            reason=str(error)[:500],
        ) from error


def _check_shapes(model: onnx.ModelProto, manifest: Manifest) -> None:
    crop = (None, manifest.crop_px, manifest.crop_px, 1)
    _check_port("input", list(model.graph.input), INPUT_NAME, crop)
    row = (None, len(manifest.outlets))
    _check_port("output", list(model.graph.output), OUTPUT_NAME, row)


def _check_port(
    kind: str,
    ports: list[onnx.ValueInfoProto],
    name: str,
    shape: tuple[int | None, ...],
) -> None:
    """Refuse unless there is one port of that name, float32, the batch dimension left open."""
    found = [(port.name, port.type.tensor_type.elem_type, _shape(port)) for port in ports]
    if found != [(name, onnx.TensorProto.FLOAT, shape)]:
        raise InvalidInput(
            "model_wrong_shape",
            f"The network's {kind} is not one float32 tensor {name!r} of shape "
            f"({', '.join('batch' if size is None else str(size) for size in shape)}); "
            "export it with this program.",
        )


def _shape(port: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    dimensions = port.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dimensions)


def _check_weights(model: onnx.ModelProto) -> None:
    for tensor in _tensors(model):
        if tensor.data_type not in KNOWN_TYPES:
            kind = onnx.TensorProto.DataType.Name(tensor.data_type)
            raise InvalidInput(
                "model_weights_of_unknown_type",
                f"The network's {tensor.name or 'constant'} holds numbers of type {kind}, which "
                "is not allowed here; export it as float32.",
            )
        values = numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and not bool(np.isfinite(values).all()):
            raise _not_finite(tensor.name or "constant")
    for node in model.graph.node:
        for attribute in node.attribute:
            if not np.isfinite([attribute.f, *attribute.floats]).all():
                raise _not_finite(f"{attribute.name} of {node.op_type}")


def _not_finite(name: str) -> InvalidInput:
    return InvalidInput(
        "model_weights_not_finite",
        f"The network's {name} holds a value that is not a finite number; train it again.",
    )


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every array in the file, wherever ONNX lets one hide."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
            yield from attribute.tensors
