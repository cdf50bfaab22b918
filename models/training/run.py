"""One training run, from configuration to a checked bundle."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from models.artefact import Bundle, sha256_of
from models.classifier import Classifier
from models.evaluation import (
    evaluate,
    rigidity_score_error,
    size_only_accuracy,
    summarise_score_errors,
)
from models.manifest import Manifest, ScoreError
from models.training.architecture import CROP_PX, multiply_adds
from models.training.config import DrawnDonorsConfig, TrainingConfig
from models.training.dataset import CellSet, Partition, training_prior
from models.training.drawn_donors import draw_partition, draw_unsorted, report_donors
from models.training.export import OPSET, bundle_of, metadata_of, parity, to_onnx
from models.training.fit import Epoch, choose_temperature, fit_network

OnStep = Callable[[str], None]

N_GOLDEN: Final = 200
N_PARITY: Final = 512
UNHASHED: Final = "0" * 64


@dataclass(frozen=True)
class _Fitted:
    """A network after its last epoch, in Keras and through ONNX Runtime."""

    model: keras.Model
    onnx: bytes
    manifest: Manifest
    epochs: list[Epoch]
    fit_seconds: float

    def classifier(self) -> Classifier:
        return Classifier.load(self.onnx, self.manifest)


def build_bundle(
    name: str, training: TrainingConfig, drawn: DrawnDonorsConfig, *, on_step: OnStep
) -> Bundle:
    """Draw donors, fit a network to them, and report it on donors it has never seen.

    Parameters
    ----------
    name
        Of the model version.
    training, drawn
        Everything the result depends on; both are saved in its manifest.
    on_step
        Told one line at a time what is done.

    Returns
    -------
    A bundle marked as demonstration, parity and golden crops checked.
    """
    partition = draw_partition(drawn, on_step=on_step)
    on_step(
        f"fitting to {len(partition.fit)} cells of {len(partition.fit.donor_codes)} drawn donors"
    )
    fitted = _fit(name, training, partition, _data_of(partition, drawn), on_step)
    report = partition.report
    spread = _spread(len(report), N_PARITY)
    difference, _ = parity(fitted.model, fitted.classifier(), report.crops[spread])
    on_step(f"Keras and ONNX Runtime differ by at most {difference:.1e}")
    manifest = replace(
        fitted.manifest,
        metrics=_metrics(fitted, partition, difference),
        score_error=_score_error(fitted, drawn, on_step),
    )
    return bundle_of(fitted.onnx, manifest, report.crops[_spread(len(report), N_GOLDEN)])


def _fit(
    name: str,
    training: TrainingConfig,
    partition: Partition,
    data: dict[str, Any],
    on_step: OnStep,
) -> _Fitted:
    start = time.monotonic()
    model, epochs = fit_network(
        partition.fit,
        partition.choose,
        training,
        on_epoch=lambda epoch: on_step(
            f"epoch {epoch.number}/{epoch.of}: loss {epoch.loss:.4f}, on other donors "
            f"{epoch.choose_loss:.4f}, accuracy {epoch.choose_accuracy:.3f}"
        ),
    )
    fit_seconds = time.monotonic() - start
    temperature = choose_temperature(model, partition.choose, training)
    manifest = Manifest(
        name=name,
        architecture=training.architecture,
        target=training.target,
        outlets=training.outlets,
        crop_px=CROP_PX,
        normalisation=training.normalisation,
        opset=OPSET,
        sha256=UNHASHED,
        demonstration=True,
        temperature=temperature,
        training_prior=training_prior(partition.fit, training.outlets),
        data=data,
        training=training.to_json(),
        metrics={},
        score_error=None,
    )
    onnx_file = to_onnx(model, metadata_of(manifest))
    manifest = replace(manifest, sha256=sha256_of(onnx_file))
    return _Fitted(model, onnx_file, manifest, epochs, fit_seconds)


def _data_of(partition: Partition, drawn: DrawnDonorsConfig) -> dict[str, Any]:
    def described(cells: CellSet) -> dict[str, Any]:
        return {"donors": list(cells.donor_codes), "n_cells": len(cells)}

    return {
        "kind": "drawn",
        "configuration": drawn.to_json(),
        "fit": described(partition.fit),
        "choose": described(partition.choose),
        "report": described(partition.report),
    }


def _metrics(fitted: _Fitted, partition: Partition, difference: float) -> dict[str, Any]:
    fit, report = partition.fit, partition.report
    p_outlet = fitted.classifier().predict(report.crops)
    figures = evaluate(p_outlet, report.outlets, report.donors, fitted.manifest.outlets)
    size_only = size_only_accuracy(
        fit.diameters_um, fit.outlets, report.diameters_um, report.outlets
    )
    return figures | {
        "baselines": {"size_only": size_only},
        "parity": difference,
        "parameters": fitted.model.count_params(),
        "multiply_adds": multiply_adds(fitted.model),
        "fit_seconds": round(fitted.fit_seconds, 1),
        "epochs": [asdict(epoch) for epoch in fitted.epochs],
    }


def _score_error(fitted: _Fitted, drawn: DrawnDonorsConfig, on_step: OnStep) -> ScoreError | None:
    if fitted.manifest.target != "outlet" or drawn.n_report_donors < 2:
        return None
    classifier, errors = fitted.classifier(), []
    for donor in report_donors(drawn):
        sample = draw_unsorted(donor, drawn)
        errors.append(
            rigidity_score_error(
                classifier.predict(sample.crops),
                sample.drawn_outlets,
                fitted.manifest.outlets,
                fitted.manifest.training_prior,
            )
        )
        on_step(f"donor {donor.code}: {len(sample.crops)} unsorted cells, RS {errors[-1]:+.3f}")
    return summarise_score_errors(np.asarray(errors))


def _spread(n_cells: int, wanted: int) -> NDArray[np.int64]:
    """Indices spread evenly over all cells, hence over donors and outlets."""
    return np.unique(np.linspace(0, n_cells - 1, min(wanted, n_cells)).astype(np.int64))
