"""What handlers load from the store: pixels and networks, each checked against its row."""

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import ProcessingFailed
from app.services.inspections import ImageToRead, NetworkFile
from app.storage import golden_key, image_key, model_key
from models.artefact import Golden
from models.classifier import Classifier, verify_golden
from models.manifest import Manifest
from worker import pipeline
from worker.context import Context


def load_pixels(context: Context, image: ImageToRead) -> NDArray[np.uint8]:
    """The image's pixels, shape (H, W), from the bytes that were received."""
    data = load_stored(context, image.sha256)
    return pipeline.read_pixels(
        pipeline.StoredImage(data, image.sha256, image.format), image.parameters
    )


def load_stored(context: Context, sha256: str) -> bytes:
    """The bytes of an image as received; whoever reads them checks the hash."""
    return _read(context, image_key(sha256))


def _read(context: Context, key: str) -> bytes:
    try:
        return context.store.get(key)
    except FileNotFoundError as error:
        raise ProcessingFailed(
            "stored_file_missing",
            "A stored file is missing; restore it from the backup or send it again.",
        ) from error


def load_network(context: Context, network: NetworkFile) -> Classifier:
    """The classifier of a model version, read from the store the first time.

    Raises
    ------
    PliantError
        As `Classifier.load` and `verify_golden`: a file that is not the manifest's, or that does
        not answer its golden crops as recorded, takes no work.
    """
    known = context.classifiers.get(network.sha256)
    if known is not None:
        return known
    manifest = Manifest.from_json(network.manifest)
    if manifest.sha256 != network.sha256:
        raise ProcessingFailed(
            "model_mismatch",
            "The model version's manifest names another file than its record; install it again.",
        )
    classifier = Classifier.load(_read(context, model_key(network.sha256)), manifest)
    verify_golden(classifier, Golden.from_bytes(_read(context, golden_key(network.sha256))))
    context.classifiers[network.sha256] = classifier
    return classifier
