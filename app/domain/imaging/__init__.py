"""From a scan image to judged cells: pure functions, one parameter set per instrument."""

from app.domain.imaging.analysis import (
    ImageInspection,
    Inspection,
    inspect_and_segment,
)
from app.domain.imaging.crops import CROP_PX, cut_crops, has_crop
from app.domain.imaging.judgement import CellJudgement, judge_cells
from app.domain.imaging.normalisation import normalise_crops
from app.domain.imaging.outliner import CellMaps, Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions, outline_points
from app.domain.imaging.scan_image import (
    ImageFormat,
    check_bmp_header,
    read_bmp,
    sniff_format,
    write_bmp,
)
from app.domain.imaging.segmentation import segment_cells

__all__ = [
    "CROP_PX",
    "CellJudgement",
    "CellMaps",
    "CellRegions",
    "ImageFormat",
    "ImageInspection",
    "ImagingParameters",
    "Inspection",
    "Outliner",
    "check_bmp_header",
    "cut_crops",
    "has_crop",
    "inspect_and_segment",
    "judge_cells",
    "normalise_crops",
    "outline_points",
    "read_bmp",
    "segment_cells",
    "sniff_format",
    "write_bmp",
]
