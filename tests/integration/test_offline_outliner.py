"""The command that trains the outliner, at the size that only tries the machinery."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.outliner import Outliner, read_digest
from worker import offline


def test_training_writes_an_outliner_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offline.main(["train-outliner", "--quick", "--output", str(tmp_path)]) == 0

    summary = json.loads(capsys.readouterr().out)
    digest = read_digest((tmp_path / "outliner.json").read_bytes())
    assert summary["sha256"] == digest
    outliner = Outliner.load((tmp_path / "outliner.onnx").read_bytes(), sha256=digest)
    assert outliner(np.zeros((64, 64), np.float32)).centre.shape == (16, 16)


def test_a_place_to_write_to_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        offline.main(["train-outliner"])

    assert stopped.value.code == offline.USAGE
    assert "--bundle" in capsys.readouterr().err
