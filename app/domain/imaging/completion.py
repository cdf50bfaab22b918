"""The bright side of an outline, completed from the rest of it.

Towards the light a cell's brightness passes through that of the background, so the border cannot
be seen there: what is sharp is the dark body's inner border or the crescent's outer one. On the
other three quarters it is plain. An ellipse through those gives the hidden part.
"""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.measures import Centres, read_body
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES

_FAINTEST_WEIGHT = 0.03
"""Weight of a hidden point: enough to keep the fit closed."""


def weigh_by_shading(
    field: FlatField,
    centres: Centres,
    radii: NDArray[np.float32],
    parameters: ImagingParameters,
) -> NDArray[np.float32]:
    """Tell how well each direction's border can be seen.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32), 1 for a plain border, near 0 towards the light of a shaded cell.
    """
    ray = read_body(field.deviation, centres, radii).mean(axis=2)
    down = (ray * np.sin(ANGLES)).mean(axis=1)
    right = (ray * np.cos(ANGLES)).mean(axis=1)
    shading = np.minimum(2 * np.hypot(down, right) / parameters.full_shading, 1)
    towards_light = np.cos(ANGLES - np.arctan2(down, right)[:, None])
    low, high = parameters.hidden_from, parameters.hidden_wholly
    hidden = np.clip((towards_light - low) / (high - low), 0, 1)
    weights = np.maximum(1 - shading[:, None] * hidden, _FAINTEST_WEIGHT)
    return np.asarray(weights, np.float32)


def fit_ellipses(
    radii: NDArray[np.float32], weights: NDArray[np.float32], *, roundness: float
) -> NDArray[np.float32]:
    """Fit an ellipse to each outline and give it as radii around the same centre.

    The conic a x² + b xy + c y² + d x + e y = 1 is fitted by weighted least squares, with a mild
    pull towards a circle; coordinates are in mean radii.

    Parameters
    ----------
    radii, weights
        Shape (n, 32).
    roundness
        Weight of the pull, relative to all points together.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32); the given radii where no ellipse fits.
    """
    scale = radii.mean(axis=1, keepdims=True)
    x, y = radii * np.cos(ANGLES) / scale, radii * np.sin(ANGLES) / scale
    design = np.stack([x * x, x * y, y * y, x, y], axis=2).astype(np.float64)
    weighted = design * weights[:, :, None]
    normal = weighted.transpose(0, 2, 1) @ design
    pull = roundness * weights.sum(axis=1)
    normal[:, 1, 1] += pull
    for first, second, sign in ((0, 0, 1), (2, 2, 1), (0, 2, -1), (2, 0, -1)):
        normal[:, first, second] += sign * pull
    normal += 1e-6 * np.eye(5)
    conic = np.linalg.solve(normal, weighted.sum(axis=1)[:, :, None])[:, :, 0]
    return _cut_rays(conic, radii, scale)


def _cut_rays(
    conic: NDArray[np.float64], radii: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Radii at which rays from the origin cut the conics; the given ones where none does."""
    cosine, sine = np.cos(ANGLES), np.sin(ANGLES)
    a, b, c, d, e = (conic[:, k : k + 1] for k in range(5))
    square = a * cosine**2 + b * cosine * sine + c * sine**2
    linear = d * cosine + e * sine
    root = linear**2 + 4 * square
    good = (square > 1e-3) & (root > 0)
    cut = (np.sqrt(np.where(good, root, 1)) - linear) / (2 * np.where(good, square, 1)) * scale
    sane = good & (cut > 0.5 * scale) & (cut < 2 * scale)
    return np.where(sane.all(axis=1, keepdims=True), cut, radii).astype(np.float32)


def complete_bright_side(
    field: FlatField,
    centres: Centres,
    radii: NDArray[np.float32],
    parameters: ImagingParameters,
) -> NDArray[np.float32]:
    """Replace an outline's hidden part by the ellipse through the rest.

    Parameters
    ----------
    radii
        Shape (n, 32), working px, as traced.
    """
    weights = weigh_by_shading(field, centres, radii, parameters)
    fitted = fit_ellipses(radii, weights, roundness=parameters.ellipse_roundness)
    return weights * radii + (1 - weights) * fitted
