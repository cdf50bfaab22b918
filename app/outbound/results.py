"""What another program is told of a report: lines, remarks and statuses; formats are made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain import result_terms as terms
from app.domain.identifiers import DIN_SYSTEM, PRODUCT_CODE_SYSTEM
from app.domain.result_terms import ResultTerm
from app.reports import wording
from app.reports.content import CONTROL_CODES, ReportContent, ReportSignature, ReportStatus, Result

NO_FINDING: Final = "none"


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sends, to whom, and in which systems the site's numbers and our codes are told.

    `loinc` maps local codes; `identifier_systems` holds FHIR systems of order numbers and the
    site's own, by scheme; `address` is where this installation is reached, without a slash.
    """

    facility: str = "LAB"
    receiving_application: str = "LIMS"
    receiving_facility: str = ""
    din_system: str = DIN_SYSTEM
    accession_system: str = "urn:pliant:accession"
    product_code_system: str = PRODUCT_CODE_SYSTEM
    identifier_systems: Mapping[str, str] = field(default_factory=dict)
    message_system: str = "urn:pliant"
    loinc: Mapping[str, str] = field(default_factory=dict)
    address: str = "http://127.0.0.1:8000"

    def system(self, name: str) -> str:
        """One of our own systems: codes, findings, reports, results, samples, models, reasons."""
        joint = "/" if "://" in self.message_system else ":"
        return f"{self.message_system}{joint}{name}"

    def identifier_system(self, scheme: str) -> str:
        """Of the numbers of one scheme, such as `placer_order_number`."""
        return self.identifier_systems.get(scheme) or self.system(f"numbers-{scheme}")


@dataclass(frozen=True)
class Statuses:
    """One status in each form: FHIR report and observation, OBX-11, OBR-25."""

    fhir: str
    line: str
    report: str


STATUSES: Final = {
    ReportStatus.PRELIMINARY: Statuses("preliminary", "R", "R"),
    ReportStatus.FINAL: Statuses("final", "F", "F"),
    ReportStatus.AMENDED: Statuses("amended", "C", "C"),
    ReportStatus.CORRECTED: Statuses("corrected", "C", "C"),
    # OBR-25 has no W.
    ReportStatus.ENTERED_IN_ERROR: Statuses("entered-in-error", "W", "C"),
    ReportStatus.CANCELLED: Statuses("cancelled", "X", "X"),
    ReportStatus.REGISTERED: Statuses("registered", "I", "I"),
}
NOT_OBTAINED: Final = "X"
"""OBX-11 of a line without a value in a report that has others."""


@dataclass(frozen=True)
class Absence:
    """Why a line has no value: a code of FHIR's data-absent-reason, and words."""

    code: str
    message: str


@dataclass(frozen=True)
class Line:
    """One line of a result: a plain decimal or a word, or why there is none."""

    term: ResultTerm
    value: str | None
    absence: Absence | None = None
    method: str | None = None


def measured_lines(content: ReportContent) -> tuple[Line, ...]:
    """Every measured line, with its value or the reason that it has none."""
    result = content.result
    if result is None:
        absence = _why_no_result(content)
        return tuple(Line(term, None, absence) for term in terms.MEASURED)
    return tuple(_line(content, result, term) for term in terms.MEASURED)


def origin_lines(content: ReportContent) -> tuple[Line, ...]:
    """Where the result comes from, and the site's own numbers, which have no field of their own."""
    versions = content.versions
    numbers = sorted(content.identity.local_identifiers.items())
    model = (
        Line(terms.MODEL, versions.model_name),
        Line(terms.MODEL_SHA256, versions.model_sha256),
    )
    return (
        Line(terms.VERSION, str(content.version)),
        Line(terms.REPORT, str(content.report_id)),
        *(model if is_computed(content) else ()),
        Line(terms.SOFTWARE, f"pliant {versions.program}"),
        *(Line(terms.number_term(scheme), number) for scheme, number in numbers),
    )


def remarks(content: ReportContent) -> tuple[str, ...]:
    """What must be read with the numbers, the label first; nobody's own notes."""
    parts = [content.label]
    if content.amendment is not None:
        what = "Withdrawn" if content.result is None else content.status.value.capitalize()
        before = f"replaces version {content.amendment.previous_version}"
        parts.append(f"{what}, {before}: {content.amendment.reason}")
    parts += [f"No score: {one.message}" for one in content.unavailable]
    if content.is_demonstration:
        parts.append("Demonstration sample: not a donor.")
    if content.result is not None:
        parts += _basis(content, content.result)
    parts += [one.message for one in content.findings if content.result is not None]
    return tuple(" ".join(part.split()) for part in parts)


