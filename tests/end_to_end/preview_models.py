"""The pages of model versions with drawn figures: list, cards of every state, previews."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any, Final

from app.dashboard.contexts.model_card import ModelCardPage, model_card_page
from app.dashboard.contexts.model_versions import ModelVersionsPage, model_versions_page
from app.dashboard.contexts.promotion import ActivationForm
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.domain.impact import SampleImpact, ScoreInBrief, summarise
from app.domain.promotion_gate import HeldOutFigures, Rule, judge_figures, judge_impact, judge_tried
from app.services.impact import (
    ImpactProgress,
    ImpactView,
    LockedSetView,
    SampleImpactView,
    VersionBrief,
)
from app.services.locked_samples import LockedSampleView, OfferedSample
from app.services.model_cards import GateView, ModelCard, PictureView
from app.services.model_versions import ModelVersionView
from app.services.promotions import ActivationView

AT: Final = dt.datetime(2026, 11, 23, 9, 41, tzinfo=dt.UTC)
SPRING, AUTUMN, SHIPPED = (uuid.UUID(int=number) for number in (1, 2, 3))
DRAWN_PICTURE: Final = f"/api/v1/images/{uuid.UUID(int=40)}/pixels"
"""What the preview serves in place of a sheet of saliency maps."""
METRICS: Final[dict[str, Any]] = {
    "accuracy": 0.874, "balanced_accuracy": 0.871, "precision": 0.86, "recall": 0.89, "f1": 0.875,
    "roc_auc": 0.941, "calibration_error": 0.021, "n_cells": 18240, "n_donors": 8,
    "intervals": {"accuracy": [0.846, 0.897], "balanced_accuracy": [0.84, 0.895]},
    "by_donor": [
        {"donor": f"D-{n:03}", "n_cells": 2280, "accuracy": 0.84 + 0.01 * n,
         "balanced_accuracy": 0.83 + 0.01 * n}
        for n in range(1, 9)
    ],
    "baselines": {"size_only": 0.58, "handcrafted": 0.79, "light_only": 0.53},
    "outlet_confusion": [
        [3610, 820, 120, 10], [790, 2930, 800, 40], [90, 850, 2890, 730], [5, 60, 770, 3725],
    ],
    "shortcut_probe": {
        "light": {"excess": 0.06, "least": 0.01, "limit": 0.1, "n": 8, "is_flagged": False},
        "wells": {"excess": 0.31, "least": 0.24, "limit": 0.2, "n": 24, "is_flagged": True},
        "donors": {"excess": None, "least": None, "limit": 0.5, "n": 1, "is_flagged": False},
        "findings": [
            {"code": "well_known", "level": "warning", "value": 0.24, "limit": 0.2,
             "message": "The network's last layer tells wells of one donor and outlet apart."},
        ],
    },
    "down_sampling": [
        {"factor": 1, "accuracy": 0.874}, {"factor": 2, "accuracy": 0.861},
        {"factor": 4, "accuracy": 0.771},
    ],
    "parity": 7.7e-07, "parameters": 88533,
    "skipped": ["Accuracy from first to second wells was not measured: two donors have one well."],
}  # fmt: skip
MANIFEST: Final[dict[str, Any]] = {
    "name": "autumn", "architecture": "compact", "target": "outlet", "outlets": [2, 3, 4, 5],
    "crop_px": 60, "normalisation": "background-ratio/1", "opset": 17, "metrics": METRICS,
    "score_error": {"sd": 0.14, "bias": 0.02, "n_donors": 8, "definition": "RS minus RS"},
    "training_donors": {"codes": ["D-001"]},
    "training": {"epochs": 22, "batch_size": 64, "learning_rate": 0.002, "seed": 2041},
    "data": {
        "kind": "sorted wells", "cells_sha256": "c" * 64, "n_cells": 18240,
        "donors": [f"D-{n:03}" for n in range(1, 9)], "holdout": "donor", "n_folds": 5,
        "wells": [
            {"well": f"{n}/{outlet}", "donor": f"D-{n:03}", "outlet": outlet, "n_cells": 570}
            for n in range(1, 9) for outlet in (2, 3, 4, 5)
        ],
    },
}  # fmt: skip


def activation(
    ident: uuid.UUID, name: str, days: int, until_days: int | None, *, drawn: bool = False
) -> ActivationView:
    """Began and ended so many days ago."""
    until = None if until_days is None else AT - dt.timedelta(days=until_days)
    return ActivationView(
        id=ident, name=name, sha256=f"{ident.int:064x}", demonstration=drawn,
        since=AT - dt.timedelta(days=days), until=until, activated_by="account:1",
        activated_by_name="Ada Administrator", reason="Better on the donors of this season.",
        is_rollback=False, overridden=(),
    )  # fmt: skip


def history() -> list[ActivationView]:
    overridden = Rule("calibrated", False, "Calibration error 0.061.", {"limit": 0.05})  # noqa: FBT003  a rule that does not hold
    return [
        replace(activation(SPRING, "spring", 3, None), is_rollback=True),
        replace(activation(AUTUMN, "autumn", 9, 3), overridden=(overridden,)),
        activation(SPRING, "spring", 200, 9),
        activation(SHIPPED, "demonstration", 400, 200, drawn=True),
    ]


def list_page() -> ModelVersionsPage:
    rows = [
        version(AUTUMN, "autumn", "candidate"),
        version(SPRING, "spring", "active"),
        replace(version(SHIPPED, "demonstration", "retired"), demonstration=True),
    ]
    locked = LockedSampleView(uuid.UUID(int=9), "D-021", "Measured three times.", "account:1", AT)
    return model_versions_page(
        rows, history(), [locked], [OfferedSample(uuid.UUID(int=8), "D-020")], may_manage=True
    )


def version(ident: uuid.UUID, name: str, state: str) -> ModelVersionView:
    return ModelVersionView(
        id=ident, name=name, sha256="ab" * 32, state=state, demonstration=False,
        manifest=MANIFEST, created_at=AT, activated_at=None, retired_at=None,
    )  # fmt: skip


def card(state: str = "candidate") -> ModelCard:
    return ModelCard(
        id=AUTUMN, name="autumn", sha256="ab" * 32, state=state, demonstration=False,
        manifest=MANIFEST, metrics=METRICS, training_data=MANIFEST["data"],
        saliency=(
            PictureView("saliency-smoothgrad.png", DRAWN_PICTURE, 0.83),
            PictureView("saliency-vanilla.png", DRAWN_PICTURE, 0.71),
        ),
        training_run_id=uuid.UUID(int=4), trained_by="account:1", verified_at=AT, created_at=AT,
        activated_at=None, retired_at=None, retired_reason=None, activations=(),
    )  # fmt: skip


def impacts(n: int = 12) -> list[SampleImpact]:
    """Most scores hardly change, one leaves its interval, one is lost."""
    found = []
    for place in range(n):
        old = 2.6 + 0.09 * place
        new = old + (0.27 if place == 4 else 0.04 - 0.01 * (place % 5))
        brief = ScoreInBrief(new, (new - 0.2, new + 0.2))
        lost = ScoreInBrief(None, None, ("wells_disagree",))
        found.append(
            SampleImpact(
                sample_id=str(uuid.UUID(int=100 + place)), donor_code=f"D-{20 + place:03}",
                is_locked=place < 4, old=ScoreInBrief(old, (old - 0.2, old + 0.21)),
                new=lost if place == 7 else brief, reference=old + 0.1 if place < 4 else None,
            )
        )  # fmt: skip
    return found


def done_impact() -> ImpactView:
    samples = impacts()
    return ImpactView(
        id=uuid.UUID(int=7), model_version_id=AUTUMN, state="done",
        progress=ImpactProgress(len(samples), len(samples)), failure=None,
        compared_with=VersionBrief(SPRING, "spring", "cd" * 32, demonstration=False),
        is_current=True, locked_set=LockedSetView("e" * 64, 4, 2), summary=summarise(samples),
        samples=tuple(seen(sample) for sample in samples), created_at=AT, finished_at=AT,
    )  # fmt: skip


def seen(sample: SampleImpact) -> SampleImpactView:
    return SampleImpactView(
        sample_id=uuid.UUID(sample.sample_id), donor_code=sample.donor_code,
        is_locked=sample.is_locked, old=sample.old, new=sample.new, delta=sample.delta,
        leaves_interval=sample.leaves_interval, reference=sample.reference,
    )  # fmt: skip


def gate() -> GateView:
    figures = HeldOutFigures(0.874, 0.846, {"D-001": 0.85}, {3: 0.81, 4: 0.79}, 0.021)
    active = HeldOutFigures(0.868, 0.84, {"D-001": 0.86}, {3: 0.82, 4: 0.83}, 0.03)
    rules = (
        *judge_figures(figures, active),
        judge_tried(2),
        *judge_impact(summarise(impacts())),
    )
    return GateView(None, is_rollback=False, is_proven=True, rules=rules)


def card_page() -> ModelCardPage:
    return model_card_page(card(), gate(), done_impact(), may_manage=True)


def refused_page() -> ModelCardPage:
    form = ActivationForm(
        FormValues(reason="Better on autumn's donors."),
        Notice("The password is not right; type it again."),
    )
    return model_card_page(card(), gate(), done_impact(), may_manage=True, form=form)


def waiting_page() -> ModelCardPage:
    """A candidate of which a worker has scored 5 of 12 samples anew."""
    moving = replace(
        done_impact(), state="running", samples=(), summary=None, finished_at=None,
        progress=ImpactProgress(5, 12),
    )  # fmt: skip
    unproven = replace(gate(), is_proven=False, rules=())
    return model_card_page(card(), unproven, moving, may_manage=True)


def shipped_page() -> ModelCardPage:
    """The demonstration as it is installed: active, without a preview, figures of drawn donors."""
    manifest = MANIFEST | {"metrics": {"accuracy": 0.902, "n_cells": 7245, "n_donors": 20}}
    shipped = replace(
        card("active"), name="demonstration", demonstration=True, manifest=manifest,
        metrics=manifest["metrics"], saliency=(), training_run_id=None,
        activations=tuple(history()[-1:]),
    )  # fmt: skip
    nothing = GateView("The version was live before.", is_rollback=True, is_proven=True, rules=())
    return model_card_page(shipped, nothing, None, may_manage=False)
