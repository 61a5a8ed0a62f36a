"""What holds for every task: seeds, ranges, balance, and what accuracy counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.tasks import adding, counting, dates, reber, sentiment, series
from lstm_ext.tasks.copy_memory import CopyMemory
from lstm_ext.tasks.first_character import FILLERS, FirstCharacter
from lstm_ext.tasks.last_symbol import LastSymbol
from lstm_ext.tasks.reversal import Reversal
from lstm_ext.tasks.symbols import SymbolTask, accuracy, balanced

SYMBOL_TASKS: tuple[SymbolTask, ...] = (
    *(FirstCharacter(7, filler) for filler in FILLERS),
    CopyMemory(9),
    LastSymbol(13),
    counting.CountSinceReset(17),
    reber.EmbeddedReber(),
)
GENERATORS: tuple[Callable[[np.random.Generator], Any], ...] = (
    *(lambda rng, task=task: task.batch(rng, 12) for task in SYMBOL_TASKS),
    lambda rng: adding.Adding(11).batch(rng, 12),
    lambda rng: sentiment.PlainReviews().batch(rng, 12),
    lambda rng: sentiment.NegatedReviews().batch(rng, 12),
    lambda rng: series.SineWaves(frequency=(0.7, 1.5), noise=0.1).batch(rng, 12),
    lambda rng: Reversal().batch(rng, 12),
    lambda rng: dates.Dates().batch(rng, 12),
)


def same(a: Any, b: Any) -> bool:
    return np.array_equal(a.inputs, b.inputs) and np.array_equal(a.targets, b.targets)


@pytest.mark.parametrize("generate", GENERATORS)
def test_a_seed_fixes_the_data_and_every_call_gives_new_data(generate: Callable[[np.random.Generator], Any]) -> None:
    generator = default_rng(3)
    first = generate(generator)
    assert same(first, generate(default_rng(3)))
    assert not same(first, generate(generator))


@pytest.mark.parametrize("task", SYMBOL_TASKS)
def test_symbols_are_in_range(task: SymbolTask) -> None:
    batch = task.batch(default_rng(0), 50)
    assert batch.inputs.dtype == batch.targets.dtype == np.int32
    assert batch.inputs.shape == batch.targets.shape
    assert batch.inputs.min() >= 0 and batch.inputs.max() == task.input_size - 1
    assert batch.targets.min() >= -1 and batch.targets.max() == task.output_size - 1


def test_balanced_differs_by_at_most_one_and_no_class_is_favoured() -> None:
    counts = np.array([np.bincount(balanced(default_rng(seed), 23, 10), minlength=10) for seed in range(400)])
    assert counts.min() == 2 and counts.max() == 3
    assert abs(counts.mean(axis=0) - 2.3).max() < 0.1


def test_accuracy_counts_only_what_is_asked() -> None:
    logits = np.eye(3)[[[0, 1], [2, 2]]]
    assert accuracy(logits, np.array([[0, -1], [2, 1]])) == pytest.approx(2 / 3)
    assert math.isnan(accuracy(logits, np.full((2, 2), -1)))
