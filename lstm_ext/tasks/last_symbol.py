"""Last symbol: letters now and then among noise; at the end, which letter came last?

The counterpart of first-character memory: what was stored has to be overwritten each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError
from .symbols import balanced


@checked
@dataclass(frozen=True)
class LastSymbol:
    """``length`` places, each a letter with probability ``density``, otherwise noise; then the query.

    The first place is always a letter. Symbols: 0 … classes−1 the letters, then ``noise`` others, last the query.
    Raises ArgumentError if ``length`` is less than 1 or ``density`` is outside [0, 1].
    """

    length: Size = 20
    density: float = 0.2
    classes: Size = 10
    noise: Size = 5

    def __post_init__(self) -> None:
        if self.length < 1 or not 0 <= self.density <= 1:
            raise ArgumentError(
                f"length, density: got {self.length} and {self.density}, expected at least 1 and a share in [0, 1]"
            )

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        return self.classes + self.noise + 1

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        return self.classes

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs and targets (T, B).

        The only target is at the query. Answers are balanced, and nothing else depends on them.
        """
        check_memory("size", size, size * (self.length + 1))
        is_letter = rng.random((self.length, size)) < self.density
        is_letter[0] = True
        letters = rng.integers(0, self.classes, is_letter.shape, dtype=np.int32)
        noise = rng.integers(self.classes, self.classes + self.noise, is_letter.shape, dtype=np.int32)
        places = np.where(is_letter, letters, noise)
        last = self.length - 1 - is_letter[::-1].argmax(axis=0)
        answer = balanced(rng, size, self.classes)
        places[last, np.arange(size)] = answer
        inputs = np.concatenate([places, np.full((1, size), self.classes + self.noise, np.int32)])
        targets = np.full_like(inputs, -1)
        targets[-1] = answer
        return Batch(inputs, None, targets)

    def baselines(self) -> dict[str, float]:
        """Accuracy; "first letter" is what a memory that never overwrites reaches."""
        only_one = (1 - self.density) ** (self.length - 1)
        return {"chance": 1 / self.classes, "first letter": only_one + (1 - only_one) / self.classes}
