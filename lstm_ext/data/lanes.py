"""How a text is read: the part kept apart for validation, and the lanes that are read in parallel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..errors import ArgumentError
from .text import Text

#: A validation text shorter than this says too little.
MIN_VALIDATION = 50


@checked
@dataclass(frozen=True)
class Split:
    """A text's first part (N,), to learn from, and its last (M,), to validate on (None if there is none)."""

    train: np.ndarray
    validation: np.ndarray | None
    #: How many characters there are to learn from and to validate on, or why there are none, as a sentence.
    description: str


@checked
def split(text: Text, validation: float = 0.1) -> Split:
    """Cut ``text`` in two: the last ``validation`` share is kept apart, unless it has fewer than ``MIN_VALIDATION``
    characters. Raises ArgumentError for a share outside [0, 1).
    """
    if not 0.0 <= validation < 1.0:
        raise ArgumentError(f"validation: got {validation!r}, expected a share in [0, 1)")
    cut = int(len(text) * (1.0 - validation))
    kept = len(text) - cut
    if kept and kept >= MIN_VALIDATION and cut >= 2:
        description = f"{cut:,} characters to learn from, the last {kept:,} ({kept / len(text):.0%}) to validate on"
        return Split(text.symbols[:cut], text.symbols[cut:], description)
    reason = "too short to keep some for validation" if validation else "none kept for validation"
    return Split(text.symbols, None, f"{len(text):,} characters to learn from; {reason}")


@checked
class Lanes:
    """Cuts a text into ``batch_size`` contiguous lanes that are read in parallel, ``seq_length`` symbols per step.

    Lane b's state carries from step to step, so a lane is one long text. The N − 1 pairs of a
    symbol and its successor are dealt out evenly, each to exactly one lane: one epoch predicts
    every symbol but the first exactly once. Lengths differ by at most one; where a lane has
    ended, the target is −1 (not counted). The last step of an epoch may be shorter.
    ``symbols`` is (N,). Raises ArgumentError if N is less than 2.
    """

    def __init__(self, symbols: np.ndarray, batch_size: Size, seq_length: Size) -> None:
        if symbols.ndim != 1 or symbols.dtype.kind not in "iu" or len(symbols) < 2:
            raise ArgumentError(f"symbols: got {symbols.dtype} {symbols.shape}, expected integers (N,), at least 2")
        check_memory("batch_size", batch_size, 4 * batch_size)
        self.symbols = symbols
        self.batch_size = batch_size
        self.seq_length = seq_length
        shortest, longer = divmod(len(symbols) - 1, batch_size)
        #: (B,) pairs per lane, and the position of each lane's first symbol.
        self.lengths = shortest + (np.arange(batch_size) < longer).astype(np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self._columns = int(self.lengths[0])
        self._full_steps = self._columns // seq_length
        #: Steps per epoch.
        self.steps = -(-self._columns // seq_length)

    def chunk(self, first: int, count: Size) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of steps first, …, first + count − 1 of the epoch: (n, T, B) int32 each.

        n is less than ``count`` where the epoch ends earlier or the next step is shorter. Raises ArgumentError if
        ``first`` is not a step of the epoch.
        """
        if not 0 <= first < self.steps:
            raise ArgumentError(f"first: got {first}, expected a step in [0, {self.steps})")
        begin = first * self.seq_length
        if first < self._full_steps:
            shape = (min(count, self._full_steps - first), self.seq_length, self.batch_size)
        else:
            shape = (1, self._columns - begin, self.batch_size)
        column = np.arange(begin, begin + shape[0] * shape[1])[:, np.newaxis]
        place = np.minimum(self.starts + column, len(self.symbols) - 2)
        inputs = self.symbols[place].astype(np.int32)
        targets = np.where(column < self.lengths, self.symbols[place + 1], np.int32(-1)).astype(np.int32)
        return inputs.reshape(shape), targets.reshape(shape)
