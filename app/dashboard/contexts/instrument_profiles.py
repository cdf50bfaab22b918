"""The microscopes that images may come from, and the form that describes another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues, MomentText, count_text, moment_text
from app.services.instrument_profiles import Polarity, ProfileView

POLARITIES: Final = {
    Polarity.DARK_CELLS: "Darker than the field",
    Polarity.BRIGHT_CELLS: "Brighter than the field",
}


@dataclass(frozen=True)
class PolarityChoice:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class ProfileRow:
    name: str
    is_built_in: bool
    scale: str
    size: str
    field: str
    cells: str
    made: MomentText


@dataclass(frozen=True)
class ProfilesPage:
    rows: tuple[ProfileRow, ...]
    may_add: bool
    values: FormValues
    polarities: tuple[PolarityChoice, ...]
    notice: Notice | None = None


def profiles_page(
    profiles: Sequence[ProfileView],
    *,
    may_add: bool,
    values: FormValues,
    notice: Notice | None = None,
) -> ProfilesPage:
    chosen = values["polarity"] or Polarity.DARK_CELLS.value
    return ProfilesPage(
        rows=tuple(_row(profile) for profile in profiles),
        may_add=may_add,
        values=values,
        polarities=tuple(
            PolarityChoice(one.value, text, one.value == chosen) for one, text in POLARITIES.items()
        ),
        notice=notice,
    )


def _row(profile: ProfileView) -> ProfileRow:
    wide_um, high_um = (side * profile.um_per_px for side in (profile.width, profile.height))
    return ProfileRow(
        name=profile.name,
        is_built_in=profile.is_built_in,
        scale=f"{profile.um_per_px:g} µm per pixel",
        size=f"{count_text(profile.width)} × {count_text(profile.height)} px",
        field=f"{wide_um:.0f} × {high_um:.0f} µm",
        cells=POLARITIES[profile.polarity],
        made=moment_text(profile.created_at),
    )
