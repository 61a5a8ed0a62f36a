"""How long a training step takes, engine against engine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np

from lstm_ext.config import ModelConfig, OptimizerConfig
from lstm_ext.language_model import LanguageModel

#: Seconds that one measurement should last.
SLICE = 0.1


def seconds_per_step(
    config: ModelConfig, batch_size: int, seq_length: int, backends: Sequence[str], *, threads: int, repeats: int
) -> dict[str, float]:
    """Median over ``repeats`` of the seconds that one training step takes on each backend.

    A step is everything: forward, softmax loss, backward, clipping and Adam. The backends take
    turns, so that all meet the same noise.
    """
    runs = {name: _Run(config, batch_size, seq_length, name, threads) for name in backends}
    times: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(repeats):
        for name, each in runs.items():
            times[name].append(each.measure())
    return {name: statistics.median(values) for name, values in times.items()}


class _Run:
    """One engine in the middle of training on random symbols."""

    def __init__(self, config: ModelConfig, batch_size: int, seq_length: int, backend: str, threads: int) -> None:
        self._model = LanguageModel(config, backend=backend, threads=threads)
        self._shape = (seq_length, batch_size)
        self._state = self._model.zero_state(batch_size)
        self._optimizer = OptimizerConfig()
        self._moments = np.zeros((2, config.num_parameters), dtype=config.dtype)
        self._rng = np.random.default_rng(0)
        self._done = 0
        self._time(1)  # the first call allocates
        self._steps = max(1, round(SLICE / self._time(1)))

    def measure(self) -> float:
        """Seconds per step over about ``SLICE`` seconds."""
        return self._time(self._steps)

    def _time(self, steps: int) -> float:
        symbols = self._rng.integers(0, self._model.config.input_size, (2, steps, *self._shape), dtype=np.int32)
        lrs = np.full(steps, 2e-3)
        begin = time.perf_counter()
        self._model.engine.train(
            symbols[0], symbols[1], self._state, self._optimizer, self._moments, self._done + 1, lrs, 0, None
        )
        elapsed = time.perf_counter() - begin
        self._done += steps
        return elapsed / steps
