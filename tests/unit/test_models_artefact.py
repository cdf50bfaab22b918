"""A network file is refused unless it is exactly what its manifest says."""

import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from app.domain.errors import InvalidInput, PliantError, ProcessingFailed, TooLarge
from models.artefact import (
    MAX_ONNX_BYTES,
    Bundle,
    Golden,
    check_onnx,
    read_bundle,
    sha256_of,
    write_bundle,
)
from models.bundled import load_bundled
from models.manifest import Manifest


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundled()


def described(data: bytes, manifest: Manifest) -> Manifest:
    """Return the manifest an attacker would write: the right hash for the wrong file."""
    return replace(manifest, sha256=sha256_of(data))


def spoil(bundle: Bundle, change: Callable[[onnx.ModelProto], None]) -> tuple[bytes, Manifest]:
    model = onnx.load_model_from_string(bundle.onnx)
    change(model)
    data = model.SerializeToString()
    return data, described(data, bundle.manifest)


def point_elsewhere(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def use_a_custom_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].domain = "com.example"


def use_a_loop(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Loop"


def bring_a_function(model: onnx.ModelProto) -> None:
    function = model.functions.add()
    function.name, function.domain = "Relu", "ai.onnx"


def invent_an_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Deformability"


def put_nan_into_a_weight(model: onnx.ModelProto) -> None:
    floats = next(
        t for t in model.graph.initializer if numpy_helper.to_array(t).dtype == np.float32
    )
    values = numpy_helper.to_array(floats).copy()
    values.flat[0] = np.nan
    floats.CopyFrom(numpy_helper.from_array(values, floats.name))


def want_larger_crops(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64


def fix_the_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def answer_twice(model: onnx.ModelProto) -> None:
    model.graph.output.add().CopyFrom(model.graph.output[0])


def rename_the_input(model: onnx.ModelProto) -> None:
    old = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["images" if name == old else name for name in node.input]
    model.graph.input[0].name = "images"


def claim_an_older_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 9


def cut_a_wire(model: onnx.ModelProto) -> None:
    model.graph.node[-1].input[0] = "nowhere"


def hide_a_graph(model: onnx.ModelProto) -> None:
    attribute = model.graph.node[-1].attribute.add()
    attribute.name, attribute.type = "body", onnx.AttributeProto.GRAPH
    attribute.g.name = "within"


def bring_training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.CopyFrom(model.graph)


def put_nan_into_an_attribute(model: onnx.ModelProto) -> None:
    nan = helper.make_node("Constant", [], ["unused"], value_float=float("nan"))
    model.graph.node.insert(0, nan)


def use_strings(model: onnx.ModelProto) -> None:
    words = onnx.TensorProto(
        name="words", data_type=onnx.TensorProto.STRING, dims=[1], string_data=[b"import os"]
    )
    model.graph.initializer.append(words)


def use_numbers_nobody_can_look_at(model: onnx.ModelProto) -> None:
    eighths = helper.make_tensor("eighths", onnx.TensorProto.FLOAT8E4M3FN, [1], b"\x7f", raw=True)
    model.graph.initializer.append(eighths)


def claim_more_weights_than_there_are(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 1 << 40


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (hide_a_graph, "model_operator_unknown"),
        (bring_training, "model_operator_unknown"),
        (put_nan_into_an_attribute, "model_weights_not_finite"),
        (use_strings, "model_weights_of_unknown_type"),
        (use_numbers_nobody_can_look_at, "model_weights_of_unknown_type"),
        (claim_more_weights_than_there_are, "model_not_onnx"),
        (point_elsewhere, "model_external_data"),
        (use_a_custom_operator, "model_operator_unknown"),
        (use_a_loop, "model_operator_unknown"),
        (invent_an_operator, "model_operator_unknown"),
        (bring_a_function, "model_operator_unknown"),
        (put_nan_into_a_weight, "model_weights_not_finite"),
        (want_larger_crops, "model_wrong_shape"),
        (fix_the_batch, "model_wrong_shape"),
        (answer_twice, "model_wrong_shape"),
        (rename_the_input, "model_wrong_shape"),
        (claim_an_older_opset, "model_wrong_opset"),
        (cut_a_wire, "model_not_onnx"),
    ],
)
def test_a_spoilt_network_is_refused_with_its_reason(
    bundle: Bundle, change: Callable[[onnx.ModelProto], None], code: str
) -> None:
    data, manifest = spoil(bundle, change)
    with pytest.raises(PliantError) as refused:
        check_onnx(data, manifest)
    assert refused.value.code == code


def test_one_flipped_bit_is_noticed(bundle: Bundle) -> None:
    data = bytearray(bundle.onnx)
    data[len(data) // 2] ^= 1
    with pytest.raises(ProcessingFailed, match="model_digest_mismatch"):
        check_onnx(bytes(data), bundle.manifest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a zip archive",
        pickle.dumps({"weights": [1.0, 2.0]}),
        np.arange(10).tobytes(),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_stranger_with_the_right_hash_is_refused(bundle: Bundle, data: bytes) -> None:
    with pytest.raises(InvalidInput, match="model_not_onnx"):
        check_onnx(data, described(data, bundle.manifest))


def test_a_cut_off_file_is_refused(bundle: Bundle) -> None:
    data = bundle.onnx[: len(bundle.onnx) // 2]
    with pytest.raises(InvalidInput, match="model_not_onnx"):
        check_onnx(data, described(data, bundle.manifest))


def test_a_file_too_large_is_refused_before_it_is_read(bundle: Bundle) -> None:
    with pytest.raises(TooLarge, match="model_too_large"):
        check_onnx(bytes(MAX_ONNX_BYTES + 1), bundle.manifest)


def test_a_manifest_for_fewer_outlets_does_not_fit_the_network(bundle: Bundle) -> None:
    manifest = replace(bundle.manifest, outlets=(3, 4), training_prior=(0.5, 0.5))
    with pytest.raises(InvalidInput, match="model_wrong_shape"):
        check_onnx(bundle.onnx, manifest)


def test_weights_hidden_in_a_constant_are_looked_at(bundle: Bundle) -> None:
    def add_constant(model: onnx.ModelProto) -> None:
        nan = helper.make_tensor("hidden", onnx.TensorProto.FLOAT, [1], [float("inf")])
        model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value=nan))

    data, manifest = spoil(bundle, add_constant)
    with pytest.raises(InvalidInput, match="model_weights_not_finite"):
        check_onnx(data, manifest)


def test_a_bundle_survives_its_folder(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "new")
    again = read_bundle(tmp_path / "new")
    assert again.onnx == bundle.onnx
    assert again.manifest == bundle.manifest
    assert np.array_equal(again.golden.crops, bundle.golden.crops)
    assert np.array_equal(again.golden.probabilities, bundle.golden.probabilities)


def plain_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def packed(**arrays: Any) -> bytes:  # noqa: ANN401  whatever a stranger may pack
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


CROPS = np.zeros((2, 60, 60), np.uint8)
ANSWERS = np.full((2, 4), 0.25, np.float32)
TOLERANCE = np.float64(1e-5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        pickle.dumps([1]),
        plain_array(),
        packed(crops=CROPS, probabilities=ANSWERS),
        packed(crops=np.array([{}, {}]), probabilities=ANSWERS, tolerance=TOLERANCE),
        packed(crops=CROPS.astype(float), probabilities=ANSWERS, tolerance=TOLERANCE),
        packed(crops=CROPS[:1], probabilities=ANSWERS, tolerance=TOLERANCE),
        packed(crops=CROPS[:0], probabilities=ANSWERS[:0], tolerance=TOLERANCE),
        packed(crops=CROPS, probabilities=ANSWERS * np.nan, tolerance=TOLERANCE),
        packed(crops=CROPS, probabilities=ANSWERS, tolerance=np.float64(1.0)),
        packed(crops=CROPS, probabilities=ANSWERS, tolerance=np.float64("nan")),
        packed(
            crops=np.zeros((9000, 60, 60), np.uint8), probabilities=ANSWERS, tolerance=TOLERANCE
        ),
    ],
)
def test_golden_crops_that_cannot_be_read_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="golden_crops_unreadable"):
        Golden.from_bytes(data)
