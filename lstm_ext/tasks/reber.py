"""The embedded Reber grammar: strings whose last letter but one repeats the second, however far apart.

Reber (1967), embedded by Cleeremans et al. (1989) and Fahlman (1991); Hochreiter and Schmidhuber (1997,
section 5.1) report 97–100 % of LSTMs learning it within 8,440 to 39,740 strings, and no Elman network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

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


class ReberBatch(NamedTuple):
    """B strings, each without its last letter as input and without its first as target."""

    #: (T, B) int32, 0 after the end
    inputs: np.ndarray
    #: (T, B) int32, −1 after the end
    targets: np.ndarray
    #: (B,) int32
    lengths: np.ndarray
    #: (T, B, 7) bool, which letters the grammar allows next; nothing after the end
    legal: np.ndarray


@dataclass(frozen=True)
class EmbeddedReber:
    """B, then T or P, then a Reber string, then the same T or P again, then E. Symbols index ``LETTERS``."""

    @property
    def input_size(self) -> int:
        return len(LETTERS)

    @property
    def output_size(self) -> int:
        return len(LETTERS)

    def batch(self, rng: np.random.Generator, size: int) -> ReberBatch:
        """``size`` new strings; T and P are equally frequent as second letters, up to one."""
        choice = rng.permutation(np.resize(["T", "P"], size))
        strings = [self._string(rng, str(letter)) for letter in choice]
        steps = max(len(string) for string in strings) - 1
        inputs = np.zeros((steps, size), np.int32)
        targets = np.full((steps, size), -1, np.int32)
        legal = np.zeros((steps, size, len(LETTERS)), bool)
        for lane, string in enumerate(strings):
            symbols = [LETTERS.index(letter) for letter, _ in string]
            inputs[: len(symbols) - 1, lane] = symbols[:-1]
            targets[: len(symbols) - 1, lane] = symbols[1:]
            for step, (_, allowed) in enumerate(string[1:]):
                legal[step, lane, [LETTERS.index(letter) for letter in allowed]] = True
        return ReberBatch(inputs, targets, np.array([len(s) - 1 for s in strings], np.int32), legal)

    def _string(self, rng: np.random.Generator, letter: str) -> list[tuple[str, str]]:
        """Letters, each with all that would have been allowed in its place."""
        string = [("B", "B"), (letter, "TP")]
        state = 0
        while state < 7:
            ways = _INNER[state]
            drawn, state = ways[int(rng.integers(len(ways)))]
            string.append((drawn, "".join(way for way, _ in ways)))
        return [*string, (letter, letter), ("E", "E")]

    def learned(self, logits: np.ndarray, batch: ReberBatch) -> float:
        """Share of the strings predicted as in the literature: at every step each legal letter above each illegal one.

        ``logits`` (T, B, 7).
        """
        least_legal = np.where(batch.legal, logits, np.inf).min(axis=2)
        most_illegal = np.where(batch.legal, -np.inf, logits).max(axis=2)
        ended = np.arange(len(logits))[:, np.newaxis] >= batch.lengths
        return float(np.mean(np.all((least_legal > most_illegal) | ended, axis=0)))

    def recalled(self, batch: ReberBatch) -> np.ndarray:
        """``batch.targets`` with only the last letter but one left, the one that takes memory."""
        targets = np.full_like(batch.targets, -1)
        lanes = np.arange(targets.shape[1])
        targets[batch.lengths - 2, lanes] = batch.targets[batch.lengths - 2, lanes]
        return targets

    def baselines(self) -> dict[str, float]:
        """Accuracy at the last letter but one."""
        return {"chance": 0.5}

    def best_nats(self) -> dict[str, float]:
        """Mean nats per letter of whoever knows the grammar, with and without memory of the second letter."""
        moves = np.zeros((7, 7))
        for state, ways in enumerate(_INNER[:-1]):
            for _, after in ways:
                moves[state, after] += 1 / len(ways)
        visits = np.linalg.solve(np.eye(7) - moves.T, np.eye(7)[0])
        choices = sum(n * math.log(len(ways)) for n, ways in zip(visits, _INNER, strict=True)) + math.log(2)
        letters = visits.sum() + 3  # the string without its first letter
        return {"with memory": choices / letters, "without": (choices + math.log(2)) / letters}
