"""The networks the program ships with; `make bundle` and `make outliner` rebuild them."""

from pathlib import Path
from typing import Final

from models.artefact import Bundle, read_bundle
from models.outliner import Outliner, read_digest

BUNDLED_DIR: Final = Path(__file__).parent
OUTLINER_FILE: Final = "outliner.onnx"
OUTLINER_DESCRIPTION: Final = "outliner.json"


def load_bundled() -> Bundle:
    """Read and check the shipped network."""
    return read_bundle(BUNDLED_DIR)


def load_outliner() -> Outliner:
    """Read the shipped outliner, checked against the digest in its description."""
    sha256 = read_digest((BUNDLED_DIR / OUTLINER_DESCRIPTION).read_bytes())
    return Outliner.load((BUNDLED_DIR / OUTLINER_FILE).read_bytes(), sha256=sha256)
