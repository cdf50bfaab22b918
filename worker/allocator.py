"""Memory that is freed stays with the process, for the next image."""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES: Final = 64 * 2**20
"""What the largest image takes while it is analysed."""
_LARGEST_KEPT_BYTES: Final = 16 * 2**20
"""Larger blocks, whole images, go back to the system at once."""


def keep_freed_memory() -> None:
    """Ask glibc not to hand freed memory back to the system, where there is glibc.

    By default every map of a megabyte is taken and given back page by page: a tenth of an image's
    time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
