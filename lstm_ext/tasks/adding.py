"""The adding problem: the sum of the two marked ones among many random numbers.

Hochreiter and Schmidhuber (1997, section 5.4), in the form of Le, Jaitly and Hinton (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class AddingBatch(NamedTuple):
    """B sequences of T pairs (number, mark)."""

    #: (T, B, 2) float64
    x: np.ndarray
    #: (B,) float64
    sums: np.ndarray


@dataclass(frozen=True)
class Adding:
    """``length`` numbers, uniform in [0, 1); one in the first half is marked and one in the second."""

    length: int

    def __post_init__(self) -> None:
        if self.length < 2:
            raise ValueError(f"length: got {self.length}, expected at least 2")

    def batch(self, rng: np.random.Generator, size: int) -> AddingBatch:
        """``size`` new sequences."""
        x = np.zeros((self.length, size, 2))
        x[:, :, 0] = rng.random((self.length, size))
        lanes, half = np.arange(size), self.length // 2
        x[rng.integers(0, half, size), lanes, 1] = 1
        x[rng.integers(half, self.length, size), lanes, 1] = 1
        return AddingBatch(x, np.einsum("tb,tb->b", x[:, :, 0], x[:, :, 1]))

    def baselines(self) -> dict[str, float]:
        """Mean squared error of always answering 1: the variance of the sum of two, 2/12."""
        return {"always 1": 1 / 6}
