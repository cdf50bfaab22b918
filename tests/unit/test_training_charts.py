"""Curves of a training run: one for each fit, the newest on top."""

import xml.etree.ElementTree as ET

from app.charts.training import EpochPoint, training_curves

SVG = "{http://www.w3.org/2000/svg}"


def points(fits: int, epochs: int) -> list[EpochPoint]:
    return [
        EpochPoint(fit, f"Fold {fit}", epoch, 5, 0.5 + 0.05 * epoch + 0.01 * fit)
        for fit in range(1, fits + 1)
        for epoch in range(1, (epochs if fit == fits else 5) + 1)
    ]


def curves(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(a), float(b)) for a, b in (pair.split(",") for pair in line.split())]
        for line in (one.attrib["points"] for one in ET.fromstring(svg).iter(f"{SVG}polyline"))
    ]


def test_each_fit_has_a_curve_and_the_newest_is_named_and_drawn_last() -> None:
    svg = training_curves(points(3, 2), quantity="accuracy", ident="a")
    assert [len(curve) for curve in curves(svg)] == [5, 5, 2]
    named = [one.text for one in ET.fromstring(svg).iter(f"{SVG}text")]
    assert "Fold 3" in named
    assert "Fold 1" not in named
    spoken = ET.fromstring(svg).findtext(f"{SVG}desc") or ""
    assert "Fold 1: 0.760 after 5 of 5 epochs" in spoken


def test_a_better_accuracy_lies_higher_and_later_epochs_further_right() -> None:
    [curve] = curves(training_curves(points(1, 5), quantity="accuracy", ident="a"))
    assert [column for column, _ in curve] == sorted(column for column, _ in curve)
    assert [row for _, row in curve] == sorted((row for _, row in curve), reverse=True)


def test_a_run_of_one_epoch_can_be_drawn() -> None:
    for value in (0.0, 0.93, 4.2):
        one = [EpochPoint(1, "Final", 1, 1, value)]
        for quantity in ("accuracy", "loss"):
            assert len(curves(training_curves(one, quantity=quantity, ident="a"))) == 1
