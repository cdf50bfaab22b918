"""The network the program ships with."""

import numpy as np

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from models.artefact import GOLDEN_FILE, MODEL_FILE, sha256_of
from models.bundled import BUNDLED_DIR, load_bundled
from models.classifier import Classifier
from models.evaluation import class_accuracy, p_rigid
from models.training.drawn_donors import find_crops


def test_it_is_the_file_its_manifest_names() -> None:
    data = (BUNDLED_DIR / MODEL_FILE).read_bytes()
    assert sha256_of(data) == load_bundled().manifest.sha256


def test_it_says_that_it_is_a_demonstration() -> None:
    onnx, manifest, _ = load_bundled()
    assert manifest.demonstration
    assert manifest.data["kind"] == "drawn"
    assert b"demonstration" in onnx


def test_it_answers_for_the_four_outlets_with_an_even_prior() -> None:
    manifest = load_bundled().manifest
    assert manifest.outlets == IMAGED_OUTLETS
    assert manifest.training_prior == (0.25, 0.25, 0.25, 0.25)


def test_it_is_small_enough_to_ship() -> None:
    assert (BUNDLED_DIR / MODEL_FILE).stat().st_size < 1_000_000
    assert (BUNDLED_DIR / GOLDEN_FILE).stat().st_size < 1_000_000


def test_its_donors_are_used_for_one_purpose_each() -> None:
    data = load_bundled().manifest.data
    sets = [set(data[name]["donors"]) for name in ("fit", "choose", "report")]
    assert len(sets[0]) >= 24
    assert len(sets[2]) >= 8
    assert len(set.union(*sets)) == sum(len(donors) for donors in sets)


def test_it_reports_figures_of_held_out_donors() -> None:
    manifest = load_bundled().manifest
    assert manifest.metrics["accuracy"] > manifest.metrics["baselines"]["size_only"] + 0.15
    assert manifest.metrics["multiply_adds"] <= 10_000_000
    assert manifest.score_error is not None
    assert abs(manifest.score_error.bias) <= 0.05


def test_it_tells_rigid_from_deformable_cells_of_a_donor_it_has_never_seen() -> None:
    onnx, manifest, _ = load_bundled()
    classifier = Classifier.load(onnx, manifest)
    donor = draw_donor("NEVER-SEEN", 31)
    crops, outlets = [], []
    for outlet in IMAGED_OUTLETS:
        well = draw_well_look(donor, outlet=outlet, well=1)
        image = draw_image(donor, well, outlet=outlet, number=1, seed=31)
        crops.append(find_crops(image.pixels)[0])
        outlets.append(np.full(len(crops[-1]), outlet))
    truth = np.concatenate(outlets)
    rigid = p_rigid(classifier.predict(np.concatenate(crops)), manifest.outlets)
    assert len(truth) >= 200
    assert class_accuracy(rigid, truth) >= 0.75
