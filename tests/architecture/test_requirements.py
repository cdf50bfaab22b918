"""The locks name versions and hashes, no addresses, and agree with what was asked for."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import ROOT, tracked_files

SETS = ("runtime", "train", "dev")
ADDRESS = re.compile(r"://|--(extra-)?index|--find-links|\bfile:|@ ")


def requirements_in(path: Path) -> list[Requirement]:
    lines = (line.partition(" #")[0].strip(" \\") for line in path.read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-", "--"))]


def pinned(name: str) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for requirement in requirements_in(ROOT / "requirements" / f"{name}.txt"):
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def version_of(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("name", SETS)
def test_a_lock_holds_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert ADDRESS.findall(text) == []


def test_no_lock_that_records_hosts_is_committed() -> None:
    assert tracked_files("uv.lock", "pylock*.toml", "poetry.lock", "*/pip.conf", ".npmrc") == []


@pytest.mark.parametrize("name", SETS)
def test_everything_asked_for_is_locked_in_an_allowed_version(name: str) -> None:
    locked = pinned(name)
    for wanted in requirements_in(ROOT / "requirements" / f"{name}.in"):
        choices = locked[canonicalize_name(wanted.name)]
        assert all(wanted.specifier.contains(version_of(choice)) for choice in choices), wanted


@pytest.mark.parametrize("name", SETS)
def test_every_locked_file_has_a_hash(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_package_is_locked_twice_in_different_versions() -> None:
    environment = {key: str(value) for key, value in default_environment().items()}
    seen: dict[str, str] = {}
    for name in SETS:
        for package, choices in pinned(name).items():
            for choice in choices:
                if choice.marker is None or choice.marker.evaluate(environment):
                    assert seen.setdefault(package, version_of(choice)) == version_of(choice), (
                        package
                    )


def test_tensorflow_is_locked_for_training_alone() -> None:
    heavy = {"tensorflow", "tensorflow-cpu", "keras", "tf2onnx"}
    assert heavy <= set(pinned("train"))
    assert not heavy & (set(pinned("runtime")) | set(pinned("dev")))


def test_what_is_installed_needs_nothing_that_is_not_locked() -> None:
    """A lock that went out of step with its packages would leave an import error for the start."""
    locked = {package for name in SETS for package in pinned(name)}
    missing = set()
    for package in locked:
        try:
            needs = requires(package) or []
        except PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                missing |= {canonicalize_name(need.name)} - locked
    assert missing == set()
