"""Further networks for tests of promotion: the shipped one, its answers moved by a known step."""

import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from app.db.session import transaction
from app.db.tables import ModelVersion
from app.services import promotions
from app.storage import golden_key, model_key
from models.artefact import Bundle, Golden, sha256_of
from models.bundled import load_bundled
from models.classifier import Classifier
from tests.laboratory import Laboratory

PLACE_BIAS = "compact_1/place_and_steepness_1/BiasAdd/ReadVariableOp:0"
"""Where on the scale of outlets the network puts a cell, in its last layer but one."""


def moved_bundle(name: str, *, step: float, **manifest: Any) -> Bundle:  # noqa: ANN401  members of a manifest
    """The shipped network, putting every cell `step` further along; other bytes for any step."""
    shipped = load_bundled()
    model = onnx.load_model_from_string(shipped.onnx)
    model.doc_string = name
    for tensor in model.graph.initializer:
        if tensor.name == PLACE_BIAS:
            moved = numpy_helper.to_array(tensor) + np.array([step, 0], np.float32)
            tensor.CopyFrom(numpy_helper.from_array(moved.astype(np.float32), tensor.name))
    data = model.SerializeToString()
    described = replace(shipped.manifest, name=name, sha256=sha256_of(data), **manifest)
    crops = shipped.golden.crops
    golden = Golden(crops, Classifier.load(data, described).predict(crops))
    return Bundle(data, described, golden)


def add_candidate(
    laboratory: Laboratory,
    name: str = "candidate",
    *,
    step: float = 0.0,
    demonstration: bool = False,
    trained_by: str | None = None,
    **manifest: Any,  # noqa: ANN401  members of a manifest
) -> uuid.UUID:
    """A new version with its files, and the preview that every candidate gets, still queued."""
    bundle = moved_bundle(name, step=step, demonstration=demonstration, **manifest)
    sha256 = bundle.manifest.sha256
    laboratory.store.put_once(model_key(sha256), bundle.onnx)
    laboratory.store.put_once(golden_key(sha256), bundle.golden.to_bytes())
    with transaction(laboratory.sessions) as session:
        version = ModelVersion(
            name=name,
            sha256=sha256,
            manifest=bundle.manifest.to_json(),
            is_demonstration=demonstration,
            trained_by=trained_by,
        )
        session.add(version)
        session.flush()
        promotions.request_preview(session, version.id)
        return version.id


FIGURES: dict[str, Any] = {
    "accuracy": 0.90,
    "intervals": {"accuracy": [0.88, 0.92]},
    "by_donor": [{"donor": f"D{i}", "n_cells": 400, "accuracy": 0.9} for i in range(1, 7)],
    "calibration_error": 0.02,
}
"""Metrics that a gate reads, of a decent network."""


def figures(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  members of the metrics
    return FIGURES | {"intervals": {"accuracy": [0.895, 0.92]}} | changes


def error_rates(share: float = 0.9, **worse: float) -> dict[str, Any]:
    """A confusion in which `share` of each outlet's 1000 cells is on the right side."""
    shares = [worse.get(f"outlet_{outlet}", share) for outlet in (2, 3, 4, 5)]
    right = [round(1000 * one) for one in shares]
    confusion = [
        [right[0], 0, 0, 1000 - right[0]], [0, right[1], 1000 - right[1], 0],
        [0, 1000 - right[2], right[2], 0], [1000 - right[3], 0, 0, right[3]],
    ]  # fmt: skip
    return {
        "held_out": "donor", "positive": "deformable", "outlets": [2, 3, 4, 5],
        "donors": [{"donor": "D1", "deformable": {"true": 2000, "called": 1800},
                    "rigid": {"true": 2000, "called": 1800}, "confusion": confusion}],
    }  # fmt: skip
