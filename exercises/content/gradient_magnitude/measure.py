"""What the learner guesses: how much of the gradient is left in fresh networks."""

from __future__ import annotations

import math
from statistics import median

from lstm_ext.experiments.gradient_flow import EXPERIMENT

SEEDS = 15


def _left(start: str) -> float:
    experiment = EXPERIMENT()
    settings = experiment.variants(True)[start]
    return median(math.log10(experiment.measure(settings, seed)["dh"][50]) for seed in range(SEEDS))


def decades_lost() -> float:
    """log10 of the share of ∂L/∂h that is left 50 steps back in a plain RNN: median of 15 seeds."""
    return _left("RNN")


def decades_lost_lstm() -> float:
    """The same for an LSTM with all biases 0."""
    return _left("LSTM b_f = 0")
