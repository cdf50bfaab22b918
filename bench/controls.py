"""`python -m bench.controls`: what other arithmetic and planted faults change in the control.

The first table says how far honest machines may differ, the second what a fault does at least;
the tolerances of `app.domain.digital_control` lie between. The control's images are drawn.
"""

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from app.domain.digital_control import FIGURES, differences
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat
from app.services.digital_controls import ControlToRun, SealedImage
from models.artefact import sha256_of
from models.bundled import load_bundled, load_outliner
from models.classifier import Classifier
from worker import pipeline
from worker.control_bundle import SIDE_PX
from worker.controls import CONTROL_DIR, run_control

Pixels = NDArray[np.uint8]
Figures = Mapping[str, float]
USUAL: Final = replace(ImagingParameters(), height_px=SIDE_PX, width_px=SIDE_PX)


def main() -> None:
    cv2.setNumThreads(1)
    sealed = _run()
    _print("what other arithmetic changes", sealed, dict(_arithmetic()))
    _print("what planted faults change", sealed, dict(_faults()))


def _run(parameters: ImagingParameters = USUAL, network: bytes | None = None) -> Figures:
    bundle = load_bundled()
    data = bundle.onnx if network is None else network
    manifest = replace(bundle.manifest, sha256=sha256_of(data))
    paths = sorted(CONTROL_DIR.glob("control-*.bmp"))
    images = [SealedImage(sha256_of(p.read_bytes()), ImageFormat.BMP, p.name) for p in paths]
    return run_control(
        ControlToRun(uuid.UUID(int=0), "shipped", tuple(images), parameters),
        Classifier.load(data, manifest),
        load_outliner(),
        lambda image: (CONTROL_DIR / str(image.file)).read_bytes(),
    )


def _arithmetic() -> Iterator[tuple[str, Figures]]:
    cv2.setUseOptimized(onoff=False)
    yield "OpenCV without vector code", _run()
    cv2.setUseOptimized(onoff=True)
    with _sessions(_plainly):
        yield "networks without graph optimisation", _run()
    for scale in (1e-6, 1e-5):
        with _sessions(partial(_noisily, scale=scale)):
            yield f"networks' inputs off by {scale:g} of themselves", _run()


class _Noisy:
    """A session whose inputs are a little off, as other rounding would have them."""

    def __init__(self, session: onnxruntime.InferenceSession, scale: float) -> None:
        self._session, self._scale = session, scale
        self._rng = np.random.default_rng(1)

    def run(self, names: list[str], feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        off = {name: self._off(value) for name, value in feeds.items()}
        return list(self._session.run(names, off))

    def _off(self, value: NDArray[Any]) -> NDArray[Any]:
        return (value * (1 + self._scale * self._rng.normal(size=value.shape))).astype(value.dtype)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else the session has
        return getattr(self._session, name)


Opener = Callable[..., Any]


def _plainly(opened: Opener, data: bytes, options: Any, **more: Any) -> Any:  # noqa: ANN401
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return opened(data, options, **more)


def _noisily(opened: Opener, data: bytes, options: Any, *, scale: float, **more: Any) -> Any:  # noqa: ANN401
    return _Noisy(opened(data, options, **more), scale)


@contextmanager
def _sessions(make: Opener) -> Iterator[None]:
    usual = onnxruntime.InferenceSession
    onnxruntime.InferenceSession = partial(make, usual)
    try:
        yield
    finally:
        onnxruntime.InferenceSession = usual


def _faults() -> Iterator[tuple[str, Figures]]:
    for layer in (0, 1, 3):
        yield f"the largest weight of layer {layer} turned over", _run(network=_one_weight(layer))
    for name, change in _PIXEL_FAULTS.items():
        with _changed(change):
            yield name, _run()
    yield "scale 0.5 % off", _run(replace(USUAL, um_per_px=USUAL.um_per_px * 1.005))


def _one_weight(layer: int) -> bytes:
    """The shipped network with one weight of its so-many-th largest tensor turned over."""
    network = onnx.load_from_string(load_bundled().onnx)
    weights = sorted(network.graph.initializer, key=lambda one: -len(one.raw_data))[layer]
    values = onnx.numpy_helper.to_array(weights).copy()
    values.flat[np.abs(values).argmax()] *= -1
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    return bytes(network.SerializeToString())


_PIXEL_FAULTS: Final[Mapping[str, Callable[[Pixels], Pixels]]] = {
    "1 grey brighter": lambda p: cv2.add(p, np.full((1,), 1, np.uint8)).astype(np.uint8),
    "gain 1 % up": lambda p: np.rint(p * 1.01).clip(0, 255).astype(np.uint8),
    "blurred by 0.4 px": lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 0.4), np.uint8),
    "upside down": lambda p: np.ascontiguousarray(p[::-1]),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "last row lost": lambda p: np.vstack([p[:-1], p[-2:-1]]),
}


@contextmanager
def _changed(change: Callable[[Pixels], Pixels]) -> Iterator[None]:
    usual = pipeline.read_pixels
    pipeline.read_pixels = lambda stored, parameters: change(usual(stored, parameters))
    try:
        yield
    finally:
        pipeline.read_pixels = usual


def _print(title: str, sealed: Figures, rows: Mapping[str, Figures]) -> None:
    lines = [f"\n{title}", f"| | {' | '.join(FIGURES)} | told |", "|---|" + "--:|" * 7]
    for name, found in rows.items():
        changes = " | ".join(f"{found[figure] - sealed[figure]:+.1e}" for figure in FIGURES)
        told = "yes" if differences(sealed, found) else "no"
        lines.append(f"| {name} | {changes} | {told} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
