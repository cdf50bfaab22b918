"""Writes docs/errors.md from the code: ``python -m tests.architecture.errors_page``."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.domain.errors import PliantError
from app.web import errors
from tests.architecture.repository import ROOT, tracked_files

PAGE = ROOT / "docs" / "errors.md"
PREFACE = """\
# Errors

Every refusal has a stable code that programs may rely on; the message beside it is for people and
may change. The API sends both as `application/problem+json` (RFC 9457) with the status below. A
refusal inside a worker is never an answer: it becomes the recorded failure of a job. An ellipsis
stands for what is filled in. Written from the code by `make docs`.

| code | status | message |
|---|---|---|
"""


def error_classes(root: type[PliantError]) -> Iterator[type[PliantError]]:
    yield root
    for kind in root.__subclasses__():
        yield from error_classes(kind)


STATUS_BY_NAME = {
    kind.__name__: errors.STATUS[next(k for k in kind.__mro__ if k in errors.STATUS)].value
    for kind in error_classes(PliantError)
    if kind is not PliantError
}


class Refusal(NamedTuple):
    code: str
    status: int
    message: str


def errors_page() -> str:
    refusals = {
        refusal
        for path in tracked_files("app/*.py", "models/*.py", "worker/*.py")
        for refusal in refusals_in(path)
    }
    refusals |= {Refusal(code, status, text) for status, (code, text) in errors._HTTP_CODES.items()}
    rows = (f"| `{code}` | {status} | {message} |\n" for code, status, message in sorted(refusals))
    return PREFACE + "".join(rows)


def refusals_in(path: Path) -> Iterator[Refusal]:
    """Wherever an error of the tree is made, by its own name, with a literal code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and called_name(node) in STATUS_BY_NAME
            and len(node.args) > 1
        ):
            code, message = (text_of(argument) for argument in node.args[:2])
            if code is not None and "…" not in code:
                yield Refusal(
                    code, STATUS_BY_NAME[called_name(node)], " ".join((message or "…").split())
                )


def called_name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def text_of(expression: ast.expr) -> str | None:
    """The text of a string, with … for what an f-string fills in."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or "…" for part in parts)
        case _:
            return None


if __name__ == "__main__":
    PAGE.write_text(errors_page(), encoding="utf-8")
