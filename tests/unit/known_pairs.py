"""Data sets whose answers are known from print or from other programs.

Regressions were computed with R 4.2.2 and its package mcr 1.2.2 and again by a separate program;
intervals that mcr interpolates differ from ours on the sets of Sen and of six pairs only.
"""

from typing import Final

from app.domain.method_comparison import Pairs

# Peak flow, litres per minute: Bland and Altman, Lancet 327 (1986) 307-310, table 1.
WRIGHT = (
    (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427),
    (490, 397, 512, 401, 470, 611, 415, 431, 638, 429, 420, 633, 275, 492, 165, 372, 421),
)
MINI = (
    (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451),
    (525, 415, 508, 444, 500, 625, 460, 390, 642, 432, 420, 605, 227, 467, 268, 370, 443),
)
PEAK_FLOW: Final = Pairs.of(WRIGHT[0], MINI[0])

# Rigidity scores of ten donors, device and image: Lab on a Chip 22 (2022) 26-39, table 3.
PUBLISHED: Final = Pairs.of(
    [3.27, 2.47, 2.96, 3.50, 3.15, 2.96, 3.47, 2.77, 3.27, 3.25],
    [3.19, 2.66, 2.84, 3.41, 3.18, 3.05, 3.24, 2.75, 3.22, 3.11],
)

# A teaching set whose errors are unequal.
TEACHING: Final = Pairs.of(
    [7, 8.3, 10.5, 9, 5.1, 8.2, 10.2, 10.3, 7.1, 5.9],
    [7.9, 8.2, 9.6, 9, 6.5, 7.3, 10.2, 10.6, 6.3, 5.2],
)

# Sen, Journal of the American Statistical Association 63 (1968) 1379-1389.
SEN: Final = Pairs.of([1, 2, 3, 4, 10, 12, 18], [9, 15, 19, 20, 45, 55, 78])

SIX: Final = Pairs.of(range(1, 7), [2, 1.2, 4.1, 3.5, 6.3, 3])

# Pearson, Philosophical Magazine 2 (1901) 559-572.
PEARSON: Final = Pairs.of(
    [0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4],
    [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5],
)

# Rosner, Technometrics 25 (1983) 165-172: three outliers among 54.
ROSNER: Final = (
    -0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58,
    1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15,
    2.23, 2.24, 2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21,
    3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01,
)  # fmt: skip
