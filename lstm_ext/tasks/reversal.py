"""Reversal: repeat a sequence backwards. The encoder has to keep all of it, in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError
from .pairs import pairs


@checked
@dataclass(frozen=True)
class Reversal:
    """Between ``shortest`` and ``longest`` symbols of an alphabet of ``symbols``.

    Raises ArgumentError unless 1 ≤ shortest ≤ longest.
    """

    shortest: Size = 1
    longest: Size = 8
    symbols: Size = 10

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ArgumentError(
                f"shortest, longest: got {self.shortest} and {self.longest}, expected 1 ≤ shortest ≤ longest"
            )

    @property
    def source_size(self) -> int:
        """How many different symbols a question has, the padding included."""
        return 1 + self.symbols

    @property
    def target_size(self) -> int:
        """How many different symbols an answer has, its end included."""
        return 1 + self.symbols

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """``size`` new pairs, laid out as by ``lstm_ext.tasks.pairs.pairs``."""
        check_memory("size", size, size * self.longest)
        lengths = rng.integers(self.shortest, self.longest + 1, size)
        questions = [rng.integers(1, 1 + self.symbols, length).tolist() for length in lengths]
        return pairs(questions, [question[::-1] for question in questions])
