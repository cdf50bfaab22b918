"""Recall of the annotated centres of real stained smears, as grey arrays.

Run: python -m bench.imaging_recall [folder of the smears]
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, segment_cells

DEFAULT_FOLDER = Path(__file__).parents[2] / "shared" / "data" / "chula_rbc12_stained"
HALF_A_CELL_PX = 17.5


def read_centres(path: Path) -> NDArray[np.float64]:
    """Read annotated centres, shape (n, 2): row, column; the file says column, row, class."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return np.array([(float(row[1]), float(row[0])) for row in rows]).reshape(-1, 2)


def count_hits(found: NDArray[np.float64], centres: NDArray[np.float64]) -> int:
    """Count annotated centres with a detection of their own within half a cell."""
    if not len(found) or not len(centres):
        return 0
    distance = np.linalg.norm(centres[:, None] - found[None], axis=2)
    free_centres, free_found = np.ones(len(centres), bool), np.ones(len(found), bool)
    for row, column in np.argwhere(distance <= HALF_A_CELL_PX)[
        np.argsort(distance[distance <= HALF_A_CELL_PX])
    ]:
        if free_centres[row] and free_found[column]:
            free_centres[row] = free_found[column] = False
    return int((~free_centres).sum())


def main() -> None:
    cv2.setNumThreads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    parameters = ImagingParameters(height_px=480, width_px=640)
    n_hits = n_centres = n_found = 0
    for path in sorted((folder / "Dataset").glob("*.jpg")):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
        regions = segment_cells(image, parameters)
        centres = read_centres(folder / "Label" / f"{path.stem}.txt")
        found = np.stack([regions.row, regions.column], axis=1).astype(np.float64)
        n_hits += count_hits(found, centres)
        n_centres += len(centres)
        n_found += len(found)
    print(f"annotated centres found: {n_hits} of {n_centres}, recall {n_hits / n_centres:.3f}")
    print(f"detections per annotated centre: {n_found / n_centres:.2f}")


if __name__ == "__main__":
    main()
