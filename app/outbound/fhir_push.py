"""A report for a FHIR server: posted as a Bundle, then asked for, since an answer is no proof.

Some receivers answer 200 to what they could not use and store nothing. Where a destination says so,
a report is closed only once the server gives back its status and every value.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from app.domain.delivery_rules import Answer, Tried
from app.outbound.webhooks import Caller

CONTENT_TYPE: Final = "application/fhir+json"
MOST_STORED_BYTES: Final = 2_000_000
MOST_FOLLOWED: Final = 40
"""References of a report to its observations that are looked up, at most."""
STATUS_OK: Final = 200

Resource = Mapping[str, Any]
Fact = tuple[str, ...]


@dataclass(frozen=True)
class ReadBack:
    """What came of asking: the status of the answer, and why it proves nothing, if so."""

    status: int | None
    error: str | None


def push(
    caller: Caller,
    url: str,
    *,
    body: str,
    headers: Mapping[str, str],
    receipt: str | None,
    reads_back: bool,
) -> Tried:
    """Post a Bundle and read it back; one that was taken before is asked for first.

    `receipt` is where the server said on an earlier try that it keeps the Bundle; one of another
    server, where the destination was before, is no proof and gets no credentials.
    """
    receipt = _own_place(url, receipt)
    began = time.monotonic()
    asking = {name: headers[name] for name in ("authorization", "user-agent") if name in headers}
    asking["accept"] = CONTENT_TYPE
    if reads_back and receipt is not None:
        found = read_back(caller, url, body=body, receipt=receipt, headers=asking)
        if found.error is None:
            held = Answer(status=found.status, head="Held already, as an earlier try was told.")
            return _tried(began, held, found, receipt)
    answer, _ = caller.send("POST", url, headers=headers, body=body.encode())
    if not answer.is_taken or not reads_back:
        return _tried(began, answer, None, answer.location)
    place = _own_place(url, answer.location) or search_address(url, json.loads(body))
    return _tried(
        began, answer, read_back(caller, url, body=body, receipt=place, headers=asking), place
    )


def _tried(began: float, answer: Answer, found: ReadBack | None, receipt: str | None) -> Tried:
    return Tried(
        answer=answer,
        duration_ms=round((time.monotonic() - began) * 1000),
        read_back_status=None if found is None else found.status,
        read_back_error=None if found is None else found.error,
        is_confirmed=found is not None and found.error is None,
        receipt=receipt,
    )


def read_back(
    caller: Caller, url: str, *, body: str, receipt: str, headers: Mapping[str, str]
) -> ReadBack:
    """Ask for what is kept at `receipt` and compare it with what was sent."""
    sent = facts_of(json.loads(body))
    status, stored = _get(caller, receipt, headers)
    if stored is None:
        return ReadBack(status, "Answered, but what it should keep could not be read back.")
    held = facts_of(stored)
    if not sent <= held:
        held |= _referred(caller, url, stored, headers)
    if sent <= held:
        return ReadBack(status, None)
    lacking = ", ".join(sorted(" ".join(fact) for fact in sent - held)[:3])
    return ReadBack(status, f"Answered, but does not give back what was sent: {lacking}.")


def facts_of(resource: Resource) -> frozenset[Fact]:
    """What a report says that must not be lost: its identity, its status, each value.

    Numbers are compared as numbers: a server may write 2.50 for 2.5.
    """
    return frozenset(fact for one in _resources(resource) for fact in _facts(one))


def search_address(url: str, bundle: Resource) -> str:
    """Where a server is asked for a report by its identifier, observations along with it."""
    report = next(one for one in _resources(bundle) if one["resourceType"] == "DiagnosticReport")
    identifier = report["identifier"][0]
    asked = quote(f"{identifier.get('system', '')}|{identifier['value']}", safe="")
    include = quote("DiagnosticReport:result", safe="")
    return f"{url.rstrip('/')}/DiagnosticReport?identifier={asked}&_include={include}"


def _facts(resource: Resource) -> Iterator[Fact]:
    kind = str(resource.get("resourceType"))
    if kind == "DiagnosticReport":
        for identifier in resource.get("identifier", []):
            yield kind, f"{identifier.get('system', '')}|{identifier.get('value')}"
        yield kind, str(resource.get("status"))
    elif kind == "Observation":
        yield kind, _code(resource), str(resource.get("status")), _value(resource)


def _code(resource: Resource) -> str:
    codings = resource.get("code", {}).get("coding", [])
    return str(codings[0].get("code")) if codings else ""


def _value(resource: Resource) -> str:
    if "valueQuantity" in resource:
        return _number(resource["valueQuantity"].get("value"))
    for name in ("valueInteger", "valueDecimal"):
        if name in resource:
            return _number(resource[name])
    for name in ("valueString", "valueBoolean", "valueCodeableConcept", "dataAbsentReason"):
        if name in resource:
            return json.dumps(resource[name], sort_keys=True)
    return ""


def _number(value: object) -> str:
    return repr(float(value)) if isinstance(value, int | float) else str(value)


def _resources(resource: Resource) -> Iterator[Resource]:
    if resource.get("resourceType") != "Bundle":
        yield resource
        return
    for entry in resource.get("entry", []):
        if isinstance(entry.get("resource"), dict):
            yield from _resources(entry["resource"])


def _referred(
    caller: Caller, url: str, stored: Resource, headers: Mapping[str, str]
) -> frozenset[Fact]:
    """The observations that a stored report names, where they did not come with it."""
    found: frozenset[Fact] = frozenset()
    for one in _resources(stored):
        for reference in list(one.get("result", []))[:MOST_FOLLOWED]:
            address = urljoin(url.rstrip("/") + "/", str(reference.get("reference", "")))
            place = _own_place(url, address)
            _, resource = (None, None) if place is None else _get(caller, place, headers)
            found |= frozenset() if resource is None else facts_of(resource)
    return found


def _get(
    caller: Caller, address: str, headers: Mapping[str, str]
) -> tuple[int | None, Resource | None]:
    answer, data = caller.send("GET", address, headers=headers, most_bytes=MOST_STORED_BYTES)
    if answer.status != STATUS_OK:
        return answer.status, None
    try:
        resource = json.loads(data)
    except ValueError:
        return answer.status, None
    return answer.status, resource if isinstance(resource, dict) else None


def _own_place(url: str, location: str | None) -> str | None:
    """An address that the server names, if it is on that very server."""
    if location is None:
        return None
    address = urljoin(url, location)
    is_own = urlsplit(address)[:2] == urlsplit(url)[:2]
    return address if is_own else None
