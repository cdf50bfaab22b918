"""Every number the outliner's training depends on; saved in its description as JSON."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from app.domain.synthetic.looks import HELD_OUT_LOOKS, LOOKS


@dataclass(frozen=True)
class PatchConfig:
    """What the patches look like that the outliner is trained on; shares are of all patches.

    Attributes
    ----------
    side_px
        Side of a patch, working px; a multiple of 8.
    um_per_px
        Range of the size of a working pixel the cells are drawn for: larger and smaller cells than
        the instrument's, so that a scale that is a little wrong does no harm.
    looks
        Relative frequency by name; ``donor_image`` is the simulated samples' own look.
    """

    side_px: int = 192
    um_per_px: tuple[float, float] = (0.25, 0.48)
    looks: dict[str, float] = field(
        default_factory=lambda: {
            "donor_image": 0.23,
            "various": 0.28,
            "shaded": 0.17,
            "dark_rings": 0.06,
            "bright_rings": 0.06,
            "thin_rings": 0.08,
            "ghosts": 0.05,
            "crenated": 0.05,
            "low_contrast": 0.07,
        }
    )
    empty_share: float = 0.06
    wall_share: float = 0.06
    strong_looks: tuple[str, ...] = ("shaded", "dark_rings", "bright_rings", "crenated")
    """Looks whose cells outlive hard compression; the others keep the better qualities."""
    worst_jpeg: int = 45
    worst_jpeg_of_faint: int = 80
    jpeg_share: float = 0.25
    printed_share: float = 0.4
    """Of the strong looks' and the donor images' patches: made from a smaller picture, as in
    print."""
    printed_soft_px: tuple[float, float] = (0.0, 1.0)
    """Blur of the smaller picture, σ in its own pixels."""
    enlarged: tuple[float, float] = (1.4, 3.0)
    """How many times larger than the picture it was made from."""
    printed_twice_share: float = 0.5
    """Of the printed patches of `solid_looks`: once before, still smaller, as in a figure that was
    made from a figure."""
    first_enlarged: tuple[float, float] = (3.0, 5.0)
    first_jpeg: tuple[int, int] = (40, 85)
    solid_looks: tuple[str, ...] = ("donor_image", "shaded")
    blurred_shares: tuple[float, ...] = (0.02, 0.02, 0.08, 0.08, 0.08, 0.3, 0.3, 0.3, 1.0)
    """Cells out of focus by themselves, or all of them; each patch takes one of these."""
    edge_share: float = 0.3
    """Patches of which a strip lies outside the image, hence is 0."""
    packed_share: float = 0.4
    """Patches of which only boxes around their contents are kept, as on a packed sheet."""
    neighbours_share: float = 0.6
    """Of the packed patches: those with pieces of something else between the boxes, as there."""
    estimated_background_share: float = 0.4
    """Patches flattened by the program's own estimate; the others by the true light, slightly
    wrong."""

    def __post_init__(self) -> None:
        unknown = set(self.looks) - set(LOOKS) - {"donor_image"}
        held_out = set(self.looks) & set(HELD_OUT_LOOKS)
        if unknown or held_out:
            raise ValueError(f"not to be trained on: {sorted(unknown | held_out)}")


@dataclass(frozen=True)
class Round:
    """One fall of the learning rate from its height to nearly nothing.

    Attributes
    ----------
    warm_up_share
        Share of the steps over which the learning rate rises before it falls as a cosine.
    place_weight
        Of an outline's centroid beside its radii.
    blurred_weight
        Of the kind of a blurred cell, since they are rare.
    seed
        Of the batches.
    """

    n_steps: int
    learning_rate: float
    kinds_weight: float
    blurred_weight: float
    seed: int
    warm_up_share: float = 0.05
    radii_weight: float = 1.0
    place_weight: float = 1.0


FIRST_ROUND: Final = Round(
    n_steps=6500, learning_rate=3e-3, kinds_weight=0.4, blurred_weight=2.0, seed=31_415
)
SECOND_ROUND: Final = Round(
    n_steps=3600, learning_rate=2e-3, kinds_weight=0.6, blurred_weight=1.0, seed=27_182
)


@dataclass(frozen=True)
class OutlinerConfig:
    """One training run of the outliner."""

    patches: PatchConfig = field(default_factory=PatchConfig)
    n_patches: int = 12_000
    rounds: tuple[Round, ...] = (FIRST_ROUND, SECOND_ROUND)
    batch_size: int = 16
    weight_decay: float = 1e-4
    seed: int = 31_415
    """Of the patches and of the first weights."""
    processes: int = 2
    measured_fields: int = 3
    """Fields of each look on which the fitted network is judged."""

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists
        return values


def quick_config() -> OutlinerConfig:
    """Just enough to try the machinery."""
    rounds = (replace(FIRST_ROUND, n_steps=30),)
    return OutlinerConfig(n_patches=48, rounds=rounds, measured_fields=1)
