"""Crops to probabilities over outlets, through ONNX Runtime on one core."""

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.domain.errors import ProcessingFailed
from app.domain.imaging.normalisation import normalise_crops
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from models.artefact import INPUT_NAME, OUTPUT_NAME, Golden, check_onnx
from models.manifest import Manifest

BATCH_CELLS: Final = 128
"""Large enough to keep a core busy, small enough for its cache: larger batches are slower."""
SUM_TOLERANCE: Final = 1e-4
GOLDEN_TOLERANCE: Final = 1e-5
"""Largest difference of a golden probability, whatever the file of golden crops allows."""


class Classifier:
    """A loaded network; `predict` is its only act.

    Build it once per process, after any fork: ONNX Runtime's sessions do not survive one.
    """

    def __init__(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        self._session = session
        self.manifest = manifest

    @classmethod
    def load(cls, onnx: bytes, manifest: Manifest) -> "Classifier":
        """Check the file against its manifest, then open it.

        Raises
        ------
        PliantError
            As `models.artefact.check_onnx`, or ``model_unloadable`` from ONNX Runtime itself.
        """
        check_onnx(onnx, manifest)
        try:
            session = onnxruntime.InferenceSession(
                onnx, _session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise ProcessingFailed(
                "model_unloadable",
                "ONNX Runtime cannot open the network; export it again.",
                reason=str(error)[:500],
            ) from error
        return cls(session, manifest)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return each crop's probabilities over the manifest's outlets.

        Parameters
        ----------
        crops
            uint8, shape (n, crop_px, crop_px), as cut from the image; n may be 0.

        Returns
        -------
        float32, shape (n, outlets), in [0, 1], rows sum to 1.

        Raises
        ------
        ProcessingFailed
            ``model_input`` or ``model_output``: a wrong shape or a value that is not finite.
            Nothing is returned then: a silent wrong answer would become a donor's score.
        """
        self._check_crops(crops)
        probabilities = np.empty((len(crops), len(self.manifest.outlets)), np.float32)
        for start in range(0, len(crops), BATCH_CELLS):
            batch = slice(start, start + BATCH_CELLS)
            probabilities[batch] = self._run(crops[batch])
        return probabilities

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        tensor = normalise_crops(crops, version=self.manifest.normalisation)
        if not np.isfinite(tensor).all():
            raise ProcessingFailed(
                "model_input", "A normalised crop is not finite; report the image it came from."
            )
        (rows,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: tensor})
        return _checked_rows(rows, (len(crops), len(self.manifest.outlets)))

    def _check_crops(self, crops: NDArray[np.uint8]) -> None:
        side_px = self.manifest.crop_px
        if crops.dtype != np.uint8 or crops.ndim != 3 or crops.shape[1:] != (side_px, side_px):
            raise ProcessingFailed(
                "model_input",
                f"Crops of shape {crops.shape} and type {crops.dtype} were given to a network for "
                f"uint8 crops of {side_px} pixels; cut them again.",
            )


def p_deformable(p_outlet: NDArray[np.float32], outlets: tuple[int, ...]) -> NDArray[np.float32]:
    """Return each cell's probability of being deformable: outlet 3 or lower.

    Parameters
    ----------
    p_outlet
        float32, shape (n, outlets), rows sum to 1.
    outlets
        The outlet of each column.

    Returns
    -------
    float32, shape (n,), in [0, 1].
    """
    is_deformable = np.asarray(outlets) <= LAST_DEFORMABLE_OUTLET
    total: NDArray[np.float32] = p_outlet[:, is_deformable].sum(axis=1, dtype=np.float32)
    return np.clip(total, 0.0, 1.0)


def verify_golden(classifier: Classifier, golden: Golden) -> float:
    """Re-score the golden crops: the network on this machine answers as the one exported.

    Returns
    -------
    The largest absolute difference from the recorded probabilities.

    Raises
    ------
    ProcessingFailed
        ``golden_mismatch``: a probability differs by more than the tolerance, or a cell changed
        its deformability class.
    """
    outlets = classifier.manifest.outlets
    if not len(golden.crops) or golden.probabilities.shape != (len(golden.crops), len(outlets)):
        raise _golden_mismatch("their number or their outlets differ")
    found = classifier.predict(golden.crops)
    allowed = min(golden.tolerance, GOLDEN_TOLERANCE)
    largest = float(np.abs(found - golden.probabilities).max())
    if not largest <= allowed:
        raise _golden_mismatch(f"they differ by {largest:.2g}, allowed is {allowed:.2g}")
    if n_flips := count_class_flips(golden.probabilities, found, outlets):
        raise _golden_mismatch(f"{n_flips} of {len(found)} cells changed their class")
    return largest


def count_class_flips(
    before: NDArray[np.float32], after: NDArray[np.float32], outlets: tuple[int, ...]
) -> int:
    """Return how many cells are deformable in one answer and rigid in the other.

    Parameters
    ----------
    before, after
        float32, shape (n, outlets), rows sum to 1.
    """
    was, now = (p_deformable(p, outlets) > 0.5 for p in (before, after))
    return int((was != now).sum())


def _golden_mismatch(cause: str) -> ProcessingFailed:
    return ProcessingFailed(
        "golden_mismatch",
        "The network does not give the recorded answers for its golden crops: "
        f"{cause}. This worker takes no work; reinstall it or activate another model.",
    )


def _session_options() -> onnxruntime.SessionOptions:
    """One thread per worker process: the machine's cores are shared out by processes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # its warnings name graph nodes, nothing an operator can act on
    return options


def _checked_rows(rows: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    is_sound = (
        rows.shape == shape
        and bool(np.isfinite(rows).all())
        and bool((rows >= 0.0).all())
        and bool((np.abs(rows.sum(axis=1) - 1.0) <= SUM_TOLERANCE).all())
    )
    if not is_sound:
        raise ProcessingFailed(
            "model_output",
            "The network's answer is not a probability for every outlet and crop; "
            "activate another model.",
        )
    return rows
