"""A machine that is on no network: everything starts, and its health page names no fault."""

import os
import subprocess
import sys

from tests.end_to_end.product import ROOT

ALONE = ("unshare", "--net") if os.getuid() == 0 else (
    "unshare", "--user", "--map-current-user", "--keep-caps", "--net",
)  # fmt: skip
START_SECONDS = 300.0
LOOK = """
import fcntl, re, socket, struct
import httpx2
from tests.end_to_end.product import running_product

SET_FLAGS, UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    fcntl.ioctl(probe, SET_FLAGS, struct.pack("16sh", b"lo", UP))
    try:
        probe.connect(("192.0.2.1", 80))
    except OSError:
        print("no way out")
with (
    running_product(DEMO="0", WORKERS="1") as product,
    httpx2.Client(base_url=product.address, follow_redirects=True) as person,
):
    person.headers["Sec-Fetch-Site"] = "same-origin"
    person.post(product.links["administrator"], data={"password": "a sentence that is long"})
    page = person.get("/health").raise_for_status().text
    print(re.search("<h1>(.*)</h1>", page)[1], *re.findall('class="chip ([a-z]+)"', page))
"""
"""A person's sign-in and look, all inside the namespace: nobody outside can reach into it."""


def test_it_starts_and_its_health_page_names_no_fault_with_the_network_off() -> None:
    """In a network namespace of its own that holds the loopback and nothing else."""
    ran = subprocess.run(
        [*ALONE, sys.executable, "-c", LOOK], cwd=ROOT,
        capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    way_out, page = ran.stdout.splitlines()
    assert way_out == "no way out"
    heading, *tones = page.split()
    assert heading == "Health"
    assert tones.count("good") > 5
    assert "bad" not in tones
