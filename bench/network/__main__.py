"""`make bench-network`: measure the network's tables and write them into docs/performance.md.

Parts can be measured one at a time; what each last gave is kept in recorded.json beside this file,
with its day and commit, and the page is written from that.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import tensorflow as tf

from bench.imaging.page import PAGE, commit, machine
from bench.network import across_donors, architectures, ceiling, page, speed

RECORDED: Final = Path(__file__).parent / "recorded.json"


def main() -> None:
    asked = _arguments()
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recorded = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    for name, measure in _parts(asked).items():
        if asked.parts and name not in asked.parts:
            continue
        _tell(f"measuring {name}")
        run = {"on": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "commit": commit()}
        recorded[name] = measure() | {"run": run | {"machine": machine(), "load": _load()}}
        RECORDED.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
    text = page.render(recorded)
    print(text)
    PAGE.write_text(page.insert(PAGE.read_text("utf-8"), text), "utf-8")


def _parts(asked: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    return {
        "speed": speed.measure_speed,
        "ceiling": lambda: ceiling.measure_ceiling(asked.cells_per_well),
        "compact": lambda: architectures.compare("compact", asked.epochs, _tell),
        "published": lambda: architectures.compare("published", asked.epochs, _tell),
        "ideas": lambda: across_donors.measure_ideas(asked.epochs, _tell),
        "wells": lambda: architectures.compare_wells(asked.donors, 40, asked.epochs, _tell),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.network", description=__doc__)
    parser.add_argument("parts", nargs="*", help="speed ceiling compact published ideas wells; all")
    parser.add_argument("--epochs", type=int, default=10, help="of every fit")
    parser.add_argument("--donors", type=int, default=12, help="of the table of wells")
    parser.add_argument("--cells-per-well", type=int, default=25, help="of the ceiling's donors")
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow, for the fits")
    return parser.parse_args()


def _load() -> float:
    """Tasks that wanted a core in the last minute: above their number, times are too long."""
    return round(os.getloadavg()[0], 1)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
