"""The figures of a method comparison as rows, each under the name and version of its method."""

from dataclasses import dataclass

from app.dashboard.contexts.wording import count_text
from app.domain.assessment import NotAssessable
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    Linearity,
    Outliers,
    PassingBablok,
    PearsonR,
    PercentDeviation,
    VarianceRatio,
)
from app.domain.method_comparison.replicates import FEWEST_DF, SingleRun
from app.services.agreement import AgreementView


@dataclass(frozen=True)
class FigureRow:
    """A figure and its 95 % interval; `interval` is empty where the method gives none."""

    name: str
    value: str
    interval: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class FigureGroup:
    """What one method says; without rows, why it says nothing."""

    name: str
    method: str
    n: str
    rows: tuple[FigureRow, ...]
    remark: str = ""
    not_assessable: str | None = None


def figure_groups(view: AgreementView) -> tuple[FigureGroup, ...]:
    return (
        _bland_altman("Bias and limits of agreement", view.bland_altman, view.single_run),
        _deming("Deming regression", view.deming),
        _passing_bablok("Passing-Bablok regression", view.passing_bablok),
        _percent("Percent deviation", view.percent_deviation),
        _outliers("Outliers", view.outliers),
        _pearson("Pearson's r", view.pearson),
    )


def _silent(name: str, answer: NotAssessable) -> FigureGroup:
    return FigureGroup(name, answer.method, "", (), not_assessable=answer.because)


def _bland_altman(
    name: str, answer: BlandAltman | NotAssessable, single: SingleRun | None
) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    rows = [
        _row("Bias, image − reference", answer.bias),
        _row("Upper limit of agreement", answer.upper_limit),
        _row("Lower limit of agreement", answer.lower_limit),
        FigureRow("Standard deviation of the differences", _signed(answer.sd)),
    ]
    if answer.slope_on_level is not None:
        rows.append(_row("Slope of the difference on the level", answer.slope_on_level))
    if single is not None:
        limits = f"{_signed(single.lower_limit)} to {_signed(single.upper_limit)}"
        name_of_limits = f"Limits for a single run ({single.method})"
        rows.append(FigureRow(name_of_limits, limits, is_text=True))
    return FigureGroup(name, answer.method, count_text(answer.n), tuple(rows))


def _deming(name: str, answer: Deming | NotAssessable) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    at = [_row(f"Bias at reference score {one.level:.1f}", one.bias) for one in answer.bias_at]
    others = [
        FigureRow(f"Slope if the ratio were {one.ratio:.2g}", _signed(one.slope))
        for one in answer.sensitivity
    ]
    rows = (_row("Slope", answer.slope), *others, _row("Intercept", answer.intercept), *at)
    remark = _ratio_text(answer.variance_ratio)
    return FigureGroup(name, answer.method, count_text(answer.n), rows, remark)


def _ratio_text(ratio: VarianceRatio) -> str:
    value = f"Ratio of the error variances, reference over image: {ratio.value:.2g}"
    if ratio.source == "replicates":
        return f"{value}, from {ratio.df_reference} repeated runs and {ratio.df_image} wells."
    if ratio.source == "entered":
        return f"{value}, as entered."
    return (
        f"{value}, assumed: fewer than {FEWEST_DF} repeats of each "
        f"({ratio.df_reference} runs, {ratio.df_image} wells)."
    )


def _passing_bablok(name: str, answer: PassingBablok | NotAssessable) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    rows = (
        _row("Slope", answer.slope),
        _row("Intercept", answer.intercept),
        FigureRow(
            f"Linearity ({answer.linearity.method})", _linearity(answer.linearity), is_text=True
        ),
    )
    return FigureGroup(name, answer.method, count_text(answer.n), rows)


def _linearity(answer: Linearity | NotAssessable) -> str:
    if isinstance(answer, NotAssessable):
        return f"not assessable: {answer.because}"
    verdict = "not on a line" if answer.is_rejected else "no curve found"
    return f"{verdict}, statistic {answer.statistic:.2f}"


def _percent(name: str, answer: PercentDeviation | NotAssessable) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    mean = f"{answer.mean.value:.1f} ± {answer.sd:.1f} %"
    rows = (
        FigureRow("Mean ± standard deviation", mean, _interval(answer.mean, digits=1, unit=" %")),
        FigureRow("Mean distance of the scores", _signed(answer.mean_absolute)),
    )
    remark = "As the published article defines it: |image − reference| / 1.00."
    return FigureGroup(name, answer.method, count_text(answer.n), rows, remark)


def _outliers(name: str, answer: Outliers | NotAssessable) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    rows = (FigureRow("Flagged pairs", count_text(len(answer.places))),)
    remark = "Flagged pairs are marked in the table and stay in every figure."
    return FigureGroup(name, answer.method, count_text(answer.n), rows, remark)


def _pearson(name: str, answer: PearsonR | NotAssessable) -> FigureGroup:
    if isinstance(answer, NotAssessable):
        return _silent(name, answer)
    remark = "A description only: it rises with the spread of the samples and ignores any bias."
    rows = (_row("r", answer.r),)
    return FigureGroup(name, answer.method, count_text(answer.n), rows, remark)


def _row(name: str, estimate: Estimate) -> FigureRow:
    return FigureRow(name, _signed(estimate.value), _interval(estimate))


def _interval(estimate: Estimate, *, digits: int = 3, unit: str = "") -> str:
    ends = (estimate.low, estimate.high)
    if all(end is None for end in ends):
        return "without bounds"
    written = ("open" if end is None else _signed(end, digits=digits) for end in ends)
    return " to ".join(written) + unit


def _signed(value: float, *, digits: int = 3) -> str:
    """Three digits: enough to compare with another program, not more than n pairs carry."""
    shown = f"{value:.{digits}f}"
    return shown.replace("-", "−") if float(shown) else shown.removeprefix("-")
