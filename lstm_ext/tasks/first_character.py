"""First-character memory: read a symbol, then distractors, then a query; answer with the symbol.

The simplest of the long time lag problems of Hochreiter and Schmidhuber (1997, section 5.2), and the
"remember the first character" of many courses. Few of them say what lies between, but that decides
how hard it is, so it has a name here: ``filler``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Count, Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError
from .symbols import balanced

#: What lies between: always one blank, symbols of a separate alphabet, or the answers' own symbols.
FILLERS = ("blank", "noise", "same")


@checked
@dataclass(frozen=True)
class FirstCharacter:
    """``distance`` fillers lie between the symbol and the query, so a sequence has distance + 2 symbols.

    Symbols: 0 … classes−1 the answers; then the fillers' own (1 for "blank", ``noise`` for "noise", none for
    "same"); last the query. Raises ArgumentError for another ``filler`` or a negative ``distance``.
    """

    distance: Count
    filler: str = "noise"
    classes: Size = 10
    noise: Size = 5

    def __post_init__(self) -> None:
        if self.filler not in FILLERS:
            raise ArgumentError(f"filler: got {self.filler!r}, expected one of {', '.join(FILLERS)}")
        if self.distance < 0:
            raise ArgumentError(f"distance: got {self.distance}, expected 0 or more fillers")

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        return self.query + 1

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        return self.classes

    @property
    def query(self) -> int:
        """The symbol that asks."""
        return self.classes + {"blank": 1, "noise": self.noise, "same": 0}[self.filler]

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs and targets (T, B).

        The only target is at the query. Answers are balanced, and the fillers do not depend on them.
        """
        check_memory("size", size, size * (self.distance + 2))
        first = balanced(rng, size, self.classes)
        low, high = (0, self.classes) if self.filler == "same" else (self.classes, self.query)
        fillers = rng.integers(low, high, (self.distance, size), dtype=np.int32)
        query = np.full((1, size), self.query, np.int32)
        targets = np.full((self.distance + 2, size), -1, np.int32)
        targets[-1] = first
        return Batch(np.concatenate([first[np.newaxis], fillers, query]), None, targets)

    def baselines(self) -> dict[str, float]:
        """Accuracy; only the first symbol says anything about the answer."""
        return {"chance": 1 / self.classes}
