"""A signature is bound to its evidence: whatever is changed behind it, verification names it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.db.session import make_engine, transaction
from app.db.tables import ScanImage
from app.domain.evidence import sha256_of_bytes
from app.embedded import postgres
from app.security.permissions import SYSTEM
from app.services import references, verification
from app.services.amendments import Change
from app.services.references import EnteredReference
from app.services.verification import Verification
from app.storage import image_key, model_key, open_store
from tests.integration.signed_samples import SignedSample

ONE = "id = (SELECT min(id::text)::uuid FROM {} WHERE {})"
OTHER = "'" + "0" * 64 + "'"
SIGNED = "analysis_id = (SELECT analysis_id FROM reports)"
CHANGES = [
    ("identity", "UPDATE samples SET din = 'G123498654322'"),
    ("identity", "UPDATE samples SET accession_number = 'ACC-1'"),
    ("identity", "UPDATE samples SET storage_day = 3"),
    ("identity", "UPDATE donors SET code = 'D-2'"),
    ("images", f"UPDATE images SET sha256 = {OTHER} WHERE {ONE.format('images', 'true')}"),
    ("images", f"DELETE FROM analysis_images WHERE {ONE.format('analysis_images', SIGNED)}"),
    ("images", "UPDATE wells SET position = 'C9'"),
    ("images", "UPDATE instrument_profiles SET um_per_px = 0.2"),
    ("exclusions", "UPDATE images SET verdict = 'partly' WHERE verdict = 'accepted'"),
    ("exclusions", "UPDATE images SET corrected_verdict = 'rejected' WHERE verdict = 'partly'"),
    ("exclusions", "UPDATE cells SET verdict = 'rejected' WHERE "
     + ONE.format("cells", "verdict = 'accepted'")),
    ("exclusions", "UPDATE cells SET \"row\" = 9 WHERE " + ONE.format("cells", "true")),
    ("exclusions", "UPDATE cells SET corrected_verdict = NULL"),
    ("exclusions", "UPDATE cells SET corrected_verdict = 'rejected' "
     "WHERE corrected_verdict IS NULL"),
    ("exclusions", "UPDATE corrections SET reason = 'another'"),
    ("exclusions", "UPDATE corrections SET created_by = 'account:x'"),
    ("exclusions", "DELETE FROM corrections"),
    ("model", f"UPDATE model_versions SET sha256 = {OTHER}"),
    ("model", "UPDATE model_versions SET manifest = manifest || '{\"temperature\": 2}'"),
    ("model", "UPDATE model_versions SET is_demonstration = false"),
    ("parameters", "UPDATE analyses SET parameters = parameters || '{\"min_cells\": 1}'"),
    ("parameters", "UPDATE images SET pipeline_version = 'another'"),
    ("score", "UPDATE scores SET rigidity_score = rigidity_score + 1e-12"),
    ("score", "UPDATE scores SET method = 'rs-image-published/1'"),
    ("score", "UPDATE scores SET details = jsonb_set(details, '{rigidity_interval, 0}', '2.0')"),
    ("score", "DELETE FROM scores"),
    ("reference", "UPDATE reference_measurements SET rigidity_score = 2.5"),
    ("reference", "DELETE FROM reference_measurements"),
    ("report", "UPDATE reports SET content = replace(content, 'Vera', 'Vida')"),
    ("report", "UPDATE reports SET status = 'corrected'"),
    ("signature", "UPDATE signatures SET printed_name = 'Vida'"),
    ("signature", "UPDATE signatures SET meaning = 'reviewed'"),
    ("signature", "UPDATE signatures SET created_at = created_at - interval '1 day'"),
    ("signature", "UPDATE signatures SET created_by = 'account:x'"),
    ("signature", "UPDATE signatures SET evidence = replace(evidence, 'D-1', 'D-2')"),
    ("audit", "DELETE FROM audit WHERE action = 'sample.released'"),
    ("audit", "UPDATE audit SET content = replace(content, 'Vera', 'Vida')"),
]  # fmt: skip
"""Part, and a change of the rows that verification must name by it."""


@pytest.fixture
def sample(sample_to_sign: SignedSample) -> SignedSample:
    """Released, with a cell excluded and a reference entered before."""
    scored = sample_to_sign.scored
    scored.exclude(cell=scored.cells(scored.images["accepted"][0])[0])
    scored.follow()
    add_reference(sample_to_sign)
    sample_to_sign.hand_in_and_release()
    return sample_to_sign


@pytest.fixture
def owner(sample: SignedSample, postgres_dir: Path) -> Iterator[Engine]:
    """Yield a connection of whoever owns the tables and can switch their guards off."""
    name = make_url(sample.laboratory.context.settings.database_url or "").database
    assert name is not None
    engine = make_engine(postgres.owner_url(postgres_dir, name))
    yield engine
    engine.dispose()


def add_reference(sample: SignedSample) -> None:
    entered = EnteredReference(rigidity_score=3.0)
    with transaction(sample.laboratory.sessions) as session:
        references.add_reference(session, SYSTEM, sample.id, entered, run_sd=0.17)


def verify(sample: SignedSample, session: Session, version: int | None = None) -> Verification:
    return verification.verify_report(session, sample.laboratory.store, SYSTEM, sample.id, version)


def test_every_changed_row_behind_a_signature_voids_it_and_is_named(
    sample: SignedSample, owner: Engine
) -> None:
    with Session(owner) as session:
        assert verify(sample, session).differs == ()
    for part, change in CHANGES:
        with Session(owner) as session:
            for table in ("reports", "signatures", "audit"):
                session.connection().exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            changed = session.connection().exec_driver_sql(change)
            assert changed.rowcount > 0, change
            checked = verify(sample, session)
            assert part in checked.differs, (change, checked.differs)
            assert not checked.is_whole
            session.rollback()
    with Session(owner) as session:
        assert verify(sample, session).is_whole


def test_what_came_after_a_signature_leaves_it_true(sample: SignedSample) -> None:
    add_reference(sample)
    sample.amend(Change.VALUE, "one more cell to leave out")
    scored = sample.scored
    scored.exclude(cell=scored.cells(scored.images["accepted"][1])[0])
    scored.follow()
    sample.hand_in_and_release()
    sample.amend(Change.WITHDRAW, "wrong sample")
    with transaction(sample.laboratory.sessions) as session:
        for version in (1, 2, 3):
            assert verify(sample, session, version).differs == (), version


def test_one_changed_byte_of_an_image_or_of_the_network_is_named(
    sample_to_sign: SignedSample, tmp_path: Path
) -> None:
    sample, store = sample_to_sign, open_store(tmp_path.as_uri())
    with transaction(sample.laboratory.sessions) as session:
        rows = session.scalars(select(ScanImage)).all()
        for place, image in enumerate(rows):
            data = f"the bytes of image {place}".encode()
            image.sha256 = sha256_of_bytes(data)
            store.put_once(image_key(image.sha256), data)
        first = image_key(rows[0].sha256)
    model = model_key(sample.scored.score()["model_version"]["sha256"])
    network = sample.laboratory.store.get(model)
    store.put_once(model, network)
    sample.hand_in_and_release()

    def differs() -> tuple[str, ...]:
        with transaction(sample.laboratory.sessions) as session:
            checked = verification.verify_report(session, store, SYSTEM, sample.id, with_files=True)
        assert checked.n_files == len(rows) + 1
        return checked.differs

    assert differs() == ()
    store.put_once(first, b"the bytes of image O")
    assert differs() == ("images",)
    store.put_once(model, network[:-1] + bytes([network[-1] ^ 1]))
    assert differs() == ("images", "model")
