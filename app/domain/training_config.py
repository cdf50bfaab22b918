"""What an administrator decides about a training run, checked before anything is drawn.

Everything else a run depends on follows from the architecture and is saved in the manifest.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from app.domain.errors import InvalidInput
from app.domain.partitions import FEWEST_FOLDS, Holdout

ARCHITECTURES: Final = ("compact", "published")
TARGETS: Final = ("outlet", "class")
PUBLISHED_DEFAULTS: Final = {"epochs": 40, "learning_rate": 1e-3, "batch_size": 32}
"""Data article, donor 4; the defaults of the class are the compact network's."""

RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "folds": (FEWEST_FOLDS, 20),
    "epochs": (1, 200),
    "learning_rate": (1e-5, 0.1),
    "batch_size": (8, 512),
    "cells_per_class": (20, 100_000),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A training run as asked for.

    Attributes
    ----------
    architecture, target
        ``compact`` or ``published``; ``outlet`` or ``class``.
    holdout, folds
        What folds do not share, and how many there are.
    epochs, learning_rate, batch_size
        Of each fit; an epoch shows as many crops as the fitting cells are.
    cells_per_class
        At most so many deformable and so many rigid cells, spread over wells; None: all.
    seed
        Of folds, weights, order and augmentation.
    search
        Try other learning rates and epochs inside each fold's fitting and choosing cells; about
        four times as long.
    learning_curve
        Also fit to fewer donors.
    well_transfer
        Also fit to each outlet's first well and report on the others.
    """

    architecture: str = "compact"
    target: str = "outlet"
    holdout: Holdout = Holdout.DONOR
    folds: int = 5
    epochs: int = 22
    learning_rate: float = 2e-3
    batch_size: int = 64
    cells_per_class: int | None = None
    seed: int = 20_230_108
    search: bool = False
    learning_curve: bool = False
    well_transfer: bool = False

    def __post_init__(self) -> None:
        _refuse_unless_one_of("architecture", self.architecture, ARCHITECTURES)
        _refuse_unless_one_of("target", self.target, TARGETS)
        for name in RANGES:
            self._check_range(name)

    def _check_range(self, name: str) -> None:
        value = getattr(self, name)
        low, high = RANGES[name]
        if value is not None and not low <= value <= high:
            raise _refusal(f"{name} is {value:g}, allowed is {low:g} to {high:g}")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a request or a saved run; what is missing gets the architecture's default.

        Raises
        ------
        InvalidInput
            ``training_configuration``, naming the member that is unknown, ill-typed or out of
            range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise _refusal(f"{unknown[0]} is unknown; known are {', '.join(sorted(known))}")
        given = {name: _READERS[name](name, value) for name, value in values.items()}
        defaults = PUBLISHED_DEFAULTS if given.get("architecture") == "published" else {}
        return cls(**{**defaults, **given})

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"holdout": str(self.holdout)}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _refusal(f"{name} is not a word")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refusal(f"{name} is not true or false")
    return value


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refusal(f"{name} is not a whole number")
    return value


def _whole_or_none(name: str, value: object) -> int | None:
    return None if value is None else _whole(name, value)


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(f"{name} is not a number")
    return float(value)


def _holdout(name: str, value: object) -> Holdout:
    _refuse_unless_one_of(name, _text(name, value), tuple(Holdout))
    return Holdout(_text(name, value))


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "architecture": _text,
    "target": _text,
    "holdout": _holdout,
    "folds": _whole,
    "epochs": _whole,
    "learning_rate": _real,
    "batch_size": _whole,
    "cells_per_class": _whole_or_none,
    "seed": _whole,
    "search": _flag,
    "learning_curve": _flag,
    "well_transfer": _flag,
}


def _refuse_unless_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _refusal(f"{name} is {value!r}, known are {' and '.join(known)}")


def _refusal(cause: str) -> InvalidInput:
    return InvalidInput(
        "training_configuration", f"This training run is refused: {cause}; correct it."
    )
