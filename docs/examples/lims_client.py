"""A LIMS talks to Pliant: a start to copy from. Python's standard library, nothing to install.

    python lims_client.py send --donor D-0042 --din '=A99992112345663' WELL1 WELL2
    python lims_client.py listen --port 8090

`send` takes one folder of images per unsorted well, waits for the score and prints it. `listen`
prints the events that come to a webhook, once their signature is checked. The address is read from
PLIANT, the key from KEY, the webhook's secret from SECRET.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

IMAGE_SUFFIXES = {".bmp", ".png", ".tif", ".tiff"}
PASSING_STATUSES = {408, 429, 502, 503, 504}
PASSING_CODES = {"idempotency_in_flight"}
TRIES = 8
LONGEST_WAIT_SECONDS = 60.0
TOLERANCE_SECONDS = 300
"""How old a message may be: an older one was recorded and sent again by somebody else."""


class Refused(Exception):  # noqa: N818  it reads as a sentence
    """Pliant said no, and would say it again: `code` is stable, `detail` is for people."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.problem = problem
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')}")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Message

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Pliant:
    """One installation, seen with one key."""

    address: str
    key: str

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask until there is an answer: what may pass by itself is tried again, the rest is raised.

        A creating call carries the same Idempotency-Key on every try, so a lost answer is harmless.
        """
        sent = {"Authorization": f"Bearer {self.key}"} | dict(headers or {})
        if method == "POST":
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        data = body if isinstance(body, bytes) else None
        if data is None and body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        for waited in range(TRIES):
            try:
                return self._ask_once(method, path, data, sent)
            except Refused as refusal:
                if refusal.status not in PASSING_STATUSES and refusal.code not in PASSING_CODES:
                    raise
                wait = float(refusal.problem.get("retry_after_seconds", 2**waited))
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                wait = 2.0**waited
            time.sleep(min(wait, LONGEST_WAIT_SECONDS))
        raise TimeoutError(f"{method} {path}: no answer after {TRIES} tries")

    def _ask_once(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        request = urllib.request.Request(
            f"{self.address}/api/v1{path}", data=data, headers=dict(headers), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            text = error.read()
            if error.code == 304:
                return Answer(304, b"", error.headers)
            is_problem = error.headers.get_content_type() == "application/problem+json"
            raise Refused(error.code, json.loads(text) if is_problem and text else {}) from error

    def create_sample(self, facts: Mapping[str, object]) -> str:
        return str(self.ask("POST", "/samples", facts).json()["id"])

    def add_well(self, sample: str, number: int, profile: str | None = None) -> str:
        well = {"outlet": "unsorted", "number": number} | (
            {"profile_id": profile} if profile else {}
        )
        return str(self.ask("POST", f"/samples/{sample}/wells", well).json()["id"])

    def send_image(self, well: str, path: Path) -> bool:
        """Send one image unless it is there; False if it was. Safe to repeat after any break."""
        data = path.read_bytes()
        address = f"/wells/{well}/images/{hashlib.sha256(data).hexdigest()}"
        if self._has(address):
            return False
        headers = {"Content-Type": "application/octet-stream"}
        name = urllib.parse.quote(path.name)
        return self.ask("PUT", f"{address}?filename={name}", data, headers=headers).status == 201

    def _has(self, address: str) -> bool:
        try:
            self.ask("HEAD", address)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def analyse(self, sample: str) -> Any:
        """Request an analysis and wait for its end; its last word, with the score if any."""
        path = f"/analyses/{self.ask('POST', f'/samples/{sample}/analyses').json()['id']}"
        while True:
            analysis = self.ask("GET", path).json()
            if analysis["state"] in ("done", "failed"):
                return analysis
            time.sleep(1)

    def score(self, sample: str) -> Any:
        """The donor score; without one, Refused as `score_unavailable` with `reasons`."""
        return self.ask("GET", f"/samples/{sample}/score").json()


def verify(secret: str, headers: Message, body: bytes) -> Any:
    """The message of a webhook, if it is Pliant's and new; ValueError if it is not."""
    message_id, sent_at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        raise ValueError("the message is too old or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = headers["webhook-signature"].split(" ")
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise ValueError("the signature does not fit")
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 once a message is safe; keep `webhook-id`s, since a message may come twice."""

    secret: ClassVar[str] = ""
    seen: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            message = verify(self.secret, self.headers, body)
        except (KeyError, TypeError, ValueError) as error:
            print(f"refused: {error}", file=sys.stderr, flush=True)
            self.send_response(400)
        else:
            if self.headers["webhook-id"] not in self.seen:
                print(json.dumps(message), flush=True)
                self.seen.add(self.headers["webhook-id"])
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: standard output is for messages."""


def send(arguments: argparse.Namespace) -> None:
    pliant = Pliant(os.environ["PLIANT"], os.environ["KEY"])
    facts = {
        "donor_code": arguments.donor,
        "din": arguments.din,
        "accession_number": arguments.accession,
        "container": arguments.container,
    }
    sample = pliant.create_sample(facts)
    for number, folder in enumerate(arguments.wells, start=1):
        well = pliant.add_well(sample, number, arguments.profile)
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                pliant.send_image(well, path)
    analysis = pliant.analyse(sample)
    if analysis["state"] == "failed":
        sys.exit(f"the analysis failed: {analysis['failure']}")
    print(json.dumps({"sample_id": sample, "score": pliant.score(sample)}, indent=1))


def listen(arguments: argparse.Namespace) -> None:
    Receiver.secret = os.environ["SECRET"]
    HTTPServer(("127.0.0.1", arguments.port), Receiver).serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    sending = commands.add_parser("send", help="send a sample, print its score")
    sending.add_argument("--donor", required=True)
    sending.add_argument("--din")
    sending.add_argument("--accession")
    sending.add_argument("--container", default="blood_bag")
    sending.add_argument(
        "--profile", help="id of an instrument profile; the built-in one if absent"
    )
    sending.add_argument("wells", nargs="+", type=Path, help="a folder of images per unsorted well")
    sending.set_defaults(run=send)
    listening = commands.add_parser("listen", help="receive a webhook's events, print them")
    listening.add_argument("--port", type=int, default=8090)
    listening.set_defaults(run=listen)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except Refused as refusal:
        sys.exit(f"{refusal}\n{json.dumps(refusal.problem, indent=1)}")


if __name__ == "__main__":
    main()
