"""Every length and limit of the imaging pipeline: one set per instrument profile, saved with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from app.domain.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class ImagingParameters:
    """What the pipeline may know about an instrument; it never learns the outlet.

    Lengths are in µm so that one set serves other magnifications. Contrasts are fractions of the
    local background, slopes are such fractions per µm.
    """

    um_per_px: float = 0.1825
    """Size of a pixel: 40× objective and 7.3 µm camera pitch (derived from the data article)."""
    height_px: int = 2424
    width_px: int = 2424

    work_um_per_px: float = 0.365
    """Pixel size the search works at; whole multiples of `um_per_px` are used."""
    background_um_per_px: float = 1.46
    """Pixel size at which the background is estimated."""
    background_um: float = 30.0
    """Side of the background's median window: more than twice a cell with its shadow."""
    smooth_um: float = 0.365
    """Gaussian σ before slopes are taken."""

    cell_diameter_um: float = 6.2
    """Usual diameter: 34 px across in the published crops."""
    smallest_radius_um: float = 1.6
    largest_radius_um: float = 5.5
    radius_step_um: float = 0.18
    """The outline is searched between these radii in these steps."""
    closest_um: float = 3.0
    """Two centres nearer than this are one cell."""

    slope_floor: float = 0.035
    """Weakest rim slope (fraction of the background per µm) that can be a cell's."""
    slope_noise_factor: float = 3.0
    """A rim must also be this many times as steep as the image's ordinary background."""
    outside_weight: float = 0.7
    """How strongly an edge further out counts against an outline."""
    roundness_weight: float = 0.15
    """Cost of one radius step between neighbouring angles, as a share of the rim's strength."""
    radius_weight: float = 0.12
    """Cost of an outline one usual radius away from the usual one, as a share of its strength."""
    largest_drift_um: float = 2.0
    """An outline's centre may move this far from where the cell was suspected."""
    smallest_coverage: float = 0.6
    """Share of the 32 directions in which a rim must be seen."""
    own_share: float = 0.6
    """A candidate whose distance to a stronger one is below this share of their mean radii sum
    is the same cell seen twice."""

    smallest_diameter_um: float = 3.6
    largest_diameter_um: float = 9.0
    """Below the first it is debris, above the second several cells in one outline."""
    largest_elongation: float = 2.2
    smallest_circularity: float = 0.8
    """Outlines beyond these are debris."""
    widest_rim_um: float = 1.6
    """A wider rim is out of focus."""
    touching_share: float = 0.8
    """Two cells nearer than this share of their radii's sum overlap: several."""

    darkest_background: float = 70.0
    """Median grey of the background below which an image is under-exposed."""
    brightest_background: float = 245.0
    largest_saturated_share: float = 0.02
    """Share of pixels at 255 above which an image is over-exposed."""
    largest_light_ratio: float = 2.5
    """Brightest over darkest background (99th and 1st percentile) that can be corrected."""
    fewest_cells: int = 3
    """With fewer outlines an image counts as empty."""
    smallest_explained_share: float = 0.45
    """Share of the image's strong slopes that must belong to accepted cells' surroundings; in a
    hologram, a channel or a clump most slopes lie elsewhere."""
    smallest_usable_share: float = 0.1
    """With less usable area an image is rejected instead of used in part."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Read a saved set; what an older set lacks takes its default.

        Raises
        ------
        InvalidInput
            ``unknown_parameter`` for a name this version does not know.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(saved) - known)
        if unknown:
            raise InvalidInput(
                "unknown_parameter",
                f"The instrument profile holds unknown imaging parameters ({', '.join(unknown)}); "
                "remove them or upgrade the program.",
            )
        return cls(**saved)
