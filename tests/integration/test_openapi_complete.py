"""An integrator needs nothing but the contract: what each call takes, gives and refuses."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from app.main import create_app, openapi_document
from app.settings import Settings
from app.web.contract import CODES_PATH, UNTOLD
from tests.architecture.error_codes import error_codes, is_published
from tests.conftest import ROOT

CODE = re.compile(r"[a-z][a-z0-9_]*")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_codes_of_each_call_are_what_its_code_says() -> None:
    assert CODES_PATH.read_text(encoding="utf-8") == error_codes(), "make docs writes it anew"


def test_every_call_says_what_it_does_in_a_line_and_a_sentence(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"].strip(), name
        assert len(operation.get("description", "").split()) >= 3, name


def test_every_answer_is_described_in_our_words(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            assert answer["description"] not in ("", UNTOLD), (name, status)


def test_every_refusal_names_the_codes_that_it_may_carry(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if not name.partition(" ")[2].startswith("/api/"):
            continue
        for status, answer in operation["responses"].items():
            if status.startswith("4") or status == "503":
                assert answer.get("x-codes"), (name, status)
                assert all(CODE.fullmatch(code) for code in answer["x-codes"])


def parts(value: object) -> Iterator[dict[str, Any]]:
    """Every object of a document, at any depth."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from parts(one)


def test_every_array_says_what_is_in_it(document: dict[str, Any]) -> None:
    """Many generators of clients know no other form, and give up on a tuple's."""
    arrays = [part for part in parts(document) if part.get("type") == "array"]
    assert len(arrays) > 50
    assert all(isinstance(array.get("items"), dict) for array in arrays)
    interval = document["components"]["schemas"]["ReferenceView"]["properties"]["interval"]
    assert (interval["items"], interval["minItems"], interval["maxItems"]) == (
        {"type": "number"}, 2, 2,
    )  # fmt: skip


def test_shares_and_counts_are_named_by_outlets(document: dict[str, Any]) -> None:
    """Else a generator of clients takes any text for a name, and every such request is refused."""
    entered = document["components"]["schemas"]["ReferenceIn"]["properties"]
    for name in ("counts", "fractions"):
        named = entered[name]["anyOf"][0]["propertyNames"]["enum"]
        assert named == [str(outlet) for outlet in range(1, 13)]


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = content["schema"]
            if schema.get("format") == "binary":
                continue
            assert content.get("example") or all(
                one.get("examples") for one in alternatives(document, schema)
            ), (name, kind)


def alternatives(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        if one.get("type") == "null":
            continue
        reference = one.get("$ref", "").rpartition("/")[2]
        yield document["components"]["schemas"][reference] if reference else one


def test_every_example_is_one_that_the_call_would_take(document: dict[str, Any]) -> None:
    n_checked = 0
    for context in iter_route_contexts(create_app(Settings()).routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not is_published(route) or not route.body_field:
            continue
        kind: TypeAdapter[Any] = TypeAdapter(route.body_field.field_info.annotation or object)
        for schema in alternatives(document, reference_of(document, route)):
            for example in schema["examples"]:
                kind.validate_python(json.loads(json.dumps(example)))
                n_checked += 1
    assert n_checked > 20


def reference_of(document: dict[str, Any], route: APIRoute) -> dict[str, Any]:
    (operation,) = (one for _, one in operations(document) if one["operationId"] == route.name)
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def test_creating_calls_say_how_to_repeat_them_and_reading_ones_how_to_ask_for_changes(
    document: dict[str, Any],
) -> None:
    create = document["paths"]["/api/v1/samples"]["post"]
    assert "Idempotency-Replayed" in create["responses"]["201"]["headers"]
    assert "idempotency_in_flight" in create["responses"]["409"]["x-codes"]
    read = document["paths"]["/api/v1/samples/{sample_id}"]["get"]
    assert "ETag" in read["responses"]["200"]["headers"]
    assert "304" in read["responses"]


def test_every_call_says_which_credentials_it_takes_and_every_message_what_it_holds(
    document: dict[str, Any],
) -> None:
    """Else a generated client sends no key, and a receiver has to guess what comes."""
    may_call = json.loads((ROOT / "tests" / "integration" / "access_matrix.json").read_text())
    ways = document["components"]["securitySchemes"]
    assert (ways["key"]["scheme"], ways["session"]["in"]) == ("bearer", "cookie")
    for name, operation in operations(document):
        method, path = name.split()
        is_open = may_call[f"{method.upper()} {path}"] == ["anonymous"]
        assert operation["security"] == ([] if is_open else [{"key": []}, {"session": []}]), name
    wanted = {*document["components"]["schemas"]["EventType"]["enum"], "webhook.test"}
    assert set(document["webhooks"]) == wanted
    for kind, methods in document["webhooks"].items():
        content = methods["post"]["requestBody"]["content"]["application/json"]
        (schema,) = alternatives(document, content["schema"])
        assert schema["properties"]["type"]["const"] == kind
