"""One scan image: a grey bitmap as the microscope writes it, read strictly and written back.

The reader knows exactly two layouts (8-bit grey palette, 24-bit with equal channels) and refuses
everything else with its own code; there is no C decoder on this path, so a hostile file can cost
no more than its own length.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidInput, UnsupportedMedia

HEADER_BYTES = 54
"""File header (14 bytes) and the 40-byte BITMAPINFOHEADER."""
PALETTE_BYTES = 1024
SMALLEST_SIDE_PX = 16
LARGEST_SIDE_PX = 4096

_HEADER = struct.Struct("<2sIHHIIiiHHIIiiII")
_PIXELS_PER_METRE = 2835


class ImageFormat(StrEnum):
    BMP = "bmp"
    PNG = "png"
    TIFF = "tiff"


_SIGNATURES: tuple[tuple[bytes, ImageFormat], ...] = (
    (b"BM", ImageFormat.BMP),
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"II*\x00", ImageFormat.TIFF),
    (b"MM\x00*", ImageFormat.TIFF),
)


def sniff_format(first_bytes: bytes) -> ImageFormat:
    """Tell the format from the first bytes; eight are enough.

    Raises
    ------
    InvalidInput
        ``empty_file`` if there is no byte at all.
    UnsupportedMedia
        ``unsupported_format`` for everything but BMP, PNG and TIFF.
    """
    if not first_bytes:
        raise InvalidInput("empty_file", "The file is empty; export the image again.")
    for signature, image_format in _SIGNATURES:
        if first_bytes.startswith(signature):
            return image_format
    what = "a JPEG, which loses the detail" if first_bytes.startswith(b"\xff\xd8") else "not one"
    raise UnsupportedMedia(
        "unsupported_format",
        f"Images must be BMP, PNG or TIFF and this file is {what}; export the original bitmap.",
    )


@dataclass(frozen=True)
class _BmpHeader:
    declared_bytes: int
    offset: int
    info_bytes: int
    width_px: int
    signed_height_px: int
    planes: int
    bits: int
    compression: int
    n_colours: int

    @property
    def height_px(self) -> int:
        return abs(self.signed_height_px)

    @property
    def stride_bytes(self) -> int:
        """Bytes of one row, padded to a multiple of four."""
        return (self.width_px * (self.bits // 8) + 3) & ~3

    @property
    def expected_offset(self) -> int:
        return HEADER_BYTES + (PALETTE_BYTES if self.bits == 8 else 0)

    @property
    def expected_bytes(self) -> int:
        return self.expected_offset + self.stride_bytes * self.height_px


def _parse_header(first_bytes: bytes | memoryview) -> _BmpHeader:
    if len(first_bytes) == 0:
        raise InvalidInput("empty_file", "The file is empty; export the image again.")
    if bytes(first_bytes[:2]) != b"BM":
        raise InvalidInput("bmp_signature", "The file does not begin as a BMP; export it again.")
    if len(first_bytes) < HEADER_BYTES:
        raise InvalidInput("bmp_truncated", "The BMP ends within its header; export it again.")
    fields = _HEADER.unpack(bytes(first_bytes[:HEADER_BYTES]))
    return _BmpHeader(
        declared_bytes=fields[1],
        offset=fields[4],
        info_bytes=fields[5],
        width_px=fields[6],
        signed_height_px=fields[7],
        planes=fields[8],
        bits=fields[9],
        compression=fields[10],
        n_colours=fields[14],
    )


def _check_layout(header: _BmpHeader) -> None:
    """Refuse every layout but the two known ones."""
    if header.info_bytes != 40 or header.planes != 1:
        raise InvalidInput(
            "bmp_header",
            "The BMP header is not the plain 40-byte one; export as an uncompressed Windows BMP.",
        )
    if header.compression != 0:
        raise InvalidInput(
            "bmp_compressed", "The BMP is compressed (RLE or bit fields); export it uncompressed."
        )
    if header.bits not in (8, 24):
        raise InvalidInput(
            "bmp_depth", f"The BMP has {header.bits} bits per pixel; export 8 or 24 bits."
        )
    if header.bits == 8 and header.n_colours not in (0, 256):
        raise InvalidInput(
            "bmp_palette", "The BMP's palette does not have 256 entries; export 8-bit grey."
        )
    if header.offset != header.expected_offset:
        raise InvalidInput(
            "bmp_offset",
            "The BMP's pixels do not follow its header directly; export it again without extras.",
        )


def _check_size(header: _BmpHeader, *, height_px: int, width_px: int) -> None:
    for side_px in (header.height_px, header.width_px):
        if not SMALLEST_SIDE_PX <= side_px <= LARGEST_SIDE_PX:
            raise InvalidInput(
                "bmp_size",
                f"The BMP says a side of {side_px} px, outside {SMALLEST_SIDE_PX} to "
                f"{LARGEST_SIDE_PX}; the file is damaged or not a scan image.",
            )
    if (header.height_px, header.width_px) != (height_px, width_px):
        raise InvalidInput(
            "wrong_size",
            f"The image is {header.width_px} x {header.height_px} px and the instrument profile "
            f"says {width_px} x {height_px}; send the full, unscaled image.",
        )


def _check_length(header: _BmpHeader, *, n_bytes: int) -> None:
    if header.declared_bytes != n_bytes or header.expected_bytes != n_bytes:
        raise InvalidInput(
            "bmp_length",
            f"The BMP has {n_bytes} bytes where its header says {header.declared_bytes} and its "
            f"size needs {header.expected_bytes}; it is cut or has something appended.",
        )


def check_bmp_header(
    first_bytes: bytes | memoryview, *, n_bytes: int, height_px: int, width_px: int
) -> None:
    """Refuse a BMP by its first 54 bytes, before the body is read.

    Parameters
    ----------
    first_bytes
        At least the first 54 bytes of the file, or all of it if it is shorter.
    n_bytes
        Length of the whole file, as declared by the sender.
    height_px, width_px
        Size the instrument profile prescribes.

    Raises
    ------
    InvalidInput
        ``empty_file``, ``bmp_signature``, ``bmp_truncated``, ``bmp_header``, ``bmp_compressed``,
        ``bmp_depth``, ``bmp_palette``, ``bmp_offset``, ``bmp_size``, ``wrong_size``,
        ``bmp_length``.
    """
    header = _parse_header(first_bytes)
    _check_layout(header)
    _check_size(header, height_px=height_px, width_px=width_px)
    _check_length(header, n_bytes=n_bytes)


def read_bmp(data: bytes | memoryview, *, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Read a strict grey BMP.

    Parameters
    ----------
    data
        The whole file.
    height_px, width_px
        Size the instrument profile prescribes.

    Returns
    -------
    NDArray[np.uint8]
        Shape (height_px, width_px), C-contiguous, row 0 at the top of the picture.

    Raises
    ------
    InvalidInput
        As `check_bmp_header`, and ``not_grey`` for a coloured palette or unequal channels.
    """
    check_bmp_header(data, n_bytes=len(data), height_px=height_px, width_px=width_px)
    header = _parse_header(data)
    stored = np.frombuffer(data, dtype=np.uint8, offset=header.offset)
    rows = stored.reshape(height_px, header.stride_bytes)
    if header.signed_height_px > 0:  # positive height: the bottom row is stored first
        rows = rows[::-1]
    if header.bits == 24:
        return _grey_of_equal_channels(rows[:, : 3 * width_px].reshape(height_px, width_px, 3))
    return _apply_palette(rows[:, :width_px], data)


