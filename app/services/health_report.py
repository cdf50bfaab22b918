"""How every part of the installation is, in words with the next step, and the numbers behind them.

`/readyz` answers machines whether uploads are accepted; this tells people what to do.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import health as queries
from app.db.queries import jobs as job_queries
from app.db.queries.model_versions import active_version
from app.jobs.kinds import Queue
from app.services import audit, control_views
from app.services.control_facts import ControlState
from app.services.health import SWEEPER, SWEEPER_SILENT_AFTER
from app.services.worker_reports import FORGOTTEN_AFTER, PREFIX
from app.settings import Settings
from app.storage import Store

IMAGE_BYTES: Final = 5_900_000
"""One image of the article's camera, to say what free space is good for."""
LONG_WAIT_SECONDS: Final = {
    Queue.SCANS: 60.0, Queue.BACKGROUND: 3600.0, Queue.OUTBOUND: 600.0, Queue.TRAINING: 24 * 3600.0
}  # fmt: skip
QUEUES: Final = {
    Queue.SCANS: "Images and scores",
    Queue.BACKGROUND: "Background work",
    Queue.OUTBOUND: "Messages to other systems",
    Queue.TRAINING: "Training",
}
BACKUP: Final = "backup"
BACKUP_OLD_AFTER: Final = dt.timedelta(hours=26)


