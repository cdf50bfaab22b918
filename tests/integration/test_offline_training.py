"""The command that rebuilds the bundled network, on a handful of donors."""

import json
from pathlib import Path

import pytest

from models.artefact import read_bundle
from models.classifier import Classifier, verify_golden
from worker import offline


def test_the_command_leaves_a_bundle_that_a_worker_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offline.main(["train", "--quick", "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    onnx, manifest, golden = read_bundle(tmp_path)
    verify_golden(Classifier.load(onnx, manifest), golden)
    assert manifest.demonstration
    assert manifest.metrics["parity"] <= 1e-4
    assert manifest.score_error is not None
    assert json.loads(printed.out)["sha256"] == manifest.sha256
    assert "epoch 2/2" in printed.err


def test_the_command_needs_to_know_where_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        offline.main(["train"])
    assert left.value.code == 2
    assert "--bundle" in capsys.readouterr().err
