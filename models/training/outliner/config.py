"""Every number the outliner's training depends on; saved in its description as JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

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
            "various": 0.26,
            "shaded": 0.17,
            "dark_rings": 0.06,
            "bright_rings": 0.06,
            "thin_rings": 0.08,
            "ghosts": 0.05,
            "crenated": 0.05,
            "low_contrast": 0.04,
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
    blurred_shares: tuple[float, ...] = (0.02, 0.08, 0.3)
    """Cells out of focus by themselves; each patch takes one of these."""
    edge_share: float = 0.3
    """Patches of which a strip lies outside the image, hence is 0."""
    packed_share: float = 0.2
    """Patches of which only boxes around their contents are kept, as on a packed sheet."""
    estimated_background_share: float = 0.4
    """Patches flattened by the program's own estimate; the others by the true light, slightly
    wrong."""

    def __post_init__(self) -> None:
        unknown = set(self.looks) - set(LOOKS) - {"donor_image"}
        held_out = set(self.looks) & set(HELD_OUT_LOOKS)
        if unknown or held_out:
            raise ValueError(f"not to be trained on: {sorted(unknown | held_out)}")


@dataclass(frozen=True)
class OutlinerConfig:
    """One training run of the outliner."""

    patches: PatchConfig = field(default_factory=PatchConfig)
    n_patches: int = 7000
    n_steps: int = 4000
    batch_size: int = 16
    learning_rate: float = 3e-3
    warm_up_share: float = 0.05
    """Share of all steps over which the learning rate rises before it falls as a cosine."""
    weight_decay: float = 1e-4
    radii_weight: float = 1.0
    kinds_weight: float = 0.4
    blurred_weight: float = 2.0
    """Of the kind of a blurred cell, since they are rare."""
    seed: int = 31_415
    processes: int = 2
    measured_fields: int = 3
    """Fields of each look on which the fitted network is judged."""

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists
        return values


def quick_config() -> OutlinerConfig:
    """Just enough to try the machinery."""
    return OutlinerConfig(n_patches=48, n_steps=30, measured_fields=1)
