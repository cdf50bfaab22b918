"""Results as messages: drawn reports are valid, and readers that are not ours read them back."""

import datetime as dt
import json
from dataclasses import replace
from functools import cache
from typing import Any, Final

import hl7
import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message

from app.domain.result_terms import MEASURED, ORIGIN, PANEL, is_loinc
from app.outbound import fhir_codes
from app.outbound.fhir_r4 import bundle, report_identifier
from app.outbound.hl7_v2 import message
from app.outbound.results import Sender
from app.reports.content import RESEARCH_USE, ReportContent, ReportStatus
from app.settings import Settings
from tests.random_reports import random_reports
from tests.report_contents import final_report, withdrawn_report

N_REPORTS: Final = 200
SENDER: Final = Sender(
    facility="LAB1", receiving_application="LIS", receiving_facility="BANK",
    loinc={"RBCDEF-RS": "718-7"}, address="https://pliant.example",
)  # fmt: skip
DIRECTIONS: Final = (
    "higher = more rigid", "higher = more deformable", "wells differ more", "a count", "a word",
    "higher = stored longer", "higher = later version", "a name", "each line says its direction",
)  # fmt: skip
# From the value sets diagnostic-report-status and observation-status of FHIR 4.0.1, and from HL7
# tables 0085 and 0123, typed in anew.
STATUS_TABLE: Final = {
    "preliminary": ("preliminary", "R", "R"),
    "final": ("final", "F", "F"),
    "amended": ("amended", "C", "C"),
    "corrected": ("corrected", "C", "C"),
    "entered-in-error": ("entered-in-error", "W", "C"),
    "cancelled": ("cancelled", "X", "X"),
    "registered": ("registered", "I", "I"),
}

PRODUCT_CODES: Final = "https://www.isbt128.org/uri/ProductDescriptionCode"

Json = dict[str, Any]


@cache
def reports() -> tuple[ReportContent, ...]:
    return tuple(random_reports(N_REPORTS))


@cache
def messages() -> tuple[tuple[ReportContent, str], ...]:
    return tuple((content, message(content, SENDER)) for content in reports())


def told(content: ReportContent) -> dict[str, str | None]:
    """What must arrive under each code, worked out apart from the writers; None where no value."""
    result, identity = content.result, content.identity
    if result is None:
        return dict.fromkeys((term.code for term in MEASURED), None)
    (rs_low, rs_high), (ds_low, ds_high) = result.rigidity_interval, result.deformability_interval
    apart = result.replicates
    return {
        "RBCDEF-RS": f"{result.rigidity_score:.2f}",
        "RBCDEF-RS-LO": f"{rs_low:.2f}",
        "RBCDEF-RS-HI": f"{rs_high:.2f}",
        "RBCDEF-DS": f"{result.deformability_score:.1f}",
        "RBCDEF-DS-LO": f"{ds_low:.1f}",
        "RBCDEF-DS-HI": f"{ds_high:.1f}",
        "RBCDEF-PC": f"{100 * result.counted_share:.1f}",
        "RBCDEF-PA": f"{100 * result.corrected_share:.1f}",
        "RBCDEF-RS2": f"{result.published_rigidity_score:.2f}",
        "RBCDEF-CELLS": str(result.n_cells),
        "RBCDEF-IMAGES": str(result.n_images),
        "RBCDEF-WELLS": str(result.n_wells),
        "RBCDEF-REP": None if apart is None else f"{apart.difference:.2f}",
        "RBCDEF-POP": result.population.standing,
        "RBCDEF-QC": controls(content),
        "RBCDEF-FLAGS": " ".join(one.code for one in content.findings) or "none",
        "RBCDEF-DAY": None if identity.storage_day is None else str(identity.storage_day),
    }


def controls(content: ReportContent) -> str:
    states = {
        (one.holds, one.is_acknowledged) for one in content.conditions if "control" in one.code
    }
    if not states:
        return "unchecked"
    open_ones = {holds for holds, is_acknowledged in states if holds is not True and not
                 is_acknowledged}  # fmt: skip
    if open_ones:
        # An acknowledged one that broke counts as broken while another is open.
        return "failed" if any(holds is False for holds, _ in states) else "unknown"
    return "passed" if all(holds is True for holds, _ in states) else "acknowledged"


# FHIR


