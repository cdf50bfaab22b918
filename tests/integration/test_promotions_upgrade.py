"""An installation from before activations were dated keeps its live version when it is upgraded."""

from pathlib import Path

import psycopg

from app.embedded import postgres
from tests.conftest import migrate

VERSION = (
    "INSERT INTO model_versions (name, sha256, manifest, is_demonstration, state, activated_at) "
    "VALUES ('shipped', 'ab', '{}', true, 'active', '2026-03-01 10:00+00')"
)
LIVE = (
    "SELECT v.name, a.began_at = v.activated_at, a.ended_at IS NULL, v.verified_at IS NOT NULL "
    "FROM activations a JOIN model_versions v ON v.id = a.model_version_id"
)


def test_the_version_that_is_active_is_live_since_its_activation(
    postgres_dir: Path, empty_database: str
) -> None:
    url = postgres.owner_url(postgres_dir, empty_database)
    migrate(url, "upgrade", "2026_11_23_training_runs")
    with psycopg.connect(url) as connection:
        connection.execute(VERSION)

    migrate(url, "upgrade", "2026_11_23_promotions")

    with psycopg.connect(url) as connection:
        assert connection.execute(LIVE).fetchall() == [("shipped", True, True, True)]
