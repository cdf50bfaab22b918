"""Keep one child and all that it starts from outliving the supervisor.

Run as a file, by the bare interpreter: ``python -I -S tether.py OPTIONS -- PROGRAM ARGUMENTS``.
The tether stands between the supervisor and the child. It holds the reading end of a pipe, the
leash, whose writing end only the supervisor has: when the supervisor ends, however it ends, the
leash reads as closed and the tether stops the child. As "subreaper" it inherits every descendant
whose parent died, so that pool processes and database backends go too, even those that made
themselves a session of their own. Should the tether itself be killed, the kernel kills the child.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CUT_GRACE_SECONDS = 3.0
"""Time to stop in order once the supervisor is gone; then everything is killed."""
STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def control_process(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_child() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    control_process(PR_SET_PDEATHSIG, signal.SIGKILL)


def parents() -> Iterator[tuple[int, int]]:
    """Every process and its parent, from /proc; nothing where there is no /proc."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The second field is the program's name in parentheses and may hold anything.
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            yield int(entry.parent.name), int(fields[1])


def descendants() -> set[int]:
    pairs = list(parents())
    found, known = {os.getpid()}, 0
    while len(found) > known:
        known = len(found)
        found |= {pid for pid, parent in pairs if parent in found}
    return found - {os.getpid()}


def kill_descendants(group: int) -> None:
    if sys.platform != "linux":
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for pid in descendants():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def bury_descendants(group: int) -> None:
    """Kill and reap until no descendant is left; one may be born while we look."""
    while True:
        kill_descendants(group)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class Tether:
    """The wait for one child: its end, the supervisor's end, or an order to stop."""

    def __init__(self, child: subprocess.Popen[bytes], options: argparse.Namespace) -> None:
        self.child = child
        self.options = options
        self.orders = 0
        self.kill_at: float | None = None
        self.leash_cut = False

    def order(self, _signal: int, _frame: object) -> None:
        """First order: stop within the grace; a second one: at once."""
        self.orders += 1
        self.stop_within(self.options.grace if self.orders == 1 else 0.0)

    def stop_within(self, seconds: float) -> None:
        first = self.kill_at is None
        self.kill_at = min(time.monotonic() + seconds, self.kill_at or float("inf"))
        if first:
            self.child.send_signal(self.options.stop_signal)

    def wait(self, wakeup: int) -> int:
        while self.child.poll() is None:
            watched = [wakeup] if self.leash_cut else [wakeup, self.options.leash]
            readable, _, _ = select.select(watched, [], [], self.seconds_left())
            if wakeup in readable:
                os.read(wakeup, 512)
                self.bury_adopted()
            if self.options.leash in readable:
                self.leash_cut = True
                self.stop_within(CUT_GRACE_SECONDS)
            if self.seconds_left() == 0:
                kill_descendants(self.child.pid)
                self.child.wait()
        return self.child.returncode

    def seconds_left(self) -> float | None:
        return None if self.kill_at is None else max(0.0, self.kill_at - time.monotonic())

    def bury_adopted(self) -> None:
        """Reap orphans that fell to us, so that none stays as a zombie."""
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == self.child.pid:
                return
            os.waitpid(ended.si_pid, 0)


def start(options: argparse.Namespace) -> subprocess.Popen[bytes]:
    as_account = {}
    if options.account:
        uid, gid = (int(part) for part in options.account.split(":"))
        as_account = {"user": uid, "group": gid, "extra_groups": []}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603  account by keywords; our own command line
        options.program,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        # This process has one thread, and the wish to die with it survives no change of account
        # made later: here it is made after that change.
        preexec_fn=become_child,  # noqa: PLW1509
        **as_account,
    )


def read_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--leash", type=int, required=True)
    parser.add_argument("--stop-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--grace", type=float, default=20.0)
    parser.add_argument("--account", default="")
    parser.add_argument("program", nargs="+")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = read_options(arguments)
    control_process(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup_end, False)
    # Signals that arrive before the child exists wait for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        child = start(options)
    except OSError as error:
        sys.stderr.write(f"cannot start {options.program[0]}: {error}\n")
        return 127
    tether = Tether(child, options)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for stop in STOPS:
        signal.signal(stop, tether.order)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    code = tether.wait(wakeup)
    bury_descendants(child.pid)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
