"""Measure the training speed of the C core and its NumPy twin on this machine.

One step is everything: forward, softmax loss, backward, clipping and Adam, float32, 65 symbols.
The engines take turns, so that both meet the same noise; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np

from ..options import CELLS, add_json, whole
from ..progress import rate

VOCABULARY = 65
#: hidden size, batch size, seq_length
SIZES = ((64, 1, 25), (128, 16, 50), (256, 32, 50))
#: Seconds that one measurement should last.
SLICE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cell", choices=CELLS, default="lstm", help="default: lstm")
    parser.add_argument("--threads", type=whole(1, 1024), default=1, metavar="N", help="threads of the C core (default: 1)")
    parser.add_argument("--repeats", type=whole(1, 1000), default=5, metavar="N", help="measurements each (default: 5)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.backend import available_backends

    backends = available_backends()
    if not arguments.json:
        print(f"{arguments.cell}, {VOCABULARY} symbols, float32, Adam; median of {arguments.repeats}, engines in turn")
        print(f"{'H':>5}{'B':>5}{'T':>5}  " + "".join(f"{name + ' ms/step':>16}{'chars/s':>10}" for name in backends))
    results = []
    for size in SIZES:
        seconds = _seconds_per_step(arguments.cell, size, backends, arguments.threads, arguments.repeats)
        hidden_size, batch_size, seq_length = size
        for name, value in seconds.items():
            results.append(
                {
                    "cell": arguments.cell,
                    "hidden_size": hidden_size,
                    "batch_size": batch_size,
                    "seq_length": seq_length,
                    "backend": name,
                    "threads": arguments.threads if name == "c" else None,
                    "ms_per_step": value * 1e3,
                    "chars_per_second": batch_size * seq_length / value,
                }
            )
        if not arguments.json:
            figures = "".join(f"{v * 1e3:>16.3f}{rate(batch_size * seq_length / v):>10}" for v in seconds.values())
            ratio = f"   ×{seconds['numpy'] / seconds['c']:.1f}" if "c" in seconds else ""
            print(f"{hidden_size:>5}{batch_size:>5}{seq_length:>5}  {figures}{ratio}", flush=True)
    if arguments.json:
        print(json.dumps({"results": results}))
    return 0


def _seconds_per_step(
    cell: str, size: tuple[int, int, int], backends: tuple[str, ...], threads: int, repeats: int
) -> dict[str, float]:
    """Median seconds of one training step for each backend."""
    hidden_size, batch_size, seq_length = size
    runs = {name: _Run(cell, hidden_size, batch_size, seq_length, name, threads) for name in backends}
    times: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(repeats):
        for name, each in runs.items():
            times[name].append(each.measure())
    return {name: statistics.median(values) for name, values in times.items()}


class _Run:
    """One engine in the middle of training on random symbols."""

    def __init__(
        self, cell: str, hidden_size: int, batch_size: int, seq_length: int, backend: str, threads: int
    ) -> None:
        from lstm_ext.config import ModelConfig, OptimizerConfig
        from lstm_ext.language_model import LanguageModel

        config = ModelConfig(VOCABULARY, hidden_size, VOCABULARY, cell=cell)
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
        symbols: Any = self._rng.integers(0, VOCABULARY, (2, steps, *self._shape), dtype=np.int32)
        lrs = np.full(steps, 2e-3)
        begin = time.perf_counter()
        self._model.engine.train(
            symbols[0], symbols[1], self._state, self._optimizer, self._moments, self._done + 1, lrs, 0, None
        )
        elapsed = time.perf_counter() - begin
        self._done += steps
        return elapsed / steps
