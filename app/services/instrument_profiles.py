"""Instrument profiles: a microscope with its camera, the scale and the size of its images."""

import datetime as dt
import math
import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import samples as queries
from app.db.tables import InstrumentProfile
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import LARGEST_SIDE_PX, SMALLEST_SIDE_PX
from app.security.permissions import SYSTEM, Principal
from app.services import audit

BUILT_IN_NAME: Final = "Brightfield 40×"


class Polarity(StrEnum):
    """How cells look against the field."""

    DARK_CELLS = "dark_cells"
    BRIGHT_CELLS = "bright_cells"


@dataclass(frozen=True, kw_only=True)
class NewProfile:
    name: str
    um_per_px: float
    width: int
    height: int
    polarity: Polarity = Polarity.DARK_CELLS


@dataclass(frozen=True)
class ProfileView:
    id: uuid.UUID
    name: str
    um_per_px: float
    width: int
    height: int
    polarity: Polarity
    parameters: dict[str, Any]
    is_built_in: bool
    created_at: dt.datetime


def list_profiles(session: Session) -> tuple[ProfileView, ...]:
    return tuple(_view(profile) for profile in queries.list_profiles(session))


def get_profile(session: Session, profile_id: uuid.UUID) -> ProfileView:
    profile = session.get(InstrumentProfile, profile_id)
    if profile is None:
        raise NotFound("profile_unknown", "There is no such instrument profile; list them first.")
    return _view(profile)


def built_in(session: Session) -> ProfileView:
    """The published set-up, made on first use."""
    profile = queries.built_in_profile(session)
    if profile is not None:
        return _view(profile)
    usual = ImagingParameters()
    new = NewProfile(
        name=BUILT_IN_NAME,
        um_per_px=usual.um_per_px,
        width=usual.width_px,
        height=usual.height_px,
    )
    return _insert(session, SYSTEM, new, is_built_in=True)


def create_profile(session: Session, principal: Principal, new: NewProfile) -> ProfileView:
    _check(new)
    if queries.profile_by_name(session, new.name):
        raise Conflict("profile_exists", f"There is already a profile named {new.name}.")
    return _insert(session, principal, new, is_built_in=False)


def _check(new: NewProfile) -> None:
    if not 1 <= len(new.name) <= 100 or not new.name.isprintable():
        raise InvalidInput("profile_name", "A name has 1 to 100 printable characters.")
    if not (math.isfinite(new.um_per_px) and 0.01 <= new.um_per_px <= 2):
        raise InvalidInput(
            "profile_scale", "The scale lies between 0.01 and 2 µm per pixel; correct it."
        )
    for side_px in (new.width, new.height):
        if not SMALLEST_SIDE_PX <= side_px <= LARGEST_SIDE_PX:
            raise InvalidInput(
                "profile_size",
                f"An image's sides have {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} px; correct it.",
            )


def _insert(
    session: Session, principal: Principal, new: NewProfile, *, is_built_in: bool
) -> ProfileView:
    parameters = replace(
        ImagingParameters(),
        um_per_px=new.um_per_px,
        height_px=new.height,
        width_px=new.width,
        polarity="bright" if new.polarity is Polarity.BRIGHT_CELLS else "dark",
    )
    profile = InstrumentProfile(
        name=new.name,
        um_per_px=new.um_per_px,
        width=new.width,
        height=new.height,
        polarity=new.polarity.value,
        parameters=parameters.to_json(),
        is_built_in=is_built_in,
    )
    session.add(profile)
    session.flush()
    session.refresh(profile)
    audit.record(
        session, actor=principal.id, action="instrument_profile.created",
        entity="instrument_profile", entity_id=str(profile.id),
        after={"name": new.name, "um_per_px": new.um_per_px},
    )  # fmt: skip
    return _view(profile)


def _view(profile: InstrumentProfile) -> ProfileView:
    return ProfileView(
        id=profile.id,
        name=profile.name,
        um_per_px=profile.um_per_px,
        width=profile.width,
        height=profile.height,
        polarity=Polarity(profile.polarity),
        parameters=profile.parameters,
        is_built_in=profile.is_built_in,
        created_at=profile.created_at,
    )
