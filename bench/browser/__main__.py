"""`python -m bench.browser [part ...]`: measure, record, and write the tables into the document.

Parts are `pages`, `review`, `viewer`, `upload` and `cuts`; without a name all of them. Every part
notes the machine's load when it began and ended: other work on the same cores raises its figures.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.browser import page, pages, uploads
from bench.imaging.page import PAGE

RECORDED: Final = Path(__file__).with_name("recorded.json")
PARTS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "pages": pages.measure_pages,
    "review": pages.measure_review,
    "viewer": pages.measure_viewer,
    "upload": uploads.measure_upload,
    "cuts": uploads.measure_cuts,
}


def main(names: list[str]) -> None:
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    for name in names or PARTS:
        before = os.getloadavg()[0]
        figures = PARTS[name]()
        recorded[name] = figures | {"load": [round(before, 1), round(os.getloadavg()[0], 1)]}
        print(name, json.dumps(recorded[name]), flush=True)
        RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")
    PAGE.write_text(page.insert(PAGE.read_text(), page.render(recorded)))


if __name__ == "__main__":
    main(sys.argv[1:])
