"""What the published contract says of every call alike: tags, repeats, and each refusal's codes.

Which call can refuse with which code is worked out from the code by `make docs`, not by hand; a
test compares.
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from app.web.errors import refusals

CODES_PATH: Final = Path(__file__).with_name("error_codes.json")
"""By operation: the status and code of everything that its code can refuse with."""
UNTOLD: Final = "Successful Response"
"""What the framework says where a route says nothing."""
ANSWERS: Final = {
    "200": "What was asked for, or what it is after the change.",
    "201": "Made, and durable; `Location`, where there is one, says where it is.",
    "202": "Accepted, and durable; it is worked on, `Location` says where to follow it.",
    "204": "Done; there is nothing to say.",
}
TAG: Final = {
    "ETag": {
        "description": "Changes when the answer does: for `If-None-Match` and `If-Match`.",
        "schema": {"type": "string"},
    }
}
REPLAYED: Final = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the first answer to this key once more.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
UNCHANGED: Final = {"description": "What `If-None-Match` names is still what is there."}
OPEN: Final = frozenset({"get_livez", "get_readyz", "get_metrics", "get_version"})
"""Calls that ask nobody who they are; a test compares with the routes."""
WAYS_IN: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pliant_…",
        "description": "A program's API key: `Authorization: Bearer pliant_…`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "pliant",
        "description": "A signed-in browser's cookie, `__Host-pliant` over https. No key signs: "
        "release and amend take a person's session, and the password again.",
    },
}

Operation = dict[str, Any]


def complete(document: dict[str, Any]) -> None:
    """Add to every operation, in place, what holds for all of its kind."""
    codes: dict[str, dict[str, list[str]]] = json.loads(CODES_PATH.read_text(encoding="utf-8"))
    for method, operation in _operations(document):
        answers = operation["responses"]
        if _takes_key(operation):
            answers.setdefault("409", refusals(409)[409])
        _name_codes(answers, codes.get(operation["operationId"], {}))
        for status, answer in answers.items():
            if answer.get("description") == UNTOLD:
                answer["description"] = ANSWERS[status]
        _tell_headers(method, operation)
        is_open = operation["operationId"] in OPEN
        operation["security"] = [] if is_open else [{name: []} for name in WAYS_IN]
        operation["responses"] = dict(sorted(answers.items()))
    document["components"]["securitySchemes"] = WAYS_IN
    _tell_pairs(document)


def _tell_pairs(part: object) -> None:
    """Write pairs of the same kind as arrays with `items`, in place: few generators know better."""
    if isinstance(part, dict):
        kinds = part.get("prefixItems", [])
        if kinds and all(kind == kinds[0] for kind in kinds):
            part["items"] = part.pop("prefixItems")[0]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            _tell_pairs(inner)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for methods in document["paths"].values():
        yield from methods.items()


def _takes_key(operation: Operation) -> bool:
    parameters = operation.get("parameters", ())
    return any(parameter["name"] == "Idempotency-Key" for parameter in parameters)


def _name_codes(answers: dict[str, Any], codes: Mapping[str, list[str]]) -> None:
    for status, named in codes.items():
        if status in answers:
            listed = ", ".join(f"`{code}`" for code in named)
            phrase = HTTPStatus(int(status)).phrase
            answers[status] |= {"description": f"{phrase}: {listed}", "x-codes": named}


def _tell_headers(method: str, operation: Operation) -> None:
    answers = operation["responses"]
    made = [answer for status, answer in answers.items() if status in ("200", "201", "202")]
    if _takes_key(operation):
        for answer in made:
            answer.setdefault("headers", {}).update(REPLAYED)
    is_json = any("application/json" in answer.get("content", {}) for answer in made)
    if method in ("get", "patch") and is_json and "200" in answers:
        answers["200"].setdefault("headers", {}).update(TAG)
        if method == "get":
            answers["304"] = UNCHANGED
