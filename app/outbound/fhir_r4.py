"""A report as a FHIR R4 bundle: a report, its observations, the specimen, the device.

There is no Patient: in R4 nothing but a person can be the subject of these, and a donor is none
here; the specimen is what results are about. The same report and sender give the same bytes.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final
from urllib.parse import quote

from fhir.resources.R4B.bundle import Bundle

from app.domain.identifiers import PRODUCT_CODE
from app.domain.result_terms import PANEL, ResultTerm
from app.outbound import fhir_codes as codes
from app.outbound.results import (
    STATUSES,
    Line,
    Sender,
    is_computed,
    measured_lines,
    remarks,
    verifier,
)
from app.reports.content import ReportContent, ReportStatus
from app.reports.wording import CONTAINERS

MEDIA_TYPE: Final = "application/fhir+json"

QUANTITY: Final = re.compile(r'(?<="valueQuantity":\{"value":)[^,}]+')

Json = dict[str, Any]


def bundle(
    content: ReportContent, sender: Sender | None = None, *, transaction: bool = False
) -> bytes:
    """The report as JSON.

    Parameters
    ----------
    transaction
        As a server takes it at its base address: every resource is put under its identifier, so a
        later version changes what the version before it made. Else a plain collection.

    Raises
    ------
    ValueError
        What was made breaks FHIR's structure or a value set, so it must not leave.
    """
    return _Writer(content, sender or Sender()).bundle(is_transaction=transaction)


def report_identifier(content: ReportContent, sender: Sender | None = None) -> str:
    """What finds this version of the report on a server: `DiagnosticReport?identifier=` this."""
    return f"{(sender or Sender()).system('reports')}|{content.report_id}"


class _Writer:
    def __init__(self, content: ReportContent, sender: Sender) -> None:
        self._content = content
        self._sender = sender
        self._status = STATUSES[content.status].fhir

    def bundle(self, *, is_transaction: bool) -> bytes:
        resources = [self._report(), *self._observations(), self._specimen(), self._device()]
        made = _filled({
            "resourceType": "Bundle",
            "meta": self._meta(),
            "identifier": self._identifier("reports", str(self._content.report_id)),
            "type": "transaction" if is_transaction else "collection",
            "timestamp": _moment(self._content.issued_at),
            "entry": [self._entry(one, is_transaction=is_transaction) for one in resources],
        })  # fmt: skip
        text = self._with_decimals(Bundle.model_validate(made).model_dump_json())
        own = (self._sender.message_system, self._sender.product_code_system)
        unknown = codes.unknown_codes(json.loads(text), *own)
        if unknown:
            raise ValueError(f"codes in no value set: {', '.join(unknown)}")
        return text.encode()

    def _with_decimals(self, text: str) -> str:
        """As the PDF and HL7 have them: in FHIR 2.50 says more than the library's 2.5."""
        lines = measured_lines(self._content)
        numbers = [line.value for line in lines if line.value is not None and line.term.is_number]
        between = QUANTITY.split(text)
        return "".join(chain.from_iterable(zip(between, [*numbers, ""], strict=True)))

    def _entry(self, resource: Json, *, is_transaction: bool) -> Json:
        kind, key = resource["resourceType"], resource["identifier"][0]
        entry = {"fullUrl": self._url(kind, key["value"]), "resource": resource}
        if is_transaction:
            token = quote(f"{key['system']}|{key['value']}", safe="")
            entry["request"] = {"method": "PUT", "url": f"{kind}?identifier={token}"}
        return entry

    def _url(self, kind: str, value: str) -> str:
        """Within the bundle: the same for every version of one thing."""
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind}/{value}')}"

    def _meta(self) -> Json:
        if not self._content.is_demonstration:
            return {}
        return {"security": [{"system": codes.PURPOSE, "code": "HTEST"}]}

    def _identifier(self, name: str, value: str) -> Json:
        return {"system": self._sender.system(name), "value": value}

    def _order_number(self, kind: str, scheme: str, number: str | None) -> list[Json]:
        """One of the site's order numbers, where there is one; `kind` is of HL7 table 0203."""
        if not number:
            return []
        coding = [{"system": codes.IDENTIFIER, "code": kind}]
        system = self._sender.identifier_system(scheme)
        return [{"type": {"coding": coding}, "system": system, "value": number}]

    # The report

    def _report(self) -> Json:
        content = self._content
        signer = verifier(content)
        orders = self._order_number(
            "PLAC", "placer_order_number", content.identity.placer_order_number
        )
        filled = self._order_number(
            "FILL", "filler_order_number", content.identity.filler_order_number
        )
        return _filled({
            "resourceType": "DiagnosticReport",
            "meta": self._meta(),
            "identifier": [
                self._identifier("results", str(content.identity.sample_id)),
                self._identifier("reports", str(content.report_id)),
                *filled,
            ],
            "basedOn": [{"type": "ServiceRequest", "identifier": order} for order in orders],
            "status": self._status,
            "category": [{"coding": [{"system": codes.SECTION, "code": "HM"}]}],
            "code": self._code(PANEL),
            "specimen": [self._specimen_link()],
            "effectiveDateTime": _moment(content.identity.sampled_at),
            "issued": _moment(content.issued_at),
            "performer": [{"display": self._sender.facility}],
            "resultsInterpreter": [] if signer is None else [{"display": signer.printed_name}],
            "result": [
                {"reference": self._url("Observation", self._line_key(line))}
                for line in measured_lines(content)
            ],
            "conclusion": "\n".join(remarks(content)),
            "presentedForm": self._pdf(),
        })  # fmt: skip

    def _pdf(self) -> list[Json]:
        """By address: a reader that may see the sample fetches it, with the key it has."""
        content = self._content
        if content.status in (ReportStatus.CANCELLED, ReportStatus.REGISTERED):
            return []
        path = f"/api/v1/samples/{content.identity.sample_id}/report.pdf"
        version = f"?version={content.version}" if content.version else ""
        return [{
            "contentType": "application/pdf",
            "url": f"{self._sender.address}{path}{version}",
            "title": f"Red cell deformability, version {content.version}",
            "creation": _moment(content.issued_at),
        }]  # fmt: skip

    # Its lines

    def _observations(self) -> list[Json]:
        return [self._observation(line) for line in measured_lines(self._content)]

    def _line_key(self, line: Line) -> str:
        return f"{self._content.identity.sample_id}.{line.term.code}"

    def _observation(self, line: Line) -> Json:
        content = self._content
        return _filled({
            "resourceType": "Observation",
            "meta": self._meta(),
            "identifier": [self._identifier("results", self._line_key(line))],
            "status": self._status,
            "category": [{"coding": [{"system": codes.CATEGORY, "code": "laboratory"}]}],
            "code": self._code(line.term),
            "specimen": self._specimen_link(),
            "device": {"reference": self._url("Device", self._device_key())},
            "effectiveDateTime": _moment(content.identity.sampled_at),
            "issued": _moment(content.issued_at),
            "performer": [{"display": self._sender.facility}],
            "method": line.method and {"text": line.method},
            "note": [{"text": content.label}],
            **self._value(line),
        })  # fmt: skip

    def _value(self, line: Line) -> Json:
        if line.absence is not None:
            coding = [{"system": codes.ABSENT, "code": line.absence.code}]
            coding += [
                {"system": self._sender.system("reasons"), "code": reason.code}
                for reason in self._content.unavailable
            ]
            return {"dataAbsentReason": {"coding": coding, "text": line.absence.message}}
        assert line.value is not None
        if line.term.is_number:
            unit = {"system": codes.UCUM, "code": line.term.unit, "unit": line.term.unit}
            return {"valueQuantity": {"value": json.loads(line.value), **unit}}
        return {"valueString": line.value}

    def _code(self, term: ResultTerm) -> Json:
        coding = [{"system": self._sender.system("codes"), "code": term.code, "display": term.name}]
        if term.code in self._sender.loinc:
            coding.append({"system": codes.LOINC, "code": self._sender.loinc[term.code]})
        return {"coding": coding, "text": term.name}

    # What they are about, and by what

    def _specimen_link(self) -> Json:
        return {"reference": self._url("Specimen", str(self._content.identity.sample_id))}

    def _specimen(self) -> Json:
        identity = self._content.identity
        accession, din = identity.accession_number, identity.din
        numbers = [self._identifier("samples", str(identity.sample_id))]
        accession_number: Json = {}
        if accession:
            kind = {"coding": [{"system": codes.IDENTIFIER, "code": "ACSN"}]}
            accession_number = {"system": self._sender.accession_system, "value": accession}
            numbers.append({"type": kind, **accession_number})
        if din:
            numbers.append({"system": self._sender.din_system, "value": din})
        numbers += self._local_numbers()
        collected = identity.collected_on
        return _filled({
            "resourceType": "Specimen",
            "meta": self._meta(),
            "identifier": numbers,
            "accessionIdentifier": accession_number,
            "type": {"coding": [{"system": codes.SPECIMEN, "code": "BLD"}, *self._product()]},
            "collection": _filled({"collectedDateTime": _moment(identity.sampled_at)}),
            "container": [self._container()],
            "note": [{"text": f"Donated on {collected.isoformat()}."}] if collected else [],
        })  # fmt: skip

    def _local_numbers(self) -> list[Json]:
        """The site's own numbers; a product code is none, since many units share it."""
        return [
            {
                "type": {"text": scheme},
                "system": self._sender.identifier_system(scheme),
                "value": number,
            }
            for scheme, number in sorted(self._content.identity.local_identifiers.items())
            if scheme != PRODUCT_CODE
        ]

    def _product(self) -> list[Json]:
        """What the unit is, which the specimen was taken of."""
        code = self._content.identity.local_identifiers.get(PRODUCT_CODE)
        return [{"system": self._sender.product_code_system, "code": code}] if code else []

    def _container(self) -> Json:
        identity = self._content.identity
        coding = {"system": self._sender.system("containers"), "code": identity.container}
        kind = {"coding": [coding], "text": CONTAINERS.get(identity.container, identity.container)}
        additive = identity.additive and {"text": identity.additive}
        return _filled({"type": kind, "additiveCodeableConcept": additive})

    def _device_key(self) -> str:
        versions = self._content.versions
        if not is_computed(self._content):
            return versions.program
        return f"{versions.model_version_id}.{versions.program}"

    def _device(self) -> Json:
        versions = self._content.versions
        told = {"software": versions.program}
        if is_computed(self._content):
            told |= {
                "model": versions.model_name,
                "model SHA-256": versions.model_sha256,
                "pipelines": " ".join(versions.pipelines),
            }
        return {
            "resourceType": "Device",
            "identifier": [self._identifier("models", self._device_key())],
            "status": "active",
            "deviceName": [{"name": "Pliant", "type": "user-friendly-name"}],
            "version": [
                {"type": {"text": name}, "value": value} for name, value in told.items() if value
            ],
        }


def _filled(values: Mapping[str, Any]) -> Json:
    """Without what is not there: FHIR allows no empty element."""
    return {name: value for name, value in values.items() if value}


def _moment(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
