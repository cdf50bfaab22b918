"""A laboratory's own cells become a candidate: folds, resumption, figures, pictures, bundle.

Two epochs on a few hundred drawn crops teach a network next to nothing: what is tested is the path.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from app.domain.donor_score import ModelFigures
from app.domain.errors import InvalidInput
from app.domain.population import TrainingDonors
from models.classifier import Classifier, verify_golden
from models.manifest import Manifest
from models.training.dataset import LabelledCells, join_cells
from models.training.labelled import Progress, RunConfig, TrainedVersion, train
from tests.unit.labelled_cells import Kept, draw_cells

CONFIG = RunConfig(epochs=2, folds=3, batch_size=32, seed=11)


class Interrupted(Exception):  # noqa: N818  what a worker raises to stop a run
    pass


def run(
    cells: LabelledCells,
    config: RunConfig = CONFIG,
    *,
    checkpoints: Kept | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> TrainedVersion:
    return train(
        cells,
        config,
        name="laboratory",
        demonstration=True,
        on_progress=on_progress,
        checkpoints=checkpoints or Kept(),
    )


@pytest.fixture(scope="module")
def cells() -> LabelledCells:
    return draw_cells(["L1", "L2", "L3"], n_per_well=8)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def trained(cells: LabelledCells, told: list[Progress]) -> TrainedVersion:
    return run(cells, on_progress=told.append)


def test_a_run_tells_where_it_is_after_every_epoch(
    trained: TrainedVersion, told: list[Progress]
) -> None:
    assert trained.metrics["n_donors"] == 3
    places = [(one.stage, one.fold, one.epoch) for one in told]
    folds = [("fold", fold, epoch) for fold in (1, 2, 3) for epoch in (1, 2)]
    assert places == [*folds, ("final", 1, 1), ("final", 1, 2)]
    shares = [one.share_done for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_run_that_was_interrupted_gives_the_network_of_one_that_was_not(
    cells: LabelledCells, trained: TrainedVersion
) -> None:
    kept, seen = Kept(), []

    def stop_at(n_epochs: int) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            seen.append((progress.stage, progress.fold, progress.epoch))
            if len(seen) == n_epochs:
                raise Interrupted

        return tell

    with pytest.raises(Interrupted):
        run(cells, checkpoints=kept, on_progress=stop_at(3))
    resumed = run(cells, checkpoints=kept, on_progress=stop_at(0))
    assert len(seen) == len(set(seen)) == 8  # no epoch is run twice
    assert resumed.bundle.onnx == trained.bundle.onnx
    assert resumed.bundle.manifest == trained.bundle.manifest
    assert resumed.pictures == trained.pictures


def test_checkpoints_of_other_cells_are_not_used(cells: LabelledCells) -> None:
    kept = Kept()
    other = replace(cells, outlets=cells.outlets[::-1].copy(), wells=cells.wells[::-1].copy())

    def stop(_: Progress) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        run(other, checkpoints=kept, on_progress=stop)
    places = []

    def tell(progress: Progress) -> None:
        places.append(progress.epoch)
        raise Interrupted

    with pytest.raises(Interrupted):
        run(cells, checkpoints=kept, on_progress=tell)
    assert places == [1]


def test_the_bundle_is_whole_and_answers_as_it_did(trained: TrainedVersion) -> None:
    bundle = trained.bundle
    assert Manifest.from_text(bundle.manifest.to_text()) == bundle.manifest
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    assert verify_golden(classifier, bundle.golden) == 0
    assert trained.metrics["parity"] <= 1e-4
    assert bundle.manifest.training["run"] == CONFIG.to_json()


def test_every_cell_was_judged_by_a_network_that_did_not_know_its_donor(
    trained: TrainedVersion, cells: LabelledCells
) -> None:
    assert trained.metrics["n_cells"] == len(cells)
    for fold in trained.metrics["folds"]:
        parts = [set(fold[name]) for name in ("donors", "choose_donors", "fit_donors")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 3
    reported = [donor for fold in trained.metrics["folds"] for donor in fold["donors"]]
    assert sorted(reported) == ["L1", "L2", "L3"]


def test_metrics_have_what_clients_rely_on(trained: TrainedVersion) -> None:
    metrics = trained.metrics
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        assert 0 <= metrics[name] <= 1
    assert np.sum(metrics["confusion"]) == metrics["n_cells"]
    assert [row["donor"] for row in metrics["by_donor"]] == ["L1", "L2", "L3"]
    assert set(metrics["baselines"]) == {"size_only", "handcrafted", "light_only"}
    assert metrics["intervals"] is None  # three donors
    assert [row["factor"] for row in metrics["down_sampling"]] == [1, 2, 3, 4]
    assert len(metrics["skipped"]) == 3


def test_scoring_finds_errors_and_donors_in_the_manifest(trained: TrainedVersion) -> None:
    figures = ModelFigures.from_manifest(trained.bundle.manifest.to_json())
    assert figures.n_error_donors == 3
    assert figures.error is not None
    assert figures.training_donors is not None
    assert figures.training_donors.codes == ("L1", "L2", "L3")
    assert figures.error_rates is not None
    rates = trained.bundle.manifest.error_rates
    assert rates is not None
    assert [row["donor"] for row in rates["donors"]] == ["L1", "L2", "L3"]
    assert all(np.sum(row["confusion"]) == 64 for row in rates["donors"])


def test_a_training_donor_lies_near_itself(trained: TrainedVersion, cells: LabelledCells) -> None:
    donors = TrainingDonors.from_json(trained.bundle.manifest.training_donors)
    assert donors is not None
    placed = donors.place(donors.looks[1], n_cells=900, n_wells=2)
    assert placed.nearest[0] == "L2"
    assert placed.limits is None  # three donors say nothing of how near is near


def test_saliency_comes_as_two_pictures_with_the_share_inside_the_outline(
    trained: TrainedVersion,
) -> None:
    saliency = trained.metrics["saliency"]
    assert saliency["pictures"] == sorted(trained.pictures)
    assert sorted(trained.pictures) == ["saliency-smoothgrad.png", "saliency-vanilla.png"]
    for png in trained.pictures.values():
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (4 * 124, 8 * 124, 3)
    assert 0 < saliency["vanilla"]["share_inside"] < 1
    assert 0.1 < saliency["area_inside"] < 0.6


def test_a_two_class_network_with_everything_asked_for_comes_out_as_well(
    cells: LabelledCells,
) -> None:
    config = replace(
        CONFIG, target="class", epochs=1, search=True, learning_curve=True, well_transfer=True
    )
    told: list[Progress] = []
    version = run(cells.select(np.arange(0, len(cells), 2)), config, on_progress=told.append)
    stages = ("search", "final", "learning_curve", "well_transfer")
    assert {one.stage for one in told} == set(stages)
    assert told[-1].fit == told[-1].fits == 17
    assert version.bundle.manifest.outlets == (3, 4)
    assert [point["n_donors"] for point in version.metrics["learning_curve"]] == [1, 1, 1]
    assert set(version.metrics["well_transfer"]) >= {"across_wells", "pooled"}
    assert version.metrics["skipped"] == []


def test_cells_of_other_outlets_are_left_out_and_counted(cells: LabelledCells) -> None:
    strange = replace(
        cells.select(np.arange(10)),
        outlets=np.full(10, 7),
        cell_ids=np.array([f"strange {n}" for n in range(10)]),
        wells=np.full(10, "L1/outlet 7/well 1"),
    )

    def stop(_: Progress) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):  # accepted: the first epoch is reached
        run(join_cells([cells, strange]), on_progress=stop)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda c: c.select(c.donors != "L3"), "too_few_to_hold_out"),
        (lambda c: c.select(c.outlets > 3), "class_without_cells"),
        (lambda c: c.select(c.outlets != 3), "outlet_without_cells"),
        (lambda c: c.select((c.outlets != 5) | (c.donors == "L1")), "outlet_in_too_few_folds"),
        (lambda c: join_cells([c, c.select(np.arange(3))]), "cells_not_unique"),
        (lambda c: replace(c, crops=np.repeat(c.crops[:1], len(c), axis=0)), "partition_leak"),
    ],
)
def test_cells_that_cannot_train_are_refused_with_a_reason(
    cells: LabelledCells, spoil: Callable[[LabelledCells], LabelledCells], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(spoil(cells))
    assert refused.value.code == code
