"""Copy memory: ten symbols, a delay, and then the ten symbols again.

Hochreiter and Schmidhuber (1997), in the form of Arjovsky, Shah and Bengio (2016, section 5.1). At a
delay of 1000 no LSTM of ordinary size beats the guess that forgets everything (Bai et al. 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError


@checked
@dataclass(frozen=True)
class CopyMemory:
    """``length`` symbols, ``delay`` − 1 blanks, a mark, and ``length`` blanks during which they are to be repeated.

    T = delay + 2·length steps. Symbols: 0 the blank, 1 … ``classes`` those to copy, classes + 1 the mark.
    Raises ArgumentError if ``delay`` or ``length`` is less than 1.
    """

    delay: Size
    length: Size = 10
    classes: Size = 8

    def __post_init__(self) -> None:
        if self.delay < 1 or self.length < 1:
            raise ArgumentError(f"delay, length: got {self.delay} and {self.length}, expected at least 1 each")

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        return self.classes + 2

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        return self.classes + 1

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs and targets (T, B). As in the literature every step counts; the target is the blank at all but the
        last ``length`` steps."""
        check_memory("size", size, size * (self.delay + 2 * self.length))
        copied = rng.integers(1, self.classes + 1, (self.length, size), dtype=np.int32)
        inputs = np.zeros((self.delay + 2 * self.length, size), np.int32)
        inputs[: self.length] = copied
        inputs[-self.length - 1] = self.classes + 1
        targets = np.zeros_like(inputs)
        targets[-self.length :] = copied
        return Batch(inputs, None, targets)

    def recalled(self, targets: np.ndarray) -> np.ndarray:
        """``targets`` (T, B) with −1 for all but the copied symbols: the blanks would flatter an accuracy."""
        if targets.ndim != 2 or targets.dtype.kind not in "iu" or len(targets) < self.length:
            raise ArgumentError(f"targets: got {targets.dtype} {targets.shape}, expected integers (T, B)")
        counted = np.full(targets.shape, -1, np.int32)
        counted[-self.length :] = targets[-self.length :]
        return counted

    def baselines(self) -> dict[str, float]:
        """Accuracy over the copied symbols."""
        return {"chance": 1 / self.classes}

    def baseline_nats(self) -> float:
        """Mean nats per step when one knows when to answer but not what: length·ln classes / (delay + 2·length)."""
        return self.length * math.log(self.classes) / (self.delay + 2 * self.length)
