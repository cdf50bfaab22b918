"""Send what is due, each destination on its own, until nothing is left that is due soon.

The sender is one for the whole installation, by an advisory lock that its death frees at once. The
calls run in threads; the outbox is read and written by the one thread that holds the job, so that
a destination which never answers delays no other.
"""

import datetime as dt
import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import func, select

from app.db.session import SessionMaker, transaction
from app.domain.delivery_rules import Answer, Tried, parse_retry_seconds
from app.outbound import fhir_push
from app.outbound.results import Sender
from app.outbound.webhooks import Caller, own_headers, sign
from app.services import dispatch
from app.services.dispatch import Outgoing
from app.services.messages import sender_of
from app.services.webhooks import make_guard
from app.settings import Settings
from worker.context import Work

log = structlog.get_logger()

SENDER_LOCK: Final = 5_045_000_003
"""Advisory lock of the one sender; the number is arbitrary."""
MOST_CALLS: Final = 64
AT_ONCE_WHILE_FAILING: Final = 1
SENDING_SECONDS: Final = 60.0
"""After so long a sender takes nothing new, and the next job goes on: a job has a deadline."""
SOON: Final = dt.timedelta(seconds=1)
"""What falls due within this is waited for; what is later is the timetable's."""
LOOK_SECONDS: Final = 0.05
CRASHED: Final = Tried(
    answer=Answer(error="The sender met an error it does not know; the worker's log tells more."),
    duration_ms=0,
)


def deliver(work: Work) -> None:
    """Send whatever is due; another sender at work already makes this job void."""
    with only_sender(work.context.sessions) as is_ours:
        if is_ours:
            Rounds(work, sender_of(work.context.settings)).run()
    with work.finish():
        pass


@contextmanager
def only_sender(sessions: SessionMaker) -> Iterator[bool]:
    """Whether this process is the one that sends, for as long as the block lasts."""
    with sessions() as session:
        connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        is_ours = bool(connection.scalar(select(func.pg_try_advisory_lock(SENDER_LOCK))))
        try:
            yield is_ours
        finally:
            if is_ours:
                connection.execute(select(func.pg_advisory_unlock(SENDER_LOCK)))


@dataclass
class Rounds:
    """The loop: record what came back, pick what is due, hand it to a thread."""

    work: Work
    house: Sender
    calls: dict[Future[Tried], Outgoing] = field(default_factory=dict)
    chances: random.Random = field(default_factory=random.SystemRandom)

    def run(self) -> None:
        settings = self.work.context.settings
        caller = make_caller(settings)
        waits = parse_retry_seconds(settings.webhook_retry_seconds)
        until = time.monotonic() + SENDING_SECONDS
        with ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="send") as pool:
            while True:
                if self.work.lost.is_set():
                    self.work.checkpoint()
                self._record_finished(waits)
                may_start = time.monotonic() < until and not self._is_stopping()
                is_more_due = may_start and self._start(pool, caller)
                if not self.calls and not is_more_due:
                    return
                self._await()

    def _is_stopping(self) -> bool:
        """Then what is under way comes to its end and is recorded, and nothing new begins."""
        return self.work.cancelled.is_set() or self.work.context.stopping.is_set

    def _await(self) -> None:
        if self.calls:
            wait(self.calls, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        else:
            time.sleep(LOOK_SECONDS)

    def _record_finished(self, waits: tuple[float, ...]) -> None:
        for call in [call for call in self.calls if call.done()]:
            sent, error = self.calls.pop(call), call.exception()
            if error is not None:
                log.error("delivery.crashed", message_id=sent.message_id, exc_info=error)
            tried = CRASHED if error is not None else call.result()
            with transaction(self.work.context.sessions) as session:
                dispatch.record(
                    session,
                    sent,
                    tried,
                    waits_seconds=waits,
                    chance=self.chances.random(),
                )

    def _start(self, pool: ThreadPoolExecutor, caller: Caller) -> bool:
        """Begin the calls that may begin; whether anything is due or soon will be."""
        under_way = [sent.delivery_id for sent in self.calls.values()]
        with transaction(self.work.context.sessions) as session:
            found = dispatch.pick(session, self.house, within=SOON, except_for=under_way)
        for sent in found:
            if sent.is_due and self._has_room(sent):
                self.calls[pool.submit(attempt, caller, sent)] = sent
        return bool(found)

    def _has_room(self, sent: Outgoing) -> bool:
        if len(self.calls) >= MOST_CALLS:
            return False
        theirs = [one for one in self.calls.values() if one.endpoint_id == sent.endpoint_id]
        return len(theirs) < (AT_ONCE_WHILE_FAILING if sent.is_failing else dispatch.SENT_AT_ONCE)


def make_caller(settings: Settings) -> Caller:
    return Caller(make_guard(settings), settings.webhook_timeout_seconds)


def attempt(caller: Caller, sent: Outgoing) -> Tried:
    """One try, in a thread of its own; signed anew, since receivers refuse an old signature."""
    if sent.problem is not None:
        return Tried(answer=Answer(error=sent.problem), duration_ms=0)
    if sent.kind == "fhir":
        return fhir_push.push(
            caller,
            sent.url,
            body=sent.body,
            headers=_headers(sent, fhir_push.CONTENT_TYPE),
            receipt=sent.receipt,
            reads_back=sent.reads_back,
        )
    began = time.monotonic()
    answer, _ = caller.send(
        "POST", sent.url, headers=_headers(sent, "application/json"), body=sent.body.encode()
    )
    return Tried(answer=answer, duration_ms=round((time.monotonic() - began) * 1000))


def _headers(sent: Outgoing, content_type: str) -> dict[str, str]:
    signed = sign(message_id=sent.message_id, at=sent.at, body=sent.body, secrets=sent.secrets)
    headers = own_headers(content_type) | signed
    if sent.authorization is not None:
        headers["authorization"] = sent.authorization
    return headers
