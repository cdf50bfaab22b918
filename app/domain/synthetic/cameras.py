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
    soft_px
        Gaussian σ of that smaller picture's own blur, in its pixels.
    """

    level: float = 185.0
    slope: float = 0.02
    bowl: float = 0.02
    blotches: float = 0.004
    blur_px: float = 0.9
    noise: float = 1.5
    jpeg_quality: int | None = None
    enlarged: float = 1.0
    soft_px: float = 0.0


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
    scene = (
        deviation if camera.blur_px < 0.2 else cv2.GaussianBlur(deviation, (0, 0), camera.blur_px)
    )
    grey = light * (1 + scene)
    # Averaging over the pixels of a smaller picture takes most of the noise away.
    noisy = grey + camera.noise * rng.standard_normal(grey.shape, dtype=np.float32)
    image = np.asarray(np.clip(noisy + 0.5, 0, 255), np.uint8)
    return reprint(
        image, enlarged=camera.enlarged, jpeg_quality=camera.jpeg_quality, soft_px=camera.soft_px
    )


def reprint(
    image: NDArray[np.uint8], *, enlarged: float, jpeg_quality: int | None, soft_px: float = 0.0
) -> NDArray[np.uint8]:
    """Make a picture smaller, soften and compress it, and enlarge it again, as on its way to print.

    Parameters
    ----------
    image
        Shape (h, w).
    enlarged
        Its size over the smaller picture's, at least 1.
    jpeg_quality
        None for no compression.
    soft_px
        Gaussian σ in pixels of the smaller picture.

    Returns
    -------
    NDArray[np.uint8]
        Shape (h, w).
    """
    height, width = image.shape
    small = image
    if enlarged > 1:
        size = (max(1, round(width / enlarged)), max(1, round(height / enlarged)))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        if soft_px > 0.2:
            small = np.asarray(cv2.GaussianBlur(small, (0, 0), soft_px), np.uint8)
    if jpeg_quality is not None:
        small = _compress(small, jpeg_quality)
    if enlarged > 1:
        small = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    return np.asarray(small, np.uint8)


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


def _compress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
