"""A report as an HL7 v2.5.1 message, ORU^R01: one line per number, nothing of a person.

hl7apy knows the structure and checks it. What is given to it is read as HL7, so values are escaped
first; its own escaping misses a value that already looks escaped.
"""

import datetime as dt
import uuid
from typing import Any, Final

from hl7apy.core import Group, Message

from app.domain.result_terms import MEASURED, PANEL, ResultTerm
from app.outbound.results import (
    NOT_OBTAINED,
    STATUSES,
    Line,
    Sender,
    measured_lines,
    origin_lines,
    remarks,
    verifier,
)
from app.reports.content import ReportContent
from app.reports.wording import CONTAINERS

MEDIA_TYPE: Final = "x-application/hl7-v2+er7"
APPLICATION: Final = "PLIANT"
"""Receivers choose their reader by it; it stays the same."""
LOCAL: Final = "L"
STATUS_OF_ORIGIN: Final = {NOT_OBTAINED: "F"}
ESCAPES: Final = str.maketrans({
    "\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\",
})  # fmt: skip


def message(
    content: ReportContent,
    sender: Sender | None = None,
    *,
    sent_at: dt.datetime | None = None,
    control_id: str | None = None,
) -> str:
    """The report as text whose segments end with a carriage return.

    Parameters
    ----------
    sent_at, control_id
        MSH-7 and MSH-10, which differ on every sending: now, and one made up, if not given. What
        stays the same is the accession number, the code and the version of the report.
    """
    writer = _Writer(content, sender or Sender())
    made = writer.message(sent_at or dt.datetime.now(dt.UTC), control_id or uuid.uuid4().hex[:20])
    made.validate()
    text: str = made.to_er7()
    return text if text.endswith("\r") else f"{text}\r"


def order_number(content: ReportContent) -> str:
    """What the receiver files by: the accession number, else the sample's id, which it was told.

    Without either, receivers take any other number they find, or file under one for all.
    """
    return content.identity.accession_number or str(content.identity.sample_id)


def escaped(value: str) -> str:
    """As it stands in a message: delimiters as escape sequences, each control character a space."""
    plain = "".join(one if one.isprintable() else " " for one in value)
    return plain.translate(ESCAPES)


class _Writer:
    def __init__(self, content: ReportContent, sender: Sender) -> None:
        self._content = content
        self._sender = sender
        self._statuses = STATUSES[content.status]
        self._message = Message("ORU_R01", version="2.5.1")

    def message(self, sent_at: dt.datetime, control_id: str) -> Message:
        self._write_head(sent_at, control_id)
        order = self._message.oru_r01_patient_result.oru_r01_order_observation
        self._write_order(order)
        self._write_report(order)
        for number, remark in enumerate(remarks(self._content), 1):
            note = order.add_segment("NTE")
            note.nte_1, note.nte_3 = str(number), escaped(remark)
        lines = (*measured_lines(self._content), *origin_lines(self._content))
        for number, line in enumerate(lines, 1):
            self._write_line(order.add_group("ORU_R01_OBSERVATION").obx, number, line)
        self._write_specimen(order.add_group("ORU_R01_SPECIMEN").spm)
        return self._message

    def _write_head(self, sent_at: dt.datetime, control_id: str) -> None:
        head = self._message.msh
        head.msh_3.hd_1 = APPLICATION
        head.msh_4.hd_1 = escaped(self._sender.facility)
        head.msh_5.hd_1 = escaped(self._sender.receiving_application)
        head.msh_6.hd_1 = escaped(self._sender.receiving_facility)
        head.msh_7.ts_1 = _moment(sent_at)
        head.msh_9.msg_1, head.msh_9.msg_2, head.msh_9.msg_3 = "ORU", "R01", "ORU_R01"
        head.msh_10 = control_id
        head.msh_11.pt_1 = "T" if self._content.is_demonstration else "P"
        head.msh_12.vid_1 = "2.5.1"
        head.msh_18 = "UNICODE UTF-8"

    def _write_order(self, order: Group) -> None:
        number = escaped(order_number(self._content))
        order.orc.orc_1 = "RE"
        order.orc.orc_2.ei_1 = order.orc.orc_3.ei_1 = number

    def _write_report(self, order: Group) -> None:
        content, report = self._content, order.obr
        number = escaped(order_number(content))
        report.obr_1 = "1"
        report.obr_2.ei_1 = report.obr_3.ei_1 = number
        self._write_code(report.obr_4, PANEL)
        self._write_order_numbers(report)
        if content.identity.sampled_at is not None:
            report.obr_7.ts_1 = _moment(content.identity.sampled_at)
        report.obr_22.ts_1 = _moment(content.issued_at)
        report.obr_25 = self._statuses.report
        signer = verifier(content)
        if signer is not None:
            report.obr_32.ndl_1.cnn_2 = escaped(signer.printed_name)

    def _write_order_numbers(self, report: Any) -> None:  # noqa: ANN401  hl7apy
        """In the fields that a filler gives back as it got them: OBR-2 and OBR-3 are taken."""
        identity = self._content.identity
        if identity.placer_order_number:
            report.obr_18 = escaped(identity.placer_order_number)
        if identity.filler_order_number:
            report.obr_20 = escaped(identity.filler_order_number)

    def _write_line(self, segment: Any, number: int, line: Line) -> None:  # noqa: ANN401  hl7apy
        content = self._content
        segment.obx_1 = str(number)
        segment.obx_2 = "NM" if line.term.is_number else "ST"
        self._write_code(segment.obx_3, line.term)
        if line.value is not None:
            segment.obx_5 = escaped(line.value)
        if line.term.unit is not None:
            segment.obx_6.ce_1 = line.term.unit
        segment.obx_11 = self._line_status(line)
        if content.identity.sampled_at is not None:
            segment.obx_14.ts_1 = _moment(content.identity.sampled_at)
        if line.method is not None:
            segment.obx_17.ce_1 = escaped(line.method)
        if content.imaging.last_at is not None:
            segment.obx_19.ts_1 = _moment(content.imaging.last_at)

    def _line_status(self, line: Line) -> str:
        if line.term not in MEASURED:
            # These hold however the result stands; taken back, nobody knew what was.
            return STATUS_OF_ORIGIN.get(self._statuses.report, self._statuses.report)
        if line.absence is not None and self._content.result is not None:
            return NOT_OBTAINED
        return self._statuses.line

    def _write_code(self, element: Any, term: ResultTerm) -> None:  # noqa: ANN401  hl7apy
        element.ce_1, element.ce_2, element.ce_3 = escaped(term.code), escaped(term.name), LOCAL
        loinc = self._sender.loinc.get(term.code)
        if loinc is not None:
            element.ce_4, element.ce_6 = loinc, "LN"

    def _write_specimen(self, specimen: Any) -> None:  # noqa: ANN401  hl7apy
        identity = self._content.identity
        specimen.spm_1 = "1"
        if identity.din is not None:
            specimen.spm_2.eip_1.ei_1 = escaped(identity.din)
        specimen.spm_4.cwe_1, specimen.spm_4.cwe_3 = "BLD", "HL70487"
        if identity.sampled_at is not None:
            specimen.spm_17.dr_1.ts_1 = _moment(identity.sampled_at)
        specimen.spm_27.cwe_1 = identity.container
        specimen.spm_27.cwe_2 = CONTAINERS.get(identity.container, identity.container)
        specimen.spm_27.cwe_3 = LOCAL


def _moment(at: dt.datetime) -> str:
    return f"{at:%Y%m%d%H%M%S%z}"
