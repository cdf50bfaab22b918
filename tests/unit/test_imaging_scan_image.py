"""The strict BMP reader: two layouts, and a code of its own for every refusal."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.errors import InvalidInput, UnsupportedMedia
from app.domain.imaging import (
    ImageFormat,
    check_bmp_header,
    read_bmp,
    sniff_format,
    write_bmp,
)
from app.domain.imaging.scan_image import HEADER_BYTES, PALETTE_BYTES, locate_rows

HEIGHT_PX, WIDTH_PX = 21, 18  # neither a multiple of four: rows are padded
PIXELS = np.random.default_rng(5).integers(0, 256, (HEIGHT_PX, WIDTH_PX), dtype=np.uint8)
GREY_8, GREY_24 = write_bmp(PIXELS), write_bmp(PIXELS, bits=24)


def read(data: bytes | memoryview) -> NDArray[np.uint8]:
    return read_bmp(data, height_px=HEIGHT_PX, width_px=WIDTH_PX)


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        read(data)
    assert refused.value.message.endswith(".")
    return refused.value.code


def patched(data: bytes, offset: int, layout: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, value)
    return bytes(changed)


@pytest.mark.parametrize("bits", [8, 24])
def test_what_is_written_is_read_back(bits: int) -> None:
    assert np.array_equal(read(write_bmp(PIXELS, bits=bits)), PIXELS)


def test_a_full_scan_has_the_published_lengths() -> None:
    scan = np.zeros((2424, 2424), np.uint8)
    assert len(write_bmp(scan)) == 5_876_854
    assert len(write_bmp(scan, bits=24)) == 17_627_382


def test_a_memoryview_is_read_without_a_copy_of_it() -> None:
    assert np.array_equal(read(memoryview(GREY_8)), PIXELS)


@pytest.mark.parametrize("data", [GREY_8, GREY_24])
def test_a_negative_height_means_top_down(data: bytes) -> None:
    assert np.array_equal(read(patched(data, 22, "<i", -HEIGHT_PX)), PIXELS[::-1])


def test_a_grey_palette_in_another_order_is_applied() -> None:
    inverted = bytearray(GREY_8)
    for index in range(256):
        inverted[54 + 4 * index : 57 + 4 * index] = bytes([255 - index] * 3)
    assert np.array_equal(read(bytes(inverted)), 255 - PIXELS)


def test_colours_used_may_be_zero() -> None:
    assert np.array_equal(read(patched(GREY_8, 46, "<I", 0)), PIXELS)


def test_resolution_and_image_size_fields_are_ignored() -> None:
    odd = patched(patched(GREY_8, 34, "<I", 7), 38, "<i", -1)
    assert np.array_equal(read(odd), PIXELS)


def test_row_padding_may_hold_anything() -> None:
    changed = bytearray(GREY_8)
    changed[-1] = 99
    assert np.array_equal(read(bytes(changed)), PIXELS)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\x89PNG" + GREY_8[4:], "bmp_signature"),
        (GREY_8[:40], "bmp_truncated"),
        (patched(GREY_8, 14, "<I", 124), "bmp_header"),
        (patched(GREY_8, 26, "<H", 2), "bmp_header"),
        (patched(GREY_8, 30, "<I", 1), "bmp_compressed"),
        (patched(GREY_24, 30, "<I", 3), "bmp_compressed"),
        (patched(GREY_24, 28, "<H", 32), "bmp_depth"),
        (patched(GREY_8, 28, "<H", 1), "bmp_depth"),
        (patched(GREY_8, 46, "<I", 16), "bmp_palette"),
        (patched(GREY_8, 10, "<I", 1079), "bmp_offset"),
        (patched(GREY_24, 10, "<I", 1078), "bmp_offset"),
        (patched(GREY_8, 18, "<i", 15), "bmp_size"),
        (patched(GREY_8, 18, "<i", -WIDTH_PX), "bmp_size"),
        (patched(GREY_8, 22, "<i", 0), "bmp_size"),
        (patched(GREY_8, 22, "<i", 30_000), "bmp_size"),
        (patched(GREY_8, 22, "<i", HEIGHT_PX + 1), "wrong_size"),
        (GREY_8[:-1], "bmp_length"),
        (GREY_8 + b"PK\x03\x04 a zip behind it", "bmp_length"),
        (patched(GREY_8 + b"1234", 2, "<I", len(GREY_8) + 4), "bmp_length"),
        (patched(GREY_8, 2, "<I", len(GREY_8) + 1), "bmp_length"),
        (patched(GREY_8, 54, "<B", 1), "not_grey"),
        (patched(GREY_24, 54, "<B", PIXELS[-1, 0] ^ 1), "not_grey"),
        (patched(GREY_24, 56, "<B", PIXELS[-1, 0] ^ 1), "not_grey"),
    ],
)
def test_every_departure_from_the_layout_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_an_rle_bomb_is_refused_by_its_header_alone() -> None:
    bomb = patched(patched(patched(GREY_8, 30, "<I", 1), 18, "<i", 30_000), 22, "<i", 30_000)
    with pytest.raises(InvalidInput, match="bmp_compressed"):
        check_bmp_header(bomb[:54], n_bytes=1080, height_px=30_000, width_px=30_000)


def test_a_lying_length_is_refused_before_the_body_arrives() -> None:
    check_bmp_header(GREY_8[:54], n_bytes=len(GREY_8), height_px=HEIGHT_PX, width_px=WIDTH_PX)
    with pytest.raises(InvalidInput, match="bmp_length"):
        check_bmp_header(GREY_8[:54], n_bytes=10**10, height_px=HEIGHT_PX, width_px=WIDTH_PX)


@pytest.mark.parametrize(
    ("first_bytes", "image_format"),
    [
        (GREY_8[:8], ImageFormat.BMP),
        (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
        (b"II*\x00\x08\x00\x00\x00", ImageFormat.TIFF),
        (b"MM\x00*\x00\x00\x00\x08", ImageFormat.TIFF),
    ],
)
def test_formats_are_told_by_their_first_bytes(first_bytes: bytes, image_format: str) -> None:
    assert sniff_format(first_bytes) is ImageFormat(image_format)


@pytest.mark.parametrize("first_bytes", [b"\xff\xd8\xff\xe0", b"GIF89a", b"%PDF-1.7", b"B"])
def test_other_formats_are_unsupported(first_bytes: bytes) -> None:
    with pytest.raises(UnsupportedMedia, match="unsupported_format"):
        sniff_format(first_bytes)


def test_an_empty_file_has_no_format() -> None:
    with pytest.raises(InvalidInput, match="empty_file"):
        sniff_format(b"")


def test_other_depths_are_not_written() -> None:
    with pytest.raises(InvalidInput, match="bmp_depth"):
        write_bmp(PIXELS, bits=16)


@pytest.mark.parametrize("data", [GREY_8, GREY_24])
@pytest.mark.parametrize("is_top_down", [False, True])
@pytest.mark.parametrize(("top", "bottom"), [(0, HEIGHT_PX), (0, 1), (5, 9), (20, 21)])
def test_some_rows_are_read_alone_as_they_are_in_the_whole(
    data: bytes, top: int, bottom: int, *, is_top_down: bool
) -> None:
    file = patched(data, 22, "<i", -HEIGHT_PX) if is_top_down else data
    rows = locate_rows(file[: HEADER_BYTES + PALETTE_BYTES], top=top, bottom=bottom)
    part = file[rows.offset : rows.offset + rows.n_bytes]
    assert np.array_equal(rows.pixels(part), read(file)[top:bottom])
