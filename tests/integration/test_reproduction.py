"""`pliant reproduce`: table 3 of the paper beside what the imported images give."""

import uuid
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import Analysis, Job, TrainingRun
from app.domain.errors import InvalidInput
from app.domain.scoring import published_rigidity_score
from app.domain.synthetic.donors import draw_donor
from app.domain.synthetic.samples import plan_sample
from app.security.permissions import SYSTEM
from app.services import reproduction
from app.services.imports import Importer
from app.services.model_versions import version_to_use
from app.services.published_images import find_images
from app.services.references import EnteredReference, add_reference
from app.services.reproduction import Protocol, Table
from app.services.simulate import write_sample
from bench.fabricated_samples import add_image, fabricate, record
from tests.integration.conftest import Site
from tests.integration.sorted_samples import SortedSample, sort_sample
from tests.laboratory import NEEDS, Laboratory, open_laboratory
from worker.retraining import report_installation

QUICK = Protocol(epochs=1)


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Laboratory:
    opened = open_laboratory(site.sessions, database_url, tmp_path / "laboratory")
    report_installation(opened.sessions)
    return opened


def begin(laboratory: Laboratory) -> None:
    with transaction(laboratory.sessions) as session:
        reproduction.begin(session, SYSTEM, QUICK, is_enabled=True)


def read(laboratory: Laboratory) -> Table:
    with transaction(laboratory.sessions) as session:
        reproduction.score_unsorted(session, SYSTEM, QUICK, parameters=NEEDS)
        return reproduction.read_table(session, QUICK)


def end_run(laboratory: Laboratory, name: str, **values: object) -> None:
    """As if a worker had trained it."""
    with transaction(laboratory.sessions) as session:
        wanted = select(TrainingRun).where(TrainingRun.name == QUICK.run_name(name))
        run = session.scalars(wanted).one()
        for member, value in ({"state": "done"} | values).items():
            setattr(run, member, value)
        session.get_one(Job, run.job_id).state = "done"


def active_version_id(laboratory: Laboratory) -> uuid.UUID:
    with transaction(laboratory.sessions) as session:
        return version_to_use(session, None).id


def metrics(accuracy: float, **by_donor: float) -> dict[str, object]:
    donors = [{"donor": code, "accuracy": share} for code, share in by_donor.items()]
    return {"accuracy": accuracy, "confusion": [[80, 20], [10, 90]], "by_donor": donors}


@pytest.fixture
def donors(laboratory: Laboratory) -> list[SortedSample]:
    return [sort_sample(laboratory, f"FRDR-{donor}", outlets=(3, 4)) for donor in (1, 5, 9)]


def test_a_run_for_each_donor_and_one_that_leaves_donors_out_are_begun_once(
    laboratory: Laboratory, donors: list[SortedSample]
) -> None:
    begin(laboratory)
    begin(laboratory)
    table = read(laboratory)
    assert len(donors) == 3
    assert sorted(table.waiting) == [
        "Table 3, donor 1, compact, 1 epochs",
        "Table 3, donor 5, compact, 1 epochs",
        "Table 3, donor 9, compact, 1 epochs",
        "Table 3, one donor left out, compact, 1 epochs",
    ]
    assert [row.donor for row in table.rows] == [1, 5, 9]
    assert {row.own_percent for row in table.rows} == {None}


def test_accuracies_stand_beside_the_papers_and_a_failed_run_is_told_and_begun_anew(
    laboratory: Laboratory, donors: list[SortedSample]
) -> None:
    assert donors
    begin(laboratory)
    end_run(laboratory, "donor 1", metrics=metrics(0.91))
    end_run(laboratory, "donor 5", state="failed", failure={"message": "Out of memory."})
    end_run(
        laboratory,
        "one donor left out",
        metrics=metrics(0.6, **{"FRDR-1": 0.7, "FRDR-5": 0.6, "FRDR-9": 0.5}),
    )
    table = read(laboratory)
    first = table.rows[0]
    assert (first.paper_percent, first.own_percent, first.left_out_percent) == (92, 91.0, 70.0)
    assert table.failures == ("Table 3, donor 5, compact, 1 epochs: Out of memory.",)
    printed = reproduction.print_table(table)
    assert printed[1].split() == ["1", "3,4", "92", "91", "70", "3.27", "3.19", "-"]
    begin(laboratory)
    assert read(laboratory).failures == ()


def test_a_score_needs_unsorted_wells_or_outlet_fractions(
    laboratory: Laboratory, donors: list[SortedSample]
) -> None:
    begin(laboratory)
    version_id = active_version_id(laboratory)
    end_run(laboratory, "donor 1", metrics=metrics(0.9), model_version_id=version_id)
    assert read(laboratory).rows[0].why_no_score == "not reproducible without outlet fractions"
    with transaction(laboratory.sessions) as session:
        counts = EnteredReference(counts={2: 100, 3: 400, 4: 500})
        add_reference(session, SYSTEM, donors[0].id, counts, run_sd=0.17)
    row = read(laboratory).rows[0]
    assert row.why_no_score is None
    assert row.own_score == pytest.approx(published_rigidity_score(0.5 * 0.8 + 0.5 * 0.1))


def test_unsorted_wells_are_scored_by_the_donors_own_network(
    laboratory: Laboratory,
) -> None:
    well = laboratory.add_well(sort_sample(laboratory, "FRDR-5", outlets=(3, 4)).id, 1)
    with transaction(laboratory.sessions) as session:
        image = fabricate(np.random.default_rng(1), n_cells=60, outlets=(2, 3, 4, 5), side_px=640)
        record(session, add_image(session, well), image)
    begin(laboratory)
    version_id = active_version_id(laboratory)
    end_run(laboratory, "donor 5", metrics=metrics(0.9), model_version_id=version_id)
    assert "analysis of donor 5" in read(laboratory).waiting
    with transaction(laboratory.sessions) as session:
        analysis = session.scalars(select(Analysis)).one()
    assert analysis.model_version_id == version_id
    laboratory.run_queue()
    (row,) = read(laboratory).rows
    assert row.own_score is not None
    assert 2.5 <= row.own_score <= 3.5


def test_nothing_imported_says_what_to_do(laboratory: Laboratory) -> None:
    with pytest.raises(InvalidInput, match="pliant import-frdr"):
        begin(laboratory)


def test_a_miniature_of_the_image_set_goes_from_folders_to_a_table(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    donor = draw_donor("2", 3)
    for outlet in (3, 4, None):
        plan = plan_sample(donor, wells=1, images_per_well=1, outlet=outlet, fault_share=0.0)
        write_sample(plan, tmp_path / "download")
    importer = Importer(
        laboratory.sessions, laboratory.store, SYSTEM, max_image_bytes=20_000_000, run_sd=0.17
    )
    with ExitStack() as opened:
        report = importer.take(find_images(tmp_path / "download", opened), lambda *_: None)
    assert (report.n_new, report.refused) == (3, [])
    laboratory.run_queue()
    begin(laboratory)
    laboratory.run_queue()
    assert read(laboratory).waiting == ("analysis of donor 2",)
    laboratory.run_queue()
    table = read(laboratory)
    assert (table.waiting, table.failures) == ((), ())
    (row,) = table.rows
    assert row.own_percent is not None
    assert row.own_percent > 0
    assert row.left_out_percent is None
    assert row.own_score is not None
    assert reproduction.print_table(table)[1].split()[:3] == ["2", "2,3,4", "95"]
