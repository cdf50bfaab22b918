"""The matrix of donors, outlets and wells warns before a network learns the light."""

from app.domain.coverage import Coverage, SortedWell, describe_coverage
from app.domain.quality import Level


def wells(
    donors: int = 5, outlets: tuple[int, ...] = (2, 3, 4, 5), each: int = 2, cells: int = 100
) -> list[SortedWell]:
    return [
        SortedWell(f"D{donor}", outlet, f"D{donor}-{outlet}-{number}", cells)
        for donor in range(donors)
        for outlet in outlets
        for number in range(1, each + 1)
    ]


def codes(coverage: Coverage) -> list[str]:
    return [finding.code for finding in coverage.warnings]


def test_a_full_matrix_has_nothing_to_warn_of() -> None:
    coverage = describe_coverage(wells())
    assert coverage.warnings == ()
    assert coverage.outlets == (2, 3, 4, 5)
    assert [len(well) for well in coverage.rows[0].wells] == [2, 2, 2, 2]
    assert len(coverage.usable) == 40


def test_a_class_from_a_single_outlet_is_warned_of() -> None:
    coverage = describe_coverage(wells(outlets=(2, 3, 4)))
    (single,) = [f for f in coverage.warnings if f.code == "class_single_outlet"]
    assert "All rigid cells come from outlet 4" in single.message


def test_a_class_without_cells_is_warned_of() -> None:
    assert "class_missing" in codes(describe_coverage(wells(outlets=(2, 3))))


def test_outlets_1_and_6_to_12_are_shown_and_left_out() -> None:
    coverage = describe_coverage([*wells(), *wells(outlets=(1, 7))])
    assert coverage.outlets == (1, 2, 3, 4, 5, 7)
    assert coverage.excluded_outlets == (1, 7)
    assert {well.outlet for well in coverage.usable} == {2, 3, 4, 5}
    (note,) = coverage.warnings
    assert note.level is Level.INFO
    assert "outlets 1 and 7 are left out" in note.message


def test_what_one_donor_lacks_is_said_once_by_name() -> None:
    lacking = [w for w in wells() if w.donor != "D1" or w.outlet in (3, 4)]
    single = [w for w in lacking if w.donor != "D2" or w.well.endswith("-1")]
    coverage = describe_coverage(single)
    messages = {finding.code: finding.message for finding in coverage.warnings}
    assert messages["outlet_missing"].startswith("Donor D1 has no cells of outlets 2 and 5")
    assert messages["one_well_per_outlet"].startswith("Donor D2 has one well of outlets 2, 3, 4 an")
    assert len(coverage.warnings) == 2


def test_few_donors_and_few_cells_are_warned_of() -> None:
    coverage = describe_coverage(wells(donors=2, cells=20))
    assert codes(coverage)[0] == "few_donors"
    assert "3 are needed" in coverage.warnings[0].message
    assert codes(coverage).count("few_cells") == 2
    assert "no interval" in describe_coverage(wells(donors=4)).warnings[0].message


def test_wells_without_cells_do_not_count() -> None:
    coverage = describe_coverage(wells(cells=0))
    assert coverage.usable == ()
    assert "few_donors" in codes(coverage)
