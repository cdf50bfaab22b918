"""Every length and limit of the imaging pipeline: one set per instrument profile, saved with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from app.domain.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class ImagingParameters:
    """What the pipeline may know about an instrument; it never learns the outlet.

    Lengths are in µm so that one set serves other magnifications. Contrasts are fractions of the
    local background, slopes are such fractions per µm. Unless a source is named, values were set
    on simulated images and on the published figures.
    """

    um_per_px: float = 0.1825
    """Size of a pixel: 40× objective and 7.3 µm camera pitch (derived from the data article)."""
    height_px: int = 2424
    width_px: int = 2424
    polarity: Literal["dark", "bright"] = "dark"
    """Whether bodies are darker or brighter than the background."""

    # --- working resolution and background
    work_um_per_px: float = 0.365
    """Pixel size the search works at; whole multiples of `um_per_px` are used."""
    background_um_per_px: float = 1.46
    """Pixel size at which the background is estimated."""
    background_um: float = 30.0
    """Side of the background's median window: more than twice a cell with its shadow."""
    smooth_um: float = 0.2
    """Gaussian σ before slopes are taken."""

    # --- search
    cell_diameter_um: float = 6.2
    """Usual diameter: 34 px across in the published crops."""
    rim_blob_share: float = 0.7
    dark_blob_share: float = 0.5
    """Gaussian σ of the blob filters on slopes and on darkness, as shares of the usual radius."""
    darkest_deviation: float = 0.3
    """Darkness beyond this counts no further, so that one cell does not hide another."""
    faintest_body: float = 0.02
    """Smoothed darkness below which no body is suspected."""
    closest_um: float = 3.0
    """Two suspected centres of one kind are at least this far apart."""

    # --- outline
    smallest_radius_um: float = 1.6
    largest_radius_um: float = 5.5
    radius_step_um: float = 0.27
    """The outline is searched between these radii in these steps, at most one step per angle."""
    slope_floor: float = 0.035
    """Weakest rim slope that can be a cell's."""
    slope_noise_factor: float = 3.0
    """A rim must also be this many times as steep as the image's ordinary background."""
    slope_power: float = 0.65
    """Exponent that makes weak and strong edges more alike."""
    outside_weight: float = 1.2
    outside_um: float = 3.2
    """How strongly an edge up to this much further out counts against an outline."""
    light_weight: float = 0.35
    light_from_um: float = 0.5
    light_to_um: float = 1.35
    full_light: float = 0.15
    """How strongly light (a deviation; this much counts fully) just outside counts against it."""
    radius_weight: float = 0.25
    """Cost of an outline one usual radius away from the usual one."""
    roundness_weight: float = 0.15
    """Cost of one radius step between neighbouring angles."""
    full_shading: float = 0.06
    """Difference in brightness between the two sides that counts as fully shaded."""
    hidden_from: float = 0.45
    hidden_wholly: float = 0.7
    """Cosines of the angle to the light where the border begins to be hidden, and is."""
    ellipse_roundness: float = 0.02
    """Pull of the ellipse through the rest towards a circle."""
    largest_drift_um: float = 2.6
    """An outline's centre may move this far from where the cell was suspected."""
    smallest_coverage: float = 0.6
    """Share of the 32 directions in which a rim must be seen."""
    crescent_share: float = 0.8
    """Outlines smaller than this share of the usual radius and bright inside are crescents."""
    largest_shared: float = 0.3
    """An outline that shares more of its area with stronger ones is dropped."""

    # --- verdict on cells
    smallest_diameter_um: float = 4.2
    largest_diameter_um: float = 9.0
    """Below the first it is debris, above the second several cells in one outline."""
    largest_elongation: float = 2.2
    smallest_circularity: float = 0.8
    """Outlines beyond these are debris."""
    faintest_rim_share: float = 0.5
    """A rim weaker than this share of the image's usual rim is debris: dust and ghosts."""
    smallest_prominence: float = 1.6
    """A rim must be this many times as steep as its surroundings; texture has no such rims."""
    widest_rim_um: float = 0.9
    """A wider rim is out of focus; a blur of σ 3 px gives about 1 µm."""
    widest_rim_ratio: float = 1.7
    """So is a rim this many times as wide as the image's usual one."""
    touching_share: float = 0.8
    """Two cells nearer than this share of their radii's sum overlap: several."""

    # --- verdict on images
    darkest_background: float = 70.0
    brightest_background: float = 245.0
    """Median grey of the background outside which an image is under- or over-exposed."""
    largest_saturated_share: float = 0.02
    """Share of pixels at 255 above which an image is over-exposed."""
    largest_light_ratio: float = 2.0
    """Brightest over darkest background (99th and 1st percentile) that can be corrected."""
    fewest_cells: int = 5
    """With fewer outlines an image counts as empty."""
    faintest_blurred_body: float = 0.03
    """Smoothed darkness that makes a body, however blurred."""
    smallest_sharp_share: float = 0.4
    """Share of dark bodies with a sharp outline below which a place is out of focus."""
    focus_tiles: int = 6
    """Focus is judged on this many tiles along each side."""
    smallest_explained_share: float = 0.5
    """Share of the steep pixels that must lie on cells; in a hologram, a channel or a clump most
    lie elsewhere."""
    smallest_single_share: float = 0.4
    """Share of single cells among what was found, below which an image shows clumps."""
    largest_steep_share: float = 0.02
    """Without cells, an image with more steep pixels than this is of another kind."""
    coarsest_texture: float = 0.04
    """Median slope above which the whole image is texture, as a hologram's."""
    explained_margin_um: float = 1.5
    """Steep pixels this far outside an outline still belong to the cell."""
    wall_share: float = 0.6
    """Places darker than this share of the usual background are the well's wall."""
    wall_step: float = 0.15
    """The wall's edge changes the grey by at least this share of the background within 3 px."""
    shortest_wall_um: float = 80.0
    """Shorter dark places are clumps or folds."""
    wall_um_per_px: float = 5.8
    wall_margin_um: float = 12.0
    """Cells nearer to the wall than this are not used; walls are searched at that pixel size."""
    longest_line_um: float = 60.0
    faint_line_share: float = 0.5
    """In an image without cells, longer lines are scratches or walls, and so are faint ones down
    to this share of the slope that makes an edge."""
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
