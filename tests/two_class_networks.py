"""A two-class network for tests: the shipped one, its four outlets summed to two classes.

Its error rates are measured on drawn donors that did not fit it, as a training run would.
"""

import uuid
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from app.db.session import transaction
from app.db.tables import ModelVersion
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.storage import golden_key, model_key
from models.artefact import OUTPUT_NAME, Bundle, Golden, sha256_of
from models.bundled import load_bundled
from models.classifier import Classifier
from tests.laboratory import Laboratory

CLASSES: Final = (3, 4)
CELLS: Final = 40
"""Of each donor and outlet."""


@cache
def two_class_bundle() -> Bundle:
    shipped = load_bundled()
    model = onnx.load_model_from_string(shipped.onnx)
    _sum_outlets(model)
    data = model.SerializeToString()
    manifest = replace(
        shipped.manifest,
        name="two classes",
        target="class",
        outlets=CLASSES,
        training_prior=(0.5, 0.5),
        sha256=sha256_of(data),
        score_error=None,
        calibration=None,
    )
    crops = shipped.golden.crops
    golden = Golden(crops, Classifier.load(data, manifest).predict(crops))
    return Bundle(data, manifest, golden)


def _sum_outlets(model: onnx.ModelProto) -> None:
    graph = model.graph
    for node in graph.node:
        node.output[:] = ["by_outlet" if name == OUTPUT_NAME else name for name in node.output]
    sums = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    graph.initializer.append(numpy_helper.from_array(sums, "classes_of_outlets"))
    graph.node.append(
        helper.make_node("MatMul", ["by_outlet", "classes_of_outlets"], [OUTPUT_NAME])
    )
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(CLASSES)
    for entry in model.metadata_props:
        if entry.key == "outlets":
            entry.value = ",".join(str(outlet) for outlet in CLASSES)


@cache
def measured_error_rates(n_donors: int) -> dict[str, Any]:
    """The manifest's member, over drawn donors."""
    bundle = two_class_bundle()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    donors = [_measure(f"RATES{number}", classifier) for number in range(n_donors)]
    return {
        "held_out": "donor",
        "positive": "deformable",
        "outlets": list(IMAGED_OUTLETS),
        "donors": donors,
    }


def _measure(code: str, classifier: Classifier) -> dict[str, Any]:
    donor = draw_donor(code, 31)
    truth = np.repeat(np.array(IMAGED_OUTLETS), CELLS)
    look = draw_well_look(donor, outlet=None, well=1)
    crops, _ = draw_crops(donor, look, truth, seed=1)
    is_deformable = classifier.predict(crops)[:, 0] >= 0.5
    called = [int(is_deformable[truth == outlet].sum()) for outlet in IMAGED_OUTLETS]
    return {
        "donor": code,
        "deformable": {"true": 2 * CELLS, "called": sum(called[:2])},
        "rigid": {"true": 2 * CELLS, "called": 2 * CELLS - sum(called[2:])},
        "confusion": [[n_cells, CELLS - n_cells] for n_cells in called],
    }


def install_two_classes(laboratory: Laboratory, error_rates: dict[str, Any] | None) -> uuid.UUID:
    """A version beside the active one, ready to be asked for by its id."""
    bundle = two_class_bundle()
    manifest = replace(bundle.manifest, error_rates=error_rates)
    laboratory.store.put_once(model_key(manifest.sha256), bundle.onnx)
    laboratory.store.put_once(golden_key(manifest.sha256), bundle.golden.to_bytes())
    with transaction(laboratory.sessions) as session:
        version = ModelVersion(
            name=manifest.name,
            sha256=manifest.sha256,
            manifest=manifest.to_json(),
            is_demonstration=True,
        )
        session.add(version)
        session.flush()
        return version.id
