"""`make bench-imaging`: measure, and write the tables into docs/performance.md."""

import argparse
import json
import time
from pathlib import Path
from typing import Final

import cv2

from bench.imaging.campaign import (
    METHODS,
    PLIANT,
    QUICK,
    MethodFigures,
    Sizes,
    measure_methods,
    run,
)
from bench.imaging.page import PAGE, commit, insert, render
from worker.allocator import keep_freed_memory

EARLIER: Final = Path(__file__).parent / "earlier.json"
"""What Pliant's earlier methods reached, measured before they were removed."""


def main() -> None:
    asked = read_arguments()
    cv2.setNumThreads(1)
    keep_freed_memory()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    sizes = QUICK if asked.quick else Sizes()
    if asked.keep_as:
        keep(asked.keep_as, sizes)
        return
    begun = time.monotonic()
    results = run(sizes)
    text = render(results, read_earlier(results.pixels_sha256), seconds=time.monotonic() - begun)
    print(text)
    if not asked.quick:
        PAGE.write_text(insert(PAGE.read_text("utf-8"), text), "utf-8")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.imaging", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few images; prints, writes nothing")
    parser.add_argument(
        "--keep-as", metavar="NAME", help="keep Pliant's figures as an earlier method of this name"
    )
    return parser.parse_args()


def keep(name: str, sizes: Sizes) -> None:
    figures = MethodFigures()
    _, digest, _ = measure_methods(sizes, {name: METHODS[PLIANT]}, {name: figures})
    kept = json.loads(EARLIER.read_text("utf-8")) if EARLIER.exists() else {}
    kept[name] = {"commit": commit(), "pixels_sha256": digest, "figures": figures.to_json()}
    EARLIER.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def read_earlier(pixels_sha256: str) -> dict[str, MethodFigures]:
    """Figures of earlier methods; those on other images than today's say so."""
    kept = json.loads(EARLIER.read_text("utf-8")) if EARLIER.exists() else {}
    earlier = {}
    for name, one in kept.items():
        same = one["pixels_sha256"] == pixels_sha256
        note = "" if same else ", on images drawn differently"
        earlier[f"{name} (commit {one['commit']}{note})"] = MethodFigures.from_json(one["figures"])
    return earlier


if __name__ == "__main__":
    main()
