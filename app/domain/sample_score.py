"""From the cells of a sample's unsorted wells to its score, or to the reasons why there is none."""

from app.domain.class_score import refuse_model, score_classes
from app.domain.donor_score import (
    DonorScore,
    ModelFigures,
    Reason,
    Requirements,
    WellCells,
    score_donor,
)
from app.domain.score_reasons import missing_for_score, reasons_to_withhold
from app.domain.well_effects import WellSpread


def score_sample(
    wells: tuple[WellCells, ...],
    model: ModelFigures,
    needs: Requirements,
    history: WellSpread | None = None,
    called_history: WellSpread | None = None,
) -> DonorScore | tuple[Reason, ...]:
    """Score by the method that belongs to the model's target.

    Parameters
    ----------
    history, called_history
        Spread of wells in this laboratory's earlier samples by the same model version: of their
        rigidity scores, and of their shares called deformable (two classes only).

    Returns
    -------
    DonorScore or tuple of Reason
        Reasons, one or more, where a number would be wrong or rest on too little.
    """
    if missing := missing_for_score(wells, needs):
        return missing
    if model.is_two_class:
        refusal = refuse_model(model)
        if refusal is not None:
            return (refusal,)
        score = score_classes(wells, model, needs, history, called_history)
    else:
        score = score_donor(wells, model, needs, history)
    return reasons_to_withhold(score) or score
