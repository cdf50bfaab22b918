"""The whole measurement: every method on the same images, and Pliant's verdicts and costs."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from app.domain.synthetic.looks import HELD_OUT_LOOKS
from bench.imaging import baselines, drawn, figure_one, foreign, outliner_alone, pliant
from bench.imaging.cost import Spent, measure_cost
from bench.imaging.detection import (
    CentreFigures,
    LookFigures,
    compare_all,
    measure_centres,
)
from bench.imaging.fields import Method, TrueField
from bench.imaging.figure_one import MarkFigures
from bench.imaging.matching import Comparison
from bench.imaging.memory import measure_beyond_image
from bench.imaging.shares import Share
from bench.imaging.verdicts import (
    PlantedFigures,
    Tally,
    measure_accepted,
    measure_blurred,
    measure_foreign,
    measure_planted,
)

PLIANT: Final = "Pliant"
PUBLISHED: Final = "published method"
METHODS: Final[Mapping[str, Method]] = {
    PLIANT: pliant.find,
    "outliner alone, whole image": outliner_alone.find,
    PUBLISHED: baselines.at_usual_size(baselines.find_as_published),
    "Hough circles after CLAHE": baselines.at_usual_size(baselines.find_circles),
    "scikit-image watershed": baselines.at_usual_size(baselines.find_by_watershed),
}
NOT_HELD_OUT: Final = "all looks but those held out"
HELD_OUT: Final = "looks held out"
COST_CELLS: Final = (200, 2000)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many images of what; other methods see the first of Pliant's fields."""

    fields_per_look: int = 40
    compared_per_look: int = 12
    blurred_per_look: int = 8
    crowded: int = 3
    planted: int = 25
    timed: int = 5
    has_real: bool = True
    has_memory: bool = True


QUICK: Final = Sizes(
    fields_per_look=1,
    blurred_per_look=1,
    crowded=1,
    planted=1,
    timed=1,
    has_real=False,
    has_memory=False,
)


@dataclass
class MethodFigures:
    """What one method reaches; the real ones are None where their images are missing.

    Attributes
    ----------
    looks
        By look or group of looks.
    spent
        By number of cells on a whole field.
    """

    looks: dict[str, LookFigures] = field(default_factory=dict)
    figure_one: MarkFigures | None = None
    smears: CentreFigures | None = None
    annotated_smears: CentreFigures | None = None
    spent: dict[int, Spent] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        marks, smears = saved["figure_one"], saved["smears"]
        annotated = saved["annotated_smears"]
        return cls(
            looks={look: LookFigures.from_json(one) for look, one in saved["looks"].items()},
            figure_one=marks and MarkFigures(**marks | _shares(marks)),
            smears=smears and CentreFigures(**smears | _shares(smears)),
            annotated_smears=annotated and CentreFigures(**annotated | _shares(annotated)),
            spent={int(n_cells): Spent(**one) for n_cells, one in saved["spent"].items()},
        )


