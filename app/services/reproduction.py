"""The paper's table 3 again, on the imported images: its protocol, and donors held out beside it.

Within a donor, as published: cells of one donor's wells, folds over cells. The network has then
seen the donor, the wells and the day; leaving whole donors out shows what is left without that.
Everything is ordinary training runs and analyses, found again by the runs' names.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import reproduction as queries
from app.db.tables import TrainingRun
from app.domain.errors import InvalidInput
from app.domain.method_comparison.published import DONORS
from app.domain.published_dataset import PUBLISHED_FITS
from app.domain.scoring import published_rigidity_score
from app.security.permissions import Principal
from app.services.analyses import request_analysis
from app.services.imports import donor_code
from app.services.training_cells import Selection
from app.services.training_requests import NewRun, start_run

FEWEST_DONORS_TO_LEAVE_OUT: Final = 3
ONE_OUT: Final = "one donor left out"
OVER: Final = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Protocol:
    """How the networks are fitted; `config` as a training run takes it."""

    architecture: str = "compact"
    epochs: int | None = None
    cells_per_class: int | None = None

    def run_name(self, what: str) -> str:
        return f"Table 3, {what}, {self.architecture}, {self.epochs or 'usual'} epochs"

    def config(self, holdout: str, folds: int) -> dict[str, Any]:
        asked = {"epochs": self.epochs, "cells_per_class": self.cells_per_class}
        return {
            "architecture": self.architecture,
            "target": "class",
            "holdout": holdout,
            "folds": folds,
        } | {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class PublishedSample:
    """An imported donor."""

    donor: int
    sample_id: uuid.UUID
    has_sorted: bool
    has_unsorted: bool


@dataclass(frozen=True)
class Row:
    """One donor: as printed in the paper, and as found here; None where it is not known (yet).

    Accuracies are percentages, scores outlet numbers. `why_no_score` says why there is none here.
    """

    donor: int
    outlets: tuple[int, ...]
    paper_percent: int
    own_percent: float | None
    left_out_percent: float | None
    reference_score: float
    paper_score: float
    own_score: float | None
    why_no_score: str | None


@dataclass(frozen=True)
class Table:
    rows: tuple[Row, ...]
    waiting: tuple[str, ...]
    """Runs and analyses that are not over, in words."""
    failures: tuple[str, ...]


def imported_donors(session: Session) -> tuple[PublishedSample, ...]:
    """The published donors that are here.

    Raises
    ------
    InvalidInput
        ``nothing_imported``.
    """
    codes = {donor_code(donor): donor for donor in PUBLISHED_FITS}
    found = {codes[code]: sample for code, sample in queries.samples_of_donors(session, codes)}
    if not found:
        raise InvalidInput(
            "nothing_imported", "No published donor is here; run pliant import-frdr PATH first."
        )
    return tuple(
        PublishedSample(
            donor,
            sample_id,
            has_sorted=queries.has_wells(session, sample_id, is_sorted=True),
            has_unsorted=queries.has_wells(session, sample_id, is_sorted=False),
        )
        for donor, sample_id in sorted(found.items())
    )


def begin(session: Session, principal: Principal, protocol: Protocol, *, is_enabled: bool) -> None:
    """Start the runs that are missing or failed; those under way or done are left as they are."""
    samples = [sample for sample in imported_donors(session) if sample.has_sorted]
    runs = _runs(session, protocol, samples)
    for sample in samples:
        if _within(protocol, sample.donor) not in runs:
            _start(session, principal, protocol, [sample], is_enabled=is_enabled)
    is_enough = len(samples) >= FEWEST_DONORS_TO_LEAVE_OUT
    if is_enough and protocol.run_name(ONE_OUT) not in runs:
        _start(session, principal, protocol, samples, is_enabled=is_enabled)


def score_unsorted(
    session: Session, principal: Principal, protocol: Protocol, *, parameters: dict[str, int]
) -> None:
    """Analyse each donor's unsorted wells by the donor's own network, once it is there."""
    samples = [sample for sample in imported_donors(session) if sample.has_unsorted]
    runs = _runs(session, protocol, samples)
    for sample in samples:
        run = runs.get(_within(protocol, sample.donor))
        if run is not None and run.model_version_id is not None:
            _analyse(session, principal, sample, run.model_version_id, parameters)


def _within(protocol: Protocol, donor: int) -> str:
    return protocol.run_name(f"donor {donor}")


def _runs(
    session: Session, protocol: Protocol, samples: Sequence[PublishedSample]
) -> Mapping[str, TrainingRun]:
    names = [_within(protocol, sample.donor) for sample in samples]
    found = queries.newest_runs(session, [*names, protocol.run_name(ONE_OUT)])
    return {name: run for name, run in found.items() if run.state not in ("failed", "cancelled")}


def _start(
    session: Session,
    principal: Principal,
    protocol: Protocol,
    samples: Sequence[PublishedSample],
    *,
    is_enabled: bool,
) -> None:
    """Five folds over the cells of one donor, as published, or a fold for each of many donors."""
    is_one = len(samples) == 1
    name = _within(protocol, samples[0].donor) if is_one else protocol.run_name(ONE_OUT)
    config = protocol.config("cell", 5) if is_one else protocol.config("donor", len(samples))
    selection = Selection(samples=tuple(sample.sample_id for sample in samples))
    start_run(session, principal, NewRun(name, selection, config), is_enabled=is_enabled)


def _analyse(
    session: Session,
    principal: Principal,
    sample: PublishedSample,
    version_id: uuid.UUID,
    parameters: dict[str, int],
) -> None:
    if queries.newest_analysis(session, sample.sample_id, version_id) is None:
        request_analysis(
            session, principal, sample.sample_id, model_version_id=version_id, parameters=parameters
        )


def read_table(session: Session, protocol: Protocol) -> Table:
    """Table 3 as far as it is known."""
    samples = imported_donors(session)
    runs = _runs(session, protocol, samples)
    left_out = _accuracy_by_donor(runs.get(protocol.run_name(ONE_OUT)))
    rows, waiting = [], [name for name, run in runs.items() if run.state not in OVER]
    for sample in samples:
        run = runs.get(_within(protocol, sample.donor))
        score, why = _own_score(session, sample, run)
        if why == STILL_SCORED:
            waiting.append(f"analysis of donor {sample.donor}")
        rows.append(_row(sample, run, left_out, score, why))
    names = [_within(protocol, sample.donor) for sample in samples]
    newest = queries.newest_runs(session, [*names, protocol.run_name(ONE_OUT)])
    failures = [_failure(run) for run in newest.values() if run.state in ("failed", "cancelled")]
    return Table(tuple(rows), tuple(waiting), tuple(failures))


def _failure(run: TrainingRun) -> str:
    return f"{run.name}: {run.failure['message'] if run.failure else run.state}"


def _row(
    sample: PublishedSample,
    run: TrainingRun | None,
    left_out: Mapping[str, float],
    score: float | None,
    why: str | None,
) -> Row:
    fit, published = PUBLISHED_FITS[sample.donor], DONORS[sample.donor - 1]
    return Row(
        donor=sample.donor,
        outlets=fit.outlets,
        paper_percent=fit.test_percent,
        own_percent=None if run is None or not run.metrics else 100 * run.metrics["accuracy"],
        left_out_percent=left_out.get(donor_code(sample.donor)),
        reference_score=published.reference_score,
        paper_score=published.image_score,
        own_score=score,
        why_no_score=why,
    )


def _accuracy_by_donor(run: TrainingRun | None) -> dict[str, float]:
    if run is None or not run.metrics:
        return {}
    return {donor["donor"]: 100 * donor["accuracy"] for donor in run.metrics["by_donor"]}


STILL_TRAINED: Final = "its network is not trained yet"
STILL_SCORED: Final = "its unsorted wells are being scored"
NOT_REPRODUCIBLE: Final = "not reproducible without outlet fractions"


def _own_score(
    session: Session, sample: PublishedSample, run: TrainingRun | None
) -> tuple[float | None, str | None]:
    """The published score from unsorted wells, else from known outlet fractions."""
    if run is None or run.model_version_id is None or not run.metrics:
        return None, STILL_TRAINED if sample.has_sorted else NOT_REPRODUCIBLE
    if sample.has_unsorted:
        return _score_of_unsorted(session, sample, run.model_version_id)
    deformable = queries.deformable_fraction(session, sample.sample_id)
    if deformable is None:
        return None, NOT_REPRODUCIBLE
    return published_rigidity_score(called_share(run.metrics["confusion"], deformable)), None


def _score_of_unsorted(
    session: Session, sample: PublishedSample, version_id: uuid.UUID
) -> tuple[float | None, str | None]:
    found = queries.newest_analysis(session, sample.sample_id, version_id)
    if found is None or found.Score is None:
        is_over = found is not None and found.Analysis.state == "failed"
        return None, "its analysis failed" if is_over else STILL_SCORED
    counted = found.Score.details["fraction_deformable"]["counted"]
    if counted is None:
        return None, "no cell was found in its unsorted wells"
    return published_rigidity_score(counted), None


def called_share(confusion: Sequence[Sequence[int]], deformable: float) -> float:
    """Share of a sample's cells that would be called deformable.

    Parameters
    ----------
    confusion
        Cells by truth (row) and call (column), deformable first, of cells held out.
    deformable
        Share of the sample's cells that are deformable, 0 to 1.
    """
    of_deformable, of_rigid = (row[0] / sum(row) for row in confusion)
    return deformable * of_deformable + (1 - deformable) * of_rigid


HEADINGS: Final = (
    "donor", "outlets", "paper %", "here %", "left out %", "ratchet", "paper image", "image here",
)  # fmt: skip


def print_table(table: Table) -> list[str]:
    """The table as text: test accuracies in percent, then rigidity scores."""
    rows = [HEADINGS, *(_cells_of(row) for row in table.rows), _means(table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]
    notes = [f"donor {row.donor}: {row.why_no_score}" for row in table.rows if row.why_no_score]
    failures = [f"failed: {failure}" for failure in table.failures]
    legend = (
        "paper %, here %: within one donor, folds over its cells. left out %: no cell of the donor "
        "was seen. Scores are the published two-class ones."
    )
    return [*lines, legend, *notes, *failures]


def _cells_of(row: Row) -> tuple[str, ...]:
    return (
        str(row.donor),
        ",".join(map(str, row.outlets)),
        str(row.paper_percent),
        _percent(row.own_percent),
        _percent(row.left_out_percent),
        f"{row.reference_score:.2f}",
        f"{row.paper_score:.2f}",
        "-" if row.own_score is None else f"{row.own_score:.2f}",
    )


def _means(rows: Sequence[Row]) -> tuple[str, ...]:
    own = [row.own_percent for row in rows if row.own_percent is not None]
    left_out = [row.left_out_percent for row in rows if row.left_out_percent is not None]
    paper = sum(row.paper_percent for row in rows) / len(rows)
    means = (_percent(sum(some) / len(some) if some else None) for some in (own, left_out))
    return ("mean", "", f"{paper:.0f}", *means, "", "", "")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
