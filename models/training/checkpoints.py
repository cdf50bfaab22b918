"""What an interrupted fit needs to go on as if nothing had happened.

Weights, the optimiser's moments and step, the state of dropout's random numbers, the epochs so far
and the best weights yet. Everything else an epoch depends on is drawn from the seed and the
epoch's number.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.generic], ...]


class Checkpoints(Protocol):
    """Where a run keeps its state; a save replaces what was there, wholly or not at all."""

    def load(self, name: str) -> bytes | None: ...

    def save(self, name: str, data: bytes) -> None: ...


class NoCheckpoints:
    """Nothing is kept: an interrupted run starts anew."""

    def load(self, name: str) -> bytes | None:
        del name
        return None

    def save(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True)
class Epoch:
    """Progress after one pass.

    Attributes
    ----------
    choose_loss, choose_accuracy
        On cells that do not fit the weights; None where there are none.
    """

    number: int
    of: int
    loss: float
    accuracy: float
    choose_loss: float | None
    choose_accuracy: float | None


@dataclass(frozen=True)
class FitState:
    """A fit after its last whole epoch.

    Attributes
    ----------
    fingerprint
        Of data and configuration: another run's state is no use.
    variables, optimiser, best
        In the order Keras lists them; `best` is empty without patience.
    """

    fingerprint: str
    epochs: tuple[Epoch, ...]
    variables: Arrays
    optimiser: Arrays
    best: Arrays

    def to_bytes(self) -> bytes:
        head = {"fingerprint": self.fingerprint, "epochs": [asdict(one) for one in self.epochs]}
        arrays = {
            f"{kind}-{place:04d}": array
            for kind in ("variables", "optimiser", "best")
            for place, array in enumerate(getattr(self, kind))
        }
        buffer = io.BytesIO()
        np.savez(buffer, head=np.array(json.dumps(head)), **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self | None:
        """None where the bytes are no such state: the fit then starts anew."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                head = json.loads(str(arrays["head"]))
                return cls(
                    fingerprint=head["fingerprint"],
                    epochs=tuple(Epoch(**values) for values in head["epochs"]),
                    variables=_all_of(arrays, "variables"),
                    optimiser=_all_of(arrays, "optimiser"),
                    best=_all_of(arrays, "best"),
                )
        except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile):
            return None


def _all_of(arrays: np.lib.npyio.NpzFile, kind: str) -> Arrays:
    return tuple(arrays[name] for name in sorted(arrays.files) if name.startswith(f"{kind}-"))


@dataclass(frozen=True)
class FitCheckpoint:
    """One fit's place among a run's checkpoints."""

    store: Checkpoints
    name: str
    fingerprint: str

    def load(self) -> FitState | None:
        data = self.store.load(self.name)
        state = None if data is None else FitState.from_bytes(data)
        return state if state is not None and state.fingerprint == self.fingerprint else None

    def save(self, state: FitState) -> None:
        self.store.save(self.name, state.to_bytes())