def _shares(saved: Mapping[str, Any]) -> dict[str, Share]:
    return {name: Share(**value) for name, value in saved.items() if isinstance(value, dict)}


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that was measured; `pixels_sha256` names the drawn images."""

    sizes: Sizes
    methods: dict[str, MethodFigures]
    pixels_sha256: str
    accepted: Tally
    blurred: Tally
    planted: PlantedFigures
    foreign: Tally
    faint: CentreFigures | None
    whole_ms: dict[int, Spent]
    memory_bytes: dict[int, int]


def run(sizes: Sizes) -> Results:
    figures = {name: MethodFigures() for name in METHODS}
    accepted, digest, whole_ms = measure_methods(sizes, METHODS, figures)
    blurred = Tally()
    for look in drawn.LOOKS[1:]:
        measure_blurred(drawn.draw_look(look, sizes.blurred_per_look), blurred)
    return Results(
        sizes=sizes,
        methods=figures,
        pixels_sha256=digest,
        accepted=accepted,
        blurred=blurred,
        planted=measure_planted(sizes.planted),
        foreign=measure_foreign(foreign.foreign_images() if sizes.has_real else ()),
        faint=measure_centres(
            pliant.find,
            foreign.faint_cells() if sizes.has_real else (),
            um_per_px=foreign.FAINT_UM_PER_PX,
            reach_px=foreign.FAINT_REACH_PX,
        ),
        whole_ms=whole_ms,
        memory_bytes={n: measure_beyond_image(n) for n in COST_CELLS if sizes.has_memory},
    )


def measure_methods(
    sizes: Sizes, methods: Mapping[str, Method], figures: Mapping[str, MethodFigures]
) -> tuple[Tally, str, dict[int, Spent]]:
    """Fill in the methods' figures; the other results are Pliant's, and the hash of the images."""
    accepted, digest = measure_detection(sizes, methods, figures)
    if sizes.has_real:
        measure_real(methods, figures)
    return accepted, digest, measure_spent(sizes, methods, figures)


def sources(sizes: Sizes) -> dict[str, Callable[[], Iterator[TrueField]]]:
    """The drawn fields by look, drawn when called."""
    count = sizes.fields_per_look
    looks: dict[str, Callable[[], Iterator[TrueField]]] = {
        look: lambda look=look: drawn.draw_look(look, count)  # type: ignore[misc]  # its own default
        for look in drawn.LOOKS
    }
    looks[drawn.CROWDED] = lambda: drawn.draw_crowded(sizes.crowded)
    looks[drawn.SCALES] = lambda: drawn.draw_other_sizes(count)
    return looks


def measure_detection(
    sizes: Sizes, methods: Mapping[str, Method], figures: Mapping[str, MethodFigures]
) -> tuple[Tally, str]:
    """Fill in the looks; good images that Pliant accepts, and the hash of all."""
    compared: dict[str, dict[str, list[Comparison]]] = {name: {} for name in methods}
    accepted, digest = Tally(), hashlib.sha256()
    for look, draw in sources(sizes).items():
        fields = list(draw())
        for one in fields:
            digest.update(one.pixels.tobytes())
        for name, method in methods.items():
            seen = fields if name == PLIANT else fields[: sizes.compared_per_look]
            compared[name][look] = compare_all(method, seen)
        measure_accepted(fields, accepted)
    for name, by_look in compared.items():
        for group, looks in groups().items():
            together = [one for look in looks for one in by_look[look]]
            figures[name].looks[group] = LookFigures.of(together)
    return accepted, digest.hexdigest()


def groups() -> dict[str, tuple[str, ...]]:
    """Looks, and looks pooled, by name."""
    single = {look: (look,) for look in (*drawn.LOOKS, drawn.CROWDED, drawn.SCALES)}
    known = tuple(look for look in drawn.LOOKS if look not in HELD_OUT_LOOKS)
    return single | {NOT_HELD_OUT: known, HELD_OUT: HELD_OUT_LOOKS}


def measure_real(methods: Mapping[str, Method], figures: Mapping[str, MethodFigures]) -> None:
    panels, smears = list(figure_one.panels()), list(foreign.stained_smears())
    for name, method in methods.items():
        figures[name].figure_one = figure_one.measure_marks(method, panels)
        figures[name].smears = measure_smears(method, smears)
        figures[name].annotated_smears = measure_smears(
            method, [one for one in smears if len(one.centres) >= foreign.WELL_ANNOTATED]
        )


def measure_smears(
    method: Method, smears: Sequence[foreign.AnnotatedImage]
) -> CentreFigures | None:
    return measure_centres(
        method, smears, um_per_px=foreign.SMEAR_UM_PER_PX, reach_px=foreign.SMEAR_REACH_PX
    )


def measure_spent(
    sizes: Sizes, methods: Mapping[str, Method], figures: Mapping[str, MethodFigures]
) -> dict[int, Spent]:
    """Fill in the methods' times; that of all an image needs before its crops are classified."""
    whole = {}
    works: dict[str, Callable[..., Sized]] = {**methods, "whole": pliant.inspect_and_crop}
    for n_cells in COST_CELLS:
        spent = measure_cost(works, n_cells=n_cells, n_images=sizes.timed)
        whole[n_cells] = spent.pop("whole")
        for name, one in spent.items():
            figures[name].spent[n_cells] = one
    return whole
