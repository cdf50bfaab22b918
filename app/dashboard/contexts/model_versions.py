"""Model versions: the list, and one version's manifest and figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.dashboard.contexts.sample import Fact
from app.dashboard.contexts.wording import (
    MODEL_STATES,
    Chip,
    MomentText,
    count_text,
    counted_text,
    moment_text,
    percent_text,
    signed_text,
)
from app.services.model_versions import ModelVersionView

UNKNOWN: Final = "not measured"
SHARES: Final = {
    "accuracy": "Deformable or rigid, told correctly",
    "balanced_accuracy": "The same, both classes weighing equally",
    "outlet_accuracy": "Outlet told correctly",
    "within_one_outlet": "Outlet told within one",
}


@dataclass(frozen=True)
class ModelVersionRow:
    href: str
    name: str
    state: Chip
    is_demonstration: bool
    architecture: str
    outlets: str
    accuracy: str
    score_error: str
    created: MomentText


@dataclass(frozen=True)
class ModelVersionsPage:
    rows: tuple[ModelVersionRow, ...]


@dataclass(frozen=True)
class ModelVersionPage:
    name: str
    state: Chip
    is_demonstration: bool
    figures: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    sections: tuple[tuple[str, tuple[Fact, ...]], ...]
    manifest: str


def model_versions_page(versions: Sequence[ModelVersionView]) -> ModelVersionsPage:
    return ModelVersionsPage(tuple(_row(version) for version in versions))


def _row(version: ModelVersionView) -> ModelVersionRow:
    manifest = version.manifest
    return ModelVersionRow(
        href=f"/model-versions/{version.id}",
        name=version.name,
        state=MODEL_STATES[version.state],
        is_demonstration=version.demonstration,
        architecture=str(manifest.get("architecture", "")).capitalize(),
        outlets=_outlets(manifest),
        accuracy=_share(manifest.get("metrics", {}).get("accuracy")),
        score_error=_score_error(manifest),
        created=moment_text(version.created_at),
    )


def model_version_page(version: ModelVersionView) -> ModelVersionPage:
    manifest = version.manifest
    return ModelVersionPage(
        name=version.name,
        state=MODEL_STATES[version.state],
        is_demonstration=version.demonstration,
        figures=tuple(_figures(manifest)),
        facts=tuple(_facts(version)),
        sections=tuple(_sections(manifest)),
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False),
    )


def _figures(manifest: Mapping[str, Any]) -> list[Fact]:
    metrics = manifest.get("metrics", {})
    figures = [Fact(name, _share(metrics[key])) for key, name in SHARES.items() if key in metrics]
    baselines = metrics.get("baselines", {})
    if "size_only" in baselines:
        figures.append(Fact("By size alone, for comparison", _share(baselines["size_only"])))
    if "n_cells" in metrics:
        donors = counted_text(metrics.get("n_donors", 0), "donor")
        figures.append(Fact("Measured on", f"{count_text(metrics['n_cells'])} cells of {donors}"))
    if manifest.get("score_error"):
        figures.append(Fact("Error of the rigidity score", _score_error(manifest)))
    return figures


def _facts(version: ModelVersionView) -> list[Fact]:
    manifest = version.manifest
    metrics = manifest.get("metrics", {})
    facts = {
        "Architecture": str(manifest.get("architecture", "")).capitalize(),
        "Outlets trained on": _outlets(manifest),
        "Parameters": count_text(metrics["parameters"]) if "parameters" in metrics else None,
        "Crop": f"{manifest['crop_px']} × {manifest['crop_px']} px",
        "Normalisation": manifest.get("normalisation"),
        "Added": moment_text(version.created_at).text,
        "Active since": moment_text(version.activated_at).text if version.activated_at else None,
        "Retired": moment_text(version.retired_at).text if version.retired_at else None,
        "SHA-256 of the file": version.sha256,
    }
    return [Fact(name, str(value)) for name, value in facts.items() if value]


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
    names = {"fit": "To fit", "choose": "To choose the best epoch", "report": "Held out, to report"}
    return [
        Fact(
            name,
            f"{count_text(data[key]['n_cells'])} cells of "
            f"{counted_text(len(data[key]['donors']), 'donor')}",
        )
        for key, name in names.items()
        if key in data
    ]


def _outlets(manifest: Mapping[str, Any]) -> str:
    return ", ".join(str(outlet) for outlet in manifest.get("outlets", []))


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else percent_text(value, digits=1)


def _score_error(manifest: Mapping[str, Any]) -> str:
    error = manifest.get("score_error")
    if not error:
        return UNKNOWN
    bias = signed_text(error["bias"])
    return f"SD {error['sd']:.2f}, bias {bias}, {counted_text(error['n_donors'], 'held-out donor')}"
