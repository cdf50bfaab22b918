"""Stored bytes to grey pixels: BMP in this process, PNG and TIFF in a guarded child.

The child is this module run with ``python -m app.decoding``: no environment, hard limits on
memory and processor time, the size read and capped before any pixel is decoded. A decoder that is
broken open there holds nothing but its own input.
"""

import io
import json
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from app.domain.errors import InvalidInput
from app.domain.imaging.scan_image import ImageFormat, read_bmp

MOST_PIXELS = 16_800_000
"""4096 × 4096, rounded up: no larger image is ever decoded."""
CHILD_MEMORY_BYTES = 768 * 1024 * 1024
CHILD_CPU_SECONDS = 5
CHILD_WALL_SECONDS = 20

_REFUSED = 3
"""Exit status of a child that refuses with a reason on its standard error."""
_GREY_MODES = ("L", "P", "RGB", "1")


def decode_image(
    data: bytes | memoryview,
    *,
    format: ImageFormat,  # noqa: A002  the word the callers use
    height_px: int,
    width_px: int,
) -> NDArray[np.uint8]:
    """Decode a scan image to grey, shape (height_px, width_px).

    Raises
    ------
    InvalidInput
        As `read_bmp` for BMP; ``decode_failed``, ``decode_limits``, ``too_many_pixels``,
        ``several_frames``, ``not_grey``, ``wrong_depth``, ``wrong_size`` for PNG and TIFF.
    """
    if format is ImageFormat.BMP:
        return read_bmp(data, height_px=height_px, width_px=width_px)
    raw = _decode_in_child(data, image_format=format, height_px=height_px, width_px=width_px)
    if len(raw) != height_px * width_px:
        raise InvalidInput("decode_failed", "The image could not be decoded; export it as BMP.")
    return np.frombuffer(raw, np.uint8).reshape(height_px, width_px)


def _decode_in_child(
    data: bytes | memoryview, *, image_format: ImageFormat, height_px: int, width_px: int
) -> bytes:
    command = [sys.executable, "-P", "-m", "app.decoding"]
    command += [image_format.value, str(height_px), str(width_px)]
    try:
        child = subprocess.run(  # noqa: S603  our own interpreter and whole-number arguments
            command,
            input=bytes(data),
            capture_output=True,
            env={"PYTHONPATH": str(Path(__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"},
            timeout=CHILD_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _limits_exceeded() from error
    if child.returncode == 0:
        return child.stdout
    if child.returncode == _REFUSED:
        reason = json.loads(child.stderr)
        raise InvalidInput(reason["code"], reason["message"])
    if child.returncode < 0 or b"MemoryError" in child.stderr:
        raise _limits_exceeded()
    raise InvalidInput("decode_failed", "The image could not be decoded; export it as BMP.")


def _limits_exceeded() -> InvalidInput:
    return InvalidInput(
        "decode_limits",
        "Decoding the image took more memory or time than any scan needs; export it as BMP.",
    )


def _limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_CPU_SECONDS, CHILD_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def read_guarded(
    data: bytes, *, image_format: ImageFormat, height_px: int, width_px: int
) -> NDArray[np.uint8]:
    """Decode PNG or TIFF; called in the child, after its limits are set."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=[image_format.value.upper()]) as image:
            _check_before_decoding(image, height_px=height_px, width_px=width_px)
            return _to_grey(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InvalidInput(
            "decode_failed", "The image is damaged or not what it claims to be; export it again."
        ) from error


def _too_many_pixels() -> InvalidInput:
    return InvalidInput(
        "too_many_pixels",
        f"The image has more than {MOST_PIXELS} pixels; send the unscaled scan image.",
    )


def _check_before_decoding(image: Image.Image, *, height_px: int, width_px: int) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    if (image.height, image.width) != (height_px, width_px):
        raise InvalidInput(
            "wrong_size",
            f"The image is {image.width} x {image.height} px and the instrument profile says "
            f"{width_px} x {height_px}; send the full, unscaled image.",
        )
    if getattr(image, "n_frames", 1) != 1:
        raise InvalidInput(
            "several_frames", "The file holds several frames; export each as a file of its own."
        )
    if image.mode not in _GREY_MODES:
        raise InvalidInput(
            "wrong_depth",
            f"The image's pixels are of kind {image.mode}; export 8-bit grey without transparency.",
        )


def _to_grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"), np.uint8)
    channels = np.asarray(image.convert("RGB"), np.uint8)
    red = channels[:, :, 0]
    if not (np.array_equal(red, channels[:, :, 1]) and np.array_equal(red, channels[:, :, 2])):
        raise InvalidInput(
            "not_grey", "The image is in colour; export it as the camera's grey image."
        )
    return np.ascontiguousarray(red)


def _main() -> NoReturn:
    """Read an image on standard input, write raw grey to standard output."""
    data = sys.stdin.buffer.read()
    _limit_this_process()
    image_format, height_px, width_px = sys.argv[1:4]
    try:
        pixels = read_guarded(
            data,
            image_format=ImageFormat(image_format),
            height_px=int(height_px),
            width_px=int(width_px),
        )
    except InvalidInput as refusal:
        sys.stderr.write(json.dumps({"code": refusal.code, "message": refusal.message}))
        sys.stderr.flush()
        os._exit(_REFUSED)
    sys.stdout.buffer.write(pixels.tobytes())
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    _main()
