"""`python -m bench.statistics`: every grid, or those named, such as `known coverage alarms`."""

import sys
from collections.abc import Callable
from typing import Final

from bench import population_guard
from bench.statistics import alarms, coverage, drawn_donors, fractions, intervals, known_answers

GRIDS: Final[dict[str, Callable[[], None]]] = {
    "known": known_answers.tell,
    "coverage": coverage.tell,
    "alarms": alarms.tell,
    "donors": drawn_donors.tell,
    "fractions": fractions.tell,
    "intervals": intervals.tell,
    "guard": population_guard.main,
}


def main() -> None:
    for name in sys.argv[1:] or GRIDS:
        GRIDS[name]()
        print()


if __name__ == "__main__":
    main()
