"""The Levey-Jennings chart: every run and line is on it, and its words say the same."""

import datetime as dt
import re

from app.charts.controls import PlottedLimits, PlottedRun, levey_jennings

LIMITS = PlottedLimits((2.7, 2.8, 2.9, 3.0, 3.1, 3.2, 3.3), is_provisional=False)
DAY = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def runs(*values: float) -> list[PlottedRun]:
    return [PlottedRun(DAY + dt.timedelta(days=n), value) for n, value in enumerate(values)]


def drawn(plotted: list[PlottedRun], limits: PlottedLimits | None = LIMITS) -> str:
    return levey_jennings(plotted, limits, title="Rigidity score, outlets", ident="chart")


def test_runs_and_lines_lie_where_their_values_are() -> None:
    chart = drawn(runs(3.0, 3.3, 2.7))
    rows = [float(row) for row in re.findall(r'<circle [^>]*cy="([0-9.]+)"[^>]* r="4"', chart)]
    lines = {float(row) for row in re.findall(r'<line [^>]*y1="([0-9.]+)"', chart)}
    mean, high, low = rows
    assert high < mean < low
    assert {mean, high, low} <= lines
    assert "+3 SD 3.30" in chart
    assert "mean 3.00" in chart


def test_the_description_says_what_is_drawn() -> None:
    chart = drawn([*runs(3.0, 3.1), PlottedRun(DAY, 3.4, rule="1-3s")])
    assert (
        "3 runs from 1 Nov 2026 to 1 Nov 2026. last 3.40. mean 3.00, limits 2.70 to 3.30" in chart
    )
    assert "rules broken: 1-3s" in chart
    assert "no rule broken" in drawn(runs(3.0))
    assert "provisional limits" in drawn(
        runs(3.0), PlottedLimits(LIMITS.levels, is_provisional=True)
    )


def test_a_broken_rule_and_a_run_left_out_differ_in_shape_and_are_named() -> None:
    chart = drawn([PlottedRun(DAY, 3.4, rule="1-3s"), PlottedRun(DAY, 2.9, is_left_out=True)])
    assert "<polygon" in chart
    assert ">breaks a rule<" in chart
    assert ">left out, with a cause<" in chart


def test_a_run_far_out_is_drawn_at_the_edge_with_its_value() -> None:
    ordinary, wild = drawn(runs(3.0, 3.1)), drawn(runs(3.0, 3.1, 900.0))
    assert ">900<" in wild
    assert re.findall(r"mean 3.00", ordinary) == re.findall(r"mean 3.00", wild)


def test_without_limits_and_without_spread_there_is_still_a_chart() -> None:
    assert "no limits yet" in drawn(runs(3.0, 3.0, 3.0), None)


def test_a_name_with_markup_stays_text() -> None:
    chart = levey_jennings(runs(3.0), LIMITS, title="<script>", ident="chart")
    assert "<script>" not in chart
