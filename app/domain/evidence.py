"""What a signature covers: the parts of the evidence, each with its own digest, and one for all."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SCHEMA: Final = "pliant-evidence/1"


@dataclass(frozen=True)
class Evidence:
    """The record that a signature is bound to.

    Attributes
    ----------
    parts
        JSON values by part: ``identity``, ``images``, ``exclusions``, ``model``, ``parameters``,
        ``score``, ``reference``.
    """

    parts: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Canonical JSON: the same parts always give the same text."""
        return canonical({"schema": SCHEMA, **self.parts})

    @property
    def sha256(self) -> str:
        return sha256_of(self.text)

    def differing(self, signed: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parts that are not as they were signed.

        Parameters
        ----------
        signed
            What `text` held when it was signed.
        """
        names = {**signed, **self.parts}.keys() - {"schema"}
        return tuple(
            sorted(name for name in names if _differs(self.parts, signed, name))
            + (["schema"] if signed.get("schema") != SCHEMA else [])
        )


def canonical(values: Mapping[str, Any]) -> str:
    """JSON with sorted names and no spaces.

    Raises
    ------
    ValueError
        A figure that is not a number, which no signature should cover.
    """
    return json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of(text: str) -> str:
    return sha256_of_bytes(text.encode())


def sha256_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _differs(mine: Mapping[str, Any], signed: Mapping[str, Any], name: str) -> bool:
    if name not in mine or name not in signed:
        return True
    return canonical({name: mine[name]}) != canonical({name: signed[name]})
