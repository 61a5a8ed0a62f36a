"""What the learner guesses: how long a GRU's training step takes beside an LSTM's."""

from __future__ import annotations

import time

import numpy as np

from lstm_ext import LanguageModel, ModelConfig
from lstm_ext.cells import CellName
from lstm_ext.nn import Optimizer

H, B, T, V = 128, 32, 50, 65
ROUNDS, STEPS = 6, 4
CELLS: tuple[CellName, ...] = ("gru", "lstm")


def time_ratio() -> float:
    """The least time of a GRU's steps by the least of an LSTM's, taken in turns, on one thread."""
    text = np.random.default_rng(0).integers(0, V, (STEPS, T + 1, B), dtype=np.int32)
    models = [LanguageModel(ModelConfig(V, H, V, cell), threads=1) for cell in CELLS]
    optimizers = [Optimizer(model) for model in models]
    least = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for index, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            start = time.perf_counter()
            for window in text:
                model.train_step(window[:-1], None, window[1:], optimizer, lr=0.001)
            least[index] = min(least[index], time.perf_counter() - start)
    return least[0] / least[1]
