"""A model version's card: what it was taught, how it does on donors it never saw, its limits."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.dashboard.contexts.impact import ImpactPart, impact_part
from app.dashboard.contexts.promotion import (
    EMPTY_FORM,
    ActivationForm,
    LiveRow,
    PromotionPart,
    live_rows,
    promotion_part,
)
from app.dashboard.contexts.sample import Fact
from app.dashboard.contexts.wording import (
    MODEL_STATES,
    TONES,
    Chip,
    FindingText,
    count_text,
    counted_text,
    moment_text,
    percent_text,
    signed_text,
)
from app.services.impact import ImpactView
from app.services.model_cards import GateView, ModelCard, PictureView

UNKNOWN: Final = "not measured"
SHARES: Final = {
    "accuracy": "Deformable or rigid, told correctly",
    "balanced_accuracy": "Both classes weighing equally",
    "precision": "Right when it says deformable",
    "recall": "Deformable cells it finds",
    "f1": "F1 of these two",
    "outlet_accuracy": "Outlet told correctly",
    "within_one_outlet": "Outlet told within one",
}
OTHER_FIGURES: Final = {
    "roc_auc": "Area under the ROC curve",
    "calibration_error": "Calibration error",
}
BASELINES: Final = {
    "size_only": "By size alone",
    "handcrafted": "By measured features, boosted trees",
    "light_only": "By the light around the cell alone",
    "published": "The published network, same cells",
}
PROBES: Final = {
    "light": "The class, from the light alone",
    "wells": "The well, from the last layer",
    "donors": "The donor, from the last layer",
}
FEWEST_DONORS: Final = 5
SALIENCY_NAMES: Final = {
    "saliency-vanilla.png": "Plain gradients",
    "saliency-smoothgrad.png": "SmoothGrad",
}


@dataclass(frozen=True)
class FigureRow:
    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class DonorRow:
    donor: str
    cells: str
    accuracy: str
    balanced: str


@dataclass(frozen=True)
class ConfusionTable:
    """Counts of cells: a row for what they are, a column for what they were called."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class CoverageTable:
    """Cells and wells it learned from: a row for each donor, a column for each outlet."""

    outlets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Picture:
    href: str
    name: str
    told: str


@dataclass(frozen=True)
class ModelCardPage:
    id: str
    name: str
    state: Chip
    is_demonstration: bool
    promotion: PromotionPart
    impact: ImpactPart | None
    may_ask_impact: bool
    figures_heading: str
    figures: tuple[FigureRow, ...]
    measured_on: str | None
    score_error: str
    baselines: tuple[Fact, ...]
    coarser: tuple[Fact, ...]
    donors: tuple[DonorRow, ...]
    confusion: ConfusionTable | None
    pictures: tuple[Picture, ...]
    probes: tuple[Fact, ...]
    findings: tuple[FindingText, ...]
    limits: tuple[str, ...]
    coverage: CoverageTable | None
    facts: tuple[Fact, ...]
    sections: tuple[tuple[str, tuple[Fact, ...]], ...]
    history: tuple[LiveRow, ...]
    run_href: str | None
    manifest: str


def model_card_page(
    card: ModelCard,
    gate: GateView,
    impact: ImpactView | None,
    *,
    may_manage: bool,
    form: ActivationForm = EMPTY_FORM,
) -> ModelCardPage:
    metrics = card.metrics
    probe = metrics.get("shortcut_probe") or {}
    run_id = card.training_run_id
    return ModelCardPage(
        id=str(card.id),
        name=card.name,
        state=MODEL_STATES[card.state],
        is_demonstration=card.demonstration,
        promotion=promotion_part(card, gate, may_manage=may_manage, form=form),
        impact=None if impact is None else impact_part(impact),
        may_ask_impact=may_manage,
        figures_heading=f"On {_holdout(card)}s it never saw",
        figures=tuple(_figures(metrics)),
        measured_on=_measured_on(metrics),
        score_error=score_error_text(card.manifest),
        baselines=tuple(_baselines(metrics)),
        coarser=tuple(_coarser(metrics)),
        donors=tuple(_donor(row) for row in metrics.get("by_donor", [])),
        confusion=_confusion(card.manifest),
        pictures=tuple(_picture(picture) for picture in card.saliency),
        probes=tuple(_probes(probe)),
        findings=tuple(
            FindingText(TONES[one["level"]], one["message"]) for one in probe.get("findings", [])
        ),
        limits=tuple(_limits(card)),
        coverage=_coverage(card.training_data.get("wells", [])),
        facts=tuple(_facts(card)),
        sections=tuple(_sections(card.manifest)),
        history=live_rows(card.activations),
        run_href=None if run_id is None else f"/training-runs/{run_id}",
        manifest=json.dumps(card.manifest, indent=2, ensure_ascii=False),
    )


