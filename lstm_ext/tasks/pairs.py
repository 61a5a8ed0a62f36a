"""What tasks from one sequence to another have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Symbols of every such task: after the end, before the answer's first symbol, after its last one.
PAD, START, END = range(3)
#: The first symbol of a task's own.
FIRST = 3


class Pairs(NamedTuple):
    """B questions of at most T symbols, and B answers of at most U symbols with ``END`` after each."""

    #: (T, B) int32, ``PAD`` after the end
    source: np.ndarray
    #: (B,) int32
    source_lengths: np.ndarray
    #: (U, B) int32, −1 after ``END``
    target: np.ndarray

    @property
    def decoder_inputs(self) -> np.ndarray:
        """(U, B) int32: what the decoder reads when it is taught: ``START``, then the answer so far."""
        first = np.full_like(self.target[:1], START)
        return np.concatenate([first, np.where(self.target[:-1] < 0, PAD, self.target[:-1])])


def pairs(questions: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> Pairs:
    """Packs B pairs into arrays."""
    lengths = np.array([len(question) for question in questions], np.int32)
    source = np.full((lengths.max(), len(questions)), PAD, np.int32)
    target = np.full((max(len(answer) for answer in answers) + 1, len(answers)), -1, np.int32)
    for lane, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        source[: len(question), lane] = question
        target[: len(answer) + 1, lane] = [*answer, END]
    return Pairs(source, lengths, target)


def exact_matches(answers: np.ndarray, target: np.ndarray) -> float:
    """Share of the answers (U', B) that equal ``target`` (U, B) up to and including ``END``."""
    steps = max(len(answers), len(target))
    said, wanted = (np.full((steps, target.shape[1]), -1) for _ in range(2))
    said[: len(answers)], wanted[: len(target)] = answers, target
    return float(np.mean(np.all((said == wanted) | (wanted < 0), axis=0)))


def pair_baselines(train: Pairs, test: Pairs) -> dict[str, float]:
    """Shares of ``test``'s symbols and of its whole answers that are right if at each place the symbol is said that
    is the most frequent one there in ``train``."""
    size = int(max(train.target.max(), test.target.max())) + 1
    usual = np.full(len(test.target), END)
    for step, row in enumerate(train.target[: len(usual)]):
        counts = np.bincount(row[row >= 0], minlength=size)
        usual[step] = counts.argmax()
    said = np.repeat(usual[:, np.newaxis], test.target.shape[1], axis=1)
    counted = test.target >= 0
    return {
        "usual symbol": float(np.mean(said[counted] == test.target[counted])),
        "usual answer": exact_matches(said, test.target),
    }
