"""The embedded Reber grammar: strings whose last letter but one repeats the second, however far apart they are.

Reber (1967), embedded by Cleeremans et al. (1989) and Fahlman (1991); Hochreiter and Schmidhuber (1997,
section 5.1) report 97–100 % of LSTMs learning it within 8,440 to 39,740 strings, and no Elman network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arguments import Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError

LETTERS = "BTPSXVE"
#: State → (letter, next state) with equal probabilities; state 6 is followed by the end.
_INNER: tuple[tuple[tuple[str, int], ...], ...] = (
    (("B", 1),),
    (("T", 2), ("P", 3)),
    (("S", 2), ("X", 4)),
    (("T", 3), ("V", 5)),
    (("X", 3), ("S", 6)),
    (("P", 4), ("V", 6)),
    (("E", 7),),
)


@checked
@dataclass(frozen=True)
class EmbeddedReber:
    """B, then T or P, then a Reber string, then the same T or P again, then E. Symbols index ``LETTERS``."""

    @property
    def input_size(self) -> int:
        """How many different symbols come in."""
        return len(LETTERS)

    @property
    def output_size(self) -> int:
        """How many different answers there are."""
        return len(LETTERS)

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """Inputs (T, B) are the strings without their last letters, targets (T, B) without their first. T and P are
        equally frequent as second letters, up to one."""
        check_memory("size", size, size * 20)
        second = rng.permutation(np.resize(["T", "P"], size))
        strings = [np.array([LETTERS.index(letter) for letter in self._string(rng, str(choice))]) for choice in second]
        lengths = np.array([len(string) - 1 for string in strings], np.int32)
        inputs = np.zeros((lengths.max(), size), np.int32)
        targets = np.full_like(inputs, -1)
        for lane, string in enumerate(strings):
            inputs[: lengths[lane], lane], targets[: lengths[lane], lane] = string[:-1], string[1:]
        return Batch(inputs, lengths, targets)

    def _string(self, rng: np.random.Generator, second: str) -> str:
        string, state = "B" + second, 0
        while state < len(_INNER):
            letter, state = _INNER[state][int(rng.integers(len(_INNER[state])))]
            string += letter
        return string + second + "E"

    def legal(self, batch: Batch) -> np.ndarray:
        """(T, B, 7) bool: which letters the grammar allows next; none after the end.

        Raises ArgumentError for a batch of anything but strings of the grammar."""
        targets = batch.targets
        if targets.ndim != 2 or (targets.size and (targets.dtype.kind not in "iu" or targets.max() >= len(LETTERS))):
            raise ArgumentError(f"batch: got targets {targets.dtype} {targets.shape}, expected letters (T, B)")
        allowed = np.zeros((*batch.targets.shape, len(LETTERS)), bool)
        for lane, targets in enumerate(batch.targets.T):
            allowed[0, lane, [LETTERS.index("T"), LETTERS.index("P")]] = True
            state = 0
            for step in range(1, np.count_nonzero(targets >= 0)):
                if state == len(_INNER):
                    # Only one letter is left here: what the second one was, or the end.
                    allowed[step, lane, targets[step]] = True
                else:
                    ways = {LETTERS.index(letter): after for letter, after in _INNER[state]}
                    allowed[step, lane, list(ways)] = True
                    if int(targets[step]) not in ways:
                        raise ArgumentError(f"batch: sequence {lane} is no string of the grammar at step {step}")
                    state = ways[int(targets[step])]
        return allowed

    def learned(self, logits: np.ndarray, batch: Batch) -> float:
        """Share of the strings predicted as in the literature: at every step each legal letter above each illegal one.

        ``logits`` (T, B, 7).
        """
        legal = self.legal(batch)
        least_legal = np.where(legal, logits, np.inf).min(axis=2)
        most_illegal = np.where(legal, -np.inf, logits).max(axis=2)
        return float(np.mean(np.all((least_legal > most_illegal) | (batch.targets < 0), axis=0)))

    def recalled(self, batch: Batch) -> np.ndarray:
        """``batch.targets`` (T, B) with −1 for all but the last letter but one, which takes memory."""
        last = np.count_nonzero(batch.targets >= 0, axis=0) - 2
        is_last = np.arange(len(batch.targets))[:, np.newaxis] == last
        return np.where(is_last, batch.targets, -1)

    def baselines(self) -> dict[str, float]:
        """Accuracy at the last letter but one."""
        return {"chance": 0.5}

    def best_nats(self) -> dict[str, float]:
        """Mean nats per letter when one knows the grammar, with and without memory of the second letter."""
        moves = np.zeros((7, 7))
        for state, ways in enumerate(_INNER[:-1]):
            for _, after in ways:
                moves[state, after] += 1 / len(ways)
        visits = np.linalg.solve(np.eye(7) - moves.T, np.eye(7)[0])
        choices = sum(n * math.log(len(ways)) for n, ways in zip(visits, _INNER, strict=True)) + math.log(2)
        letters = visits.sum() + 3  # the string without its first letter
        return {"with memory": choices / letters, "without": (choices + math.log(2)) / letters}
