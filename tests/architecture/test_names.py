"""The names that could be mistaken for something else are not."""

import importlib
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, tracked_files

VAGUE = {"utils", "util", "helpers", "common", "manager", "managers", "misc", "base_classes"}


def test_no_module_below_the_doors_is_called_models() -> None:
    assert [
        path for path in tracked_files("app/*.py", "worker/*.py") if path.stem == "models"
    ] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    modules = tracked_files("app/*.py", "models/*.py", "worker/*.py")
    assert [path for path in modules if {path.stem, path.parent.name} & VAGUE] == []


@pytest.mark.parametrize("package", ["app", "models", "worker", "tests", "bench"])
def test_each_package_resolves_to_this_checkout(package: str) -> None:
    (location,) = importlib.import_module(package).__path__
    assert Path(location) == ROOT / package


def test_the_first_line_of_models_says_what_a_model_is() -> None:
    first_line = (ROOT / "models" / "__init__.py").read_text(encoding="utf-8").splitlines()[0]
    assert "network" in first_line
    assert "table" in first_line
