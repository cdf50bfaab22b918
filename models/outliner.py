"""The network that outlines cells, as the domain's port sees it."""

import hashlib
import json
from typing import Final, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from app.domain.errors import InvalidInput, ProcessingFailed
from app.domain.imaging.outliner import SHEET_MULTIPLE_PX, CellMaps

INPUT_NAME: Final = "sheet"
OUTPUT_NAMES: Final = ("centre", "radii", "kinds")
FORMAT: Final = "pliant-outliner/1"


class Outliner:
    """Outlines the cells of a sheet with ONNX Runtime on one thread."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, onnx: bytes, *, sha256: str | None = None) -> Self:
        """Load a network.

        Parameters
        ----------
        onnx
            The ONNX file: input ``sheet`` (1, h, w, 1), outputs ``centre`` (1, 1, h/4, w/4),
            ``radii`` (1, 32, h/4, w/4) and ``kinds`` (1, 4, h/4, w/4), all float32.
        sha256
            Its expected digest; None where the bytes have just been made.

        Raises
        ------
        ProcessingFailed
            ``outliner_digest_mismatch``: the bytes are not the ones described.
        """
        if sha256 is not None and hashlib.sha256(onnx).hexdigest() != sha256:
            raise ProcessingFailed(
                "outliner_digest_mismatch",
                "The outlining network is not the one its description names; install again.",
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # A sheet has any size, so that memory patterns of one size would be kept in vain.
        options.enable_mem_pattern = False
        return cls(ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"]))

    def __call__(self, sheet: NDArray[np.float32]) -> CellMaps:
        """Outline cells.

        Parameters
        ----------
        sheet
            Shape (h, w), both multiples of 8: grey / background - 1, clipped to [-1, 1], at about
            0.365 µm per px; 0 where nothing is.

        Raises
        ------
        InvalidInput
            ``sheet_shape``.
        """
        if sheet.ndim != 2 or 0 in sheet.shape or any(n % SHEET_MULTIPLE_PX for n in sheet.shape):
            raise InvalidInput(
                "sheet_shape",
                f"A sheet of shape {sheet.shape} cannot be outlined; "
                f"its sides must be multiples of {SHEET_MULTIPLE_PX} px.",
            )
        tensor = np.ascontiguousarray(sheet, np.float32)[np.newaxis, :, :, np.newaxis]
        centre, radii, kinds = self._session.run(OUTPUT_NAMES, {INPUT_NAME: tensor})
        # Views: only the few squares with a centre are read, so nothing is moved in memory.
        return CellMaps(
            centre=centre[0, 0],
            radii=np.moveaxis(radii[0], 0, -1),
            kinds=np.moveaxis(kinds[0], 0, -1),
        )


def read_digest(description: str | bytes) -> str:
    """The digest in an outliner's description (JSON).

    Raises
    ------
    InvalidInput
        ``outliner_description_invalid``.
    """
    values = json.loads(description)
    if values.get("format") != FORMAT or not isinstance(values.get("sha256"), str):
        raise InvalidInput(
            "outliner_description_invalid",
            f"The outlining network's description is not of format {FORMAT}; install again.",
        )
    return str(values["sha256"])
