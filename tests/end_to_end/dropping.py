"""Folders on disk, and dropping them as the operating system does."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
from playwright.sync_api import Page

BLURRED_SHARE = 0.4
BLUR_SIGMA_PX = 12.0


def drop(page: Page, *folders: Path) -> None:
    """A script cannot make such an event; the browser's own tools can."""
    field = page.locator("[data-drop]").bounding_box()
    assert field is not None
    browser = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": field["x"] + 40,
                "y": field["y"] + 40,
                "data": {
                    "items": [],
                    "files": [str(folder) for folder in folders],
                    "dragOperationsMask": 1,
                },
            },
        )


def unpack(archive: Path, into: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(into)
    (folder,) = into.iterdir()
    return folder


def blur_left_side(images: Sequence[Path], into: Path) -> Path:
    """Make a well of the same images, out of focus on the left as on a tilted stage."""
    into.mkdir()
    for image in images:
        pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
        assert pixels is not None
        side = int(BLURRED_SHARE * pixels.shape[1])
        pixels[:, :side] = cv2.GaussianBlur(pixels[:, :side], (0, 0), BLUR_SIGMA_PX)
        cv2.imwrite(str(into / f"tilted_{image.name}"), pixels)
    return into


def turn_over(images: Sequence[Path], into: Path) -> Path:
    """Make a well of other bytes and the same quality: each image upside down."""
    into.mkdir()
    for image in images:
        pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
        assert pixels is not None
        cv2.imwrite(str(into / f"again_{image.name}"), cv2.flip(pixels, 0))
    return into
