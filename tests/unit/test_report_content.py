"""What a report says can be kept as text and read back without a loss."""

import json

import pytest

from app.reports.content import ReportContent
from tests.report_contents import final_report, withdrawn_report


@pytest.mark.parametrize("content", [final_report(), withdrawn_report()])
def test_a_report_read_back_from_its_text_is_the_same(content: ReportContent) -> None:
    assert ReportContent.from_text(content.to_text()) == content


def test_the_same_report_always_gives_the_same_text() -> None:
    text = final_report().to_text()

    assert text == ReportContent.from_text(text).to_text()
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_a_text_that_lost_a_field_is_refused() -> None:
    values = json.loads(final_report().to_text())
    del values["identity"]["donor_code"]

    with pytest.raises(ValueError, match="donor_code"):
        ReportContent.from_text(json.dumps(values))


def test_a_report_kept_before_a_field_was_added_keeps_its_text_to_the_byte() -> None:
    values = json.loads(final_report().to_text())
    del values["result"]["methods"], values["reference"]["outlet_fractions"]
    kept = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    content = ReportContent.from_text(kept)

    assert content.to_text() == kept
    assert content.result is not None
    assert content.result.methods == {}
