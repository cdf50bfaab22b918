"""How well a network could do: the same cells, told from the cues they were painted from.

The practical ceiling is a classifier that reads the simulator's own cues without error, fitted to
the fitting donors' cells; a network has only the picture. Beside it, the bundled network on the
same held-out donors, also in light, focus and exposure that it was never shown.
"""

import math
from dataclasses import replace
from typing import Any, Final

from sklearn.linear_model import LogisticRegression

from app.domain.synthetic.donors import WellLook
from bench.network.drawn import Change, DrawnCells, draw_cells, name_donors
from models.bundled import load_bundled
from models.classifier import Classifier
from models.evaluation import class_accuracy, evaluate, p_rigid
from models.training.config import DrawnDonorsConfig
from models.training.folds import hold_out

FIT_CELLS_PER_WELL: Final = 12


def _turned(look: WellLook) -> WellLook:
    return replace(look, twist_radians=look.twist_radians + math.pi / 2)


def _darker(look: WellLook) -> WellLook:
    return replace(look, exposure=130.0)


def _brighter(look: WellLook) -> WellLook:
    return replace(look, exposure=222.0)


def _softer(look: WellLook) -> WellLook:
    return replace(look, blur_px=1.4)


CONDITIONS: Final[dict[str, Change]] = {
    "as trained on": lambda look: look,
    "shading turned by 90°": _turned,
    "exposure 130 (trained: 174 to 206)": _darker,
    "exposure 222": _brighter,
    "blur 1.4 px (trained: 0.7 to 1.1)": _softer,
}


def measure_ceiling(n_per_well: int) -> dict[str, Any]:
    """Figures on the reporting donors of the bundled network, crops drawn anew."""
    drawn = DrawnDonorsConfig()
    fit = draw_cells(
        name_donors("FIT", drawn.n_fit_donors // 2),
        n_per_well=FIT_CELLS_PER_WELL,
        seed=drawn.seed,
        wells=1,
    )
    report = _report_cells(drawn, n_per_well, CONDITIONS["as trained on"])
    cues = LogisticRegression().fit(fit.cues, fit.cells.is_rigid)
    p = cues.predict_proba(report.cues)[:, 1]
    return {
        "n_donors": drawn.n_report_donors,
        "n_cells": len(report.cells),
        "n_fit_cells": len(fit.cells),
        "ceiling": class_accuracy(p, report.cells.outlets),
        "conditions": measure_conditions(drawn, n_per_well),
    }


def measure_conditions(drawn: DrawnDonorsConfig, n_per_well: int) -> dict[str, dict[str, Any]]:
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    columns = bundle.manifest.outlets
    figures = {}
    for name, change in CONDITIONS.items():
        cells = _report_cells(drawn, n_per_well, change).cells
        p_outlet = classifier.predict(cells.crops)
        found = evaluate(hold_out(cells, p_outlet, columns))
        figures[name] = {
            "accuracy": class_accuracy(p_rigid(p_outlet, columns), cells.outlets),
            "interval": found["intervals"]["accuracy"],
            "calibration_error": found["calibration_error"],
        }
    return figures


def _report_cells(drawn: DrawnDonorsConfig, n_per_well: int, change: Change) -> DrawnCells:
    codes = name_donors("REPORT", drawn.n_report_donors)
    return draw_cells(codes, n_per_well=n_per_well, seed=drawn.seed, change=change)
