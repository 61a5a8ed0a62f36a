"""Count since reset: at every step, how many ticks there have been since the last reset.

Counting needs a cell that adds up, and the reset needs a forget gate (Gers et al. 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError

TICK, PAUSE, RESET = range(3)


@checked
@dataclass(frozen=True)
class CountSinceReset:
    """``length`` symbols: 0 a tick, 1 a pause, 2 a reset, drawn with ``probabilities``.

    The target at every step is the number of ticks since the last reset (or the beginning), at most ``max_count``.
    Raises ArgumentError if ``length`` or ``max_count`` is less than 1.
    """

    length: Size = 30
    max_count: Size = 9
    probabilities: tuple[float, float, float] = (0.45, 0.45, 0.1)

    def __post_init__(self) -> None:
        if self.length < 1 or self.max_count < 1:
            raise ArgumentError(f"length, max_count: got {self.length} and {self.max_count}, expected at least 1 each")

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        return 3

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        return self.max_count + 1

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs and targets (T, B); every step counts."""
        check_memory("size", size, size * self.length)
        inputs = rng.choice(3, (self.length, size), p=self.probabilities).astype(np.int32)
        targets = np.empty_like(inputs)
        count = np.zeros(size, np.int32)
        for step, symbols in enumerate(inputs):
            count = np.where(symbols == RESET, 0, np.minimum(count + (symbols == TICK), self.max_count))
            targets[step] = count
        return Batch(inputs, None, targets)

    def baselines(self) -> dict[str, float]:
        """Accuracy of always saying the likeliest number, and of the likeliest one after the current symbol."""
        tick, pause, reset = self.probabilities
        check_memory("max_count", self.max_count, 3 * self.output_size)
        # joint[s, n]: how often symbol s comes and leaves n, summed over the steps.
        joint = np.zeros((3, self.output_size))
        count = np.eye(1, self.output_size)[0]
        for _ in range(self.length):
            up = np.concatenate([[0.0], count[:-1]])
            up[-1] += count[-1]
            step = np.stack([tick * up, pause * count, reset * np.eye(1, self.output_size)[0]])
            joint += step
            count = step.sum(axis=0)
        joint /= self.length
        return {"likeliest": float(joint.sum(axis=0).max()), "by the present symbol": float(joint.max(axis=1).sum())}
