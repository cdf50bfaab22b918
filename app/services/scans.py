"""Taking in images: checked strictly, stored durably, recorded once, queued for inspection."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries import samples as sample_queries
from app.db.queries import scans as queries
from app.db.session import SessionMaker, transaction
from app.db.tables import InstrumentProfile, Sample, ScanImage, Well
from app.decoding import decode_image
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.imaging.scan_image import ImageFormat, check_bmp_header, sniff_format
from app.domain.quality import Verdict
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM, Principal
from app.services import audit, mix_ups
from app.services.visibility import may_see, refuse_if_closed, visible_well
from app.storage import Store, image_key, out_of_space

LONGEST_FILENAME = 255
DEMONSTRATION_PRIORITY = 10


@dataclass(frozen=True)
class ReceivedImage:
    """An image as it is now; `is_new` if this upload brought it."""

    id: uuid.UUID
    well_id: uuid.UUID
    sha256: str
    filename: str
    format: ImageFormat
    n_bytes: int
    verdict: Verdict
    findings: tuple[dict[str, Any], ...]
    created_at: dt.datetime
    is_new: bool


@dataclass(frozen=True)
class Expected:
    """What an image for this well must be; read before the body, held without a connection."""

    well_id: uuid.UUID
    height_px: int
    width_px: int

    def check_first_bytes(self, first_bytes: bytes, n_bytes: int) -> None:
        """Refuse by the header what could never be accepted, before the rest is read."""
        if sniff_format(first_bytes) is ImageFormat.BMP:
            check_bmp_header(
                first_bytes, n_bytes=n_bytes, height_px=self.height_px, width_px=self.width_px
            )


def refuse_without_room(store: Store, *, n_bytes: int, least_free_bytes: int) -> None:
    """Refuse what the store could not keep and leave `least_free_bytes` free, if it can tell."""
    free_bytes = store.free_bytes()
    if free_bytes is not None and free_bytes - n_bytes < least_free_bytes:
        raise out_of_space()


def expect_image(session: Session, principal: Principal, well_id: uuid.UUID) -> Expected:
    well, _ = visible_well(session, principal, well_id)
    profile = session.get_one(InstrumentProfile, well.profile_id)
    return Expected(well.id, height_px=profile.height, width_px=profile.width)


def find_image(
    session: Session, principal: Principal, well_id: uuid.UUID, sha256: str
) -> ReceivedImage:
    """The image if it is there, its row committed; else NotFound."""
    visible_well(session, principal, well_id)
    image = queries.image_in_well(session, well_id, sha256)
    if image is None or _was_unreadable(image):
        raise NotFound("image_unknown", "This image is not in this well; send it.")
    return _view(image, is_new=False)


def receive_image(
    sessions: SessionMaker,
    store: Store,
    principal: Principal,
    *,
    expected: Expected,
    sha256: str,
    filename: str,
    data: bytearray,
) -> ReceivedImage:
    """Check, store, record. The bytes have this digest; they are durable before the row is.

    Raises
    ------
    InvalidInput
        As `decode_image`: what is not a grey image of the profile's size.
    Conflict
        ``duplicate_elsewhere`` or ``sample_released``.
    """
    image_format = sniff_format(bytes(data[:16]))
    content = _Content(sha256, _display_name(filename, sha256), image_format, len(data))
    _refuse_early(sessions, principal, expected=expected, sha256=sha256)
    decode_image(
        memoryview(data),
        format=image_format,
        height_px=expected.height_px,
        width_px=expected.width_px,
    )
    store.put_once(image_key(sha256), data)
    with transaction(sessions) as session:
        received = _record(session, principal, well_id=expected.well_id, content=content)
    if received is None:
        raise _duplicate(sessions, principal, well_id=expected.well_id, sha256=sha256)
    return received


@dataclass(frozen=True)
class _Content:
    sha256: str
    filename: str
    format: ImageFormat
    n_bytes: int


def _refuse_early(
    sessions: SessionMaker, principal: Principal, *, expected: Expected, sha256: str
) -> None:
    """Say no before the work of decoding and storing; `_record` decides."""
    with transaction(sessions) as session:
        found = queries.image_of_content(session, sha256)
        if found is None:
            _, sample = visible_well(session, principal, expected.well_id)
            refuse_if_closed(sample)
    if found is not None and found[0].well_id != expected.well_id:
        raise _duplicate(sessions, principal, well_id=expected.well_id, sha256=sha256)


def _record(
    session: Session, principal: Principal, *, well_id: uuid.UUID, content: _Content
) -> ReceivedImage | None:
    """The image's row, made once; None if the bytes lie in another well."""
    queries.lock_content(session, content.sha256)
    found = queries.image_of_content(session, content.sha256)
    if found is not None and found[0].well_id != well_id:
        return None
    if found is not None and not _was_unreadable(found[0]):
        return _view(found[0], is_new=False)
    well = session.get_one(Well, well_id)
    sample = sample_queries.held_still(session, well.sample_id)
    refuse_if_closed(sample)
    if found is not None:
        return _judge_again(session, principal, found[0].id, sample)
    image = ScanImage(
        scan_id=sample_queries.newest_scan(session, well_id).id,
        well_id=well_id,
        sha256=content.sha256,
        filename=content.filename,
        format=content.format.value,
        n_bytes=content.n_bytes,
        verdict=Verdict.PENDING.value,
        findings=[],
        created_by=principal.id,
    )
    session.add(image)
    session.flush()
    session.refresh(image)
    _queue_inspection(session, image, sample)
    audit.record(
        session, actor=principal.id, action="image.received", entity="image",
        entity_id=str(image.id), after={"well_id": str(well_id), "sha256": content.sha256},
    )  # fmt: skip
    return _view(image, is_new=True)


