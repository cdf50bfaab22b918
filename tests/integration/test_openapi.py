"""The published contract is the recorded one; PLIANT_UPDATE_SNAPSHOT=1 records it anew."""

import json
import os

from app.main import openapi_document
from tests.conftest import ROOT

SNAPSHOT = ROOT / "docs" / "openapi.json"


def test_the_published_document_is_the_recorded_one() -> None:
    document = openapi_document()
    if os.environ.get("PLIANT_UPDATE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    assert document == json.loads(SNAPSHOT.read_text())


def test_operation_ids_are_unique_and_every_refusal_has_one_shape() -> None:
    document = openapi_document()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        for status, answer in operation["responses"].items():
            if status.startswith("4"):
                [(kind, content)] = answer["content"].items()
                assert kind == "application/problem+json", operation["operationId"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi_document()
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
