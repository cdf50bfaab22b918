"""Cells of the published figure marked by eye, and the score of a detector against them.

Marked on 2026-11-23 by one observer (a language model looking at pictures, no haematologist)
on figure 1 alone: tiles of 119 px enlarged eightfold, contrast stretched, under a grid with a
line every 10 px, the caption faded out. No outline of any detector was drawn or had been seen,
and no code placed or moved a mark. A panel is cut in 4 x 4 tiles; whole tiles were marked, in an
order drawn by numpy.random.default_rng([3, index of the panel]).permutation(16), until they
held more than sixty cells (outlet 5 has fewer: all of it).

A mark is the middle of a cell's disc: where a dark side and a bright side are seen, it lies
between them, not in the middle of the dark side, and the shadow cast beside is left out. A cell is
about 7 px across; marks are given to half a px. In a second look, with the marks drawn, 34 of the
353 cells were moved, by 1.2 px at most; none was added or taken away. Four tiles were later marked
anew on turned pictures under a shifted grid: the same 72 cells, none more and none fewer, at a
median distance of 0.8 px and 1.4 px for 95 %. What one observer always takes wrongly, that does
not show.

Negatives are places that are no cell though something is there: cast shadows, ringing of the
compression, smudges, remains of the caption. Doubtful are objects that count neither way: cells
cut by the panel's edge or the caption, pale wide rings, a smear. All coordinates are row and
column in panel px, pixel middles at whole numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

PANEL_PX = 476
TILE_PX = 119
HALF_CELL_PX = 3.5
DOUBTFUL_PX = 6.0
"""A find this near a doubtful object counts neither way: the widest of them is 11 px across."""


def _points(text: str) -> NDArray[np.float64]:
    return np.array([pair.split() for pair in text.split(",")], np.float64)


@dataclass(frozen=True)
class PanelMarks:
    """What was marked in one panel; every array is (n, 2), row and column, panel px.

    Attributes
    ----------
    tiles
        Numbers 0-15 of the tiles marked completely, counted along the rows.
    cells
        Middles of cells; a few lie just outside the tiles, for the cells at their borders.
    negatives
        Places that are no cell.
    doubtful
        Objects that count neither way.
    """

    tiles: tuple[int, ...]
    cells: NDArray[np.float64]
    negatives: NDArray[np.float64]
    doubtful: NDArray[np.float64]

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points lie in a marked tile and over half a cell from the panel's edge."""
        tile = np.clip(np.floor((points + 0.5) / TILE_PX), 0, 3) @ (4, 1)
        edge_px = np.minimum(points, PANEL_PX - 1 - points).min(1, initial=PANEL_PX)
        return np.asarray(np.isin(tile, self.tiles) & (edge_px >= HALF_CELL_PX), np.bool_)


@dataclass(frozen=True)
class MarkScore:
    """A detector's finds against the marks: counts within the marked tiles.

    `n_cells` marked cells of which `n_recalled` were found, `n_found` finds that count of which
    `n_right` lie on a cell, and `n_on_negatives` of the others that lie on a marked negative.
    """

    n_cells: int
    n_recalled: int
    n_found: int
    n_right: int
    n_on_negatives: int

    @property
    def recall(self) -> float:
        return self.n_recalled / self.n_cells

    @property
    def precision(self) -> float:
        return self.n_right / max(self.n_found, 1)

    def __add__(self, other: "MarkScore") -> "MarkScore":
        return MarkScore(
            self.n_cells + other.n_cells,
            self.n_recalled + other.n_recalled,
            self.n_found + other.n_found,
            self.n_right + other.n_right,
            self.n_on_negatives + other.n_on_negatives,
        )


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2), np.float64)


