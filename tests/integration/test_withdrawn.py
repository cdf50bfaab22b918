"""A withdrawn result, asked for at every door that told it while it stood."""

import json
import re
from collections.abc import Mapping
from typing import Final

from httpx2 import Response
from starlette.testclient import TestClient

from app.main import create_app
from app.security.permissions import Role
from app.services.amendments import Change
from tests.integration.conftest import BASE_URL
from tests.integration.signed_samples import SignedSample
from tests.integration.test_specification import credentials
from tests.integration.test_web_access import MATRIX

ABOUT_CELLS: Final = re.compile(r"/(cells|images|arrivals|upload)\b")
ENDLESS: Final = "/api/v1/samples/{sample_id}/events"
TELLING: Final = frozenset(
    {
        "/api/v1/samples", "/api/v1/samples/{sample_id}", "/api/v1/samples/{sample_id}/score",
        "/api/v1/analyses/{analysis_id}", "/api/v1/analyses/{analysis_id}/events",
        "/api/v1/samples/{sample_id}/fhir", "/api/v1/samples/{sample_id}/hl7",
        "/api/v1/samples/{sample_id}/hl7/reading",
        "/api/v1/samples/{sample_id}/reports/{version}",
        "/samples", "/samples/{sample_id}", "/samples/{sample_id}/signing",
        "/samples/{sample_id}/lims",
    }
)  # fmt: skip
"""Doors that tell a result that stands; the PDF's text has a test of its own."""
KEPT: Final = frozenset({"/api/v1/samples/{sample_id}/reports/{version}"})
"""Asked for by its number, a version says what it said when it was released."""


def doors() -> list[str]:
    paths = [name.removeprefix("GET ") for name in json.loads(MATRIX.read_text()) if "GET" in name]
    about_it = [path for path in paths if "{sample_id}" in path or "{analysis_id}" in path]
    return [
        path
        for path in [*about_it, "/samples", "/api/v1/samples"]
        if path != ENDLESS and not ABOUT_CELLS.search(path)
    ]


def telling(client: TestClient, ids: Mapping[str, str], figures: re.Pattern[str]) -> set[str]:
    def tells(answer: Response) -> bool:
        return answer.is_success and figures.search(answer.text) is not None

    return {path for path in doors() if tells(client.get(path.format_map(ids)))}


def test_no_door_tells_the_number_of_a_withdrawn_result(sample_to_sign: SignedSample) -> None:
    sample = sample_to_sign
    report = sample.hand_in_and_release()
    ids = {"sample_id": sample.id, "analysis_id": report.analysis_id, "version": report.version}
    score = sample.scored.score()["rigidity_score"]
    figures = re.compile(rf"(?<![\d.])({score!r}|{score:.2f})(?!\d)")
    app = create_app(sample.laboratory.context.settings)
    with TestClient(app, BASE_URL, headers=credentials(sample, Role.VERIFIER)) as verifier:
        named = {name: str(value) for name, value in ids.items()}
        assert telling(verifier, named, figures) == TELLING
        sample.amend(Change.WITHDRAW, "wrong sample in the well")
        assert telling(verifier, named, figures) == KEPT
