"""Every number a training run depends on, with its default; saved in the manifest as JSON."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.training_config import RunConfig

CLASS_OUTLETS: Final = (3, 4)
"""Outlets the two columns of target ``class`` stand for, as in the published score."""


LEARNING_RATES: Final = (1e-4, 0.1)
MOST_EPOCHS: Final = 80
"""Limits of a search, as published."""


@dataclass(frozen=True)
class AugmentationConfig:
    """How a crop is varied each time it is shown; every range is drawn from uniformly.

    The ranges cover what differs between wells and days and says nothing about the cell: the
    side the light comes from, its strength, the focus, the optics' scale and where the
    segmentation put the centre.
    """

    mirrors_and_quarter_turns: bool = True
    gain: tuple[float, float] = (0.8, 1.2)
    """Factor on the grey value."""
    contrast: tuple[float, float] = (0.7, 1.3)
    """Factor on the difference from the crop's own background: donors' cells differ in depth."""
    light_slope: float = 0.08
    """Largest relative change of light from the middle to the edge of the crop."""
    shift_px: int = 1
    """Largest shift along rows and along columns, whole pixels: nothing is interpolated."""
    degraded_share: float = 0.25
    """Share of crops that are also rescaled, blurred and made noisy. Were it all of them, crops as
    the instrument takes them would look sharper than any the network has seen, hence softer."""
    blur_sigma_px: tuple[float, float] = (0.25, 0.7)
    """Standard deviation of the added Gaussian blur."""
    scale: tuple[float, float] = (0.97, 1.03)
    noise_sd: tuple[float, float] = (0.0, 2.0)
    """Standard deviation of the added camera noise, grey values."""


@dataclass(frozen=True)
class TrainingConfig:
    """One training run of one network.

    `epochs` counts passes over as many crops as the fitting set holds; each pass draws them anew,
    equally from every donor and outlet.
    """

    architecture: str = "compact"
    target: str = "outlet"
    normalisation: str = "background-ratio/1"
    epochs: int = 22
    batch_size: int = 64
    learning_rate: float = 2e-3
    warm_up_share: float = 0.1
    """Share of all steps over which the learning rate rises before it falls as a cosine."""
    weight_decay: float = 1e-3
    patience_epochs: int | None = None
    """Stop after so many epochs without a better loss on the choosing donors; None: never."""
    seed: int = 20_230_108
    imaged_outlets: tuple[int, ...] = IMAGED_OUTLETS
    """Outlets with cells to learn from, consecutive."""
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    @property
    def outlets(self) -> tuple[int, ...]:
        """The outlets the network's columns stand for."""
        return self.imaged_outlets if self.target == "outlet" else CLASS_OUTLETS

    def scaled(self, learning_rate: float, epochs: float) -> Self:
        """With learning rate and epochs multiplied, within the published search's limits."""
        rate = min(max(self.learning_rate * learning_rate, LEARNING_RATES[0]), LEARNING_RATES[1])
        return replace(
            self, learning_rate=rate, epochs=max(1, min(round(self.epochs * epochs), MOST_EPOCHS))
        )

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists
        return values


def published_config(*, seed: int = 1) -> TrainingConfig:
    """The published network with its published settings (donor 4: learning rate 0.001, 40 epochs).

    Rotation by quarter turns only, grey / 255 without any equalisation.
    """
    return TrainingConfig(
        architecture="published",
        target="class",
        normalisation="grey-255/1",
        epochs=40,
        batch_size=32,
        learning_rate=1e-3,
        patience_epochs=5,
        seed=seed,
        augmentation=AugmentationConfig(
            gain=(1.0, 1.0),
            contrast=(1.0, 1.0),
            light_slope=0.0,
            shift_px=0,
            degraded_share=0.0,
        ),
    )


def configure(run: RunConfig, imaged_outlets: tuple[int, ...]) -> TrainingConfig:
    """Everything a network needs, from what an administrator decided and the outlets at hand."""
    usual = published_config() if run.architecture == "published" else TrainingConfig()
    return replace(
        usual,
        target=run.target,
        epochs=run.epochs,
        learning_rate=run.learning_rate,
        batch_size=run.batch_size,
        seed=run.seed,
        imaged_outlets=imaged_outlets,
    )


@dataclass(frozen=True)
class DrawnDonorsConfig:
    """The drawn donors a demonstration network is fitted to, tuned on and reported for.

    Many small images rather than few large ones: light and focus belong to the image.
    """

    seed: int = 108_928
    n_fit_donors: int = 160
    n_choose_donors: int = 12
    n_report_donors: int = 20
    wells_per_outlet: int = 2
    images_per_well: int = 1
    image_px: int = 1212
    """Side of the images of sorted wells."""
    unsorted_images: int = 12
    """Images of the one unsorted well of each reporting donor, whole fields of view."""
    unsorted_image_px: int = 2424

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def quick_donors() -> DrawnDonorsConfig:
    """Just enough drawn cells to try the machinery."""
    return DrawnDonorsConfig(
        n_fit_donors=4,
        n_choose_donors=2,
        n_report_donors=2,
        wells_per_outlet=1,
        images_per_well=1,
        unsorted_images=1,
        unsorted_image_px=1212,
    )
