"""The two architectures and the way from Keras to ONNX, on a few hundred drawn crops."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.imaging.normalisation import normalise_crops
from models.artefact import Bundle, sha256_of
from models.classifier import Classifier, verify_golden
from models.manifest import Manifest
from models.training import architecture, export, fit
from models.training.checkpoints import (
    Checkpoints,
    Epoch,
    FitCheckpoint,
    FitState,
    NoCheckpoints,
)
from models.training.compiled import CompiledNetworks
from models.training.config import TrainingConfig, published_config
from models.training.dataset import LabelledCells, training_prior
from models.training.schedule import learning_rate_at
from tests.unit.labelled_cells import Kept, draw_cells

TINY = TrainingConfig(epochs=3, batch_size=32, learning_rate=3e-3, seed=4)


@pytest.fixture(scope="module")
def cells() -> LabelledCells:
    return draw_cells(["T1", "T2"], n_per_well=20)


@pytest.fixture(scope="module")
def choose() -> LabelledCells:
    return draw_cells(["T3"], n_per_well=10)


@pytest.fixture(scope="module")
def fitted(cells: LabelledCells, choose: LabelledCells) -> Any:  # noqa: ANN401  Keras carries no types
    model, _ = fit.fit_network(cells, choose, TINY)
    return model


def manifest_of(config: TrainingConfig, cells: LabelledCells, onnx_file: bytes) -> Manifest:
    return Manifest(
        name="test",
        architecture=config.architecture,
        target=config.target,
        outlets=config.outlets,
        crop_px=60,
        normalisation=config.normalisation,
        opset=export.OPSET,
        sha256=sha256_of(onnx_file),
        demonstration=True,
        temperature=1.0,
        training_prior=training_prior(cells, config.outlets),
        data={},
        training=config.to_json(),
        metrics={},
        score_error=None,
    )


def exported(model: Any, config: TrainingConfig, cells: LabelledCells) -> Bundle:  # noqa: ANN401  see above
    onnx_file = export.to_onnx(model, {"normalisation": config.normalisation})
    return export.bundle_of(onnx_file, manifest_of(config, cells, onnx_file), cells.crops[:20])


def test_the_published_network_has_the_published_number_of_parameters() -> None:
    model = architecture.build_published(2)
    assert model.count_params() == 1_053_570
    assert round(architecture.multiply_adds(model) / 1e6) == 478


def test_the_compact_network_stays_within_ten_million_multiply_adds() -> None:
    assert architecture.multiply_adds(architecture.build_compact(4)) <= 10_000_000


@pytest.mark.parametrize("n_classes", [2, 4])
def test_ordered_classes_put_doubt_on_neighbours(n_classes: int) -> None:
    head = architecture.OrderedClasses(n_classes)
    places = np.linspace(-4, 4, 9, dtype=np.float32)
    p = np.asarray(head(np.stack([places, np.zeros_like(places)], axis=1)))
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (np.diff(p.argmax(axis=1)) >= 0).all()
    for row in p:
        rise = np.diff(row)
        assert (np.diff(np.sign(rise[np.abs(rise) > 1e-5])) <= 0).all()  # one peak


def test_a_fitted_network_says_the_same_through_onnx(fitted: Any, cells: LabelledCells) -> None:  # noqa: ANN401
    bundle = exported(fitted, TINY, cells)
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    largest, p_outlet = export.parity(fitted, classifier, cells.crops[:50])
    assert largest <= 1e-4
    assert p_outlet.shape == (50, 4)
    assert verify_golden(classifier, bundle.golden) == 0


def test_the_published_network_says_the_same_through_onnx(cells: LabelledCells) -> None:
    config = published_config()
    model = architecture.build_network(config)
    bundle = exported(model, config, cells)
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    assert export.parity(model, classifier, cells.crops[:8])[0] <= 1e-4


class Stopped(Exception):  # noqa: N818  what a worker raises to stop a fit
    pass


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_fit_with_patience_goes_on_after_any_epoch_to_the_same_weights(
    cells: LabelledCells, choose: LabelledCells, stop_after: int
) -> None:
    # A rate this high makes the choosing cells' loss jump, so that the best epoch is not the last.
    config = replace(TINY, epochs=5, learning_rate=0.05, patience_epochs=2)
    kept: dict[str, bytes] = {}
    networks = CompiledNetworks()

    def fit_with(on_epoch: fit.OnEpoch | None, store: Checkpoints) -> tuple[Any, list[Epoch]]:
        checkpoint = FitCheckpoint(store, "fit", "same")
        return fit.fit_network(
            cells, choose, config, on_epoch=on_epoch, checkpoint=checkpoint, networks=networks
        )

    def stop(epoch: Epoch) -> None:
        if epoch.number == stop_after:
            raise Stopped

    whole, epochs = fit_with(None, NoCheckpoints())
    with pytest.raises(Stopped):
        fit_with(stop, Kept(kept))
    resumed, again = fit_with(None, Kept(kept))
    assert again == epochs
    for one, two in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_what_is_no_checkpoint_is_passed_over() -> None:
    for data in (b"", b"PK\x03\x04", FitState("other", (), (), (), ()).to_bytes()):
        store = Kept({"fit": data})
        assert FitCheckpoint(store, "fit", "mine").load() is None


def test_a_seed_gives_the_same_weights_also_with_a_network_used_before(
    fitted: Any,  # noqa: ANN401
    cells: LabelledCells,
    choose: LabelledCells,
) -> None:
    networks = CompiledNetworks()
    fit.fit_network(cells, None, replace(TINY, epochs=1, seed=9), networks=networks)
    again, epochs = fit.fit_network(cells, choose, TINY, networks=networks)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].loss < epochs[0].loss
    for one, two in zip(fitted.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_the_learning_rate_rises_then_falls_and_the_published_one_hardly_moves() -> None:
    rates = [learning_rate_at(step, 10, TINY) for step in range(30)]
    assert rates[0] < rates[1] < rates[2] < rates[3] == pytest.approx(TINY.learning_rate)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[3:]))
    assert rates[-1] < 0.02 * TINY.learning_rate
    assert learning_rate_at(1000, 10, published_config()) == pytest.approx(1e-3, rel=2e-3)


def test_the_same_network_is_exported_to_the_same_bytes(fitted: Any) -> None:  # noqa: ANN401
    assert export.to_onnx(fitted, {}) == export.to_onnx(fitted, {})


@pytest.mark.parametrize("config", [TINY, replace(TINY, architecture="published")])
def test_softening_brings_every_answer_nearer_to_even(
    config: TrainingConfig, cells: LabelledCells
) -> None:
    model = architecture.build_network(config)
    tensor = normalise_crops(cells.crops[:8], version=config.normalisation)
    before = np.asarray(model.predict_on_batch(tensor))
    sharper = architecture.build_network(config)
    sharper.set_weights(model.get_weights())
    architecture.soften(sharper, 0.5)
    after = np.asarray(sharper.predict_on_batch(tensor))
    assert (after.max(axis=1) >= before.max(axis=1)).all()


def test_the_chosen_temperature_makes_other_donors_no_less_likely(
    fitted: Any,  # noqa: ANN401
    choose: LabelledCells,
) -> None:
    def log_loss() -> float:
        tensor = normalise_crops(choose.crops, version=TINY.normalisation)
        p = np.asarray(fitted.predict_on_batch(tensor))
        return -float(np.log(p[np.arange(len(p)), choose.outlets - 2]).mean())

    before = log_loss()
    assert fit.choose_temperature(fitted, choose, TINY) > 0
    assert log_loss() <= before + 1e-4