def _not_grey() -> InvalidInput:
    return InvalidInput("not_grey", "The image is in colour; export it as the camera's grey image.")


def _grey_of_equal_channels(channels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    blue = np.ascontiguousarray(channels[:, :, 0])
    if not (np.array_equal(blue, channels[:, :, 1]) and np.array_equal(blue, channels[:, :, 2])):
        raise _not_grey()
    return blue


def _apply_palette(indices: NDArray[np.uint8], data: bytes | memoryview) -> NDArray[np.uint8]:
    palette = np.frombuffer(data, np.uint8, PALETTE_BYTES, HEADER_BYTES).reshape(256, 4)
    grey = palette[:, 0]
    if not (np.array_equal(grey, palette[:, 1]) and np.array_equal(grey, palette[:, 2])):
        raise _not_grey()
    if np.array_equal(grey, np.arange(256)):
        return np.ascontiguousarray(indices)
    return np.take(grey, indices)


@dataclass(frozen=True)
class StoredRows:
    """Where the rows of a stored BMP lie in its file, so that a part can be read alone.

    Attributes
    ----------
    offset, n_bytes
        The part of the file to read.
    """

    offset: int
    n_bytes: int
    _header: _BmpHeader
    _head: bytes

    def pixels(self, part: bytes | memoryview) -> NDArray[np.uint8]:
        """Turn that part into rows, shape (n, width), the upper one first.

        The image was read whole and found grey when it was taken in; only its layout is applied.
        """
        rows = np.frombuffer(part, np.uint8).reshape(-1, self._header.stride_bytes)
        if self._header.signed_height_px > 0:
            rows = rows[::-1]
        if self._header.bits == 24:
            return np.ascontiguousarray(rows[:, : 3 * self._header.width_px : 3])
        return _apply_palette(rows[:, : self._header.width_px], self._head)


def locate_rows(head: bytes, *, top: int, bottom: int) -> StoredRows:
    """Find rows `top` (included) to `bottom` (excluded) of a BMP, counted from the top.

    Parameters
    ----------
    head
        The first `HEADER_BYTES` + `PALETTE_BYTES` bytes of a file that `read_bmp` accepts.
    """
    header = _parse_header(head)
    first = header.height_px - bottom if header.signed_height_px > 0 else top
    return StoredRows(
        offset=header.offset + first * header.stride_bytes,
        n_bytes=(bottom - top) * header.stride_bytes,
        _header=header,
        _head=head,
    )


def write_bmp(pixels: NDArray[np.uint8], *, bits: int = 8) -> bytes:
    """Write a grey image as the microscope does: bottom-up, uncompressed.

    Parameters
    ----------
    pixels
        Shape (H, W), row 0 at the top.
    bits
        8 for a grey palette, 24 for three equal channels.
    """
    if bits not in (8, 24):
        raise InvalidInput("bmp_depth", f"A BMP of {bits} bits cannot be written; use 8 or 24.")
    height_px, width_px = pixels.shape
    body = pixels if bits == 8 else np.repeat(pixels, 3, axis=1)
    padded = np.pad(body, ((0, 0), (0, -body.shape[1] % 4)))[::-1].tobytes()
    palette = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4).copy()
    palette[:, 3] = 0
    colours = palette.tobytes() if bits == 8 else b""
    offset = HEADER_BYTES + len(colours)
    header = _HEADER.pack(
        b"BM", offset + len(padded), 0, 0, offset, 40, width_px, height_px, 1, bits, 0,
        len(padded), _PIXELS_PER_METRE, _PIXELS_PER_METRE, 256 if bits == 8 else 0, 0,
    )  # fmt: skip
    return header + colours + padded
