"""One record of every kind that an address can name, made by one program or by the laboratory."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import (
    Account,
    Analysis,
    ApiKey,
    Cell,
    Control,
    Job,
    ModelVersion,
    Report,
    Sample,
    ScanImage,
    TrainingRun,
    Well,
)
from app.domain.training_config import RunConfig
from tests.integration.signed_samples import SignedSample

DONOR, ACCESSION, NOTES = "D-7741", "ACC-7741", "seen by its owner alone"
AT: Final = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
RECEIVER: Final = "https://1.1.1.1/of-one-program"
OWNED: Final = (
    "sample_id", "well_id", "sha256", "image_id", "cell_id", "analysis_id", "version", "webhook_id",
    "delivery_id", "pair_id",
)  # fmt: skip
"""Records that belong to whoever made them."""


@dataclass(frozen=True)
class OneOfEach:
    """Ids by the names that addresses give them, and texts that only their owner may read."""

    ids: dict[str, str]
    secrets: tuple[str, ...]

    def owned(self) -> dict[str, str]:
        return {name: self.ids[name] for name in OWNED}


def unknown_ids() -> dict[str, str]:
    """Ids that nobody has, of the same form."""
    names = (*OWNED, "account_id", "key_id", "control_id", "run_id", "version_id")
    return {name: str(uuid.uuid4()) for name in names} | {"sha256": "0" * 64, "version": "1"}


def one_of_each(signed: SignedSample, owner: TestClient) -> OneOfEach:
    """The signed sample's result is released, and given to `owner` with all that hangs on it."""
    signed.hand_in_and_release()
    made, mine = _made_by(owner)
    with transaction(signed.laboratory.sessions) as session:
        session.execute(
            update(Sample)
            .where(Sample.id == signed.id)
            .values(created_by=mine, accession_number=ACCESSION, notes=NOTES)
        )
        key = ApiKey.identity_id == uuid.UUID(mine.removeprefix("key:"))
        run = training_run(session.scalars(select(Job.id)).first())
        session.add(run)
        session.flush()
        ids = (
            made
            | _of_the_sample(session, signed.id)
            | {
                "account_id": session.scalars(select(Account.id)).first(),
                "key_id": session.scalars(select(ApiKey.id).where(key)).one(),
                "control_id": session.scalars(select(Control.id)).first(),
                "version_id": session.scalars(select(ModelVersion.id)).first(),
                "run_id": run.id,
            }
        )
    texts = (ACCESSION, NOTES, RECEIVER)
    return OneOfEach({name: str(value) for name, value in ids.items()}, texts)


def _of_the_sample(session: Session, sample_id: uuid.UUID) -> dict[str, object]:
    well_id = session.scalars(select(Well.id).where(Well.sample_id == sample_id)).first()
    image = session.scalars(select(ScanImage).where(ScanImage.well_id == well_id)).first()
    assert image is not None
    return {
        "sample_id": sample_id,
        "well_id": well_id,
        "sha256": image.sha256,
        "image_id": image.id,
        "cell_id": session.scalars(select(Cell.id).where(Cell.image_id == image.id)).first(),
        "analysis_id": session.scalars(select(Analysis.id)).first(),
        "version": session.scalars(select(func.max(Report.version))).one(),
    }


def _made_by(owner: TestClient) -> tuple[dict[str, object], str]:
    """A webhook with a message on its way, a pair that was measured elsewhere; and whose."""
    webhook = _made(owner, "/api/v1/webhooks", {"url": RECEIVER, "events": ["sample.released"]})
    delivery = _made(owner, f"/api/v1/webhooks/{webhook['id']}/test", None)
    pair = {
        "donor_code": DONOR, "storage_day": 7, "reference_score": 3.0, "image_score": 3.1,
        "measured_with": "another", "source": NOTES,
    }  # fmt: skip
    pairs = _made(owner, "/api/v1/agreement/pairs", {"pairs": [pair]})
    ids = {
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "pair_id": pairs["ids"][0],
    }
    return ids, webhook["created_by"]


def _made(client: TestClient, address: str, body: object) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(address, json=body).raise_for_status().json()
    return answer


def training_run(job_id: uuid.UUID | None) -> TrainingRun:
    """One that failed, so that nobody waits for its end."""
    return TrainingRun(
        name="autumn", state="failed", config=RunConfig().to_json(),
        selection={"used": {"donors": [DONOR], "samples": []}}, warnings=[], n_cells=1, n_images=1,
        dataset_sha256="a" * 64, is_demonstration=True, job_id=job_id, created_by="system",
        failure={"code": "out_of_memory", "message": "It was too much."},
        started_at=AT, finished_at=AT,
    )  # fmt: skip
