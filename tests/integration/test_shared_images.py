"""Real images through the whole product: stored as received, judged, explained, outlined."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.db.session import SessionMaker, transaction
from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import SYSTEM
from app.services import images, samples
from app.services.images import CellView, ImageView
from app.services.samples import NewWell
from app.storage import image_key
from tests.laboratory import Laboratory, open_laboratory
from tests.unit.test_imaging_figures import HAND_COUNTS, PANEL_CORNERS, cut_panel
from tests.unit.test_imaging_verdicts import AGGREGATES_PANEL, FOREIGN, padded, read_grey

pytestmark = pytest.mark.shared


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def send_and_judge(
    laboratory: Laboratory, pixels: NDArray[np.uint8]
) -> tuple[ImageView, list[CellView]]:
    """One full-size image as a new sample's, judged by the worker's own handler."""
    sample_id = laboratory.take_sample()
    with transaction(laboratory.sessions) as session:
        well = samples.add_well(session, SYSTEM, sample_id, NewWell(outlet=None))
    image_id = laboratory.send(well.id, write_bmp(pixels))
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        return (
            images.get_image(session, SYSTEM, image_id),
            images.cells_of_image(session, SYSTEM, image_id),
        )


@pytest.mark.parametrize("name", PANEL_CORNERS)
def test_the_published_panels_are_outlined_as_counted(
    laboratory: Laboratory, shared_dir: Path, name: str
) -> None:
    path = shared_dir / "reference" / "figures" / "fig1_fields_donor3_original.jpeg"
    figure = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    image, cells = send_and_judge(laboratory, cut_panel(figure, name))
    found = [cell for cell in cells if "debris" not in cell.findings]
    assert abs(len(found) - HAND_COUNTS[name]) <= 0.2 * HAND_COUNTS[name]
    with transaction(laboratory.sessions) as session:
        stored = images.stored_picture(session, SYSTEM, image.id)
    overlay = images.overlay_jpeg(laboratory.store, stored, cells, width=1212)
    assert overlay != images.picture_jpeg(laboratory.store, stored, width=1212)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_image_is_stored_and_rejected_with_its_reason(
    laboratory: Laboratory, shared_dir: Path, name: str
) -> None:
    path = shared_dir / "data" / name
    if path.is_dir():
        path = sorted(path.iterdir())[0]
    picture = read_grey(path)
    if "aggregates" in name:
        picture = picture[AGGREGATES_PANEL]
    image, cells = send_and_judge(laboratory, padded(picture))
    assert image.verdict == "rejected"
    assert {finding.code for finding in image.findings} & FOREIGN[name]
    assert all(cell.verdict == "rejected" for cell in cells)
    assert laboratory.store.exists(image_key(image.sha256))