def resources(content: ReportContent, sender: Sender = SENDER) -> dict[str, list[Json]]:
    """By type, of the plain JSON."""
    found: dict[str, list[Json]] = {}
    for entry in json.loads(bundle(content, sender))["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


def test_every_bundle_is_valid_and_holds_only_known_codes() -> None:
    for content in reports():
        made = bundle(content, SENDER)
        Bundle.model_validate_json(made)
        assert fhir_codes.unknown_codes(json.loads(made), "urn:pliant", PRODUCT_CODES) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"status":"final"', '"status":"bogus"'),
        ('"code":"%"', '"code":"percent"'),
        ('"type":"collection"', '"type":"bag"'),
        ('"code":"HM"', '"code":"HEM"'),
        ("user-friendly-name", "nickname"),
        ('"code":"ACSN"', '"code":"ACCESSION"'),
    ],
)
def test_a_code_outside_its_value_set_is_found(old: str, new: str) -> None:
    """The library would let each of them pass."""
    text = bundle(final_report()).decode()
    assert old in text
    broken = text.replace(old, new, 1)
    Bundle.model_validate_json(broken)
    assert len(fhir_codes.unknown_codes(json.loads(broken), "urn:pliant")) == 1


def test_every_observation_reads_back_what_the_report_says() -> None:
    for content in reports():
        expected = told(content)
        lines = {one["code"]["coding"][0]["code"]: one for one in resources(content)["Observation"]}
        assert list(lines) == list(expected)
        for code, value in expected.items():
            check_observation(content, lines[code], value)


def check_observation(content: ReportContent, line: Json, value: str | None) -> None:
    assert line["status"] == STATUS_TABLE[content.status.value][0]
    assert line["note"] == [{"text": RESEARCH_USE}]
    assert any(direction in line["code"]["text"] for direction in DIRECTIONS)
    if value is None:
        assert not {"valueQuantity", "valueString"} & set(line)
        assert line["dataAbsentReason"]["text"]
    elif "valueQuantity" in line:
        assert line["valueQuantity"]["value"] == float(value)
        assert line["valueQuantity"]["code"] in ("1", "%", "d")
    else:
        assert line["valueString"] == value


def test_numbers_have_the_decimals_of_the_message_and_of_the_page() -> None:
    """A receiver may show a decimal as it came; 2.5 says less than 2.50."""
    n_ending_in_zero = 0
    for content in reports()[:30]:
        made = json.loads(bundle(content, SENDER), parse_float=str, parse_int=str)
        lines = [entry["resource"] for entry in made["entry"]]
        sent = {
            line["code"]["coding"][0]["code"]: line["valueQuantity"]["value"]
            for line in lines
            if "valueQuantity" in line
        }
        expected = told(content)
        assert sent == {code: expected[code] for code in sent}
        n_ending_in_zero += sum("." in value and value.endswith("0") for value in sent.values())
    assert n_ending_in_zero > 5


def test_the_report_the_specimen_and_the_device_read_back() -> None:
    for content in reports():
        found = resources(content)
        (report,), (specimen,), (device,) = (
            found[kind] for kind in ("DiagnosticReport", "Specimen", "Device")
        )
        check_report(content, report)
        check_specimen(content, specimen)
        told_of_device = {one["type"]["text"]: one["value"] for one in device["version"]}
        assert told_of_device["software"] == content.versions.program
        if content.status is ReportStatus.REGISTERED:
            assert len(told_of_device) == 1, "no model has spoken yet"
            continue
        assert told_of_device["model"] == content.versions.model_name
        assert told_of_device["model SHA-256"] == content.versions.model_sha256


def check_report(content: ReportContent, report: Json) -> None:
    assert report["status"] == STATUS_TABLE[content.status.value][0]
    assert report["conclusion"].startswith(RESEARCH_USE)
    assert str(content.report_id) in [one["value"] for one in report["identifier"]]
    assert dt.datetime.fromisoformat(report["issued"]) == content.issued_at
    signed = [one.printed_name for one in content.signatures if one.act == "release"]
    assert [one["display"] for one in report.get("resultsInterpreter", [])] == signed
    if content.amendment is not None:
        assert " ".join(content.amendment.reason.split()) in report["conclusion"]
    orders = [one["identifier"] for one in report.get("basedOn", [])]
    assert by_kind(orders, "PLAC") == content.identity.placer_order_number
    assert by_kind(report["identifier"], "FILL") == content.identity.filler_order_number
    for form in report.get("presentedForm", []):
        assert form["url"].startswith(
            f"https://pliant.example/api/v1/samples/{content.identity.sample_id}/report.pdf"
        )


def by_kind(identifiers: list[Json], kind: str) -> str | None:
    """The number whose type has this code of HL7 table 0203."""
    found = [
        one["value"]
        for one in identifiers
        if "type" in one and one["type"].get("coding", [{}])[0].get("code") == kind
    ]
    return found[0] if found else None


