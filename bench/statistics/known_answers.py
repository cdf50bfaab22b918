"""Method comparison against printed answers and those of R's mcr, to four significant figures."""

from dataclasses import dataclass

from app.domain.assessment import NotAssessable
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    Pairs,
    PassingBablok,
    PearsonR,
    PercentDeviation,
    VarianceRatio,
    bland_altman,
    deming,
    mean_percent_deviation,
    passing_bablok,
    pearson_r,
)
from app.domain.method_comparison.published import published_pairs

PEAK_FLOW = Pairs.of(
    [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427],
    [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451],
)
TEACHING = Pairs.of(
    [7, 8.3, 10.5, 9, 5.1, 8.2, 10.2, 10.3, 7.1, 5.9],
    [7.9, 8.2, 9.6, 9, 6.5, 7.3, 10.2, 10.6, 6.3, 5.2],
)


@dataclass(frozen=True)
class Known:
    """A figure, and what it is known to be."""

    what: str
    found: float | None
    known: float

    @property
    def is_met(self) -> bool:
        """To four significant figures, or half a unit of the known answer's fifth decimal."""
        if self.found is None:
            return False
        return abs(self.found - self.known) <= max(5e-4 * abs(self.known) / 10, 5.1e-6)


def tell() -> None:
    answers = [*peak_flow(), *published(), *teaching()]
    print("Known answers\n\n| figure | found | known | to 4 figures |\n|---|--:|--:|---|")
    for one in answers:
        found = "none" if one.found is None else f"{one.found:.6g}"
        print(f"| {one.what} | {found} | {one.known:.6g} | {'yes' if one.is_met else 'NO'} |")
    print(f"\n{sum(one.is_met for one in answers)} of {len(answers)} met")


def peak_flow() -> list[Known]:
    """Bland and Altman 1986; regressions from R 4.2.2, mcr 1.2.2."""
    limits, line, median = bland_altman(PEAK_FLOW), deming(PEAK_FLOW), passing_bablok(PEAK_FLOW)
    assert isinstance(limits, BlandAltman)
    assert isinstance(line, Deming)
    assert isinstance(median, PassingBablok)
    return [
        *three("peak flow, bias", limits.bias, (2.11765, -17.81354, 22.04884)),
        *three("peak flow, lower limit", limits.lower_limit, (-73.86061, -119.92550, -48.85964)),
        *three("peak flow, upper limit", limits.upper_limit, (78.09591, 53.09493, 124.16080)),
        *three("peak flow, Deming slope", line.slope, (0.970881, 0.674573, 1.267189)),
        *three("peak flow, Deming intercept", line.intercept, (15.2316, -132.861, 163.324)),
        *three("peak flow, P-B slope", median.slope, (1.064815, 0.837079, 1.396825)),
        *three("peak flow, P-B intercept", median.intercept, (-24.3056, -178.032, 82.9382)),
    ]


def published() -> list[Known]:
    """The ten published donors, typed in from the article's table 3."""
    pairs = published_pairs()
    limits, line, median = bland_altman(pairs), deming(pairs), passing_bablok(pairs)
    deviation, r = mean_percent_deviation(pairs), pearson_r(pairs)
    assert isinstance(limits, BlandAltman)
    assert isinstance(line, Deming)
    assert isinstance(median, PassingBablok)
    assert isinstance(deviation, PercentDeviation)
    assert isinstance(r, PearsonR)
    return [
        Known("table 3, mean percent deviation", deviation.mean.value, 10.40),
        Known("table 3, its SD", round(deviation.sd, 2), 6.77),
        Known("table 3, Pearson's r", r.r.value, 0.94685),
        *three("table 3, bias", limits.bias, (-0.04200, -0.12856, 0.04456)),
        *three("table 3, lower limit", limits.lower_limit, (-0.27915, -0.50189, -0.18274)),
        *three("table 3, upper limit", limits.upper_limit, (0.19515, 0.09874, 0.41789)),
        *three("table 3, Deming slope", line.slope, (0.737421, 0.474301, 1.000542)),
        *three("table 3, Deming intercept", line.intercept, (0.773833, -0.067254, 1.614919)),
        *three("table 3, P-B slope", median.slope, (0.728155, 0.473684, 1.055556)),
        *three("table 3, P-B intercept", median.intercept, (0.823932, -0.246667, 1.618684)),
    ]


def teaching() -> list[Known]:
    """Unequal errors: the ratio 4 and a quarter."""
    return [
        Known("unequal errors, Deming slope at 4", slope(4.0), 1.001194),
        Known("unequal errors, Deming slope at 0.25", slope(0.25), 0.890600),
    ]


def slope(ratio: float) -> float | None:
    answer = deming(TEACHING, VarianceRatio(ratio, "entered"))
    return None if isinstance(answer, NotAssessable) else answer.slope.value


def three(what: str, found: Estimate, known: tuple[float, float, float]) -> list[Known]:
    return [
        Known(f"{what}{end}", value, expected)
        for end, value, expected in zip(
            ("", ", low end", ", high end"),
            (found.value, found.low, found.high),
            known,
            strict=True,
        )
    ]
