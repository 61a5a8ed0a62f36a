"""The adding problem: the sum of two marked numbers among many random ones.

Hochreiter and Schmidhuber (1997, section 5.4), in the form of Le, Jaitly and Hinton (2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError


@checked
@dataclass(frozen=True)
class Adding:
    """``length`` numbers, uniform in [0, 1); one in the first half is marked, and one in the second.

    Raises ArgumentError if ``length`` is less than 2.
    """

    length: Size

    def __post_init__(self) -> None:
        if self.length < 2:
            raise ArgumentError(f"length: got {self.length}, expected at least 2")

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs (T, B, 2) float64, a number and its mark at every step; targets (B, 1), the sums."""
        check_memory("size", size, size * (2 * self.length))
        x = np.zeros((self.length, size, 2))
        x[:, :, 0] = rng.random((self.length, size))
        lanes, half = np.arange(size), self.length // 2
        x[rng.integers(0, half, size), lanes, 1] = 1
        x[rng.integers(half, self.length, size), lanes, 1] = 1
        return Batch(x, None, (x[:, :, 0] * x[:, :, 1]).sum(axis=0)[:, np.newaxis])

    def baselines(self) -> dict[str, float]:
        """Mean squared error of always answering 1: the variance of the sum of two, 2/12."""
        return {"always 1": 1 / 6}
