"""The network's part of docs/performance.md, from what was recorded."""

from collections.abc import Mapping
from typing import Any, Final

BEGIN: Final = "<!-- network: written by make bench-network, not by hand -->"
END: Final = "<!-- network: end -->"
Recorded = Mapping[str, Mapping[str, Any]]

FASTER_THAN_PUBLISHED: Final = 30
CELLS_PER_SECOND: Final = 4000
FASTER_THAN_KERAS: Final = 5
POINTS_BELOW_CEILING: Final = 0.03
POINTS_BELOW_POOLED: Final = 0.02


def insert(page: str, text: str) -> str:
    """The page with the text between its marks; ValueError without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def render(recorded: Recorded) -> str:
    parts = (
        _targets(recorded),
        _speeds(recorded),
        _conditions(recorded),
        _ideas(recorded),
        _runs(recorded),
    )
    return "\n\n".join(part for part in parts if part)


def _targets(recorded: Recorded) -> str:
    lines = ["| what | data | target | figure | |", "|---|---|---|---|---|"]
    return "\n".join(
        [
            *lines,
            *_architecture_rows(recorded),
            *_speed_rows(recorded),
            *_ceiling_rows(recorded),
            *_well_rows(recorded),
        ]
    )


def _row(what: str, target: str, figure: str, *, is_met: bool) -> str:
    return f"| {what} | synthetic | {target} | {figure} | {'met' if is_met else '**missed**'} |"


def _architecture_rows(recorded: Recorded) -> list[str]:
    if not {"compact", "published"} <= set(recorded):
        return []
    ours, theirs = recorded["compact"], recorded["published"]
    return [
        _row(
            f"compact against published, one fold of {ours['n_fit']} crops: accuracy on "
            f"{ours['n_report']} cells of five other donors",
            "not lower",
            f"{_accuracy(ours)} after {ours['epochs']} epochs against {_accuracy(theirs)} after "
            f"{theirs['epochs']}",
            is_met=ours["accuracy"] >= theirs["accuracy"],
        )
    ]


def _accuracy(figures: Mapping[str, Any]) -> str:
    low, high = figures["interval"]
    return f"{figures['accuracy']:.3f} ({low:.3f} to {high:.3f})"


def _speed_rows(recorded: Recorded) -> list[str]:
    if "speed" not in recorded:
        return []
    compact, published = recorded["speed"]["compact"], recorded["speed"]["published"]
    rate = compact["onnx_runtime"]
    ratio, over_keras = rate / published["onnx_runtime"], rate / compact["keras_predict"]
    return [
        _row(
            "compact against published through ONNX Runtime, cells per second on one core",
            f"≥ {FASTER_THAN_PUBLISHED} ×",
            f"{ratio:.0f} ×",
            is_met=ratio >= FASTER_THAN_PUBLISHED,
        ),
        _row(
            "compact through ONNX Runtime, cells per second on one core, crops to answers",
            f"≥ {CELLS_PER_SECOND}; ≥ {FASTER_THAN_KERAS} × Keras' predict",
            f"{rate:.0f}; {over_keras:.1f} ×",
            is_met=rate >= CELLS_PER_SECOND and over_keras >= FASTER_THAN_KERAS,
        ),
    ]


def _ceiling_rows(recorded: Recorded) -> list[str]:
    if "ceiling" not in recorded:
        return []
    found = recorded["ceiling"]
    usual = found["conditions"]["as trained on"]["accuracy"]
    others = {n: c["accuracy"] for n, c in found["conditions"].items() if n != "as trained on"}
    worst = min(others, key=lambda name: others[name])
    return [
        _row(
            f"bundled network, {found['n_donors']} donors held out: accuracy below a classifier "
            "given the cues the cells were painted from",
            "≤ 3 points",
            f"{usual:.3f} against {found['ceiling']:.3f}: {100 * (found['ceiling'] - usual):.1f}",
            is_met=found["ceiling"] - usual <= POINTS_BELOW_CEILING,
        ),
        _row(
            "bundled network in light, focus and exposure it was never shown",
            "within 2 points",
            f"worst {100 * (others[worst] - usual):+.1f} points ({worst})",
            is_met=usual - others[worst] <= POINTS_BELOW_POOLED,
        ),
    ]


def _well_rows(recorded: Recorded) -> list[str]:
    if "wells" not in recorded:
        return []
    found = recorded["wells"]
    gap = found["pooled"] - found["across_wells"]
    return [
        _row(
            f"compact fitted to first wells of {found['n_donors']} donors, reported on their "
            f"second ones, {found['epochs']} epochs",
            "within 2 points of as many cells of both wells",
            f"{found['across_wells']:.3f} against {found['pooled']:.3f}: {-100 * gap:+.1f} points",
            is_met=gap <= POINTS_BELOW_POOLED,
        )
    ]


def _speeds(recorded: Recorded) -> str:
    if "speed" not in recorded:
        return ""
    lines = [
        "| network | parameters | multiply-adds | ONNX Runtime, cells/s | Keras predict, cells/s |",
        "|---|--:|--:|--:|--:|",
    ]
    for name in ("compact", "published"):
        one = recorded["speed"][name]
        lines.append(
            f"| {name} | {one['parameters']:,} | {one['multiply_adds'] / 1e6:.1f} M "
            f"| {one['onnx_runtime']:.0f} | {one['keras_predict']:.0f} |"
        )
    return "\n".join(lines)


def _conditions(recorded: Recorded) -> str:
    if "ceiling" not in recorded:
        return ""
    found = recorded["ceiling"]
    lines = [
        f"| bundled network, {found['n_cells']} crops of {found['n_donors']} donors held out "
        "| accuracy | calibration error |",
        "|---|--:|--:|",
    ]
    for name, one in found["conditions"].items():
        lines.append(f"| {name} | {_accuracy(one)} | {one['calibration_error']:.3f} |")
    lines.append(f"| *given the cues instead of the picture* | *{found['ceiling']:.3f}* | |")
    return "\n".join(lines)


def _ideas(recorded: Recorded) -> str:
    if "ideas" not in recorded:
        return ""
    found = recorded["ideas"]
    lines = [
        f"| {found['n_fit']} crops of {found['n_fit_donors']} donors, {found['epochs']} epochs; "
        f"{found['n_report']} of {found['n_report_donors']} other donors report "
        "| accuracy | worst donor | in exposure 130 | calibration error | mean \\|ΔRS\\| |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, one in found["rows"].items():
        lines.append(
            f"| {name} | {_accuracy(one)} | {one['worst_donor']:.3f} | {one['darker']:.3f} "
            f"| {one['calibration_error']:.3f} | {one['score_error']:.3f} |"
        )
    return "\n".join(lines)


def _runs(recorded: Recorded) -> str:
    lines = ["Measured by `make bench-network`, part by part (load: tasks wanting a core):", ""]
    for name, found in recorded.items():
        run = found["run"]
        lines.append(
            f"- {name}: {run['on']}, commit {run['commit']}, {run['machine']}, load {run['load']}"
        )
    return "\n".join(lines)
