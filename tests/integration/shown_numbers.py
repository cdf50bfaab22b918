"""The numbers on a page, and whether an answer of the API says them, too."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, Final

HIDDEN: Final = frozenset({"script", "style", "svg", "form", "time", "code", "nav", "header"})
"""Charts draw what stands beside them; forms ask; times and names of methods are no figures."""
NUMBER: Final = re.compile(r"(?<![\w.-])([+\-−]?)(\d[\d,\u202f\u00a0]*(?:\.\d+)?)(\s?%)?(?![\w-])")

DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Shown:
    """A number as it is printed: its size, its digits after the point, whether per cent."""

    size: Decimal
    is_percent: bool
    section: str
    context: str

    @property
    def step(self) -> Decimal:
        exponent = self.size.as_tuple().exponent
        assert isinstance(exponent, int)
        return Decimal(1).scaleb(exponent)

    def is_said_by(self, told: set[float]) -> bool:
        """Whether a number of the answer, rounded as here, is this one; signs are words, too."""
        factors = (1, 100) if self.is_percent else (1,)
        half = float(self.step) / 2 * (1 + 1e-9) + 1e-12
        size = float(self.size)
        return any(abs(factor * abs(one) - size) <= half for one in told for factor in factors)


class _Reader(HTMLParser):
    """Collects the text of the page's main part by section, but for what is hidden here."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = defaultdict(str)
        self._hidden = 0
        self._inside = False
        self._sections = ["page"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "main":
            self._inside = True
        if tag == "section":
            self._sections.append(dict(attrs).get("aria-labelledby") or "page")
        if tag in HIDDEN:
            self._hidden += 1
        self.texts[self._sections[-1]] += " "

    def handle_endtag(self, tag: str) -> None:
        self.texts[self._sections[-1]] += " "
        if tag == "main":
            self._inside = False
        if tag == "section":
            self._sections.pop()
        if tag in HIDDEN:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if self._inside and not self._hidden:
            self.texts[self._sections[-1]] += data


def shown_numbers(page: str) -> Iterator[Shown]:
    """Every number of the page with the id of its section's heading, or ``page``."""
    reader = _Reader()
    reader.feed(page)
    for section, raw in reader.texts.items():
        text = re.sub(r"[ \n\t]+", " ", raw)
        for found in NUMBER.finditer(text):
            digits = re.sub(r"[,\u202f\u00a0]", "", found[2])
            around = text[max(found.start() - 40, 0) : found.end() + 20]
            yield Shown(Decimal(digits), found[3] is not None, section, around)


def told_numbers(answer: Any) -> set[float]:  # noqa: ANN401  JSON
    """Every number of an answer; those in its sentences and its keys are told as well."""
    if isinstance(answer, dict):
        return set().union(*(told_numbers([key, value]) for key, value in answer.items()))
    if isinstance(answer, list | tuple):
        return set().union(*map(told_numbers, answer))
    if isinstance(answer, str):
        # Ids and times hold digits enough to say anything.
        is_said = " " in answer or NUMBER.fullmatch(answer) or DAY.fullmatch(answer)
        return {float(one) for one in re.findall(r"\d+(?:\.\d+)?", answer)} if is_said else set()
    if answer is None or isinstance(answer, bool):
        return set()
    return {float(answer)}


def untold(page: str, told: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    """Where a page shows a number that no answer has.

    `told` are the answers by section, of which each section must find its numbers in its own;
    `known` are words around constants.
    """
    return [
        f"{one.section}: {one.context}"
        for one in shown_numbers(page)
        if not one.is_said_by(told_numbers(told.get(one.section)))
        and not any(words in one.context for words in known)
    ]
