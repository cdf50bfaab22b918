"""The operator's command line: what it prints, what it refuses, and with which exit code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg

from app.embedded import postgres

ROOT = Path(__file__).resolve().parents[2]


def pliant(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLIANT_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=kept | {f"PLIANT_{name}": str(value) for name, value in settings.items()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_offers_the_commands_that_exist_and_no_others() -> None:
    shown = pliant("--help")
    assert shown.returncode == 0
    for command in (
        "up",
        "demo",
        "user",
        "api-key",
        "webhook",
        "simulate",
        "import-frdr",
        "score",
        "train",
        "doctor",
    ):
        assert f" {command} " in shown.stdout
    for later in ("backup", "restore", "verify", "prepare"):
        assert f" {later} " not in shown.stdout


def test_an_api_key_stands_alone_on_the_last_line(database_url: str) -> None:
    made = pliant(
        "api-key", "create", "--name", "LIMS", "--role", "lims", DATABASE_URL=database_url
    )
    assert made.returncode == 0, made.stderr
    key = made.stdout.splitlines()[-1]
    assert key.startswith("pliant_")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT name, role FROM api_keys").fetchall()
    assert rows == [("LIMS", "lims")]


def test_a_person_gets_a_link_and_a_second_account_of_the_name_is_refused(
    database_url: str,
) -> None:
    arguments = ("user", "create", "--name", "Ada", "--role", "technician")
    made = pliant(*arguments, DATABASE_URL=database_url)
    assert made.stdout.splitlines()[-1].startswith("/sign-in/"), made.stderr
    again = pliant(*arguments, DATABASE_URL=database_url)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "There is already an account named Ada.\n"


def test_a_command_finds_the_private_server_of_its_data_folder(
    postgres_dir: Path, migrated_template: str
) -> None:
    postgres.drop_database(postgres_dir, postgres.DATABASE)
    postgres.create_database(postgres_dir, postgres.DATABASE, template=migrated_template)
    made = pliant("api-key", "create", "--name", "a", "--role", "lims", DATA_DIR=postgres_dir)
    assert made.returncode == 0, made.stderr


def test_a_command_says_when_pliant_does_not_run(tmp_path: Path) -> None:
    refused = pliant("api-key", "create", "--name", "a", "--role", "lims", DATA_DIR=tmp_path)
    assert refused.returncode == 1
    assert f"Pliant does not run on {tmp_path}: start it with 'pliant up'" in refused.stderr


def test_a_taken_port_is_named_and_exits_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pliant("up", PORT=port, DATA_DIR=tmp_path)
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in refused.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_wrong_setting_is_named_and_exits_2() -> None:
    refused = pliant("up", PORT="eighty")
    assert refused.returncode == 2
    assert "PLIANT_PORT: Input should be a valid integer" in refused.stderr


def test_simulate_writes_images_and_their_truth(tmp_path: Path) -> None:
    made = pliant("simulate", str(tmp_path / "drawn"), "--wells", "1", "--images", "1")
    assert made.returncode == 0, made.stderr
    assert len(list((tmp_path / "drawn").rglob("*.bmp"))) == 1
    assert (tmp_path / "drawn" / "truth.json").exists()


def test_doctor_finds_this_machine_fit(database_url: str, tmp_path: Path) -> None:
    report = pliant("doctor", DATABASE_URL=database_url, DATA_DIR=tmp_path, TRAINING=0)
    assert report.returncode == 0, report.stdout
    for name in ("python", "training", "disk", "storage", "database", "Valkey"):
        assert f"ok    {name}: " in report.stdout


def test_doctor_names_what_is_wrong(tmp_path: Path) -> None:
    report = pliant(
        "doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", DATA_DIR=tmp_path
    )
    assert report.returncode == 1
    assert "WRONG database: not reachable (" in report.stdout
