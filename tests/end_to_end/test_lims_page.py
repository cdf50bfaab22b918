"""docs/lims.md is true: every request on it is made, in its order, and its script is run."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest
from standardwebhooks import Webhook

from app.api.v1.event_messages import MESSAGES
from app.db.session import SessionMaker
from tests.conftest import ROOT
from tests.end_to_end.conftest import free_port
from tests.end_to_end.lims_site import LimsSite, draw_wells, running_lims_site
from tests.receivers import Receiver, running_receiver

PAGE: Final = (ROOT / "docs" / "lims.md").read_text(encoding="utf-8")
SCRIPT: Final = ROOT / "docs" / "examples" / "lims_client.py"
BLOCK: Final = re.compile(
    r"(?:<!-- people (?P<people>\w+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL
)
NOT_RUN: Final = ("export PLIANT", ".venv/bin/pliant api-key")
"""Where the reader puts own values in; another test knows every command that a page shows."""
END: Final = "--- end of block"
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Block:
    people: str | None
    kind: str
    text: str


def blocks() -> list[Block]:
    return [Block(**found.groupdict()) for found in BLOCK.finditer(PAGE)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    draw_wells(folder)
    return folder


class Shell:
    """One shell, as a reader keeps one open; a block that fails ends the test with what it said."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["/bin/bash"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run("set -eu -o pipefail")

    def run(self, text: str) -> str:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{text}\necho; echo '{END}'\n")
        self._shell.stdin.flush()
        said: list[str] = []
        for line in self._shell.stdout:
            if line.strip() == END:
                return "".join(said)
            said.append(line)
        raise AssertionError(f"{text}\nended with:\n{''.join(said)}")

    def close(self) -> None:
        self._shell.communicate(timeout=20)


@contextmanager
def shell(folder: Path, environment: dict[str, str]) -> Iterator[Shell]:
    with closing(Shell(folder, environment)) as opened:
        yield opened


def test_an_integrator_gets_from_the_first_line_of_the_page_to_its_last(
    sessions: SessionMaker, database_url: str, tmp_path: Path, receiver: Receiver, images: Path
) -> None:
    with running_lims_site(
        sessions, database_url, tmp_path / "site", receiver_port=receiver.port
    ) as site:
        environment = reader_of(site, images) | {"RECEIVER": receiver.url}
        with shell(tmp_path, environment) as reader:
            said = {block.text: run(reader, site, block) for block in shown_requests()}
            secret = reader.run("echo $SECRET").strip()
    check_what_was_said(said)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    heard = [Webhook(secret).verify(one.body, one.headers)["type"] for one in receiver.accepted]
    assert {"sample.scored", "sample.released", "sample.amended"} <= set(heard)


def shown_requests() -> list[Block]:
    shown = [one for one in blocks() if one.kind == "sh" and not one.text.startswith(NOT_RUN)]
    assert len(shown) > 8
    return shown


def reader_of(site: LimsSite, images: Path) -> dict[str, str]:
    return {
        "PLIANT": site.address,
        "KEY": site.key,
        "IMAGES": str(images),
        "PROFILE": f'"{site.profile_id}"',
    }


def run(reader: Shell, site: LimsSite, block: Block) -> str:
    """The block, after what people of the laboratory do before it."""
    if block.people:
        sample = reader.run("echo $SAMPLE").strip()
        if block.people == "sign":
            site.hand_in_and_release(sample)
        else:
            site.amend(sample, "the label was on another tube")
    return reader.run(block.text)


def check_what_was_said(said: dict[str, str]) -> None:
    whole = "".join(said.values())
    for what in (
        '"din":"A999921123456"',
        '"accession_number":"ACC-0043"',
        '"verdict":"pending"',
        '"rigidity_score":',
        '"DiagnosticReport"',
        "MSH|",
        "|ORD-7|",  # OBR-18
        '"code":"PLAC"',
        '"description":"LIMS, production"',
        '"webhook.test"',
        "Not a release criterion.\n",  # the last name of the table
        '"kind":"fhir"',
    ):
        assert what in whole.replace(": ", ":"), what
    assert said[shown_requests()[-1].text].strip() == "304"


def test_the_verification_on_the_page_is_the_script_s() -> None:
    (shown,) = [block.text for block in blocks() if block.kind == "python"]
    assert shown in SCRIPT.read_text(encoding="utf-8")


def test_the_message_on_the_page_is_one_that_the_contract_knows() -> None:
    (shown,) = [block.text for block in blocks() if block.kind == "json"]
    MESSAGES["sample.released"][0].model_validate_json(shown)


def test_every_field_and_code_that_the_page_names_exists() -> None:
    contract = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    codes = set(re.findall(r"\| \d{3} `(\w+)`", PAGE))
    assert {"idempotency_in_flight", "duplicate_elsewhere"} <= codes
    for code in codes:
        assert f'"{code}"' in contract, code


def test_the_script_sends_a_sample_and_hears_of_its_score(
    sessions: SessionMaker, database_url: str, tmp_path: Path, images: Path
) -> None:
    port = free_port()
    with running_lims_site(sessions, database_url, tmp_path / "site", receiver_port=port) as site:
        environment = os.environ | reader_of(site, images)
        with site.client() as client:
            wanted = {"url": f"http://127.0.0.1:{port}/in", "events": ["sample.scored"]}
            secret = client.post("/webhooks", json=wanted).raise_for_status().json()["secret"]
        with listening(port, environment | {"SECRET": secret}) as listener:
            forge(port)
            told = subprocess.run(
                [sys.executable, SCRIPT, "send", "--donor", "D-7", "--din", "=A99992112345663",
                 "--profile", site.profile_id, *sorted(images.iterdir())],
                env=environment, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert '"rigidity_score"' in told.stdout
            assert listener.stdout is not None
            assert '"sample.scored"' in listener.stdout.readline()
        wrong = subprocess.run(
            [sys.executable, SCRIPT, "send", "--donor", "D-7", "--din", "=A99992112345664", images],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert wrong.returncode == 1
        assert "din_check_character" in wrong.stderr


@contextmanager
def listening(port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    listener = subprocess.Popen(
        [sys.executable, SCRIPT, "listen", "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield listener
    finally:
        listener.terminate()
        listener.communicate(timeout=20)


def forge(port: int) -> None:
    """A message that nobody signed is refused, as soon as somebody listens."""
    limit = time.monotonic() + PATIENCE_SECONDS
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1,AAAA",
    }
    while True:
        try:
            answer = httpx2.post(f"http://127.0.0.1:{port}/in", headers=headers, json={})
        except httpx2.ConnectError:
            assert time.monotonic() < limit
            time.sleep(0.1)
        else:
            assert answer.status_code == 400
            return
