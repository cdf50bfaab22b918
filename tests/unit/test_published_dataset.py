"""The published image set: its counts, and what folder names say."""

from collections import Counter

import pytest

from app.domain.published_dataset import (
    PUBLISHED_FITS,
    PUBLISHED_IMAGES,
    WellPlace,
    compare_counts,
    place_of,
)


def test_table_1_holds_the_totals_that_the_article_states() -> None:
    assert sum(PUBLISHED_IMAGES.values()) == 6491
    assert len(PUBLISHED_IMAGES) == 65
    assert {place.donor for place in PUBLISHED_IMAGES} == set(range(1, 11))
    assert (min(PUBLISHED_IMAGES.values()), max(PUBLISHED_IMAGES.values())) == (66, 145)


def test_only_donors_2_3_and_4_have_unsorted_wells() -> None:
    wells = Counter(place.donor for place in PUBLISHED_IMAGES if place.outlet is None)
    assert wells == {2: 1, 3: 2, 4: 2}


def test_table_3_names_the_outlets_that_table_1_has_images_of() -> None:
    sorted_outlets = {
        donor: {p.outlet for p in PUBLISHED_IMAGES if p.donor == donor} - {None}
        for donor in PUBLISHED_FITS
    }
    assert {donor: set(fit.outlets) for donor, fit in PUBLISHED_FITS.items()} == sorted_outlets


def test_the_published_mean_accuracy_is_that_of_its_rows() -> None:
    tests = [fit.test_percent for fit in PUBLISHED_FITS.values()]
    assert round(sum(tests) / len(tests)) == 81


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("donor_3/outlet_4/well_2/a.bmp", WellPlace.of(3, 4, 2)),
        ("Donor 10.zip/Outlet 3/Well 1/scan 0001.bmp", WellPlace.of(10, 3, 1)),
        ("Donor 2/Donor 2 Unsorted Well 1/img.bmp", WellPlace.of(2, None, 1)),
        ("data/Donor04_Outlet05_Well02/0007.bmp", WellPlace.of(4, 5, 2)),
        ("DONOR-7/un-sorted/WELL-2/x.tif", WellPlace.of(7, None, 2)),
    ],
)
def test_donor_outlet_and_well_are_read_from_the_names_on_the_way(
    path: str, place: WellPlace
) -> None:
    assert place_of(path.split("/")) == place


@pytest.mark.parametrize(
    "path",
    [
        "donor_3/well_2/a.bmp",
        "outlet_4/well_2/a.bmp",
        "donor_3/outlet_4/a.bmp",
        "donor_3/outlet_13/well_1/a.bmp",
        "donor_3/outlet_4/unsorted/well_1/a.bmp",
        "readme.txt",
    ],
)
def test_a_path_that_leaves_one_of_them_open_says_nothing(path: str) -> None:
    assert place_of(path.split("/")) is None


def test_wells_that_lack_images_or_were_never_published_are_told() -> None:
    found = {WellPlace.of(1, 3, 1): 124, WellPlace.of(1, 4, 2): 69, WellPlace.of(1, 9, 1): 3}
    counts = {count.place: count for count in compare_counts(found)}
    assert counts[WellPlace.of(1, 3, 1)].is_as_published
    assert (counts[WellPlace.of(1, 4, 2)].found, counts[WellPlace.of(1, 4, 2)].published) == (
        69,
        70,
    )
    assert counts[WellPlace.of(1, 9, 1)].published is None
    assert counts[WellPlace.of(4, None, 2)].found == 0
    assert [c.place for c in compare_counts(found)] == sorted(counts)
