"""What tasks from one sequence to another have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Count, checked
from ..data.batch import Batch

#: Ends every answer. Symbols of the tasks' own count from 1, so that in a question 0 is padding only.
END = 0


@checked
def pairs(questions: Sequence[Sequence[Count] | np.ndarray], answers: Sequence[Sequence[Count] | np.ndarray]) -> Batch:
    """Inputs (T, B), 0 after the end; targets (T', B), the answers with ``END`` after each, then −1."""
    lengths = np.array([len(question) for question in questions], np.int32)
    inputs = np.zeros((lengths.max(), len(questions)), np.int32)
    targets = np.full((max(len(answer) for answer in answers) + 1, len(answers)), -1, np.int32)
    for lane, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        inputs[: len(question), lane] = question
        targets[: len(answer) + 1, lane] = [*answer, END]
    return Batch(inputs, lengths, targets)


@checked
def exact_matches(answers: Sequence[np.ndarray], targets: np.ndarray) -> float:
    """Share of the answers, each (n,) without its ``END``, that equal ``targets`` (T', B) symbol for symbol."""
    right = [
        np.array_equal([*answer, END], column[column >= 0]) for answer, column in zip(answers, targets.T, strict=True)
    ]
    return float(np.mean(right))


@checked
def pair_baselines(train: Batch, test: Batch) -> dict[str, float]:
    """Of saying at each place what is most frequent there in ``train``: the share of ``test``'s symbols that this
    gets right ("usual symbol"), and of its whole answers ("usual answer")."""
    usual = np.full(len(test.targets), END)
    for step, row in enumerate(train.targets[: len(usual)]):
        usual[step] = np.bincount(row[row >= 0]).argmax() if (row >= 0).any() else END
    right = (test.targets == usual[:, np.newaxis]) | (test.targets < 0)
    return {
        "usual symbol": float(np.mean(right[test.targets >= 0])),
        "usual answer": float(np.mean(np.all(right, axis=0))),
    }
