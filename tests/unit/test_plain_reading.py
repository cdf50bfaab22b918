"""What a receiver that splits on | and ^ takes from our messages, and what it is warned of."""

from dataclasses import replace
from typing import Final

import pytest

from app.outbound.hl7_v2 import message
from app.outbound.plain_reading import NO_NUMBER, read_plainly, traps_of
from app.outbound.results import Sender
from app.reports.content import ReportContent, ReportStatus
from tests.report_contents import final_report, withdrawn_report

ALWAYS: Final = {"words_as_numbers", "notes_lost", "mapping_missing"}


def numbered(accession_number: str | None, din: str | None = "A999921123456") -> ReportContent:
    content = final_report()
    identity = replace(content.identity, accession_number=accession_number, din=din)
    return replace(content, identity=identity)


def traps(content: ReportContent, sender: Sender | None = None) -> set[str]:
    sender = sender or Sender()
    return {trap.code for trap in traps_of(message(content, sender), content, sender)}


def test_a_plain_receiver_finds_number_test_and_values() -> None:
    reading = read_plainly(message(numbered("ACC-0042")))
    assert (reading.accession_number, reading.accession_from) == ("ACC-0042", "OBR-3")
    assert (reading.test, reading.patient_id) == ("RBCDEF", "")
    first = reading.lines[0]
    assert (first.code, first.kind, first.value, first.unit) == ("RBCDEF-RS", "NM", "2.77", "1")
    assert first.name == "Image rigidity score (higher = more rigid)"
    assert {line.code: line.value for line in reading.lines}["RBCDEF-RS-HI"] == "2.95"


def test_an_ordinary_report_is_warned_only_of_what_every_plain_receiver_loses() -> None:
    assert traps(numbered("ACC-0042")) == ALWAYS


@pytest.mark.parametrize("number", ["A^B", "A|B", "A&B", "A~B", "A\\B"])
def test_a_number_with_a_delimiter_is_read_wrongly_and_said_so(number: str) -> None:
    assert "accession_differs" in traps(numbered(number))


def test_without_an_accession_number_the_samples_own_is_read_and_never_the_donors() -> None:
    content = numbered(None)
    reading = read_plainly(message(content))
    assert reading.accession_number == str(content.identity.sample_id)
    assert traps(content) == {*ALWAYS, "accession_missing"}


def test_a_donation_number_for_an_accession_number_is_a_trap() -> None:
    assert "din_as_accession" in traps(numbered("A999921123456"))
    assert "din_as_accession" in traps(numbered("W000012345678", din=None))
    assert "din_as_accession" not in traps(numbered("ACC-1"))


def test_a_withdrawn_report_reads_as_empty_and_that_is_said() -> None:
    content = withdrawn_report()
    reading = read_plainly(message(content))
    assert {line.value for line in reading.lines if line.kind == "NM"} == {"", "2"}
    assert {"status_lost", "empty_values"} <= traps(content)
    corrected = replace(final_report(), status=ReportStatus.CORRECTED)
    assert "status_lost" in traps(corrected)


def test_a_model_whose_name_holds_a_delimiter_is_shown_with_its_escape_sequence() -> None:
    content = final_report()
    content = replace(content, versions=replace(content.versions, model_name="new^model"))
    values = {line.code: line.value for line in read_plainly(message(content)).lines}
    assert values["RBCDEF-MODEL"] == "new\\S\\model"
    assert "delimiters" in traps(content)


def test_a_mapping_is_missing_for_what_is_not_mapped() -> None:
    content = final_report()
    sender = Sender(loinc={"RBCDEF-RS": "718-7"})
    (trap,) = [
        one
        for one in traps_of(message(content, sender), content, sender)
        if one.code == "mapping_missing"
    ]
    assert "RBCDEF-DS" in trap.message
    assert "RBCDEF-RS," not in trap.message


def test_other_peoples_messages_show_what_the_traps_are_for() -> None:
    """No number at all, numbers that differ, and a person where none belongs."""
    assert read_plainly("MSH|^~\\&|X\rOBR|1|||T").accession_number == NO_NUMBER
    din = "A999921123456"
    text = f"MSH|^~\\&|X\rPID|1||{din}\rORC|RE|A|B\rOBR|1|A||T\rOBX|1|NM|T||1"
    reading = read_plainly(text)
    assert (reading.accession_number, reading.accession_from) == ("B", "ORC-3")
    content = numbered("A", din=din)
    found = {trap.code for trap in traps_of(text, content, Sender())}
    assert {"accession_differs", "order_numbers_differ", "din_as_accession"} <= found


def test_the_worst_comes_first() -> None:
    content = numbered(None)
    found = traps_of(message(content), content, Sender())
    weights = [trap.weight.value for trap in found]
    assert weights == sorted(weights, key=["wrong", "lost", "note"].index)
