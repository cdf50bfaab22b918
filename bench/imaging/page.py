"""docs/performance.md: the tables, written between two marks."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.imaging.campaign import (
    HELD_OUT,
    NOT_HELD_OUT,
    PLIANT,
    MethodFigures,
    Results,
    groups,
)
from bench.imaging.detection import LookFigures
from bench.imaging.drawn import CROWDED
from bench.imaging.targets import MISSING, rows
from bench.imaging.verdicts import Tally

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- imaging: written by make bench-imaging, not by hand -->"
END: Final = "<!-- imaging: end -->"


def insert(page: str, text: str) -> str:
    """The page with the text between its marks.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def render(results: Results, earlier: dict[str, MethodFigures], *, seconds: float) -> str:
    return "\n\n".join(
        (
            describe_run(results, seconds=seconds),
            "### Targets",
            target_table(results),
            "### By look",
            look_table(results.methods[PLIANT]),
            "### Methods side by side",
            method_table(results.methods | earlier),
            "### Verdicts on images",
            fault_table(results),
            misses(results),
        )
    )


def describe_run(results: Results, *, seconds: float) -> str:
    sizes = results.sizes
    return (
        f"`make bench-imaging` at commit {commit()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"{seconds / 60:.0f} min on one core of {machine()}. {sizes.fields_per_look} fields of "
        f"each look ({sizes.compared_per_look} for other methods), {sizes.crowded} crowded ones, "
        f"{sizes.planted} planted images of each fault, {sizes.timed} timed images; drawn images "
        f"sha256 {results.pixels_sha256[:12]}. Intervals are 95 %: images drawn anew for cells, "
        "Wilson for images and marks."
    )


def target_table(results: Results) -> str:
    lines = ["| what | data | target | figure | |", "|---|---|---|---|---|"]
    for row in rows(results):
        verdict = {True: "met", False: "**missed**", None: "-"}[row.met]
        lines.append(f"| {row.what} | {row.data} | {row.target} | {row.figure} | {verdict} |")
    return "\n".join(lines)


def look_table(ours: MethodFigures) -> str:
    lines = [
        "| look | isolated cells | recall | precision | complete cells | F1 | IoU | bad crops "
        "| of these overlapping | touching | good removed |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_look_line(group, ours.looks[group]) for group in groups()]
    return "\n".join(lines)


def _look_line(name: str, look: LookFigures) -> str:
    return (
        f"| {name} | {look.n_isolated} | {look.isolated_recall.value:.3f} "
        f"| {look.isolated_precision.value:.3f} | {look.n_complete} | {look.f1.value:.3f} "
        f"| {look.overlap.value:.3f} | {look.bad.value:.2%} "
        f"| {look.overlapping.value:.2%} | {look.touching.value:.2%} "
        f"| {look.removed.value:.2%} |"
    )


def method_table(methods: dict[str, MethodFigures]) -> str:
    lines = [
        "| method | F1, looks not held out | F1, held out | IoU | bad crops | F1, crowded "
        "| figure 1: recall / precision | annotated smears: recall at detections per centre "
        "| ms at 200 / 2,000 cells |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_method_line(name, method) for name, method in methods.items()]
    return "\n".join(lines)


def _method_line(name: str, method: MethodFigures) -> str:
    known, figure, smears = method.looks[NOT_HELD_OUT], method.figure_one, method.annotated_smears
    real = (
        MISSING if figure is None else f"{figure.recall.value:.3f} / {figure.precision.value:.3f}",
        MISSING if smears is None else f"{smears.recall.value:.3f} at {smears.detections:.2f}",
    )
    spent = " / ".join(f"{method.spent[n].median_ms:.0f}" for n in sorted(method.spent))
    return (
        f"| {name} | {known.f1.value:.3f} | {method.looks[HELD_OUT].f1.value:.3f} "
        f"| {known.overlap.value:.3f} | {known.bad.value:.1%} "
        f"| {method.looks[CROWDED].f1.value:.3f} | {real[0]} | {real[1]} | {spent} |"
    )


def fault_table(results: Results) -> str:
    lines = ["| planted | caught for the right reason |", "|---|--:|"]
    lines += _tally_lines(results.planted.caught)
    lines += [f"| blur σ {name} px, out of focus said | {results.planted.curve.share(name)} |"
              for name in results.planted.curve.totals]  # fmt: skip
    lines += [
        f"| blur σ 3, 4 and 6 px, {look}: out of focus said | {results.blurred.share(look)} |"
        for look in results.blurred.totals
    ]
    lines += [
        f"| {kind} (real) | {results.foreign.share(kind)} |" for kind in results.foreign.totals
    ]
    lines += [
        f"| good images not accepted, {look} | {results.accepted.missed(look)} |"
        for look in results.accepted.totals
        if results.accepted.misses[look]
    ]
    return "\n".join(lines)


def _tally_lines(tally: Tally) -> list[str]:
    return [f"| {name} | {tally.share(name)} |" for name in tally.totals]


def misses(results: Results) -> str:
    """What was said instead, by name, the first of each."""
    lines = []
    for title, tally in (
        ("planted", results.planted.caught),
        ("blurred", results.blurred),
        ("real", results.foreign),
        ("good", results.accepted),
    ):
        for name, told in tally.misses.items():
            if told:
                lines.append(f"- {title}, {name}: {len(told)} × e.g. {told[0]}")
    if results.faint is not None:
        lines.append(
            f"- faint adhered cells (real other cells, no target): {results.faint.recall} of "
            f"{results.faint.n_centres} masks found, {results.faint.detections:.1f} detections each"
        )
    return "\n".join(("What was said instead, and cells nobody asked for:", "", *lines))


def commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def machine() -> str:
    """The processor's name, and how many cores this process may use."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = names[0] if names else platform.machine()
    return f"{len(os.sched_getaffinity(0))} ({name})"
