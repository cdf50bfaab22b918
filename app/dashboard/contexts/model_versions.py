"""Model versions: the list, and one version's manifest and figures."""

from dataclasses import dataclass

from app.dashboard.contexts.sample import Fact
from app.dashboard.contexts.wording import Chip, MomentText


@dataclass(frozen=True)
class ModelVersionRow:
    href: str
    name: str
    state: Chip
    is_demonstration: bool
    architecture: str
    outlets: str
    accuracy: str
    score_error: str
    created: MomentText


@dataclass(frozen=True)
class ModelVersionsPage:
    rows: tuple[ModelVersionRow, ...]


@dataclass(frozen=True)
class ModelVersionPage:
    name: str
    state: Chip
    is_demonstration: bool
    figures: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    sections: tuple[tuple[str, tuple[Fact, ...]], ...]
    manifest: str
