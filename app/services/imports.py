"""Bringing the published image set in: a sample per donor, wells by outlet, images as uploaded.

Every step may be made twice: what is there is used again, so an import that was broken off goes on
where it stopped.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput, NotFound, PliantError
from app.domain.method_comparison.published import DONORS, SOURCE
from app.domain.published_dataset import (
    DOI,
    PUBLISHED_FITS,
    PUBLISHED_IMAGES,
    WellCount,
    WellPlace,
    compare_counts,
)
from app.security.permissions import Principal
from app.services import references, samples, scans
from app.services.doctor import LEAST_FREE_BYTES
from app.services.published_images import Delivery, SourceImage, by_donor
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample, NewWell
from app.storage import Store

OnImage = Callable[[int, SourceImage], None]

SECONDS_PER_IMAGE: Final = 0.3
"""Storing, judging, segmenting and classifying one image of the published size, one worker."""


@dataclass(frozen=True)
class Refusal:
    """An image that was not taken in, and why."""

    name: str
    code: str
    message: str


@dataclass
class ImportReport:
    """What an import did; images that were there already are no news."""

    n_new: int = 0
    n_known: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class Importer:
    """Where images go, and in whose name."""

    sessions: SessionMaker
    store: Store
    principal: Principal
    max_image_bytes: int
    run_sd: float

    def take(self, delivery: Delivery, on_image: OnImage) -> ImportReport:
        """Take every image in; one that is refused stops no other.

        Parameters
        ----------
        on_image
            Told before each image how many were seen so far; what it raises ends the import.
        """
        report = ImportReport()
        seen = 0
        for donor, images in by_donor(delivery.images).items():
            wells = self._wells(donor, images)
            for image in images:
                on_image(seen, image)
                seen += 1
                try:
                    is_new = self._send(image, wells[image.place])
                except PliantError as error:
                    report.refused.append(Refusal(image.name, error.code, error.message))
                else:
                    report.n_new += is_new
                    report.n_known += not is_new
        return report

    def _wells(self, donor: int, images: Sequence[SourceImage]) -> dict[WellPlace, uuid.UUID]:
        with transaction(self.sessions) as session:
            found = samples.list_samples(session, self.principal, donor_code=donor_code(donor))
            if found.items:
                sample = found.items[-1]
            else:
                sample = samples.create_sample(session, self.principal, _new_sample(donor))
        if not sample.references:
            self._add_reference(donor, sample.id)
        places = {image.place for image in images}
        known = {(well.outlet, well.number): well.id for well in sample.wells}
        return {
            place: known.get((place.outlet, place.number)) or self._add_well(sample.id, place)
            for place in sorted(places)
        }

    def _add_well(self, sample_id: uuid.UUID, place: WellPlace) -> uuid.UUID:
        with transaction(self.sessions) as session:
            new = NewWell(outlet=place.outlet, number=place.number)
            return samples.add_well(session, self.principal, sample_id, new).id

    def _add_reference(self, donor: int, sample_id: uuid.UUID) -> None:
        published = {row.number: row for row in DONORS}.get(donor)
        if published is None:
            return
        entered = EnteredReference(
            rigidity_score=published.reference_score,
            device="microfluidic ratchet",
            source=SOURCE,
        )
        with transaction(self.sessions) as session:
            references.add_reference(
                session, self.principal, sample_id, entered, run_sd=self.run_sd
            )

    def _send(self, image: SourceImage, well_id: uuid.UUID) -> bool:
        """Whether the image is new."""
        if image.n_bytes > self.max_image_bytes:
            raise InvalidInput(
                "body_too_large",
                f"The file is larger than the {self.max_image_bytes} bytes allowed here.",
            )
        data = image.read()
        digest = hashlib.sha256(data).hexdigest()
        if self._is_there(well_id, digest):
            return False
        with transaction(self.sessions) as session:
            expected = scans.expect_image(session, self.principal, well_id)
        received = scans.receive_image(
            self.sessions,
            self.store,
            self.principal,
            expected=expected,
            sha256=digest,
            filename=image.name.rsplit("/", 1)[-1],
            data=data,
        )
        return received.is_new

    def _is_there(self, well_id: uuid.UUID, digest: str) -> bool:
        try:
            with transaction(self.sessions) as session:
                scans.find_image(session, self.principal, well_id, digest)
        except NotFound:
            return False
        return True


def donor_code(donor: int) -> str:
    """The code an imported donor has here."""
    return f"FRDR-{donor}"


def _new_sample(donor: int) -> NewSample:
    fit = PUBLISHED_FITS.get(donor)
    published = {row.number: row for row in DONORS}.get(donor)
    is_tube = fit is not None and fit.is_fresh_tube
    return NewSample(
        donor_code=donor_code(donor),
        container=Container.CITRATE_TUBE if is_tube else Container.BLOOD_BAG,
        storage_day=None if published is None else published.storage_day,
        notes=f"Published image set, doi {DOI}, donor {donor}.",
    )


def describe(delivery: Delivery, *, workers: int) -> Iterator[str]:
    """What an import will bring, line by line: size and time, then what is not as published."""
    minutes = max(1, round(len(delivery.images) * SECONDS_PER_IMAGE / workers / 60))
    yield (
        f"{len(delivery.images)} images of {len(delivery.counts)} wells, "
        f"{delivery.n_bytes / 1e9:.1f} GB on disk; judging them takes about {minutes} min with "
        f"{workers} workers."
    )
    counts = compare_counts(delivery.counts)
    complete = [count for count in counts if count.is_as_published]
    yield f"{len(complete)} of {len(PUBLISHED_IMAGES)} wells have as many images as published."
    there = {image.place.donor for image in delivery.images}
    wrong = (c for c in counts if c.place.donor in there and not c.is_as_published)
    yield from map(_describe_count, wrong)
    absent = sorted({count.place.donor for count in counts} - there)
    if absent:
        yield f"Donors not there: {', '.join(map(str, absent))}."
    yield from (
        f"left out, no donor, outlet and well in its name: {name}" for name in delivery.left_out
    )


def _describe_count(count: WellCount) -> str:
    if count.published is None:
        return f"{count.place.name}: {count.found} images, no such well was published"
    return f"{count.place.name}: {count.found} images, {count.published} were published"


def refuse_without_room(delivery: Delivery, *, free_bytes: int) -> None:
    """Say so before anything is written.

    Raises
    ------
    Conflict
        ``no_room``.
    """
    needed = delivery.n_bytes + LEAST_FREE_BYTES
    if free_bytes < needed:
        raise Conflict(
            "no_room",
            f"The images need {needed / 1e9:.1f} GB and {free_bytes / 1e9:.1f} GB are free; make "
            "room, or import one donor's folder at a time.",
        )
