"""Generated requests for every operation of the published contract, and what is wrong with answers.

Ids of records that exist are put into half of the addresses, so that requests get past "unknown".
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import hypothesis
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.python.asgi import ASGIClient
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from app.main import openapi_document
from tests.conftest import ROOT

SEED: Final = 20261123
PATIENCE_SECONDS: Final = 120
"""Far beyond any answer: a busy machine is no finding."""
ERRORS: Final = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
STREAM: Final = "/events"
"""A sample's stream ends with its analysis, and a request before may have asked for one: without a
worker both would wait for ever."""
QUIET: Final = [
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.function_scoped_fixture,
]
Ids = Mapping[str, str]
Operation = Any
"""Schemathesis' own type has four parameters that say nothing here."""


@dataclass
class Findings:
    """What was sent, and every distinct complaint with one request that shows it."""

    n_requests: int = 0
    latest: int = 0
    """The status of the last answer."""
    statuses: Counter[int] = field(default_factory=Counter)
    complaints: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n\n".join(f"{what}\n  {how}" for what, how in self.complaints.items())


@dataclass(frozen=True)
class Asker:
    """Who asks, and how to become that again: five wrong passwords end a person's session."""

    client: ASGIClient
    credentials: Callable[[], Mapping[str, str]]

    def renew(self) -> None:
        self.client.headers.update(self.credentials())


def published_schema(app: FastAPI) -> BaseSchema:
    """Each request carries the client's own key or cookie: none is made up in its place."""
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(openapi_document())))
    schema.config.generation.update(with_security_parameters=False)
    schema.app = app
    return schema


def examine(schema: BaseSchema, asker: Asker, *, known: Ids, n_examples: int) -> Findings:
    """Send generated requests to every operation."""
    findings = Findings()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), "the contract's own form is wrong"
        _examine_operation(found.ok(), asker, findings, known=known, n_examples=n_examples)
    return findings


def _examine_operation(
    operation: Operation,
    asker: Asker,
    findings: Findings,
    *,
    known: Ids,
    n_examples: int,
) -> None:
    @hypothesis.seed(SEED)
    @settings(
        max_examples=n_examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=QUIET,
    )
    @given(case=_cases(operation, known))
    def send(case: Case[Any]) -> None:
        _send(case, asker.client, findings)
        if findings.latest == HTTPStatus.UNAUTHORIZED:
            asker.renew()

    send()


def _cases(operation: Operation, known: Ids) -> st.SearchStrategy[Case[Any]]:
    """Requests as the contract wants them, some of them about what exists, and wrong ones."""
    names = {parameter.name for parameter in operation.path_parameters}
    if operation.path.endswith(STREAM):
        names.discard("sample_id")
    ids = {name: known[name] for name in names & known.keys()}
    ways = [
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    ]
    if ids:
        ways.insert(
            0, operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=ids)
        )
    return st.one_of(ways)


def _send(case: Case[Any], client: ASGIClient, findings: Findings) -> None:
    findings.n_requests += 1
    response = case.call(session=client, timeout=PATIENCE_SECONDS)
    findings.latest = int(response.status_code)
    findings.statuses[findings.latest] += 1
    try:
        case.validate_response(
            response,
            headers=dict(client.headers),
            # Its probe would carry the client's key again; the access tests ask every call without.
            excluded_checks=[positive_data_acceptance, ignored_auth],
            additional_checks=[refused_by_a_named_rule],
            transport_kwargs={"session": client},
        )
    except FailureGroup as group:
        for failure in group.exceptions:
            _note(case, failure, findings)


def _note(case: Case[Any], failure: BaseException, findings: Findings) -> None:
    if not isinstance(failure, Failure):
        raise failure
    what = f"{case.operation.label}: {failure.title}: {failure.message}"
    findings.complaints.setdefault(what[:700], case.as_curl_command()[:700])


def refused_by_a_named_rule(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """What fits the schema is refused only for a reason of the field, which docs/errors.md names.

    In place of "schema-valid requests are accepted": a wrong check character fits any schema.
    """
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and response.status_code in (400, 406, 413, 415, 422):
        code = response.json().get("code")
        if code == "invalid_request" or f"`{code}`" not in ERRORS:
            message = f"{response.status_code} {code}: {response.json().get('detail')}"
            raise Failure(
                operation=case.operation.label, title="Schema and rules differ", message=message
            )
