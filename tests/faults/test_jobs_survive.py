"""Workers die, freeze and loop, the broker forgets: no job is lost and none is done twice."""

import base64
import json
import os
import random
import secrets
import signal
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import AuditEntry, Heartbeat
from app.embedded import valkey
from app.embedded.children import running
from app.jobs.kinds import JobKind
from app.settings import Settings
from tests.conftest import empty_broker
from tests.faults.conftest import ToyHouse, await_done
from tests.faults.processes import SEED_VARIABLE, START_SECONDS, wait_until
from worker.broker import make_celery
from worker.sweeper import LEAST_BOUND

pytestmark = pytest.mark.faults


@pytest.mark.extended
def test_2000_jobs_survive_40_kills_and_8_wiped_brokers(house: ToyHouse, broker_url: str) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    print(f"replay with {SEED_VARIABLE}={seed}")  # noqa: T201  shown when the test fails
    chance = random.Random(seed)
    house.start_sweeper()
    worker = house.start_worker(TOY_SECONDS="0.02")
    accepted = house.enqueue(2000)
    house.execute("UPDATE jobs SET max_attempts = 20")
    wipes = set(chance.sample(range(40), 8))
    for kill in range(40):
        await_done(house, house.count("done") + chance.randrange(5, 45))
        time.sleep(chance.uniform(0, 0.1))
        worker.kill()
        if kill in wipes:
            empty_broker(broker_url)
        worker.start()
    wait_until(lambda: house.count("done") == 2000, seconds=120)
    assert sorted(house.results()) == sorted(accepted)


def test_frozen_workers_whose_jobs_others_did_can_write_nothing(house: ToyHouse) -> None:
    house.start_sweeper()
    zombie = house.start_worker(processes=5, name="zombie", TOY_SECONDS="3")
    accepted = house.enqueue(5)
    wait_until(lambda: house.count("running") == 5, seconds=START_SECONDS)
    zombie.signal_group(signal.SIGSTOP)
    house.execute("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s'")
    house.start_worker(name="peer", TOY_SECONDS="0.02")
    wait_until(lambda: house.count("done") == 5, seconds=START_SECONDS)
    zombie.signal_group(signal.SIGCONT)

    def refused() -> int:
        with transaction(house.sessions) as session:
            return len(session.scalars(select(AuditEntry.action)).all())

    wait_until(lambda: refused() == 5, seconds=30)
    assert sorted(house.results()) == sorted(accepted)
    assert house.attempts_by_state() == {("done", 2)}


def test_jobs_that_kill_or_hang_their_worker_are_quarantined_while_others_go_on(
    house: ToyHouse,
) -> None:
    house.env |= {"TOY_LEASE_SECONDS": "2", "TOY_DEADLINE_SECONDS": "3"}
    house.start_sweeper()
    house.start_worker()
    poison = house.enqueue(1, JobKind.CLASSIFY_IMAGE) + house.enqueue(1, JobKind.SCORE_ANALYSIS)
    early = house.enqueue(50)
    wait_until(lambda: house.count("done") == len(early), seconds=START_SECONDS)
    assert house.count("quarantined", JobKind.CLASSIFY_IMAGE) == 0

    def quarantined() -> int:
        kinds = (JobKind.CLASSIFY_IMAGE, JobKind.SCORE_ANALYSIS)
        return sum(house.count("quarantined", kind) for kind in kinds)

    wait_until(lambda: quarantined() == len(poison), seconds=90)
    late = house.enqueue(50)
    wait_until(lambda: house.count("done") == len(early + late), seconds=30)
    assert house.attempts_by_state() == {("done", 1), ("quarantined", 3)}


def test_cut_database_connections_lose_no_job(house: ToyHouse) -> None:
    house.start_sweeper()
    house.start_worker(TOY_SECONDS="0.02")
    accepted = house.enqueue(150)
    house.execute("UPDATE jobs SET max_attempts = 10")
    for n in (20, 60, 100):
        await_done(house, n)
        house.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = current_user AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
    await_done(house, 150)
    assert sorted(house.results()) == sorted(accepted)


@pytest.mark.parametrize("to_whole_group", [False, True])
def test_a_stop_under_load_spends_no_attempt(house: ToyHouse, *, to_whole_group: bool) -> None:
    house.start_sweeper()
    worker = house.start_worker(TOY_SECONDS="0.5")
    house.enqueue(100)
    wait_until(lambda: house.count("done") >= 4, seconds=START_SECONDS)
    if to_whole_group:
        worker.signal_group(signal.SIGTERM)
    else:
        worker.ask_to_stop()
    worker.wait(30)
    assert house.attempts_by_state() == {("done", 1), ("queued", 0)}


def test_a_stop_gives_back_jobs_that_would_take_too_long(house: ToyHouse) -> None:
    house.start_sweeper()
    worker = house.start_worker(TOY_SECONDS="300")
    house.enqueue(2)
    wait_until(lambda: house.count("running") == 2, seconds=START_SECONDS)
    worker.ask_to_stop()
    worker.wait(30)
    assert house.attempts_by_state() == {("queued", 0)}


def test_the_broker_holds_few_messages_and_nothing_but_ids(
    house: ToyHouse, broker_url: str
) -> None:
    accepted = set(house.enqueue(5000))
    house.start_sweeper()
    broker = redis.Redis(unix_socket_path=urlsplit(broker_url).path)
    wait_until(lambda: broker.llen("scans") > 0, seconds=START_SECONDS)
    time.sleep(4)  # longer than the pause after which a job is rung for again
    lists = [key for key in broker.scan_iter() if broker.type(key) == b"list"]
    assert lists == [b"scans"]
    messages = [json.loads(message) for message in broker.lrange("scans", 0, -1)]
    assert len(messages) == LEAST_BOUND
    for message in messages:
        arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
        assert {uuid.UUID(argument) for argument in arguments} <= accepted
        assert keywords == {}
        assert message["content-type"] == "application/json"


def test_a_worker_reads_json_only() -> None:
    assert make_celery(Settings(broker_url="memory://")).conf.accept_content == ["json"]


def test_a_frozen_broker_delays_nothing_but_the_ringing(house: ToyHouse, data_dir: Path) -> None:
    with running(valkey.valkey_child(data_dir), log=data_dir / "valkey.log"):
        url = valkey.broker_url(data_dir)
        house.env["PLIANT_BROKER_URL"] = url
        broker = redis.Redis(unix_socket_path=urlsplit(url).path)
        house.start_sweeper()
        wait_until(lambda: broker_report(house) is True, seconds=START_SECONDS)
        pid = broker.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        house.enqueue(1)
        house.execute(
            "UPDATE jobs SET state = 'running', lease_until = clock_timestamp(), attempts = 1"
        )
        wait_until(lambda: house.count("queued") == 1, seconds=15)
        wait_until(lambda: broker_report(house) is False, seconds=5)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: broker_report(house) is True, seconds=10)
        wait_until(lambda: broker.llen("scans") == 1, seconds=10)


def broker_report(house: ToyHouse) -> bool | None:
    with transaction(house.sessions) as session:
        heartbeat = session.get(Heartbeat, "sweeper")
        return None if heartbeat is None else heartbeat.report["broker_ok"]
