"""Real images that nobody drew for Pliant, read from ../shared where that folder is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.imaging.fields import Points

Pixels = NDArray[np.uint8]
SHARED: Final = Path(__file__).parents[3] / "shared"
SIDE_PX: Final = 2424

SMEAR_UM_PER_PX: Final = 0.1825
"""Stained cells are about 35 px across there, as wide as a cell at this pixel size."""
SMEAR_REACH_PX: Final = 17.5
"""An annotated centre is found by a detection within half a cell."""
WELL_ANNOTATED: Final = 60
"""Smears with fewer centres show many more cells than were annotated: about three times as many
over all of them; where this many were, hardly a cell was left out."""
FAINT_UM_PER_PX: Final = 0.35
"""Adhered cells of about 20 px."""
FAINT_REACH_PX: Final = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignImage:
    """An image that must be refused, and the reasons that are right for it."""

    name: str
    kind: str
    pixels: Pixels
    right: frozenset[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatedImage:
    """A real image with the centres people marked, shape (n, 2), row and column in px."""

    name: str
    pixels: Pixels
    centres: Points


_RIGHT: Final = {
    "hologram": ("rbc_hologram_pydhm/*.jpg", {"wrong_modality"}),
    "channel": ("rbc_constriction_aimaslund/frames/*.png", {"under_exposed", "wrong_modality"}),
    "platelets": ("iclots_platelets_brightfield/*.tif", {"wrong_modality", "out_of_focus"}),
    "aggregates": ("rbc_aggregates_lannix/*_cp_output.png", {"wrong_modality"}),
}
_AGGREGATES_COLUMNS: Final = slice(462, 1050)
"""The first of each plot's four panels is the image; its rows are those that are not white."""


def foreign_images() -> Iterator[ForeignImage]:
    """Every image of another kind, whole, in a field of its own grey, and repeated over a field."""
    for kind, (pattern, right) in _RIGHT.items():
        for path in sorted((SHARED / "data").glob(pattern)):
            picture = read_grey(path)
            if kind == "aggregates":
                picture = _cut_first_panel(picture)
            for way, pixels in (
                ("alone", picture), ("padded", _pad(picture)), ("tiled", _tile(picture))
            ):  # fmt: skip
                yield ForeignImage(
                    name=f"{path.stem}, {way}", kind=kind, pixels=pixels, right=frozenset(right)
                )


def stained_smears() -> Iterator[AnnotatedImage]:
    """Stained smears as grey arrays, with their annotated centres."""
    folder = SHARED / "data" / "chula_rbc12_stained"
    for path in sorted((folder / "Dataset").glob("*.jpg")):
        lines = (folder / "Label" / f"{path.stem}.txt").read_text().splitlines()
        places = [line.split() for line in lines if line.strip()]
        centres = np.array([(float(place[1]), float(place[0])) for place in places])
        yield AnnotatedImage(name=path.stem, pixels=read_grey(path), centres=centres.reshape(-1, 2))


def faint_cells() -> Iterator[AnnotatedImage]:
    """Adhered sickle cells under moving light, with the middles of their hand-made masks."""
    for path in sorted((SHARED / "data" / "srbc_motionblur_hincz").glob("tile?.png")):
        mask = read_grey(path.with_name(f"{path.stem}_mask.png")) > 127
        _, _, stats, middles = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        inside = (stats[:, cv2.CC_STAT_TOP] > 0) & (np.arange(len(stats)) > 0)
        yield AnnotatedImage(
            name=path.stem,
            pixels=read_grey(path),
            centres=middles[inside][:, ::-1].astype(np.float64),
        )


def read_grey(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def _cut_first_panel(plot: Pixels) -> Pixels:
    panel = plot[:, _AGGREGATES_COLUMNS]
    is_picture = np.flatnonzero((panel < 250).mean(axis=1) > 0.3)
    longest = max(np.split(is_picture, np.flatnonzero(np.diff(is_picture) > 5) + 1), key=len)
    return np.ascontiguousarray(panel[longest[0] + 2 : longest[-1] - 1])


def _pad(picture: Pixels) -> Pixels:
    field = np.full((SIDE_PX, SIDE_PX), int(np.median(picture)), np.uint8)
    part = picture[:SIDE_PX, :SIDE_PX]
    top, left = (SIDE_PX - part.shape[0]) // 2, (SIDE_PX - part.shape[1]) // 2
    field[top : top + part.shape[0], left : left + part.shape[1]] = part
    return field


def _tile(picture: Pixels) -> Pixels:
    repeats = [-(-SIDE_PX // side) for side in picture.shape]
    return np.ascontiguousarray(np.tile(picture, repeats)[:SIDE_PX, :SIDE_PX])
