"""The learning rate of each step.

References
----------
Loshchilov and Hutter, arXiv 1608.03983 (2016): the cosine.
"""

import math
from typing import Final

from models.training.config import TrainingConfig

PUBLISHED_DECAY: Final = 1e-6
"""Per step, as published."""
FIRST_SHARE: Final = 0.01
"""Of the learning rate, at the first step of the warm-up."""


def learning_rate_at(step: int, steps_per_epoch: int, config: TrainingConfig) -> float:
    """Learning rate of a step, from 0.

    ``published``: falls by ``1 / (1 + decay step)``. ``compact``: rises linearly over the warm-up,
    then falls as a cosine to nothing.
    """
    if config.architecture == "published":
        return config.learning_rate / (1 + PUBLISHED_DECAY * step)
    steps = config.epochs * steps_per_epoch
    warm_up_steps = max(1, round(config.warm_up_share * steps))
    if step < warm_up_steps:
        share = FIRST_SHARE + (1 - FIRST_SHARE) * step / warm_up_steps
        return config.learning_rate * share
    turn = min(1.0, (step - warm_up_steps) / max(1, steps - warm_up_steps))
    return config.learning_rate * (1 + math.cos(math.pi * turn)) / 2
