"""Every length and limit of the imaging pipeline: one set per instrument profile, saved with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Self

from app.domain.errors import InvalidInput

RETIRED: Final = frozenset(
    {
        "faintest_rim_share",
        "rim_blob_share",
        "dark_blob_share",
        "darkest_deviation",
        "faintest_body",
        "closest_um",
        "smallest_radius_um",
        "largest_radius_um",
        "radius_step_um",
        "slope_power",
        "outside_weight",
        "explained_share_of_clumps",
        "outside_um",
        "light_weight",
        "light_from_um",
        "light_to_um",
        "full_light",
        "radius_weight",
        "roundness_weight",
        "full_shading",
        "hidden_from",
        "hidden_wholly",
        "ellipse_roundness",
        "largest_drift_um",
        "smallest_coverage",
        "crescent_share",
        "largest_shared",
        "smallest_prominence",
        "touching_share",
        "smooth_um",
        "widest_rim_ratio",
    }
)
"""Names in sets saved by the first pipeline, which no longer mean anything."""


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
    """Pixel size the outliner works at; never finer than `um_per_px`."""
    background_um_per_px: float = 1.46
    """Pixel size at which the background is estimated."""
    background_um: float = 30.0
    """Side of the background's median window: more than twice a cell with its shadow."""
    slope_um: float = 0.3
    """Gaussian σ before slopes are taken."""

    # --- search
    quiet_share: float = 0.2
    """Share of the image that shows its noise: tiles no livelier than this quantile."""
    activity_over_noise: float = 1.75
    """A tile is active with this many times the quiet tiles' range."""
    faintest_activity: float = 0.012
    """Range of a tile's deviation below which nothing is suspected."""
    surely_active: float = 0.06
    """Range that is activity in the noisiest image."""
    shadow_share: float = 0.15
    """Range, as a share of the image's strongest, that soft shadows do not reach."""
    halo_um: float = 3.0
    """What the outliner is shown around active tiles."""
    mostly_active_share: float = 0.85
    """With more to look at than this share of the image, all of it is looked at in one piece."""

    # --- outlines
    least_p_centre: float = 0.45
    """Probability of a centre above which a cell is suspected."""
    deepest_overlap: float = 0.45
    """Outlines that reach into each other deeper than this share of the smaller one's width are
    of one cell."""

    # --- verdict on cells
    cell_diameter_um: float = 6.2
    """Usual diameter: 34 px across in the published crops."""
    largest_p_fault: float = 0.5
    """A cell with a greater probability of one fault is rejected for it."""
    smallest_diameter_um: float = 4.2
    largest_diameter_um: float = 9.0
    """Below the first and above the second it is no red cell."""
    largest_elongation: float = 2.2
    smallest_circularity: float = 0.8
    """Outlines beyond these are debris."""
    widest_rim_um: float = 0.9
    """A wider rim is out of focus."""
    blurred_rim_ratio: float = 1.35
    """So is a rim this many times as wide as the image's usual one; 99 of 100 sharp drawn cells
    stay below 1.27, in every look."""
    rim_scatter_factor: float = 4.0
    """Where noise scatters the widths, a rim must also be this many of their SDs wider."""
    smallest_gap_um: float = 0.64
    """Outlines nearer to each other than this (3.5 px) touch: the crop shows several cells."""
    least_p_kind: float = 0.7
    """Probability from which the outliner's word alone, that it is no single sharp cell, counts."""

    # --- verdict on images
    slope_floor: float = 0.035
    """Weakest slope that is an edge."""
    slope_noise_factor: float = 3.0
    """An edge must also be this many times as steep as the image's ordinary background."""
    darkest_background: float = 70.0
    brightest_background: float = 245.0
    """Median grey of the background outside which an image is under- or over-exposed."""
    largest_saturated_share: float = 0.02
    """Share of pixels at 255 above which an image is over-exposed."""
    largest_light_ratio: float = 2.0
    """Brightest over darkest background (99th and 1st percentile) that can be corrected."""
    fewest_cells: int = 3
    """With fewer outlines an image counts as empty."""
    faintest_blurred_body: float = 0.03
    """Smoothed darkness that makes a body, however blurred."""
    widest_usual_rim_um: float = 0.66
    """Median rim width of an image's cells above which it is out of focus. Drawn cells of the
    published look have 0.35, under a blur of σ 2 px at most 0.61 and of σ 3 px at least 0.68; the
    published crops, as printed, 0.53 to 0.64."""
    smallest_sharp_share: float = 0.4
    """Share of dark bodies with a sharp outline below which a place is out of focus."""
    focus_tiles: int = 6
    """Focus is judged on this many tiles along each side."""
    smallest_explained_share: float = 0.5
    largest_explained_share: float = 0.8
    """Share of the lively tiles that must lie on cells: the first where most of what is outlined is
    a single cell, the second where hardly anything is. Of 660 drawn fields three in a thousand
    have less; in real holograms, platelets and clumps at most 0.75 do."""
    fewest_single_share: float = 0.39
    most_single_share: float = 0.54
    """Shares of single cells between which the one passes to the other: at most 0.40 of what was
    outlined in holograms, platelets and clumps looked single."""
    smallest_single_share: float = 0.3
    """With fewer single cells among what was outlined, wide rims do not mean bad focus."""
    largest_steep_share: float = 0.02
    """Without cells, an image with more steep pixels than this is of another kind."""
    coarsest_texture: float = 0.04
    """Without cells, a median slope above which the whole image is texture, as a hologram's."""
    explained_margin_um: float = 1.5
    """Tiles this far outside an outline still belong to the cell."""
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
        """Read a saved set; what an older set lacks takes its default, retired names go.

        Raises
        ------
        InvalidInput
            ``unknown_parameter`` for a name this version does not know.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(saved) - known - RETIRED)
        if unknown:
            raise InvalidInput(
                "unknown_parameter",
                f"The instrument profile holds unknown imaging parameters ({', '.join(unknown)}); "
                "remove them or upgrade the program.",
            )
        return cls(**{name: value for name, value in saved.items() if name in known})
