"""Type on a PDF page: the embedded fonts, what they can write, and lines that fit a width."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "DejaVuSansCondensed"
BOLD: Final = "DejaVuSansCondensed-Bold"
FALLBACK: Final = "DroidSansFallbackFull"
"""Chinese and Japanese; large, so opened only for a text that needs it."""
ELLIPSIS: Final = "…"
NO_BREAK: Final = "\u00a0\u202f"
"""Spaces that keep a figure and its unit on one line."""
_LOADING: Final = Lock()


@dataclass(frozen=True)
class Run:
    """Characters that one font can write."""

    font: str
    text: str


def font_named(name: str) -> TTFont:
    """An embedded font, opened once in a process."""
    with _LOADING:
        return _loaded(name)


@lru_cache
def _loaded(name: str) -> TTFont:
    font = TTFont(name, str(files("app.reports") / "fonts" / f"{name}.ttf"))
    pdfmetrics.registerFont(font)
    return font


def writable(text: str) -> str:
    """One line of what can be printed; characters of no font are written as their code points."""
    return "".join(_written(one) for one in unicodedata.normalize("NFC", text))


def _written(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return character if character in NO_BREAK else " "
    # Marks that turn the direction of what follows could make a page say something else.
    if category != "Cf" and _font_of(character, REGULAR):
        return character
    return f"U+{ord(character):04X}"


def runs_of(text: str, font: str) -> list[Run]:
    """Split a writable text where another font has to write."""
    runs: list[Run] = []
    for one in text:
        needed = _font_of(one, font) or font
        if runs and runs[-1].font == needed:
            runs[-1] = Run(needed, runs[-1].text + one)
        else:
            runs.append(Run(needed, one))
    return runs


def _font_of(character: str, font: str) -> str | None:
    """The font itself, else the regular one, else the fallback; None where nobody can."""
    return next((name for name in (font, REGULAR, FALLBACK) if _has(name, character)), None)


@lru_cache(maxsize=4096)
def _has(font: str, character: str) -> bool:
    return ord(character) in font_named(font).face.charToGlyph


def width_of(text: str, font: str, size: float) -> float:
    """In points, of a writable text."""
    return sum(pdfmetrics.stringWidth(run.text, run.font, size) for run in runs_of(text, font))


def cut_to(text: str, font: str, size: float, width: float) -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    if width_of(text, font, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width_of(text[:middle].rstrip() + ELLIPSIS, font, size) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + ELLIPSIS


def wrapped(text: str, font: str, size: float, width: float, *, most: int) -> list[str]:
    """Lines of whole words, at most so many; what is left out shows as an ellipsis."""
    lines: list[str] = []
    # No line holds more characters than points, and a note may be a book.
    words = writable(text[: int(most * width)]).split(" ")
    while words and len(lines) < most:
        taken = _words_that_fit(words, font, size, width)
        is_last = len(lines) == most - 1
        line = " ".join(words if is_last else words[:taken])
        lines.append(cut_to(line, font, size, width))
        words = words[taken:]
    return lines


def _words_that_fit(words: list[str], font: str, size: float, width: float) -> int:
    """How many words make the next line; a word wider than the line stands alone and is cut."""
    space, reach = width_of(" ", font, size), width_of(words[0], font, size)
    count = 1
    while count < len(words):
        reach += space + width_of(words[count], font, size)
        if reach > width:
            break
        count += 1
    return count
