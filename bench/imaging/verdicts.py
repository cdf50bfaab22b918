"""Verdicts on whole images: planted faults, good images, and images of another kind."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.imaging import ImageInspection
from app.domain.quality import Verdict
from bench.imaging import pliant
from bench.imaging.fields import USUAL_UM_PER_PX, TrueField
from bench.imaging.foreign import ForeignImage
from bench.imaging.shares import Share, wilson
from bench.imaging.spoilt import (
    BLUR_SIGMAS_PX,
    CURVE_SIGMAS_PX,
    PlantedImage,
    blur,
    draw_good,
    planted_images,
)

_STRICTNESS = {Verdict.ACCEPTED: 0, Verdict.PARTLY: 1, Verdict.REJECTED: 2}


@dataclass
class Tally:
    """How many of how many, by name."""

    hits: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    misses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, *, hit: bool, told: str) -> None:
        self.hits[name] += hit
        self.totals[name] += 1
        if not hit:
            self.misses[name].append(told)

    def share(self, *names: str) -> Share:
        chosen = names or tuple(self.totals)
        return wilson(
            sum(self.hits[name] for name in chosen), sum(self.totals[name] for name in chosen)
        )

    def missed(self, *names: str) -> Share:
        chosen = names or tuple(self.totals)
        total = sum(self.totals[name] for name in chosen)
        return wilson(total - sum(self.hits[name] for name in chosen), total)


@dataclass(frozen=True)
class PlantedFigures:
    """Planted images caught with the right reason, by fault; blurred ones caught, by σ."""

    caught: Tally
    curve: Tally


def measure_planted(n_images: int) -> PlantedFigures:
    caught, curve = Tally(), Tally()
    for number in range(n_images):
        good = draw_good(number).pixels
        for sigma_px in CURVE_SIGMAS_PX:
            image = pliant.inspect(blur(good, sigma_px), um_per_px=USUAL_UM_PER_PX).image
            curve.add(f"{sigma_px:g}", hit=_has(image, "out_of_focus"), told=describe(image))
        for planted in planted_images(number, good):
            image = pliant.inspect(planted.pixels, um_per_px=USUAL_UM_PER_PX).image
            told = f"number {number}: {describe(image)}"
            caught.add(planted.fault, hit=is_caught(planted, image), told=told)
    return PlantedFigures(caught, curve)


def is_caught(planted: PlantedImage, image: ImageInspection) -> bool:
    strict = _STRICTNESS[image.verdict] >= _STRICTNESS[planted.verdict]
    return strict and _has(image, planted.reason)


def measure_accepted(fields: Iterable[TrueField], accepted: Tally) -> None:
    """Count good images that are accepted whole, by look."""
    for good in fields:
        image = pliant.inspect(good.pixels, um_per_px=good.um_per_px).image
        accepted.add(good.look, hit=image.verdict is Verdict.ACCEPTED, told=describe(image))


def measure_blurred(fields: Iterable[TrueField], blurred: Tally) -> None:
    """Count good images that are rejected as out of focus once they are blurred, by look."""
    for good in fields:
        for sigma_px in BLUR_SIGMAS_PX:
            pixels = blur(good.pixels, sigma_px * good.per_usual_px)
            image = pliant.inspect(pixels, um_per_px=good.um_per_px).image
            hit = image.verdict is Verdict.REJECTED and _has(image, "out_of_focus")
            blurred.add(good.look, hit=hit, told=f"σ {sigma_px:g} px: {describe(image)}")


def measure_foreign(images: Iterable[ForeignImage]) -> Tally:
    """Images of another kind, rejected for nothing but right reasons."""
    right = Tally()
    for foreign in images:
        image = pliant.inspect(foreign.pixels, um_per_px=USUAL_UM_PER_PX).image
        codes = {finding.code for finding in image.findings}
        hit = image.verdict is Verdict.REJECTED and bool(codes) and codes <= foreign.right
        right.add(foreign.kind, hit=hit, told=f"{foreign.name}: {describe(image)}")
    return right


def _has(image: ImageInspection, code: str) -> bool:
    return image.verdict is not Verdict.ACCEPTED and any(f.code == code for f in image.findings)


def describe(image: ImageInspection) -> str:
    codes = ", ".join(finding.code for finding in image.findings)
    return f"{image.verdict.value} ({codes or 'no finding'})"