def _figures(metrics: Mapping[str, Any]) -> list[FigureRow]:
    intervals = metrics.get("intervals") or {}
    rows = [
        FigureRow(name, share_text(metrics[key]), _interval(intervals.get(key), share_text))
        for key, name in SHARES.items()
        if metrics.get(key) is not None
    ]
    return rows + [
        FigureRow(name, f"{metrics[key]:.3f}", _interval(intervals.get(key), _three_digits))
        for key, name in OTHER_FIGURES.items()
        if metrics.get(key) is not None
    ]


def _three_digits(value: float) -> str:
    return f"{value:.3f}"


def _interval(ends: Sequence[float] | None, written: Callable[[float], str]) -> str:
    return "" if ends is None else f"{written(ends[0])} to {written(ends[1])}"


def _measured_on(metrics: Mapping[str, Any]) -> str | None:
    if "n_cells" not in metrics:
        return None
    donors = counted_text(metrics.get("n_donors", 0), "donor")
    return f"{count_text(metrics['n_cells'])} cells of {donors}"


def _baselines(metrics: Mapping[str, Any]) -> list[Fact]:
    found = metrics.get("baselines") or {}
    return [
        Fact(name, share_text(found[key]))
        for key, name in BASELINES.items()
        if found.get(key) is not None
    ]


def _coarser(metrics: Mapping[str, Any]) -> list[Fact]:
    """Accuracy where the same cells are seen with larger pixels."""
    return [
        Fact(f"Pixels {row['factor']} times as large", share_text(row["accuracy"]))
        for row in metrics.get("down_sampling") or []
        if row["factor"] > 1
    ]


def _donor(row: Mapping[str, Any]) -> DonorRow:
    return DonorRow(
        donor=str(row["donor"]),
        cells=count_text(row["n_cells"]),
        accuracy=share_text(row["accuracy"]),
        balanced=share_text(row.get("balanced_accuracy")),
    )


def _confusion(manifest: Mapping[str, Any]) -> ConfusionTable | None:
    """Outlet by outlet where the network tells them, else the two classes."""
    metrics = manifest.get("metrics", {})
    counts, names = metrics.get("outlet_confusion"), manifest.get("outlets", [])
    if counts is None:
        counts = metrics.get("confusion")
        names = ["deformable", "rigid"] if counts and len(counts) == 2 else names
    if not counts or len(counts) != len(names):
        return None
    told = tuple(name if isinstance(name, str) else f"outlet {name}" for name in names)
    rows = tuple(
        (name, tuple(count_text(cell) for cell in row))
        for name, row in zip(told, counts, strict=True)
    )
    return ConfusionTable(told, rows)


def _picture(picture: PictureView) -> Picture:
    share = picture.share_inside
    inside = "" if share is None else f"{percent_text(share)} of it lies inside the outlines"
    return Picture(picture.href, SALIENCY_NAMES.get(picture.name, picture.name), inside)


def _probes(probe: Mapping[str, Any]) -> list[Fact]:
    return [Fact(name, _probed(probe[key])) for key, name in PROBES.items() if key in probe]


def _probed(found: Mapping[str, Any]) -> str:
    if found.get("excess") is None:
        return "too few to tell"
    told = f"{percent_text(found['excess'])} of the way from chance to certainty"
    return f"{told}; flagged from {percent_text(found['limit'])}" + (
        ", flagged" if found["is_flagged"] else ""
    )


def _holdout(card: ModelCard) -> str:
    """What was kept from the network that told it: donors, unless somebody chose otherwise."""
    return str(card.training_data.get("holdout", "donor"))


