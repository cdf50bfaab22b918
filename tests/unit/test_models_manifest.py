import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.errors import InvalidInput
from models.bundled import load_bundled
from models.manifest import Manifest


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_bundled().manifest


def test_a_manifest_survives_the_way_through_text(manifest: Manifest) -> None:
    assert Manifest.from_text(manifest.to_text()) == manifest


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "pliant-model/2"),
        ("target", "species"),
        ("architecture", "transformer"),
        ("outlets", [5, 4, 3, 2]),
        ("outlets", [2, 3, 4, 13]),
        ("outlets", [3]),
        ("outlets", ["2", "3", "4", "5"]),
        ("crop_px", 0),
        ("crop_px", 60.0),
        ("crop_px", True),
        ("sha256", "abc"),
        ("demonstration", "yes"),
        ("temperature", 0),
        ("temperature", "1"),
        ("training_prior", [0.5, 0.5]),
        ("training_prior", [0.1, 0.2, 0.3, 0.3]),
        ("training_prior", [0.0, 0.3, 0.3, 0.4]),
        ("metrics", None),
        ("score_error", {"sd": 0.1}),
        ("score_error", 0.1),
        ("error_rates", {"held_out": "donor"}),
        ("error_rates", {"held_out": "donor", "outlets": [2, 3], "donors": [{"confusion": 7}]}),
        ("error_rates", []),
    ],
)
def test_a_manifest_that_could_mislead_is_refused(
    manifest: Manifest, member: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Manifest.from_json(manifest.to_json() | {member: value})
    assert refused.value.code == "model_manifest_invalid"


@pytest.mark.parametrize("text", ["", "[]", "null", "{", b"\xff\xfe"])
def test_what_is_no_manifest_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput, match="model_manifest_invalid"):
        Manifest.from_text(text)


def test_a_missing_member_is_named(manifest: Manifest) -> None:
    values = manifest.to_json()
    del values["normalisation"]
    with pytest.raises(InvalidInput, match="lacks normalisation"):
        Manifest.from_json(values)


def test_an_unknown_member_is_named(manifest: Manifest) -> None:
    with pytest.raises(InvalidInput, match="knows no colour"):
        Manifest.from_json(manifest.to_json() | {"colour": "red"})


def test_a_manifest_without_a_score_error_is_valid(manifest: Manifest) -> None:
    values: dict[str, Any] = json.loads(replace(manifest, score_error=None).to_text())
    assert Manifest.from_json(values).score_error is None
