"""The codes that a bundle may hold: fhir.resources checks the shape of a resource, not its codes.

From the value sets and code systems of FHIR R4 (4.0.1) and HL7 v2; only what we send.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

UCUM: Final = "http://unitsofmeasure.org"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
LOINC: Final = "http://loinc.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
SECTION: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
SPECIMEN: Final = "http://terminology.hl7.org/CodeSystem/v2-0487"
IDENTIFIER: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
PURPOSE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

REPORT_STATUSES: Final = frozenset({
    "registered", "partial", "preliminary", "final", "amended", "corrected", "appended",
    "cancelled", "entered-in-error", "unknown",
})  # fmt: skip
LINE_STATUSES: Final = REPORT_STATUSES - {"partial", "appended"}
ELEMENTS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("Bundle", "type"): frozenset({"collection", "transaction"}),
    ("DiagnosticReport", "status"): REPORT_STATUSES,
    ("Observation", "status"): LINE_STATUSES,
    ("Device", "status"): frozenset({"active", "inactive", "entered-in-error", "unknown"}),
}
"""Elements whose binding is required, by resource."""
SYSTEMS: Final[Mapping[str, frozenset[str]]] = {
    UCUM: frozenset({"1", "%", "d"}),
    ABSENT: frozenset({"unknown", "temp-unknown", "error", "not-performed"}),
    CATEGORY: frozenset({"laboratory"}),
    SECTION: frozenset({"HM"}),
    SPECIMEN: frozenset({"BLD"}),
    IDENTIFIER: frozenset({"ACSN", "PLAC", "FILL"}),
    PURPOSE: frozenset({"HTEST"}),
}
NAME_TYPES: Final = frozenset({
    "udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name",
    "model-name", "other",
})  # fmt: skip


def unknown_codes(bundle: Mapping[str, Any], *own: str) -> list[str]:
    """Codes of a bundle that no value set holds.

    Parameters
    ----------
    bundle
        As JSON.
    own
        What our own systems, and those that the site answers for, begin with; their codes are not
        looked at.
    """
    resources = [bundle, *(entry["resource"] for entry in bundle.get("entry", ()))]
    found = [
        f"{kind}.{name} {resource[name]}"
        for resource in resources
        for (kind, name), allowed in ELEMENTS.items()
        if resource["resourceType"] == kind and name in resource and resource[name] not in allowed
    ]
    found += [
        f"deviceName.type {name['type']}"
        for resource in resources
        for name in resource.get("deviceName", ())
        if name["type"] not in NAME_TYPES
    ]
    for system, code in _coded(bundle):
        is_known = code in SYSTEMS.get(system, ()) or system == LOINC
        if not is_known and not system.startswith(own):
            found.append(f"{system} {code}")
    return found


def _coded(value: object) -> Iterator[tuple[str, str]]:
    """Every pair of system and code, at any depth: codings, quantities, tags."""
    if isinstance(value, Mapping):
        if "system" in value and "code" in value:
            yield value["system"], value["code"]
        for inner in value.values():
            yield from _coded(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _coded(inner)
