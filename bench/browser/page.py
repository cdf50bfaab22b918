"""The browser's part of docs/performance.md, from what was recorded."""

from collections.abc import Mapping
from typing import Any, Final

BEGIN: Final = "<!-- browser: written by python -m bench.browser, not by hand -->"
END: Final = "<!-- browser: end -->"
Recorded = Mapping[str, Mapping[str, Any]]

UPLOAD_SECONDS: Final = 20
LONG_TASK_MS: Final = 100
BYTES_OVER_TOTAL: Final = 1.1
SERVER_MS: Final = 100
PAINT_MS: Final = 1000
FRAMES_PER_SECOND: Final = 50
KEY_MS: Final = 100
PAGE_BYTES: Final = 300_000


def insert(page: str, text: str) -> str:
    """The page with the text between its marks; ValueError without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def render(recorded: Recorded) -> str:
    rows = [
        row
        for part, rows_of in ROWS.items()
        for row in (rows_of(recorded[part]) if part in recorded else [_unmeasured(part)])
    ]
    head = ["| what | target | figure | | load of the machine |", "|---|---|---|---|--:|"]
    return "\n".join([*head, *rows])


def _unmeasured(part: str) -> str:
    return f"| `python -m bench.browser {part}` | | not measured yet | | |"


def _row(what: str, target: str, figure: str, *, is_met: bool, part: Mapping[str, Any]) -> str:
    load = " to ".join(str(one) for one in part["load"])
    return f"| {what} | {target} | {figure} | {'met' if is_met else '**missed**'} | {load} |"


def _upload_rows(part: Mapping[str, Any]) -> list[str]:
    seconds, tasks = part["judged_seconds"], part["long_tasks_ms"]
    return [
        _row(
            f"{part['images']} images (590 MB), from drop to last verdict",
            f"≤ {UPLOAD_SECONDS} s",
            f"{seconds} s (all sent after {part['sent_seconds']} s); {_spent(part)}",
            is_met=seconds <= UPLOAD_SECONDS,
            part=part,
        ),
        _row(
            "tasks of the page meanwhile",
            f"none > {LONG_TASK_MS} ms",
            f"{len(tasks)}; the longest {part['longest_task_ms']} ms",
            is_met=not tasks,
            part=part,
        ),
    ]


def _spent(part: Mapping[str, Any]) -> str:
    seconds = part["processor_seconds"]
    parts = ", ".join(f"{name} {spent}" for name, spent in seconds.items() if spent >= 0.1)
    return f"processor time {sum(seconds.values()):.0f} s: {parts}"


def _cut_rows(part: Mapping[str, Any]) -> list[str]:
    names = {
        "tab": "tab closed, folder dropped again",
        "server": "web process killed",
        "restart": "web process restarted",
    }
    rows = []
    for kind, name in names.items():
        cuts = [cut for cut in part["cuts"] if cut["kind"] == kind]
        ratios = [cut["bytes_over_total"] for cut in cuts]
        n_again = sum(cut["files_sent_again"] for cut in cuts)
        rows.append(
            _row(
                f"{name} at a random moment, {len(cuts)} × {cuts[0]['files']} files: bytes that "
                "reached the server; files that it had and was sent again",
                f"≤ {BYTES_OVER_TOTAL} ×; 0",
                f"{', '.join(f'{one:.2f} ×' for one in ratios)}; {n_again}",
                is_met=max(ratios) <= BYTES_OVER_TOTAL and n_again == 0,
                part=part,
            )
        )
    return rows


def _page_rows(part: Mapping[str, Any]) -> list[str]:
    return [
        _row(
            name,
            f"≤ {SERVER_MS} ms; ≤ {PAINT_MS} ms; ≤ {PAGE_BYTES // 1000} KB",
            f"{one['server']} ms; {one['paint']} ms; {one['bytes'] / 1000:.0f} KB",
            is_met=one["server"] <= SERVER_MS
            and one["paint"] <= PAINT_MS
            and one["bytes"] <= PAGE_BYTES,
            part=part,
        )
        for name, one in part["rows"].items()
    ]


def _review_rows(part: Mapping[str, Any]) -> list[str]:
    (moved, slowest), (saved, slowest_saved) = part["next_ms"], part["saved_ms"]
    return [
        _row(
            f"{part['keys']} keys in a row in the gallery of 70,000 cells: saved on the server",
            "every one",
            f"{part['kept']}; pressed in {part['pressed_seconds']} s, "
            f"all saved after {part['all_saved_seconds']} s",
            is_met=part["kept"] == part["keys"],
            part=part,
        ),
        _row(
            "next cell shown after a key; its save takes (median, slowest)",
            f"≤ {KEY_MS} ms",
            f"{moved}, {slowest} ms; {saved}, {slowest_saved} ms",
            is_met=slowest <= KEY_MS,
            part=part,
        ),
    ]


def _viewer_rows(part: Mapping[str, Any]) -> list[str]:
    return [
        _row(
            "viewer with 400 outlines, zoom; pan",
            f"≥ {FRAMES_PER_SECOND} frames/s",
            f"{part['zoom']}; {part['pan']} frames/s",
            is_met=min(part["zoom"], part["pan"]) >= FRAMES_PER_SECOND,
            part=part,
        )
    ]


ROWS: Final = {
    "upload": _upload_rows,
    "cuts": _cut_rows,
    "pages": _page_rows,
    "review": _review_rows,
    "viewer": _viewer_rows,
}
