"""What may be asked of a training run, and what one is told otherwise."""

from typing import Any

import pytest

from app.domain.errors import InvalidInput
from app.domain.training_config import RunConfig


def test_nothing_said_is_the_compact_network_held_out_by_donor() -> None:
    config = RunConfig.from_json({})
    assert (config.architecture, config.target, config.holdout) == ("compact", "outlet", "donor")
    assert config.folds == 5


def test_the_published_network_comes_with_its_published_settings() -> None:
    config = RunConfig.from_json({"architecture": "published", "batch_size": 64})
    assert (config.epochs, config.learning_rate, config.batch_size) == (40, 1e-3, 64)


def test_a_run_survives_its_saved_form() -> None:
    config = RunConfig.from_json({"holdout": "well", "cells_per_class": 500, "search": True})
    assert RunConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("values", "say"),
    [
        ({"epoch": 5}, "epoch is unknown"),
        ({"architecture": "resnet"}, "architecture is 'resnet', known are compact and published"),
        ({"target": 3}, "target is not a word"),
        ({"holdout": "image"}, "holdout is 'image'"),
        ({"folds": 2}, "folds is 2, allowed is 3 to 20"),
        ({"folds": 2.5}, "folds is not a whole number"),
        ({"epochs": True}, "epochs is not a whole number"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": "fast"}, "learning_rate is not a number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"cells_per_class": 3}, "cells_per_class is 3"),
        ({"seed": -1}, "seed is -1"),
        ({"search": 1}, "search is not true or false"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(values: dict[str, Any], say: str) -> None:
    with pytest.raises(InvalidInput, match=say) as refused:
        RunConfig.from_json(values)
    assert refused.value.code == "training_configuration"
