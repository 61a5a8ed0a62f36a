"""Sequence to sequence: packing, exact matches, reversal, dates."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.tasks import dates
from lstm_ext.tasks.pairs import END, exact_matches, pair_baselines, pairs
from lstm_ext.tasks.reversal import Reversal


def test_pairs_are_packed_with_an_end() -> None:
    inputs, lengths, targets = pairs([[5, 6, 7], [8]], [[9], [4, 5]])
    assert inputs.T.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert lengths is not None and lengths.tolist() == [3, 1]
    assert targets.T.tolist() == [[9, END, -1], [4, 5, END]]


def test_exact_matches_need_every_symbol_and_the_end() -> None:
    targets = np.array([[4, 4, 4], [END, 5, END], [-1, END, -1]])
    assert exact_matches([np.array([4]), np.array([4, 5]), np.array([4])], targets) == 1
    assert exact_matches([np.array([4, 4]), np.array([4]), np.array([])], targets) == 0
    assert exact_matches([np.array([4]), np.array([5, 4]), np.array([4, 5])], targets) == pytest.approx(1 / 3)


def test_reversal() -> None:
    task = Reversal(shortest=2, longest=5, symbols=4)
    inputs, lengths, targets = task.batch(default_rng(0), 100)
    assert lengths is not None and set(lengths) == {2, 3, 4, 5}
    for lane, length in enumerate(lengths):
        question = inputs[:length, lane]
        assert targets[: length + 1, lane].tolist() == [*question[::-1], END]
        assert question.min() >= 1 and question.max() < task.source_size and targets.max() < task.target_size


def test_pair_baselines() -> None:
    train = pairs([[3]] * 3, [[4, 5], [4, 6], [4, 6]])
    test = pairs([[3]] * 2, [[4, 6], [5, 5]])
    # "4, 6, END" is right in all three places of the first, in one of the second.
    assert pair_baselines(train, test) == {"usual symbol": 4 / 6, "usual answer": 0.5}


def test_dates_say_the_same_day_in_both_ways() -> None:
    inputs, _, targets = dates.Dates().batch(default_rng(0), 300)
    formats = ("%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%A, %d %B %Y", "%Y %B %d", "%d.%m.%Y")
    used, days = set(), set()
    for question, answer in zip(inputs.T, targets.T, strict=True):
        day = datetime.date.fromisoformat(dates.target_text(answer))
        days.add(day)
        for way in formats:
            try:
                read = datetime.datetime.strptime(dates.source_text(question), way).date()
            except ValueError:
                continue
            assert read == day
            used.add(way)
    assert used == set(formats) and len(days) > 290
    assert inputs.max() < dates.Dates().source_size and targets.max() < dates.Dates().target_size
