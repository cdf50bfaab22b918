from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.errors import ProcessingFailed
from models.artefact import Bundle, Golden
from models.bundled import load_bundled
from models.classifier import (
    BATCH_CELLS,
    Classifier,
    count_class_flips,
    p_deformable,
    verify_golden,
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundled()


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return Classifier.load(bundle.onnx, bundle.manifest)


def test_every_row_is_a_distribution_over_the_outlets(
    bundle: Bundle, classifier: Classifier
) -> None:
    p_outlet = classifier.predict(bundle.golden.crops)
    assert p_outlet.shape == (len(bundle.golden.crops), len(bundle.manifest.outlets))
    assert p_outlet.dtype == np.float32
    assert p_outlet.min() >= 0
    assert np.allclose(p_outlet.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_answer_does_not_depend_on_the_batch(
    bundle: Bundle, classifier: Classifier, size: int
) -> None:
    crops = bundle.golden.crops[:BATCH_CELLS]
    together = classifier.predict(crops)
    apart = np.concatenate(
        [classifier.predict(crops[start : start + size]) for start in range(0, len(crops), size)]
    )
    assert np.abs(together - apart).max() <= 1e-6


def test_no_crops_give_no_rows(classifier: Classifier) -> None:
    assert classifier.predict(np.empty((0, 60, 60), np.uint8)).shape == (0, 4)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_even_crop_still_gives_finite_probabilities(classifier: Classifier, grey: int) -> None:
    p_outlet = classifier.predict(np.full((3, 60, 60), grey, np.uint8))
    assert np.isfinite(p_outlet).all()


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((2, 60, 61), np.uint8),
        np.zeros((60, 60), np.uint8),
        np.zeros((2, 60, 60), np.float32),
        np.zeros((2, 60, 60, 1), np.uint8),
    ],
)
def test_what_is_not_a_crop_is_refused(classifier: Classifier, crops: NDArray[np.uint8]) -> None:
    with pytest.raises(ProcessingFailed, match="model_input"):
        classifier.predict(crops)


def test_a_brighter_lamp_does_not_change_the_answer(bundle: Bundle, classifier: Classifier) -> None:
    crops = bundle.golden.crops
    dimmed = np.rint(crops * 0.8).astype(np.uint8)
    change = np.abs(classifier.predict(crops) - classifier.predict(dimmed))
    assert np.median(change.max(axis=1)) < 0.05


def test_deformable_is_outlet_three_or_lower() -> None:
    p_outlet = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.0, 0.0]], np.float32)
    assert p_deformable(p_outlet, (2, 3, 4, 5)) == pytest.approx([0.3, 1.0])
    assert p_deformable(p_outlet[:, :2], (3, 4)) == pytest.approx([0.1, 0.5])


def test_the_golden_crops_get_their_recorded_answers(
    bundle: Bundle, classifier: Classifier
) -> None:
    assert verify_golden(classifier, bundle.golden) <= bundle.golden.tolerance


def test_a_worker_that_computes_something_else_refuses_work(
    bundle: Bundle, classifier: Classifier
) -> None:
    other = replace(bundle.golden, crops=bundle.golden.crops[::-1].copy())
    with pytest.raises(ProcessingFailed, match="golden_mismatch"):
        verify_golden(classifier, other)


def test_a_cell_changes_its_class_by_the_smallest_step() -> None:
    before = np.array([[0.2, 0.3, 0.5, 0.0], [0.1, 0.1, 0.1, 0.7]], np.float32)
    after = before + np.array([[2e-6, 0, -2e-6, 0], [2e-6, 0, -2e-6, 0]], np.float32)
    assert count_class_flips(before, after, (2, 3, 4, 5)) == 1


def test_no_golden_crops_prove_nothing(bundle: Bundle, classifier: Classifier) -> None:
    none = Golden(bundle.golden.crops[:0], bundle.golden.probabilities[:0])
    with pytest.raises(ProcessingFailed, match="golden_mismatch"):
        verify_golden(classifier, none)


def test_golden_answers_of_another_network_are_refused(
    bundle: Bundle, classifier: Classifier
) -> None:
    other = replace(bundle.golden, probabilities=bundle.golden.probabilities[:, :2])
    with pytest.raises(ProcessingFailed, match="golden_mismatch"):
        verify_golden(classifier, other)


def test_golden_answers_that_are_not_numbers_never_match(
    bundle: Bundle, classifier: Classifier
) -> None:
    unknown = np.full_like(bundle.golden.probabilities, np.nan)
    with pytest.raises(ProcessingFailed, match="golden_mismatch"):
        verify_golden(classifier, replace(bundle.golden, probabilities=unknown))