class PartState(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class PartHealth:
    """One part: what is the case, and what to do where it is not well."""

    code: str
    title: str
    state: PartState
    statement: str
    next_step: str | None
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class HealthReport:
    """`state` is the worst of the parts'; what is not known counts as a warning."""

    state: PartState
    at: dt.datetime
    parts: tuple[PartHealth, ...]


def report_health(session: Session, store: Store, settings: Settings) -> HealthReport:
    parts = (
        _database(session),
        _storage(store, settings),
        _broker(session),
        _workers(session),
        *_queues(session),
        _failures(session),
        _model(session),
        _controls(session),
        _trail(session),
        _backup(session),
    )
    states = {part.state for part in parts}
    worst = PartState.GOOD
    if states & {PartState.WARNING, PartState.UNKNOWN}:
        worst = PartState.WARNING
    if PartState.BAD in states:
        worst = PartState.BAD
    return HealthReport(worst, dt.datetime.now(dt.UTC), parts)


def _part(
    code: str,
    title: str,
    state: PartState,
    statement: str,
    next_step: str | None = None,
    **figures: object,
) -> PartHealth:
    return PartHealth(
        code=code, title=title, state=state, statement=statement, next_step=next_step,
        figures=figures,
    )  # fmt: skip


def _database(session: Session) -> PartHealth:
    version, n_bytes = queries.database_facts(session)
    told = f"PostgreSQL {version} answers; the records take {_size(n_bytes)}."
    return _part("database", "Database", PartState.GOOD, told, version=version, bytes=n_bytes)


def _storage(store: Store, settings: Settings) -> PartHealth:
    title = "Image files"
    if not store.answers():
        return _part(
            "storage", title, PartState.BAD, "The store of files does not answer.",
            "Check the disk or the object store that PLIANT_STORAGE_URL names.",
        )  # fmt: skip
    free, least = store.free_bytes(), settings.min_free_bytes
    figures: dict[str, Any] = {"free_bytes": free, "least_free_bytes": least}
    if free is None:
        told = "The store answers; it does not tell how much space is left."
        return _part("storage", title, PartState.GOOD, told, **figures)
    room = max(0, (free - least) // IMAGE_BYTES)
    told = f"{_size(free)} free: room for about {room:,} more images.".replace(",", "\u202f")
    if free < least:
        told = f"{_size(free)} free, less than the limit of {_size(least)}: images are refused."
        return _part("storage", title, PartState.BAD, told, _FREE_SPACE, **figures)
    state = PartState.WARNING if free < 3 * least else PartState.GOOD
    advice = _FREE_SPACE if state is PartState.WARNING else None
    return _part("storage", title, state, told, advice, **figures)


_FREE_SPACE: Final = "Free space on the disk, or move the store to a larger one."


def _broker(session: Session) -> PartHealth:
    found, title = queries.last_report(session, SWEEPER), "Broker and sweeper"
    if found is None or found[1] > SWEEPER_SILENT_AFTER:
        return _part(
            "broker", title, PartState.BAD,
            "The sweeper, which hands out work, has not reported for more than 15 seconds.",
            "Start it again (`pliant up`, or the service `sweeper`); uploads are kept meanwhile.",
            silent_seconds=None if found is None else found[1].total_seconds(),
        )  # fmt: skip
    if not found[0].get("broker_ok"):
        return _part(
            "broker", title, PartState.WARNING,
            f"The broker does not answer ({found[0].get('broker_error')}); work waits, nothing is "
            "lost.",
            "Start Valkey again, or check PLIANT_BROKER_URL.",
            silent_seconds=0.0,
        )  # fmt: skip
    return _part("broker", title, PartState.GOOD, "Both answer.", silent_seconds=0.0)


def _workers(session: Session) -> PartHealth:
    words = [
        (row[0].removeprefix(PREFIX), row[1], float(row[2]))
        for row in queries.last_words(session, PREFIX)
        if row[2] < FORGOTTEN_AFTER.total_seconds() or row[1].get("is_fit")
    ]
    figures: dict[str, Any] = {
        "hosts": [{"host": host, "last_word_seconds": age, **told} for host, told, age in words]
    }
    refusing = [(host, told) for host, told, _ in words if not told.get("is_fit")]
    if not words:
        return _part(
            "workers", "Workers", PartState.UNKNOWN, "No worker for images has reported yet.",
            "Start the workers (`pliant up`, or the service `worker-scans`).", **figures,
        )  # fmt: skip
    if refusing:
        told = "; ".join(f"{host} takes no work: {one.get('message')}" for host, one in refusing)
        return _part(
            "workers", "Workers", PartState.BAD, told,
            "Mend the cause; the worker looks again by itself within two minutes. See Controls.",
            **figures,
        )  # fmt: skip
    told = "; ".join(f"{host} is fit for work, said {_age(age)} ago" for host, _, age in words)
    return _part("workers", "Workers", PartState.GOOD, f"{told}.", **figures)


def _queues(session: Session) -> Iterator[PartHealth]:
    found = {row[0]: row for row in queries.queue_figures(session)}
    for queue, title in QUEUES.items():
        _, waiting, running, _, oldest = found.get(queue.value, (queue.value, 0, 0, 0, None))
        seconds = 0.0 if oldest is None else float(oldest)
        figures = {"waiting": waiting, "running": running, "oldest_waiting_seconds": seconds}
        told = (
            "Nothing waits." if not waiting else f"{waiting} waiting, the oldest {_age(seconds)}."
        )
        told = f"{told} {running} at work." if running else told
        is_late = seconds > LONG_WAIT_SECONDS[queue]
        state = (PartState.WARNING if running else PartState.BAD) if is_late else PartState.GOOD
        advice = None
        if is_late:
            advice = (
                "The workers are busy: add some with PLIANT_WORKERS, or wait."
                if running
                else f"No worker takes from the queue {queue.value}: start one, look at its log."
            )
        yield _part(f"queue_{queue.value}", title, state, told, advice, **figures)


def _failures(session: Session) -> PartHealth:
    counts = job_queries.counts_by_state(session)
    kinds = {kind: n for (kind, state), n in counts.items() if state == "quarantined"}
    if not kinds:
        told = "No job was set aside."
        return _part("quarantine", "Jobs set aside", PartState.GOOD, told, jobs=0)
    listed = ", ".join(f"{n} of {kind.replace('_', ' ')}" for kind, n in sorted(kinds.items()))
    return _part(
        "quarantine", "Jobs set aside", PartState.WARNING,
        f"Failed three times and set aside: {listed}.",
        "Look for job.quarantined in the workers' log; the cause stands there.",
        jobs=sum(kinds.values()), by_kind=kinds,
    )  # fmt: skip


def _model(session: Session) -> PartHealth:
    version = active_version(session)
    if version is None:
        return _part(
            "model", "Active model", PartState.BAD, "No version is active: nothing is scored.",
            "Activate one under Models, or run `pliant up` once, which installs the bundled one.",
        )  # fmt: skip
    figures: dict[str, Any] = {
        "id": str(version.id), "name": version.name, "sha256": version.sha256,
        "is_demonstration": version.is_demonstration,
    }  # fmt: skip
    if not version.is_demonstration:
        told = f"{version.name} scores."
        return _part("model", "Active model", PartState.GOOD, told, **figures)
    return _part(
        "model", "Active model", PartState.WARNING,
        f"{version.name} was trained on drawn cells: it scores everything, but no real sample can "
        "be released with it.",
        "Train a model on sorted samples under Training, then activate it.", **figures,
    )  # fmt: skip


def _controls(session: Session) -> PartHealth:
    views = [view for view in control_views.list_controls(session) if view.ended_at is None]
    figures: dict[str, Any] = {
        "controls": [{"name": view.name, "state": view.state.value} for view in views]
    }
    locked = [view for view in views if view.state is ControlState.LOCKED]
    told = " ".join(f"{view.name}: {view.statement}" for view in locked or views)
    if locked or not views:
        return _part(
            "controls", "Controls", PartState.BAD, told or "There is no control: nothing can be "
            "released.",
            "Open Controls, record cause and action there.", **figures,
        )  # fmt: skip
    is_well = all(
        view.state in (ControlState.IN_CONTROL, ControlState.PROVISIONAL) for view in views
    )
    state = PartState.GOOD if is_well else PartState.WARNING
    advice = None if is_well else "Open Controls to see what is missing."
    return _part("controls", "Controls", state, told, advice, **figures)


def _trail(session: Session) -> PartHealth:
    if audit.is_end_sound(session):
        told = "Its newest entries fit each other; the page Audit checks the whole chain."
        return _part("audit", "Audit trail", PartState.GOOD, told)
    return _part(
        "audit", "Audit trail", PartState.BAD, "Its newest entries do not fit each other: somebody "
        "changed the records, or a disk failed. Nothing can be released.",
        "Keep the database as it is, check the whole chain under Audit, then restore a backup.",
    )  # fmt: skip


def _backup(session: Session) -> PartHealth:
    found = queries.last_report(session, BACKUP)
    if found is None:
        return _part(
            "backup", "Backup", PartState.UNKNOWN, "No backup is known to Pliant.",
            "Back up the database first, then the stored files; docs/operations.md says how.",
        )  # fmt: skip
    age = found[1].total_seconds()
    is_well = bool(found[0].get("ok", True)) and found[1] <= BACKUP_OLD_AFTER
    state = PartState.GOOD if is_well else PartState.WARNING
    told = f"The last one {'ended' if found[0].get('ok', True) else 'failed'} {_age(age)} ago."
    advice = None if is_well else "Make one today."
    return _part("backup", "Backup", state, told, advice, age_seconds=age)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 10**9 else f"{n_bytes / 1e6:.0f} MB"


def _age(seconds: float) -> str:
    for limit, unit, name in ((120, 1, "seconds"), (7200, 60, "minutes"), (172_800, 3600, "hours")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
