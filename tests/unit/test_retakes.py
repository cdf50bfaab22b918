"""Advice on which wells to take again, from what was found in their images."""

import uuid
from dataclasses import replace

import pytest

from app.domain.quality import Finding, Level
from app.services.images import ImageView
from app.services.retakes import advise_retakes
from tests.end_to_end.drawn_images import drawn_image


def image(
    number: int, code: str | None = None, *, level: Level = Level.REJECT, mask: str | None = None
) -> ImageView:
    """An image with one finding at most; `mask` is one row of squares, repeated downwards."""
    findings = () if code is None else (Finding(code, level, None, None, "words"),)
    return replace(
        drawn_image(number),
        verdict="rejected" if findings else "accepted",
        found_verdict="rejected" if findings else "accepted",
        findings=findings,
        usable_mask=None if mask is None else (mask,) * 6,
    )


def test_a_well_of_good_images_gets_no_advice() -> None:
    assert advise_retakes([image(n) for n in range(10)]) == []


def test_one_bad_image_in_many_is_no_fault_of_the_well() -> None:
    images = [image(n) for n in range(9)] + [image(9, "out_of_focus")]
    assert advise_retakes(images) == []


def test_a_fault_that_many_images_share_is_named_with_its_remedy() -> None:
    images = [image(n) for n in range(6)] + [image(n, "under_exposed") for n in range(6, 10)]
    (advice,) = advise_retakes(images)
    assert advice.message == (
        "B2: 4 of 10 images are too dark; raise the exposure and take the well again while the "
        "plate is on the stage."
    )


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("000111111", "out of focus on the left third;"),
        ("111111000", "out of focus on the right third;"),
        ("010101010", "out of focus;"),
    ],
)
def test_the_side_of_the_field_is_named_where_it_is_the_same(mask: str, said: str) -> None:
    blurred = [image(n, "partly_out_of_focus", level=Level.WARNING, mask=mask) for n in range(5)]
    (advice,) = advise_retakes(blurred)
    assert said in advice.message


def test_wholly_and_partly_blurred_images_count_as_one_fault() -> None:
    images = [image(n) for n in range(8)]
    images += [image(8, "out_of_focus"), image(9, "out_of_focus")]
    images += [image(10, "partly_out_of_focus", level=Level.WARNING)]
    (advice,) = advise_retakes(images)
    assert "3 of 11 images are out of focus" in advice.message


def test_nothing_is_said_of_a_well_that_has_just_begun() -> None:
    pending = replace(image(4), found_verdict="pending", verdict="pending")
    images = [image(n, "out_of_focus") for n in range(4)]
    assert advise_retakes([*images, pending]) == []
    assert len(advise_retakes([*images, image(4, "out_of_focus")])) == 1


def test_each_well_is_advised_by_itself() -> None:
    other = uuid.UUID(int=77)
    bad = [image(n, "out_of_focus") for n in range(5)]
    good = [replace(image(n), well_id=other, well_name="B3") for n in range(5, 10)]
    (advice,) = advise_retakes([*bad, *good])
    assert advice.well_name == "B2"


def test_what_a_person_excluded_is_still_counted_as_it_was_found() -> None:
    """The well's own fault stays its fault, whoever has dealt with its images."""
    images = [replace(image(n, "out_of_focus"), verdict="accepted") for n in range(5)]
    assert len(advise_retakes(images)) == 1
