"""Writes app/web/error_codes.json: ``python -m tests.architecture.error_codes``.

For each operation, every error that its function can make, directly or in what it names: a
function, a class, a dependency. What is only handed over as a value is followed as well, so the
list may hold a code too many, never one too few that the code spells out.
"""

import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi.routing import APIRoute, iter_route_contexts

from app.main import create_app
from app.settings import Settings
from app.web.contract import CODES_PATH
from tests.architecture.errors_page import STATUS_BY_NAME, called_name, text_of
from tests.architecture.repository import ROOT, tracked_files

EVERY_CALL = {
    "400": {"key_in_url", "parameter_repeated"},
    "401": {"authentication_required"},
    "403": {"not_permitted"},
    "422": {"invalid_request", "value_unstorable"},
    "429": {"too_many_requests"},
    "503": {"database_unavailable"},
}
NOT_FOLLOWED = {"app.services.audit", "app.observability"}
Name = tuple[str, str]
"""A module, and a name at its top level."""


@dataclass
class Part:
    """What one top-level definition refuses with, and which others it names."""

    refusals: set[tuple[str, str]] = field(default_factory=set)
    names: set[Name] = field(default_factory=set)


def parts_of(path: Path) -> Iterator[tuple[Name, Part]]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = dict(imports_of(tree))
    for node in tree.body:
        for name in defined_by(node):
            yield (module, name), part_of(node, module, imported)


def imports_of(tree: ast.Module) -> Iterator[tuple[str, Name]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("app"):
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)


def defined_by(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def part_of(node: ast.stmt, module: str, imported: dict[str, Name]) -> Part:
    part = Part()
    for inner in ast.walk(node):
        match inner:
            case ast.Call() if called_name(inner) in STATUS_BY_NAME and len(inner.args) > 1:
                code = text_of(inner.args[0])
                if code and "…" not in code:
                    part.refusals.add((str(STATUS_BY_NAME[called_name(inner)]), code))
            case ast.Attribute(value=ast.Name(id=base), attr=attribute) if base in imported:
                package, name = imported[base]
                part.names |= {(f"{package}.{name}", attribute), imported[base]}
            case ast.Name(id=name):
                part.names.add(imported.get(name, (module, name)))
            case _:
                pass
    return part


def codes_by_operation() -> dict[str, dict[str, list[str]]]:
    parts = {name: part for path in tracked_files("app/*.py") for name, part in parts_of(path)}
    routes = [
        context.original_route for context in iter_route_contexts(create_app(Settings()).routes)
    ]
    return {
        route.name: codes_of((route.endpoint.__module__, route.endpoint.__name__), parts)
        for route in sorted(
            (route for route in routes if isinstance(route, APIRoute) and is_published(route)),
            key=lambda route: route.name,
        )
    }


def is_published(route: APIRoute) -> bool:
    return route.include_in_schema and route.endpoint.__module__.startswith("app.api.")


def codes_of(start: Name, parts: dict[Name, Part]) -> dict[str, list[str]]:
    codes: dict[str, set[str]] = defaultdict(set)
    for status, common in EVERY_CALL.items():
        codes[status] |= common
    waiting, seen = [start], {start}
    while waiting:
        part = parts.get(waiting.pop(), Part())
        for status, code in part.refusals:
            codes[status].add(code)
        fresh = {name for name in part.names - seen if name[0] not in NOT_FOLLOWED}
        seen |= fresh
        waiting += fresh
    return {status: sorted(codes[status]) for status in sorted(codes)}


def error_codes() -> str:
    return json.dumps(codes_by_operation(), indent=1) + "\n"


if __name__ == "__main__":
    CODES_PATH.write_text(error_codes(), encoding="utf-8")
