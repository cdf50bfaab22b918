"""What other programs are told of a result: local codes, names that carry a direction, units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Direction(StrEnum):
    """Which way a value points; part of every name, so that no reader has to guess."""

    RIGID = "higher = more rigid"
    DEFORMABLE = "higher = more deformable"
    APART = "further from 0 = wells differ more"
    COUNT = "a count"
    DAYS = "higher = stored longer"
    WORD = "a word"
    LATER = "higher = later version"
    NAME = "a name"
    LINES = "each line says its direction"


@dataclass(frozen=True)
class ResultTerm:
    """One line of a result.

    Attributes
    ----------
    code
        Stable local code; what a site maps to its own tests or to LOINC.
    unit
        UCUM code of a number; None for words.
    n_digits
        Decimals that are told.
    method_of
        Figure of the score whose method stands behind it; None where there is none.
    """

    code: str
    title: str
    direction: Direction
    unit: str | None = None
    n_digits: int = 0
    method_of: str | None = None

    @property
    def name(self) -> str:
        """Title and direction, as receivers show it."""
        return f"{self.title} ({self.direction})"

    @property
    def is_number(self) -> bool:
        return self.unit is not None


def _bounds(term: ResultTerm, *, method_of: str) -> tuple[ResultTerm, ResultTerm, ResultTerm]:
    low, high = (
        ResultTerm(
            f"{term.code}-{mark}",
            f"{term.title}, {side} bound of 95 % interval",
            term.direction,
            term.unit,
            term.n_digits,
            method_of,
        )
        for mark, side in (("LO", "lower"), ("HI", "upper"))
    )
    return term, low, high


PANEL: Final = ResultTerm("RBCDEF", "Red cell deformability by image", Direction.LINES)
"""The report as a whole."""
RIGIDITY, RIGIDITY_LOW, RIGIDITY_HIGH = _bounds(
    ResultTerm(
        "RBCDEF-RS", "Image rigidity score", Direction.RIGID, "1", 2, method_of="rigidity_score"
    ),
    method_of="rigidity_interval",
)
DEFORMABILITY, DEFORMABILITY_LOW, DEFORMABILITY_HIGH = _bounds(
    ResultTerm(
        "RBCDEF-DS", "Deformability score", Direction.DEFORMABLE, "%", 1, "deformability_score"
    ),
    method_of="deformability_interval",
)
COUNTED: Final = ResultTerm(
    "RBCDEF-PC",
    "Share of cells called deformable, as counted",
    Direction.DEFORMABLE,
    "%",
    1,
    "fraction_deformable.counted",
)
CORRECTED: Final = ResultTerm(
    "RBCDEF-PA",
    "Share of deformable cells, corrected for known error",
    Direction.DEFORMABLE,
    "%",
    1,
    "fraction_deformable.corrected",
)
PUBLISHED: Final = ResultTerm(
    "RBCDEF-RS2",
    "Published two-class rigidity score",
    Direction.RIGID,
    "1",
    2,
    "published_rigidity_score",
)
CELLS: Final = ResultTerm("RBCDEF-CELLS", "Cells that count", Direction.COUNT, "1")
IMAGES: Final = ResultTerm("RBCDEF-IMAGES", "Images that count", Direction.COUNT, "1")
WELLS: Final = ResultTerm("RBCDEF-WELLS", "Wells that count", Direction.COUNT, "1")
REPLICATES: Final = ResultTerm(
    "RBCDEF-REP",
    "Difference of rigidity score between wells",
    Direction.APART,
    "1",
    2,
    "replicate_difference",
)
POPULATION: Final = ResultTerm(
    "RBCDEF-POP",
    "Where the donor lies among the training donors",
    Direction.WORD,
    method_of="population_basis",
)
QC: Final = ResultTerm("RBCDEF-QC", "State of the controls", Direction.WORD)
FLAGS: Final = ResultTerm("RBCDEF-FLAGS", "Codes of the findings", Direction.WORD)
STORAGE_DAY: Final = ResultTerm("RBCDEF-DAY", "Day of storage at sampling", Direction.DAYS, "d")
MEASURED: Final = (
    RIGIDITY, RIGIDITY_LOW, RIGIDITY_HIGH, DEFORMABILITY, DEFORMABILITY_LOW, DEFORMABILITY_HIGH,
    COUNTED, CORRECTED, PUBLISHED, CELLS, IMAGES, WELLS, REPLICATES, POPULATION, QC, FLAGS,
    STORAGE_DAY,
)  # fmt: skip
"""Every line of a result, in its order; a withdrawn one takes each of them back."""

VERSION: Final = ResultTerm("RBCDEF-VER", "Version of the report", Direction.LATER, "1")
REPORT: Final = ResultTerm("RBCDEF-REPORT", "Report", Direction.NAME)
MODEL: Final = ResultTerm("RBCDEF-MODEL", "Model version", Direction.NAME)
MODEL_SHA256: Final = ResultTerm("RBCDEF-MODELSHA", "Model SHA-256", Direction.NAME)
SOFTWARE: Final = ResultTerm("RBCDEF-SW", "Software", Direction.NAME)
ORIGIN: Final = (VERSION, REPORT, MODEL, MODEL_SHA256, SOFTWARE)
"""Where a result comes from, for receivers that know nothing but lines."""


def number_term(scheme: str) -> ResultTerm:
    """The line that tells a number of the site's own.

    Parameters
    ----------
    scheme
        Name of the scheme, such as ``unit``.
    """
    title = f"Number of the sample, {scheme.replace('_', ' ')}"
    return ResultTerm(f"RBCDEF-ID-{scheme.upper()}", title, Direction.NAME)


CODES: Final = frozenset(term.code for term in (PANEL, *MEASURED))
"""What may be mapped to LOINC."""

_LOINC: Final = re.compile(r"[0-9]{1,7}-[0-9]")


def is_loinc(code: str) -> bool:
    """Whether this has the form of a LOINC code and its check digit (mod 10, Luhn) is right."""
    if not _LOINC.fullmatch(code):
        return False
    number, check = code.split("-")
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number))]
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return (10 - total % 10) % 10 == int(check)


def parse_loinc(mapping: Mapping[str, str]) -> dict[str, str]:
    """Check a site's mapping from local codes to LOINC.

    Raises
    ------
    ValueError
        A local code that is not ours, or something that is not a LOINC code.
    """
    for code, loinc in mapping.items():
        if code not in CODES:
            raise ValueError(f"{code} is none of {', '.join(sorted(CODES))}")
        if not is_loinc(loinc):
            raise ValueError(f"{loinc} is not a LOINC code: its check digit does not fit")
    return dict(mapping)
