"""Celery as executor and the broker as doorbell: a message is a job's id and nothing else."""

import json
import uuid
from typing import Any, Final

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from app.settings import Settings

TASK_NAME: Final = "run_job"
IMPATIENT: Final = {"socket_timeout": 2, "max_retries": 0}
"""Transport options of the sweeper: a frozen broker must not keep it from the database."""

BROKER_ERRORS: Final = (RedisError, KombuError, OSError)


def make_celery(settings: Settings) -> Celery:
    if settings.broker_url is None:
        raise SystemExit("Set PLIANT_BROKER_URL, or start everything with `pliant up`.")
    celery = Celery("pliant", broker=settings.broker_url, set_as_current=False)
    celery.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        # Early: the ledger redelivers. Late acknowledgement loses and doubles tasks all the same.
        task_acks_late=False,
        task_time_limit=120,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_max_tasks_per_child=200,
        worker_max_memory_per_child=800_000,
        worker_soft_shutdown_timeout=30,
        worker_proc_alive_timeout=30,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 15,
            "visibility_timeout": 300,
        },
    )
    return celery


class Doorbell:
    """The sweeper's side of the broker. Each call returns or raises within about 2 s."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._connect()

    def _connect(self) -> None:
        self._connection: Any = self._celery.connection_for_write(transport_options=IMPATIENT)

    def rung(self, queue: str) -> list[uuid.UUID]:
        """Ids that lie in the queue's list, not yet fetched by a worker."""
        client = self._connection.default_channel.client
        return [_job_id(message) for message in client.lrange(queue, 0, -1)]

    def ring(self, queue: str, job_id: uuid.UUID, *, time_limit_seconds: int) -> None:
        """Publish a job's id; its process is killed after the time limit."""
        self._celery.send_task(
            TASK_NAME,
            args=[str(job_id)],
            task_id=str(job_id),
            queue=queue,
            time_limit=time_limit_seconds,
            connection=self._connection,
            retry=False,
        )

    def hang_up(self) -> None:
        """Drop the connection after an error; the next call makes a new one."""
        self._connection.close()
        self._connect()


def _job_id(message: bytes) -> uuid.UUID:
    envelope: dict[str, Any] = json.loads(message)
    return uuid.UUID(envelope["headers"]["id"])
