"""PNG and TIFF in the guarded child: the same pixels as the BMP, or a refusal with a code."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app import decoding
from app.decoding import decode_image
from app.domain.errors import InvalidInput
from app.domain.imaging import ImageFormat, write_bmp

PIXELS = np.random.default_rng(6).integers(0, 256, (40, 33), dtype=np.uint8)


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def decode(data: bytes, image_format: ImageFormat = ImageFormat.PNG) -> NDArray[np.uint8]:
    return decode_image(data, format=image_format, height_px=40, width_px=33)


def refusal(data: bytes, image_format: ImageFormat = ImageFormat.PNG) -> str:
    with pytest.raises(InvalidInput) as refused:
        decode(data, image_format)
    return refused.value.code


@pytest.mark.parametrize("image_format", list(ImageFormat))
def test_every_format_gives_the_same_pixels(image_format: ImageFormat) -> None:
    data = (
        write_bmp(PIXELS)
        if image_format is ImageFormat.BMP
        else encoded(Image.fromarray(PIXELS), image_format.value.upper())
    )
    assert np.array_equal(decode(data, image_format), PIXELS)


def test_grey_valued_colour_is_grey() -> None:
    image = Image.fromarray(np.repeat(PIXELS[:, :, None], 3, axis=2))
    assert np.array_equal(decode(encoded(image, "PNG")), PIXELS)


def test_colour_is_refused() -> None:
    colour = np.repeat(PIXELS[:, :, None], 3, axis=2)
    colour[3, 4, 2] ^= 1
    assert refusal(encoded(Image.fromarray(colour), "PNG")) == "not_grey"


def test_sixteen_bits_and_transparency_are_refused() -> None:
    deep = Image.fromarray(PIXELS.astype(np.uint16) * 257)
    assert refusal(encoded(deep, "PNG")) == "wrong_depth"
    assert refusal(encoded(Image.fromarray(PIXELS).convert("LA"), "PNG")) == "wrong_depth"


def test_several_frames_are_refused() -> None:
    page = Image.fromarray(PIXELS)
    stack = encoded(page, "TIFF", save_all=True, append_images=[page])
    assert refusal(stack, ImageFormat.TIFF) == "several_frames"


def test_another_size_is_refused() -> None:
    assert refusal(encoded(Image.fromarray(PIXELS.T.copy()), "PNG")) == "wrong_size"


def test_damage_and_a_false_name_are_refused() -> None:
    png = encoded(Image.fromarray(PIXELS), "PNG")
    assert refusal(png[:200]) == "decode_failed"
    assert refusal(b"") == "decode_failed"
    assert refusal(png, ImageFormat.TIFF) == "decode_failed"


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = encoded(Image.new("L", (20_000, 20_000)), "PNG")
    assert len(bomb) < 500_000
    assert refusal(bomb) == "too_many_pixels"


def test_a_child_that_takes_too_long_is_one_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "CHILD_WALL_SECONDS", 0.001)
    assert refusal(encoded(Image.fromarray(PIXELS), "PNG")) == "decode_limits"