def verifier(content: ReportContent) -> ReportSignature | None:
    """Who signed this version out; None before anybody did."""
    signed = [one for one in content.signatures if one.act in ("release", "amend", "withdraw")]
    return signed[-1] if signed else None


def control_state(content: ReportContent) -> str:
    """One word: passed, acknowledged, failed, unknown, or unchecked where nothing was asked."""
    asked = [one for one in content.conditions if one.code.startswith(CONTROL_CODES)]
    if not asked:
        return "unchecked"
    broken = [one for one in asked if one.holds is not True]
    if not broken:
        return "passed"
    if all(one.is_acknowledged for one in broken):
        return "acknowledged"
    return "failed" if any(one.holds is False for one in broken) else "unknown"


def is_computed(content: ReportContent) -> bool:
    """Whether a model has spoken: before that, none may stand behind the report."""
    return content.status is not ReportStatus.REGISTERED


def _why_no_result(content: ReportContent) -> Absence:
    if content.status is ReportStatus.REGISTERED:
        return Absence("temp-unknown", " ".join(one.message for one in content.unavailable))
    if content.status is ReportStatus.CANCELLED:
        words = " ".join(one.message for one in content.unavailable)
        return Absence("unknown", words or "No score can be had of what is there.")
    return Absence("error", "The result was withdrawn.")


def _line(content: ReportContent, result: Result, term: ResultTerm) -> Line:
    method = None if term.method_of is None else result.methods.get(term.method_of)
    if term.method_of == "rigidity_score":
        method = result.method
    value = VALUES[term](content, result)
    if value is None:
        return Line(term, None, MISSING[term], method)
    if isinstance(value, str):
        return Line(term, value, method=method)
    return Line(term, f"{value + 0.0:.{term.n_digits}f}", method=method)


MISSING: Final = {
    terms.REPLICATES: Absence("not-performed", "One well only; nothing to compare."),
    terms.STORAGE_DAY: Absence("unknown", "The day of storage was not recorded."),
}
VALUES: Final[Mapping[ResultTerm, Callable[[ReportContent, Result], float | str | None]]] = {
    terms.RIGIDITY: lambda _, result: result.rigidity_score,
    terms.RIGIDITY_LOW: lambda _, result: result.rigidity_interval[0],
    terms.RIGIDITY_HIGH: lambda _, result: result.rigidity_interval[1],
    terms.DEFORMABILITY: lambda _, result: result.deformability_score,
    terms.DEFORMABILITY_LOW: lambda _, result: result.deformability_interval[0],
    terms.DEFORMABILITY_HIGH: lambda _, result: result.deformability_interval[1],
    terms.COUNTED: lambda _, result: 100 * result.counted_share,
    terms.CORRECTED: lambda _, result: 100 * result.corrected_share,
    terms.PUBLISHED: lambda _, result: result.published_rigidity_score,
    terms.CELLS: lambda _, result: result.n_cells,
    terms.IMAGES: lambda _, result: result.n_images,
    terms.WELLS: lambda _, result: result.n_wells,
    terms.REPLICATES: lambda _, result: _difference(result),
    terms.POPULATION: lambda _, result: result.population.standing,
    terms.QC: lambda content, _: control_state(content),
    terms.FLAGS: lambda content, _: " ".join(one.code for one in content.findings) or NO_FINDING,
    terms.STORAGE_DAY: lambda content, _: content.identity.storage_day,
}


def _difference(result: Result) -> float | None:
    return None if result.replicates is None else result.replicates.difference


def _basis(content: ReportContent, result: Result) -> list[str]:
    versions = content.versions
    outlets = ", ".join(str(outlet) for outlet in versions.model_outlets)
    holdout = wording.HOLDOUTS.get(versions.holdout or "", "on data that the record does not name")
    kind = "a demonstration model, " if versions.model_is_demonstration else ""
    interval = wording.interval_basis(result)
    standing = result.population.standing
    parts = [
        f"Model {versions.model_name}: {kind}trained on outlets {outlets}; accuracy measured "
        f"{holdout}.",
        f"Donor: {wording.POPULATIONS.get(standing, standing)}.",
        f"Based on {result.n_cells} cells, {result.n_images} images, {result.n_wells} wells.",
    ]
    if interval:
        parts.append(f"95 % interval {interval}.")
    if content.status is ReportStatus.PRELIMINARY:
        parts.append("Preliminary: nobody released it.")
    return parts
