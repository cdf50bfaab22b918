import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.domain.imaging.scan_image import read_bmp, write_bmp
from app.domain.quality import Verdict
from app.domain.scoring import rigidity_score_of_fractions
from app.domain.synthetic.donors import draw_donor
from app.domain.synthetic.samples import (
    count_outlets,
    drawn_truth,
    plan_sample,
    population_truth,
    ratchet_truth,
)
from app.services.simulate import simulate

SIDE_PX = 303


def test_a_plan_names_every_image_once_and_well_by_well() -> None:
    plan = plan_sample(draw_donor("D1", 1), wells=2, images_per_well=3)
    names = [image.name for image in plan.planned]
    assert names == [f"unsorted_w{well}_{n:03d}" for well in (1, 2) for n in (1, 2, 3)]


def test_images_may_be_drawn_in_any_order() -> None:
    plan = plan_sample(draw_donor("D1", 1), wells=2, images_per_well=2, side_px=SIDE_PX)
    in_order = {name: image.pixels for _, name, image in plan.images()}
    for image in reversed(plan.planned):
        assert np.array_equal(plan.draw(image).pixels, in_order[image.name])
    assert len({pixels.tobytes() for pixels in in_order.values()}) == 4


def test_at_most_a_fifth_of_a_well_is_spoilt() -> None:
    plan = plan_sample(draw_donor("D1", 1), wells=3, images_per_well=25, fault_share=0.9)
    spoilt = Counter(image.well for image in plan.planned if image.fault is not None)
    assert spoilt == {1: 5, 2: 5, 3: 5}


def test_the_drawn_score_of_a_large_sample_is_near_the_population() -> None:
    donor = draw_donor("D2", 1)
    plan = plan_sample(donor, wells=1, images_per_well=60, side_px=SIDE_PX * 2, fault_share=0.0)
    counts: Counter[int] = Counter()
    for _, _, image in plan.images():
        counts.update(count_outlets(image))
    assert drawn_truth(counts).rigidity_score == pytest.approx(donor.rigidity_score, abs=0.15)


def test_rejected_images_add_nothing_to_what_was_drawn() -> None:
    plan = plan_sample(
        draw_donor("D1", 1), wells=1, images_per_well=10, side_px=SIDE_PX, fault_share=0.9
    )
    rejected = [image for _, _, image in plan.images() if image.verdict is Verdict.REJECTED]
    assert rejected
    assert all(not count_outlets(image) for image in rejected)


def test_truths_score_their_own_fractions() -> None:
    donor = draw_donor("D1", 1)
    for truth in (population_truth(donor), ratchet_truth(donor), drawn_truth({3: 5, 4: 7})):
        assert sum(truth.fractions.values()) == pytest.approx(1.0)
        assert truth.rigidity_score == pytest.approx(rigidity_score_of_fractions(truth.fractions))


@pytest.mark.parametrize("bits", [8, 24])
def test_a_simulated_folder_holds_strict_bitmaps_with_their_truth(
    tmp_path: Path, bits: int
) -> None:
    simulate(
        tmp_path,
        wells=1,
        images_per_well=2,
        sorted_outlets=(3,),
        bits=bits,
        fault_share=0.0,
        side_px=SIDE_PX,
    )
    bitmaps = sorted(tmp_path.glob("donor_*/*/well_1/*.bmp"))
    assert [path.parent.parent.name for path in bitmaps] == ["outlet_3"] * 2 + ["unsorted"] * 2
    for path in bitmaps:
        pixels = read_bmp(path.read_bytes(), height_px=SIDE_PX, width_px=SIDE_PX)
        truth = json.loads(path.with_suffix(".truth.json").read_text())
        assert pixels.shape == (truth["height"], truth["width"])
        for cell in truth["cells"]:
            assert {"row", "column", "outlet", "stiffness", "outline", "verdict"} <= set(cell)


def test_a_full_size_bitmap_has_the_length_the_microscope_gives() -> None:
    plan = plan_sample(draw_donor("D1", 1), wells=1, images_per_well=1, fault_share=0.0)
    pixels = plan.draw(plan.planned[0]).pixels
    assert len(write_bmp(pixels)) == 5_876_854
    assert len(write_bmp(pixels, bits=24)) == 17_627_382
    assert np.array_equal(read_bmp(write_bmp(pixels), height_px=2424, width_px=2424), pixels)


def test_the_truth_file_keeps_the_three_kinds_apart(tmp_path: Path) -> None:
    simulate(tmp_path, wells=1, images_per_well=3, fault_share=0.0, side_px=SIDE_PX)
    (donor,) = json.loads((tmp_path / "truth.json").read_text())["donors"]
    for kind in ("drawn", "population", "ratchet"):
        assert set(donor[kind]["fractions"]) == {"2", "3", "4", "5"}
        assert 2.0 < donor[kind]["rigidity_score"] < 4.5
    counted: Counter[str] = Counter()
    for path in tmp_path.glob("donor_*/unsorted/*/*.truth.json"):
        truth = json.loads(path.read_text())
        counted.update(
            str(cell["outlet"])
            for cell in truth["cells"]
            if 0 <= cell["row"] < SIDE_PX and 0 <= cell["column"] < SIDE_PX
        )
    assert counted == {k: n for k, n in donor["drawn"]["counts"].items() if n}