def check_specimen(content: ReportContent, specimen: Json) -> None:
    identity = content.identity
    by_system = {one["system"]: one["value"] for one in specimen["identifier"]}
    assert by_system["urn:pliant:samples"] == str(identity.sample_id)
    assert by_system.get("urn:pliant:accession") == identity.accession_number
    assert by_system.get("https://www.isbt128.org/uri/DonationIdentificationNumber") == identity.din
    assert specimen.get("accessionIdentifier", {}).get("value") == identity.accession_number
    numbers = identity.local_identifiers
    assert by_system.get("urn:pliant:numbers-unit") == numbers.get("unit")
    blood, *product = specimen["type"]["coding"]
    assert blood["code"] == "BLD"
    told_code = [{"system": PRODUCT_CODES, "code": numbers["product_code"]}] if numbers else []
    assert product == told_code
    (container,) = specimen["container"]
    assert container["type"]["coding"][0]["code"] == identity.container
    assert container.get("additiveCodeableConcept", {}).get("text") == identity.additive
    collected = specimen.get("collection", {}).get("collectedDateTime")
    assert (collected and dt.datetime.fromisoformat(collected)) == identity.sampled_at


def test_no_bundle_names_a_person_but_the_verifier_or_another_donor() -> None:
    for content, made in messages():
        text = bundle(content, SENDER).decode() + made
        for word in ("Patient", "secret note", "OTHER-DONOR", "PID|"):
            assert word not in text
        assert "subject" not in json.loads(bundle(content))["entry"][0]["resource"]


def test_every_link_of_a_bundle_leads_to_something_in_it() -> None:
    content = final_report()
    made = json.loads(bundle(content))
    urls = {entry["fullUrl"] for entry in made["entry"]}
    links = {part.split('"')[0] for part in bundle(content).decode().split('"reference":"')[1:]}
    assert links
    assert links <= urls
    assert len(urls) == len(made["entry"])


def test_the_same_report_is_the_same_bundle_and_a_later_version_changes_the_same_resources() -> (
    None
):
    first, second = final_report(), withdrawn_report()
    assert bundle(first) == bundle(first)
    puts = [
        [entry["request"] for entry in json.loads(bundle(one, transaction=True))["entry"]]
        for one in (first, second)
    ]
    assert puts[0] == puts[1]
    assert {put["method"] for put in puts[0]} == {"PUT"}
    assert report_identifier(first) != report_identifier(second)


def test_loinc_stands_beside_the_local_code_where_the_site_says_so() -> None:
    lines = {
        one["code"]["coding"][0]["code"]: one["code"]["coding"]
        for one in resources(final_report())["Observation"]
    }
    assert lines["RBCDEF-RS"][1] == {"system": "http://loinc.org", "code": "718-7"}
    assert len(lines["RBCDEF-DS"]) == 1


