"""Pairs for tests of agreement: the published ones as they are sent, and scored samples."""

import datetime as dt
import uuid
from typing import Any

from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Analysis, ModelVersion, OutsidePair, Score
from app.domain.method_comparison.published import DONORS, NETWORK, SOURCE
from app.security.permissions import SYSTEM
from app.services import references, samples
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample
from tests.integration.conftest import Site

AGREEMENT = "/api/v1/agreement"
PAIRS = f"{AGREEMENT}/pairs"
HEADER = "donor_code,storage_day,reference_score,image_score,measured_with,measured_on,source"


def published_json() -> dict[str, Any]:
    return {
        "pairs": [
            {
                "donor_code": f"donor {donor.number}",
                "storage_day": donor.storage_day,
                "reference_score": donor.reference_score,
                "image_score": donor.image_score,
                "measured_with": NETWORK,
                "source": SOURCE,
            }
            for donor in DONORS
        ]
    }


def published_csv() -> str:
    rows = [
        f"donor {one.number},{one.storage_day},{one.reference_score},{one.image_score},{NETWORK},,"
        for one in DONORS
    ]
    return "\n".join([HEADER, *rows, ""])


def send_csv(client: TestClient, text: str | bytes) -> Response:
    return client.post(PAIRS, content=text, headers={"Content-Type": "text/csv"})


def agreement_of(client: TestClient, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(AGREEMENT, params=query).raise_for_status().json()
    return answer


def refused(answer: Response, code: str, status: int = 422) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def n_stored(site: Site) -> int:
    with transaction(site.sessions) as session:
        return len(session.scalars(select(OutsidePair.id)).all())


def version(site: Site, name: str = "compact-1", *, is_demonstration: bool = False) -> uuid.UUID:
    with transaction(site.sessions) as session:
        row = ModelVersion(
            name=name, sha256=name.ljust(64, "0"), manifest={}, state="candidate",
            is_demonstration=is_demonstration,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def scored_sample(
    site: Site, donor_code: str, version_id: uuid.UUID, score: float | None, *runs: float,
    sampled_on: dt.date = dt.date(2026, 3, 1), is_demonstration: bool = False,
) -> uuid.UUID:  # fmt: skip
    """A sample with reference runs and the row of a finished analysis; no image is needed here."""
    new = NewSample(
        donor_code=donor_code,
        container=Container.BLOOD_BAG,
        sampled_at=dt.datetime.combine(sampled_on, dt.time(9), dt.UTC),
        is_demonstration=is_demonstration,
    )
    with transaction(site.sessions) as session:
        sample_id = samples.create_sample(session, SYSTEM, new).id
        for run in runs:
            references.add_reference(
                session, SYSTEM, sample_id, EnteredReference(rigidity_score=run), run_sd=0.17
            )
    add_score(site, sample_id, version_id, score)
    return sample_id


def add_score(site: Site, sample_id: uuid.UUID, version_id: uuid.UUID, score: float | None) -> None:
    wells = [] if score is None else [{"rigidity_score": score + d} for d in (-0.02, 0.02)]
    with transaction(site.sessions) as session:
        analysis = Analysis(
            sample_id=sample_id, model_version_id=version_id, parameters={}, state="done",
            created_by=SYSTEM.id,
        )  # fmt: skip
        session.add(analysis)
        session.flush()
        reasons = [] if score is not None else [{"code": "too_few_cells", "message": "few"}]
        session.add(
            Score(
                analysis_id=analysis.id, job_id=uuid.uuid4(), method="rs-image-outlets/1",
                rigidity_score=score, reasons=reasons, details={"wells": wells},
            )
        )  # fmt: skip
