"""Where the private servers may live: which account, which folders, which sockets."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MAX_SOCKET_PATH_BYTES = 107
"""Linux allows 108 bytes with the closing zero; macOS a few less, which `/tmp` never needs."""
ROOT_STATE = Path("/var/lib/pliant-embedded")
"""Home of what the unprivileged account cannot reach in the data folder, when we are root."""


class CannotStart(Exception):  # noqa: N818  reads as a sentence, like the domain's errors
    """A private server cannot run here; the message names the cause and the next step."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account a server runs under when we are root."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the unprivileged account to switch to, or None when we are unprivileged already."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart(
            "PostgreSQL refuses to run as root and there is no account 'nobody' to run it: "
            "start Pliant as an ordinary user, or set PLIANT_DATABASE_URL"
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def can_enter(account: Account | None, path: Path) -> bool:
    """Say whether the account may use this file or folder, by trying it as that account."""
    if account is None:
        return os.access(path, os.X_OK)
    tried = subprocess.run(  # noqa: S603  a fixed program; the path is one argument
        ["/usr/bin/env", "test", "-x", str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return tried.returncode == 0


def private_folder(path: Path, *, owner: Account | None = None) -> Path:
    """Make (or tighten) a folder that only its owner may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    expected = owner.uid if owner else os.geteuid()
    if os.geteuid() == 0 and status.st_uid != expected:
        shutil.chown(path, expected, owner.gid if owner else 0)
    elif status.st_uid != expected:
        raise CannotStart(
            f"{path} belongs to another account (number {status.st_uid}): "
            "start Pliant as the account that made it, or set PLIANT_DATA_DIR to another folder"
        )
    path.chmod(0o700)
    return path


def data_folder(path: Path) -> Path:
    """Make the data folder: closed to others, but a server's account may pass through it."""
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return path


def empty_folder(path: Path) -> Path:
    """Make a folder anew, without what an earlier start left in it."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir()
    return path


def server_home(data_dir: Path, name: str, *, owner: Account | None) -> Path:
    """Return a server's folder: `data_dir/name`, or a link there to one its account reaches.

    As root the data folder may lie below folders that only root enters (a clone in ``/root``).
    Opening those to others is not ours to do, so the server's files then live in ROOT_STATE.
    """
    home = data_dir / name
    if not os.path.lexists(home) and owner is not None and not can_enter(owner, data_dir):
        _make_root_state(data_dir)
        target = ROOT_STATE / f"{name}-{secrets.token_hex(6)}"
        private_folder(target, owner=owner)
        home.symlink_to(target)
    if home.is_symlink() and not home.exists():
        raise CannotStart(f"{home} points to {home.readlink()}, which is gone: restore it")
    home = private_folder(home.resolve(), owner=owner)
    if not can_enter(owner, home):
        raise CannotStart(
            f"the account {owner.name if owner else 'running Pliant'} cannot enter {home}: "
            "set PLIANT_DATA_DIR to a folder whose parents everyone may enter"
        )
    return home


def _make_root_state(data_dir: Path) -> None:
    try:
        ROOT_STATE.mkdir(parents=True, exist_ok=True)
        ROOT_STATE.chmod(0o755)
    except OSError as error:
        raise CannotStart(
            f"PostgreSQL runs as 'nobody', which cannot enter {data_dir}, and {ROOT_STATE} cannot "
            f"be made ({error}): set PLIANT_DATA_DIR to a folder whose parents everyone may enter"
        ) from error


def socket_folder(home: Path, longest_name: str, *, owner: Account | None) -> Path:
    """Return `home/run`, or a link there to a short folder where socket paths would not fit."""
    run = home / "run"
    if len(os.fsencode(run / longest_name)) <= MAX_SOCKET_PATH_BYTES:
        return private_folder(run, owner=owner)
    if run.is_symlink() and not run.exists():  # /tmp was emptied, as at a reboot
        run.unlink()
    if not run.is_symlink():
        run.symlink_to(tempfile.mkdtemp(prefix="pliant-", dir="/tmp"))
    return private_folder(run.resolve(), owner=owner)


def secret(data_dir: Path, name: str) -> str:
    """Return a password kept in a file of mode 0600, made on first use."""
    path = private_folder(data_dir / "secrets") / name
    if not path.exists():
        staged = path.with_suffix(".new")
        staged.unlink(missing_ok=True)
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        staged.rename(path)
    return path.read_text()