@pytest.mark.parametrize("mapping", ['{"RBCDEF-RS": "718-8"}', '{"RS": "718-7"}'])
def test_a_mapping_that_cannot_be_right_stops_the_start(
    mapping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLIANT_LOINC", mapping)
    with pytest.raises(ValueError, match=r"LOINC|none of"):
        Settings()


def test_published_loinc_codes_have_their_check_digit() -> None:
    """Haemoglobin, erythrocytes, haematocrit, and two typing errors."""
    codes = ("718-7", "789-8", "4544-3", "4544-8", "789-0")
    assert [is_loinc(code) for code in codes] == [True, True, True, False, False]


# HL7


def test_every_message_is_valid_by_the_tables_of_the_standard() -> None:
    for _, made in messages():
        assert parse_message(made).validate() is True


def test_another_reader_reads_every_line_of_a_message_back() -> None:
    for content, made in messages():
        parsed = hl7.parse(made)
        expected = told(content) | origin(content)
        lines = {str(line[3][0][0]): line for line in parsed.segments("OBX")}
        assert list(lines) == list(expected)
        for code, value in expected.items():
            assert field(parsed, lines[code], 5) == (value or "")
        statuses = {field(parsed, lines[code], 11) for code in told(content) if expected[code]}
        assert statuses <= {STATUS_TABLE[content.status.value][1]}


def origin(content: ReportContent) -> dict[str, str]:
    versions = content.versions
    model = {
        "RBCDEF-MODEL": spaced(versions.model_name),
        "RBCDEF-MODELSHA": versions.model_sha256,
    }
    return {
        "RBCDEF-VER": str(content.version),
        "RBCDEF-REPORT": str(content.report_id),
        **(model if content.status is not ReportStatus.REGISTERED else {}),
        "RBCDEF-SW": f"pliant {versions.program}",
    } | {
        f"RBCDEF-ID-{scheme.upper()}": spaced(number)
        for scheme, number in sorted(content.identity.local_identifiers.items())
    }


def spaced(text: str) -> str:
    return text.replace("\n", " ")


def field(parsed: hl7.Message, segment: hl7.Segment, number: int) -> str:
    """As that library restores it."""
    return str(parsed.unescape(str(segment[number]))) if len(segment) > number else ""


def test_another_reader_reads_the_head_and_the_numbers_of_a_message_back() -> None:
    for content, made in messages():
        identity = content.identity
        parsed = hl7.parse(made)
        number = identity.accession_number or str(identity.sample_id)
        order, report = parsed.segment("ORC"), parsed.segment("OBR")
        for segment, place in ((order, 2), (order, 3), (report, 2), (report, 3)):
            assert field(parsed, segment, place) == number
        assert field(parsed, report, 18) == (identity.placer_order_number or "")
        assert field(parsed, report, 20) == (identity.filler_order_number or "")
        assert field(parsed, report, 25) == STATUS_TABLE[content.status.value][2]
        assert moment(field(parsed, report, 22)) == content.issued_at
        assert moment(field(parsed, report, 7)) == identity.sampled_at
        assert field(parsed, parsed.segment("SPM"), 2) == (identity.din or "")
        notes = [field(parsed, note, 3) for note in parsed.segments("NTE")]
        assert notes[0] == RESEARCH_USE
        for finding in content.findings if content.result else ():
            assert spaced(finding.message) in notes
        is_test = field(parsed, parsed.segment("MSH"), 11) == "T"
        assert is_test == content.is_demonstration


def moment(text: str) -> dt.datetime | None:
    return dt.datetime.strptime(text, "%Y%m%d%H%M%S%z") if text else None


def test_a_sites_own_systems_are_told_for_order_numbers_and_schemes() -> None:
    identity = replace(
        final_report().identity, placer_order_number="ORD-7", local_identifiers={"unit": "U-17"}
    )
    systems = {"placer_order_number": "urn:oid:1.2.3", "unit": "https://site.example/units"}
    sender = replace(SENDER, identifier_systems=systems)
    found = resources(replace(final_report(), identity=identity), sender)
    (order,) = found["DiagnosticReport"][0]["basedOn"]
    assert (order["type"], order["identifier"]["system"]) == ("ServiceRequest", "urn:oid:1.2.3")
    assert "https://site.example/units" in [
        one["system"] for one in found["Specimen"][0]["identifier"]
    ]


def test_the_lines_of_a_withdrawn_report_keep_the_numbers_of_the_sample() -> None:
    """They hold however the result stands, so that a receiver still finds what is taken back."""
    identity = replace(withdrawn_report().identity, local_identifiers={"unit": "U-17"})
    made = hl7.parse(message(replace(withdrawn_report(), identity=identity)))
    lines = {str(line[3][0][0]): line for line in made.segments("OBX")}
    assert (str(lines["RBCDEF-ID-UNIT"][5]), str(lines["RBCDEF-ID-UNIT"][11])) == ("U-17", "C")


def test_a_line_without_a_value_says_so_in_its_status() -> None:
    content = final_report()
    one_well = replace(content, result=content.result and replace(content.result, replicates=None))
    lines = {str(line[3][0][0]): line for line in hl7.parse(message(one_well)).segments("OBX")}
    assert (str(lines["RBCDEF-REP"][5]), str(lines["RBCDEF-REP"][11])) == ("", "X")
    assert str(lines["RBCDEF-RS"][11]) == "F"


def test_every_sending_has_a_number_of_its_own_and_the_rest_stays() -> None:
    first, second = (hl7.parse(message(final_report())) for _ in range(2))
    assert str(first.segment("MSH")[10]) != str(second.segment("MSH")[10])
    assert len(str(first.segment("MSH")[10])) == 20
    for name in ("ORC", "OBR", "OBX", "NTE", "SPM"):
        assert [str(one) for one in first.segments(name)] == [
            str(one) for one in second.segments(name)
        ]


def test_every_name_says_its_direction_and_every_code_is_there_once() -> None:
    terms = (PANEL, *MEASURED, *ORIGIN)
    assert len({term.code for term in terms}) == len(terms)
    assert all(any(direction in term.name for direction in DIRECTIONS) for term in terms)
    rigid = [term for term in MEASURED if term.code.startswith("RBCDEF-RS")]
    assert all(term.name.endswith("(higher = more rigid)") for term in rigid)


def test_every_status_of_a_report_has_its_codes() -> None:
    assert set(STATUS_TABLE) == {status.value for status in ReportStatus}