def _limits(card: ModelCard) -> list[str]:
    metrics = card.metrics
    limits = []
    if card.demonstration:
        limits.append("It was trained on drawn cells: its figures say nothing of real ones.")
    outlets = outlets_text(card.manifest)
    limits.append(f"It knows outlets {outlets}; cells of any other are called one of these.")
    if (holdout := _holdout(card)) != "donor":
        limits.append(f"Its figures are of {holdout}s held out, not of donors: they flatter.")
    if (n_donors := metrics.get("n_donors")) is not None and n_donors < FEWEST_DONORS:
        donors = counted_text(n_donors, "held-out donor")
        limits.append(f"{donors} are too few for intervals; its error on a new donor is unknown.")
    if card.manifest.get("training_donors") is None:
        limits.append("It cannot tell whether a sample looks like those it was trained on.")
    if "figures_of" in metrics:
        limits.append(metrics["figures_of"])
    return [*limits, *metrics.get("skipped", [])]


def _facts(card: ModelCard) -> list[Fact]:
    manifest, metrics = card.manifest, card.metrics
    facts = {
        "Architecture": str(manifest.get("architecture", "")).capitalize(),
        "Outlets trained on": outlets_text(manifest),
        "Parameters": count_text(metrics["parameters"]) if "parameters" in metrics else None,
        "Crop": f"{manifest['crop_px']} × {manifest['crop_px']} px",
        "Normalisation": manifest.get("normalisation"),
        "ONNX operator set": manifest.get("opset"),
        "Largest difference from Keras": _parity(metrics.get("parity")),
        "Added": moment_text(card.created_at).text,
        "File proven by a worker": moment_text(card.verified_at).text if card.verified_at else None,
        "SHA-256 of the file": card.sha256,
        "SHA-256 of the cells": card.training_data.get("cells_sha256"),
    }
    return [Fact(name, str(value)) for name, value in facts.items() if value]


def _parity(difference: float | None) -> str | None:
    return None if difference is None else f"{difference:.1e}"


def _sections(manifest: Mapping[str, Any]) -> list[tuple[str, tuple[Fact, ...]]]:
    """Training data and settings; values that are lists of lists stay in the manifest below."""
    sections = []
    cells = _cells(manifest.get("data", {}))
    if cells:
        sections.append(("Cells it learned from", tuple(cells)))
    settings = {
        key.replace("_", " ").capitalize(): value
        for key, value in manifest.get("training", {}).items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }
    if settings:
        facts = tuple(Fact(name, str(value)) for name, value in settings.items())
        sections.append(("Settings of the training", facts))
    return sections


def _cells(data: Mapping[str, Any]) -> list[Fact]:
    parts = {"fit": "To fit", "choose": "To choose the best epoch", "report": "Held out, to report"}
    facts = [
        Fact(name, f"{count_text(data[key]['n_cells'])} cells of "
             f"{counted_text(len(data[key]['donors']), 'donor')}")
        for key, name in parts.items()
        if key in data
    ]  # fmt: skip
    if "wells" not in data:
        return facts
    donors = ", ".join(str(donor) for donor in data.get("donors", []))
    wells = counted_text(len(data["wells"]), "well")
    return [
        *facts,
        Fact("Cells", f"{count_text(data['n_cells'])} of {wells}"),
        Fact("Donors", donors),
        Fact("Held out by", f"{data.get('holdout')}, {data.get('n_folds')} folds"),
    ]


def _coverage(wells: Sequence[Mapping[str, Any]]) -> CoverageTable | None:
    """None for versions whose manifest does not name wells, such as the shipped one."""
    if not wells:
        return None
    outlets = sorted({int(well["outlet"]) for well in wells})
    donors = sorted({str(well["donor"]) for well in wells})
    rows = tuple((donor, tuple(_taught(wells, donor, one) for one in outlets)) for donor in donors)
    return CoverageTable(tuple(f"outlet {outlet}" for outlet in outlets), rows)


def _taught(wells: Sequence[Mapping[str, Any]], donor: str, outlet: int) -> str:
    own = [one for one in wells if str(one["donor"]) == donor and int(one["outlet"]) == outlet]
    if not own:
        return "–"
    cells = count_text(sum(int(well["n_cells"]) for well in own))
    return f"{cells} in {counted_text(len(own), 'well')}"


def outlets_text(manifest: Mapping[str, Any]) -> str:
    return ", ".join(str(outlet) for outlet in manifest.get("outlets", []))


def share_text(value: float | None) -> str:
    return UNKNOWN if value is None else percent_text(value, digits=1)


def score_error_text(manifest: Mapping[str, Any]) -> str:
    error = manifest.get("score_error")
    if not error:
        return UNKNOWN
    bias = signed_text(error["bias"])
    return f"SD {error['sd']:.2f}, bias {bias}, {counted_text(error['n_donors'], 'held-out donor')}"
