"""The network the program ships with; `python -m worker.offline train` rebuilds it."""

from pathlib import Path
from typing import Final

from models.artefact import Bundle, read_bundle

BUNDLED_DIR: Final = Path(__file__).parent


def load_bundled() -> Bundle:
    """Read and check the shipped network."""
    return read_bundle(BUNDLED_DIR)
