"""What the learner guesses: how well fresh LSTMs learn to recall the first of 22 symbols."""

from __future__ import annotations

from statistics import median

from lstm_ext.experiments.memory import EXPERIMENT

SEEDS = 5


def _accuracy(start: str) -> float:
    experiment = EXPERIMENT()
    settings = {**experiment.variants(True)[f"{start} at 20"], "limit": 300}
    return float(median(experiment.measure(settings, seed)["accuracy"] for seed in range(SEEDS)))


def guess_one() -> float:
    """With b_f = 1: the median accuracy of 5 nets after 300 updates."""
    return _accuracy("LSTM b_f = 1")


def guess_chrono() -> float:
    """With chrono initialization."""
    return _accuracy("LSTM chrono")