def _was_unreadable(image: ScanImage) -> bool:
    """Whether the image was rejected since no worker could read its bytes, not for its look."""
    return image.verdict == Verdict.REJECTED and image.pipeline_version is None


def _judge_again(
    session: Session, principal: Principal, image_id: uuid.UUID, sample: Sample
) -> ReceivedImage:
    """Queue an unreadable image anew, now that its bytes were sent and stored again."""
    image = queries.locked_image(session, image_id)
    if _was_unreadable(image):
        image.verdict, image.findings, image.inspected_at = Verdict.PENDING.value, [], None
        _queue_inspection(session, image, sample)
        audit.record(
            session, actor=principal.id, action="image.received_again", entity="image",
            entity_id=str(image.id), after={"sha256": image.sha256},
        )  # fmt: skip
    return _view(image, is_new=False)


def _queue_inspection(session: Session, image: ScanImage, sample: Sample) -> None:
    # Whoever tries the product beside its demonstration does not wait for the latter.
    is_drawn_here = sample.is_demonstration and sample.created_by == SYSTEM.id
    priority = DEMONSTRATION_PRIORITY if is_drawn_here else None
    ledger.enqueue(session, JobKind.INSPECT_IMAGE, image.id, priority=priority)


def _duplicate(
    sessions: SessionMaker, principal: Principal, *, well_id: uuid.UUID, sha256: str
) -> Conflict:
    """A possible mix-up: an alarm on both samples, told without what a stranger may not see."""
    with transaction(sessions) as session:
        found = queries.image_of_content(session, sha256)
        assert found is not None, "images are never removed"
        image, sample = found
        mix_ups.raise_alarm(
            session, principal, image=image, sample=sample, sent_to=session.get_one(Well, well_id)
        )
    where = {"well_id": str(image.well_id), "sample_id": str(sample.id), "image_id": str(image.id)}
    return Conflict(
        "duplicate_elsewhere",
        "The same image was already sent to another well, so one of the two was mixed up; compare "
        "the folders.",
        **(where if may_see(principal, sample) else {}),
    )


def _display_name(filename: str, sha256: str) -> str:
    """Names are for people only: no path, nothing unprintable; without one, the digest."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if len(last) > LONGEST_FILENAME:
        raise InvalidInput(
            "filename_too_long", f"A file name has up to {LONGEST_FILENAME} characters; shorten it."
        )
    printable = "".join(character for character in last if character.isprintable())
    return printable or f"{sha256[:12]}"


def _view(image: ScanImage, *, is_new: bool) -> ReceivedImage:
    return ReceivedImage(
        id=image.id,
        well_id=image.well_id,
        sha256=image.sha256,
        filename=image.filename,
        format=ImageFormat(image.format),
        n_bytes=image.n_bytes,
        verdict=Verdict(image.verdict),
        findings=tuple(image.findings),
        created_at=image.created_at,
        is_new=is_new,
    )
