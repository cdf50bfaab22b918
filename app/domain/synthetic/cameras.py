"""From relative deviation to bytes: uneven light, blur, noise, JPEG, pictures made larger."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import Canvas

_COARSE: Final = 40


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How a scene is turned into an image.

    Attributes
    ----------
    level
        Mean grey of the empty background, 0-255.
    slope, bowl, blotches
        Relative SD of a ramp, a vignette and smooth spots of light.
    blur_px
        Gaussian σ of the optics.
    noise
        SD of the camera noise, grey values.
    jpeg_quality
        None for no compression.
    enlarged
        How many times larger than the picture it was made from; 1 for a true image.
    """

    level: float = 185.0
    slope: float = 0.02
    bowl: float = 0.02
    blotches: float = 0.004
    blur_px: float = 0.9
    noise: float = 1.5
    jpeg_quality: int | None = None
    enlarged: float = 1.0


def take_picture(
    deviation: Canvas, light: Canvas, camera: Camera, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Photograph a scene.

    Parameters
    ----------
    deviation
        Shape (h, w), relative deviation from the background.
    light
        Shape (h, w), grey of the empty background.

    Returns
    -------
    NDArray[np.uint8]
        Shape (h, w).
    """
    height, width = deviation.shape
    scene = (
        deviation if camera.blur_px < 0.2 else cv2.GaussianBlur(deviation, (0, 0), camera.blur_px)
    )
    grey = light * (1 + scene)
    small = (max(1, round(width / camera.enlarged)), max(1, round(height / camera.enlarged)))
    if camera.enlarged > 1:
        grey = np.asarray(cv2.resize(grey, small, interpolation=cv2.INTER_AREA), np.float32)
    noisy = grey + camera.noise * _noise(grey.shape, rng)
    image = np.asarray(np.clip(noisy + 0.5, 0, 255), np.uint8)
    if camera.jpeg_quality is not None:
        image = _compress(image, camera.jpeg_quality)
    if camera.enlarged > 1:
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
        )
    return image


def draw_light(camera: Camera, height: int, width: int, rng: np.random.Generator) -> Canvas:
    """Grey of the empty background, shape (height, width), float32."""
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, _COARSE), np.linspace(-1, 1, _COARSE), indexing="ij"
    )
    angle = rng.uniform(0, 2 * np.pi)
    ramp = rows * np.sin(angle) + columns * np.cos(angle)
    bowl = -((rows - rng.normal(0, 0.3)) ** 2) - (columns - rng.normal(0, 0.3)) ** 2
    spots = cv2.resize(rng.normal(size=(6, 6)), (_COARSE, _COARSE), interpolation=cv2.INTER_CUBIC)
    shape = 1.0 + (
        camera.slope * ramp / ramp.std()
        + camera.bowl * (bowl - bowl.mean()) / bowl.std()
        + camera.blotches * spots
    )
    coarse = (camera.level * np.maximum(shape, 0.2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> Canvas:
    return rng.standard_normal(shape, dtype=np.float32)


def _compress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
