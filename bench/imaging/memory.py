"""`python -m bench.imaging.memory N`: bytes of memory the analysis of N cells takes.

Run in a process of its own: what counts is the highest resident memory while the first whole
image is analysed, beyond that of the process with everything loaded and the image in memory. So
scratch arrays, the network's arena and the results all count; the image and the program do not.
"""

import ctypes
import gc
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from bench.imaging import pliant
from bench.imaging.drawn import draw_for_cost
from worker.allocator import keep_freed_memory

_STATUS = Path("/proc/self/status")


def measure_beyond_image(n_cells: int) -> int:
    """Bytes, measured in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.imaging.memory", str(n_cells)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def main() -> None:
    cv2.setNumThreads(1)
    keep_freed_memory()
    field = draw_for_cost(int(sys.argv[1]))
    # Every library is loaded and every session open before the baseline is read.
    pliant.inspect_and_crop(np.ascontiguousarray(field.pixels[:64, :64]), um_per_px=field.um_per_px)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = read_bytes("VmRSS")
    pliant.inspect_and_crop(field.pixels, um_per_px=field.um_per_px)
    print(read_bytes("VmHWM") - before)


def read_bytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