def _pair(
    found: NDArray[np.float64], cells: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match one to one, as many as possible within half a cell; say which of each are matched."""
    distance = _distances(found, cells)
    rows, columns = linear_sum_assignment(np.where(distance <= HALF_CELL_PX, distance, 1e4))
    near = distance[rows, columns] <= HALF_CELL_PX
    is_right, is_recalled = np.zeros(len(found), np.bool_), np.zeros(len(cells), np.bool_)
    is_right[rows[near]] = True
    is_recalled[columns[near]] = True
    return is_right, is_recalled


def score_marks(found: ArrayLike, panel: str) -> MarkScore:
    """Match a detector's finds with the marks of one panel.

    All finds and all marks take part in the matching, also those beyond a tile's border; counted
    are the cells and the finds within the tiles. A find that is matched with no cell but lies
    near a doubtful object is not counted.

    Parameters
    ----------
    found
        Shape (n, 2), row and column of the found middles, panel px.
    panel
        A key of `MARKS`.
    """
    marks = MARKS[panel]
    points = np.asarray(found, np.float64).reshape(-1, 2)
    is_right, is_recalled = _pair(points, marks.cells)
    near_doubtful = _distances(points, marks.doubtful).min(1, initial=np.inf) <= DOUBTFUL_PX
    near_negative = _distances(points, marks.negatives).min(1, initial=np.inf) <= HALF_CELL_PX
    counts = marks.covers(points) & (is_right | ~near_doubtful)
    is_cell = marks.covers(marks.cells)
    return MarkScore(
        n_cells=int(is_cell.sum()),
        n_recalled=int((is_cell & is_recalled).sum()),
        n_found=int(counts.sum()),
        n_right=int((counts & is_right).sum()),
        n_on_negatives=int((counts & ~is_right & near_negative).sum()),
    )


MARKS = {
    "outlet 2": PanelMarks(
        tiles=(11, 15, 9, 1, 12, 2, 14, 10, 0, 4, 7),
        cells=_points("""
        21.5 160, 26.5 217.5, 28 291, 39 182, 44 105, 53 253, 54 285.5, 61 14, 66 180.5,
        72.5 265, 74.5 284, 75.5 100, 75.5 243.5, 80 176, 80 349, 83 245.5, 86 38, 96.5 29,
        114.5 422.5, 122 121.5, 122 226.5, 132 413.5, 133.5 441, 148.5 56, 165 72, 172.5 124,
        188 93.5, 197 447, 213 54, 231.5 24, 233.5 334, 237 323.5, 243.5 464.5, 251 248,
        251 339.5, 273 164.5, 278.5 167, 280.5 154, 280.5 440, 284.5 325, 297.5 325, 298 222.5,
        305.5 398, 311 373, 317 200.5, 325.5 366.5, 350.5 354, 357.5 201, 358 250.5, 359.5 127.5,
        363 197.5, 372 324.5, 373 79, 386.5 435.5, 387.5 345.5, 399 48.5, 404.5 38.5, 404.5 363,
        408 119, 416.5 36, 417.5 406.5, 418 385.5, 420.5 245.5, 423.5 266.5, 429 31, 430 79.5,
        432 236.5, 433 245.5, 438.5 16.5, 443.5 239.5, 446.5 43.5, 455.5 17
        """),
        negatives=_points("""
        21 152, 27 210, 28 283, 37 304, 44 98, 52.5 245, 53 278, 55 191, 60 7, 65 174, 75 275,
        80 168, 81 341, 86 30, 92 47, 96 21, 131 406, 147 464, 158 71, 165 64, 186 86, 197 437,
        212 46, 225 467, 229 15, 248 332, 275 468, 278.5 147, 280 359, 283 317, 318 403, 335 470,
        348 345, 370.5 317, 371 71, 386 338, 388 468, 396 42, 422 259, 422 453, 426 74, 427 24,
        437 10, 440 420, 455 10, 462 345, 462 361
        """),
        doubtful=_points("""
        60.5 240.5, 148 472, 181 104, 185 112, 224.5 474.5, 274 475, 334 475, 360 475, 441 471.5,
        448.5 471, 465.5 442.5, 474 323
        """),
    ),
    "outlet 3": PanelMarks(
        tiles=(2, 14, 4, 9, 0),
        cells=_points("""
        3.5 343.5, 5 29, 8 16, 8.5 317, 10 59, 10.5 45.5, 11.5 3.5, 12 282, 12.5 84, 15.5 72,
        15.5 250, 17 27.5, 17.5 317, 23 84, 24.5 53, 25 323, 32 270, 32 331.5, 34.5 4, 35 67,
        36.5 301, 38 274.5, 43.5 108.5, 45 78, 48 304, 48 335, 51.5 262, 52.5 117.5, 52.5 123.5,
        52.5 359, 58 341, 61 111, 65.5 275, 68 239, 69.5 67.5, 71.5 288, 73.5 121.5, 75 14,
        75.5 36.5, 77 309.5, 84.5 35, 85 70, 87 295.5, 87.5 82, 90.5 310, 98 261.5, 99.5 75,
        100.5 321.5, 101 84.5, 106 8, 110.5 77.5, 111 53.5, 112.5 279, 113 309.5, 119 13.5,
        119.5 260.5, 128 42, 134 60, 135.5 32.5, 137 102.5, 147 7, 147 98, 147.5 63.5, 148 31.5,
        149 108, 151.5 43, 155.5 100.5, 160 53, 166 81, 178.5 23, 185 16, 187.5 38.5, 193.5 2,
        197 45, 199.5 32.5, 208.5 91, 226.5 5, 228.5 23, 232.5 44.5, 236.5 27, 237 39.5, 238 229,
        238.5 239, 242 92, 242.5 210.5, 246 164, 259.5 213.5, 264.5 172.5, 292 128.5, 294.5 172,
        309 205.5, 332.5 227.5, 352.5 132, 356 294.5, 382 323, 418 343.5
        """),
        negatives=_points("""
        217 89, 276 178, 303 177, 312 213, 390 323, 422 316, 440 320, 462 307, 462 333
        """),
        doubtful=_points("""
        0 89, 0 116, 0 246, 0 276, 0.5 68, 120 0
        """),
    ),
    "outlet 4": PanelMarks(
        tiles=(2, 7, 14, 0, 4),
        cells=_points("""
        5 297, 12.5 281.5, 17.5 65.5, 23.5 36, 24 75.5, 25 8, 27.5 65.5, 28.5 16, 33 272.5,
        33 285.5, 39 34.5, 39 55.5, 42 264, 42.5 5, 43 79.5, 43 123.5, 46 284, 47 46, 47 256,
        55 123.5, 55.5 105, 56 23.5, 58.5 116, 60 10.5, 61 74.5, 61.5 238, 65 79.5, 67 59.5,
        71 15.5, 74 310, 74.5 59, 79 93, 82.5 22.5, 83.5 67.5, 87 300, 93 44, 95 22.5, 95 72.5,
        96.5 109, 97.5 349, 98 248.5, 99.5 32, 99.5 278, 101 53.5, 101.5 90.5, 107.5 327.5,
        112.5 43, 113 317, 113.5 281, 114 270.5, 115 380.5, 119 113, 122.5 22.5, 131 95,
        132.5 372.5, 136.5 21.5, 141.5 438.5, 143 63.5, 146.5 13.5, 147.5 382, 151.5 69, 152 92,
        153.5 436, 155 99.5, 155.5 399, 159.5 116.5, 160 50.5, 160.5 97, 163.5 356, 173 91.5,
        181.5 54, 184 25, 187 34, 187 379.5, 191 436.5, 212.5 33, 224.5 35.5, 232.5 395.5,
        234.5 459, 419.5 334.5
        """),
        negatives=_points("""
        32 28, 56 285, 68 247, 87 35, 136 31, 160 107, 165 401, 190 60, 197 387, 198 437, 200 28,
        440 320, 463 350, 464 320
        """),
        doubtful=_points("""
        0 105, 14 0, 95 8.5
        """),
    ),
    "outlet 5": PanelMarks(
        tiles=(5, 2, 4, 3, 1, 0, 15, 14, 9, 6, 13, 11, 10, 12, 8, 7),
        cells=_points("""
        7 447.5, 18.5 157.5, 23 5, 25 69, 32 181, 36.5 108, 40.5 396.5, 45 279.5, 55 280.5,
        61 396, 64 228.5, 73 321, 82.5 361.5, 93.5 65.5, 94 287.5, 97 418.5, 106.5 346.5,
        109 399.5, 113 381, 117 198.5, 118.5 11, 145 46.5, 167 350, 196.5 9.5, 205.5 392,
        208.5 425.5, 221 117.5, 245 42, 271 43.5, 275 337.5, 277.5 274.5, 287.5 296, 289.5 429.5,
        290.5 89.5, 298 219.5, 302.5 150.5, 304 419.5, 323.5 150, 327.5 267.5, 335.5 290,
        341 352.5, 343 316, 345 375, 367.5 314, 372.5 230.5, 375.5 278, 404.5 380, 405.5 408.5,
        468 341.5
        """),
        negatives=_points("""
        5 193, 6 180, 7 75, 16 442, 23 471, 26 151, 33 66, 36 404, 41 178, 45 105, 47 391,
        62 275, 68 390, 72 222, 81 315, 89 355, 102 62, 104 282, 105 412, 113 341, 114 353,
        116 395, 120 375, 124 192, 126 7, 152 42, 160 463, 161 296, 174 345, 204 6, 215 386,
        216 419, 228 112, 228 430, 252 37, 278 39, 282 332, 284 268, 294 290, 295 227, 296 421,
        297 84, 305 213, 310 145, 311 413, 313 154, 330 145, 335 261, 341 284, 348 347, 350 310,
        351 369, 353 382, 375 307, 380 224, 383 272, 405 112, 410 127, 411 374, 412 402, 428 467,
        440 320, 440 420, 463 372, 463 405, 464 310
        """),
        doubtful=_points("""
        0 182, 0 195, 0.5 79, 17 475, 34 0
        """),
    ),
    "unsorted": PanelMarks(
        tiles=(10, 7, 0, 4),
        cells=_points("""
        9.5 39.5, 11.5 26.5, 21.5 49.5, 24 101.5, 27 27, 28 10, 33.5 90, 48 85, 49 53.5, 50 43.5,
        50 112.5, 52.5 34.5, 56 66, 58.5 26.5, 58.5 39.5, 59.5 19, 61 5, 69 80.5, 70.5 34.5,
        76.5 62, 86 96, 89 51, 93.5 68.5, 95.5 93, 96.5 100, 100.5 105, 103.5 78, 107 46, 108 63,
        115.5 360, 117 123, 117.5 14.5, 118 88, 123.5 21.5, 123.5 64, 124.5 112.5, 127 43,
        132.5 406.5, 132.5 448.5, 133.5 7, 135.5 42.5, 141 34.5, 141 450, 146.5 363, 151 53,
        151.5 76.5, 155 67, 157 48.5, 158 31, 159 95.5, 162.5 408.5, 163.5 41, 166 58.5,
        167.5 374, 171.5 104, 176.5 11.5, 178 18.5, 179 28, 181.5 61, 189 447, 194 54.5, 202 432,
        206.5 16, 212 41, 213.5 29, 223 375, 226 24.5, 229 370.5, 229.5 8, 234 354, 234.5 340,
        241.5 40, 242 468, 243 372, 246.5 245.5, 248.5 345, 256 302.5, 257 355.5, 267 307.5,
        274 346, 277.5 357, 288 284.5, 293.5 257, 295.5 288, 301.5 240, 302.5 232, 331.5 237.5,
        351 330, 360.5 329
        """),
        negatives=_points("""
        14 46, 57 50, 94 5, 97 74, 168 364, 172 415, 183 35, 200 64, 200 440, 248 298, 267 233,
        267 317, 342 249
        """),
        doubtful=_points("""
        0 15, 0 111, 29.5 0, 93 0, 105 1, 171 0, 189 1.5, 198 0.5, 198.5 475, 347 309
        """),
    ),
}
