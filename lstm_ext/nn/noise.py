"""The masks of dropout."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import Count, Probability, check_memory, checked
from ..engine import rng


@checked
class Noise:
    """A sequence of masks that its key decides: restarted with the same key, it starts again.

    All parts of a network draw from one sequence, in the order in which they run.
    """

    def __init__(self, key: int) -> None:
        self.restart(key)

    def restart(self, key: int) -> None:
        """Start the sequence of ``key``."""
        self._key = key
        self._drawn = 0

    def mask(self, p: Probability, shape: tuple[Count, ...], dtype: np.dtype) -> np.ndarray:
        """The next mask, of the given ``shape``: 0 with probability p, otherwise 1/(1−p)."""
        check_memory("shape", shape, 3 * math.prod(shape))
        mask = rng.dropout_mask(self._key, self._drawn, p, shape, dtype)
        self._drawn += 1
        return mask

    def take(self, masks: int) -> int:
        """A key with which an engine draws the next ``masks`` masks by itself, layer n the n-th of them."""
        key = self._key + self._drawn
        self._drawn += masks
        return key
