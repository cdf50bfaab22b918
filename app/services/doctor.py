"""Whether this machine can run Pliant: one line per question, the cause and the next step."""

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import make_engine, make_sessions, transaction
from app.domain.errors import PliantError
from app.services import worker_reports
from app.settings import Settings
from app.storage import open_store, storage_url

LEAST_FREE_BYTES: Final = 2_000_000_000
"""Left free beside what an import brings."""
IS_SUPERUSER: Final = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
SUPPORTED: Final = ((3, 11), (3, 13))
OLDEST_POSTGRESQL: Final = 160_000


@dataclass(frozen=True)
class Check:
    """One answer; a check that is not `ok` says what to do."""

    name: str
    ok: bool
    message: str


def check_machine(settings: Settings) -> Iterator[Check]:
    """Answer what needs no running server."""
    yield _python()
    yield _training(settings)
    yield _disk(settings.data_dir, settings.min_free_bytes)
    yield _storage(settings)


def check_database(settings: Settings) -> Check:
    """Answer whether `settings.database_url` leads to a database Pliant can use."""
    assert settings.database_url is not None, "the caller knows whether there is one"
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            number = int(connection.scalar(text("SHOW server_version_num")) or 0)
            version = connection.scalar(text("SHOW server_version"))
            revision = connection.scalar(text("SELECT to_regclass('alembic_version')"))
            is_superuser = connection.scalar(text(IS_SUPERUSER))
    except SQLAlchemyError as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        return Check(
            "database", ok=False, message=f"not reachable ({cause}); check PLIANT_DATABASE_URL"
        )
    finally:
        engine.dispose()
    if number < OLDEST_POSTGRESQL:
        return Check(
            "database", ok=False, message=f"PostgreSQL {version} is too old; 16 or later is needed"
        )
    if is_superuser:
        told = "PLIANT_DATABASE_URL signs in as a superuser; use a role without that right"
        return Check("database", ok=False, message=told)
    if revision is None:
        return Check("database", ok=False, message="has no tables yet; run 'alembic upgrade head'")
    return Check("database", ok=True, message=f"PostgreSQL {version}")


def check_controls(settings: Settings) -> Check:
    """Answer whether any machine's workers refuse to work, and why."""
    assert settings.database_url is not None, "the caller knows whether there is one"
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        with transaction(make_sessions(engine)) as session:
            refusing = worker_reports.refusing(session)
    except SQLAlchemyError:
        return Check("control", ok=False, message="not known: the database does not tell")
    finally:
        engine.dispose()
    told = "; ".join(f"{one.host} takes no work ({one.code}): {one.message}" for one in refusing)
    return Check("control", not refusing, told or "no worker refuses to work")


def _python() -> Check:
    oldest, newest = SUPPORTED
    ok = oldest <= sys.version_info[:2] <= newest
    wanted = "" if ok else "; Python 3.11, 3.12 or 3.13 is needed"
    return Check("python", ok, f"{platform.python_version()}{wanted}")


def _training(settings: Settings) -> Check:
    installed = importlib.util.find_spec("tensorflow") is not None
    if settings.training and not installed:
        advice = "TensorFlow is missing; set PLIANT_TRAINING=0, or install requirements/train.txt"
        return Check("training", ok=False, message=advice)
    return Check("training", ok=True, message="TensorFlow is there" if installed else "left out")


def free_bytes(folder: Path) -> int:
    """Free space where the folder is, or will be made."""
    return shutil.disk_usage(_deepest_existing(folder)).free


def _disk(folder: Path, least_bytes: int) -> Check:
    free = free_bytes(folder)
    ok = free >= least_bytes
    limit = f"{least_bytes / 1e9:.1f} GB"
    advice = "" if ok else f"; images are refused below {limit}: free some, or move PLIANT_DATA_DIR"
    return Check("disk", ok, f"{free / 1e9:.1f} GB free at {_deepest_existing(folder)}{advice}")


def _deepest_existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _storage(settings: Settings) -> Check:
    url = storage_url(settings)
    try:
        ok = open_store(url).answers()
    except (PliantError, OSError, ValueError) as error:
        return Check("storage", ok=False, message=f"{url}: {error}")
    return Check("storage", ok, url if ok else f"{url} does not answer or cannot be written to")
