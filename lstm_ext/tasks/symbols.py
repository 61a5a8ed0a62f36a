"""What tasks from symbols to symbols have in common."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..arguments import Count, Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError


class SymbolTask(Protocol):
    """A task whose inputs and targets are one symbol for each step, so that a language model can learn it."""

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        ...

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        ...

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """``size`` new sequences."""
        ...

    def baselines(self) -> dict[str, float]:
        """What can be reached without learning, computed exactly: the name of the guess → its expected accuracy."""
        ...


@checked
def balanced(rng: np.random.Generator, size: Count, classes: Size) -> np.ndarray:
    """(size,) int32 in random order, each of 0 … classes−1 equally often, up to one."""
    check_memory("size", size, 3 * size)
    check_memory("classes", classes, classes)
    # Which classes come once more than the others is drawn as well.
    return rng.permutation(np.resize(rng.permutation(classes), size)).astype(np.int32)


@checked
def accuracy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Share of the counted targets (T, B) that are the likeliest by ``logits`` (T, B, V); NaN if none is counted.

    Raises ArgumentError for logits of another shape."""
    if logits.ndim < 1 or logits.shape[:-1] != targets.shape:
        raise ArgumentError(f"logits: got {logits.shape}, expected {(*targets.shape, 'V')}")
    counted = targets >= 0
    return float(np.mean(logits.argmax(axis=-1)[counted] == targets[counted])) if counted.any() else float("nan")
