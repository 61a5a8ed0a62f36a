"""Tasks of memory: the first character, a copy, the last symbol, a count, a sum; what is asked, what guessing gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.tasks import adding, counting
from lstm_ext.tasks.copy_memory import CopyMemory
from lstm_ext.tasks.first_character import FILLERS, FirstCharacter
from lstm_ext.tasks.last_symbol import LastSymbol


@pytest.mark.parametrize("filler", FILLERS)
def test_first_character_has_distance_fillers_and_one_target(filler: str) -> None:
    task = FirstCharacter(6, filler)
    inputs, _, targets = task.batch(default_rng(0), 40)
    assert inputs.shape == (8, 40)
    assert (targets[:-1] == -1).all() and (targets[-1] == inputs[0]).all()
    assert (inputs[-1] == task.query).all() and (inputs[:-1] != task.query).all()
    assert (np.bincount(targets[-1]) == 4).all()


@pytest.mark.parametrize(
    ("filler", "expected"), [("blank", {10}), ("noise", set(range(10, 15))), ("same", set(range(10)))]
)
def test_first_character_fillers_are_of_the_alphabet_that_their_name_says(filler: str, expected: set[int]) -> None:
    inputs, _, _ = FirstCharacter(20, filler).batch(default_rng(0), 100)
    assert set(inputs[1:-1].ravel().tolist()) == expected


def test_first_character_answer_cannot_be_told_from_the_fillers() -> None:
    inputs, _, targets = FirstCharacter(1, "same", classes=4).batch(default_rng(0), 40_000)
    together = np.zeros((4, 4))
    np.add.at(together, (inputs[1], targets[-1]), 1)
    assert abs(together / 40_000 - 1 / 16).max() < 0.005


def test_first_character_refuses_an_unnamed_filler() -> None:
    with pytest.raises(ValueError, match="filler: got 'random', expected one of blank, noise, same"):
        FirstCharacter(5, "random")


def test_copy_memory_by_hand() -> None:
    task = CopyMemory(3, length=2, classes=5)
    inputs, _, targets = task.batch(default_rng(0), 6)
    a, b = inputs[:2]
    zero = np.zeros(6)
    np.testing.assert_array_equal(inputs, [a, b, zero, zero, zero + 6, zero, zero])
    np.testing.assert_array_equal(targets, [zero, zero, zero, zero, zero, a, b])
    np.testing.assert_array_equal(task.recalled(targets), [zero - 1] * 5 + [a, b])


@pytest.mark.parametrize(("delay", "nats"), [(100, 0.173), (200, 0.0945), (500, 0.0400), (1000, 0.0204)])
def test_copy_memory_baseline_is_the_published_one(delay: int, nats: float) -> None:
    assert CopyMemory(delay).baseline_nats() == pytest.approx(nats, abs=5e-5 if delay > 100 else 5e-4)


def test_copy_memory_baseline_is_what_a_forgetful_optimum_costs() -> None:
    task = CopyMemory(20)
    _, _, targets = task.batch(default_rng(0), 3)
    probability = np.where(np.arange(40)[:, np.newaxis] < 30, 1.0, 1 / 8) * np.ones(targets.shape)
    assert -np.log(probability).mean() == pytest.approx(task.baseline_nats())


def test_last_symbol_is_the_last_letter() -> None:
    task = LastSymbol(15, density=0.3)
    inputs, _, targets = task.batch(default_rng(0), 200)
    assert (targets[:-1] == -1).all()
    for lane in range(200):
        letters = [s for s in inputs[:-1, lane] if s < 10]
        assert inputs[0, lane] < 10 and letters[-1] == targets[-1, lane]
    assert (np.bincount(targets[-1]) == 20).all()


def test_last_symbol_baseline_is_how_often_the_first_letter_is_right() -> None:
    task = LastSymbol(8, density=0.2)
    inputs, _, targets = task.batch(default_rng(0), 50_000)
    assert np.mean(inputs[0] == targets[-1]) == pytest.approx(task.baselines()["first letter"], abs=0.01)


def test_counting_by_hand() -> None:
    class Scripted(np.random.Generator):
        def choice(self, *_: Any, **__: Any) -> Any:
            return np.array([[0, 0, 1, 0, 2, 1, 0, 0, 0, 0]]).T

    _, _, targets = counting.CountSinceReset(10, max_count=3).batch(Scripted(np.random.PCG64()), 1)
    assert targets[:, 0].tolist() == [1, 2, 2, 3, 0, 0, 1, 2, 3, 3]


def test_counting_baselines_are_exact() -> None:
    task = counting.CountSinceReset(12, max_count=4)
    inputs, _, targets = task.batch(default_rng(0), 60_000)
    joint = np.zeros((3, 5))
    np.add.at(joint, (inputs.ravel(), targets.ravel()), 1 / targets.size)
    baselines = task.baselines()
    assert baselines["likeliest"] == pytest.approx(joint.sum(axis=0).max(), abs=0.005)
    assert baselines["by the present symbol"] == pytest.approx(joint.max(axis=1).sum(), abs=0.005)


def test_adding_marks_one_number_in_each_half() -> None:
    x, _, sums = adding.Adding(9).batch(default_rng(0), 300)
    marks = x[:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:4].sum(axis=0) == 1).all() and (marks[4:].sum(axis=0) == 1).all()
    np.testing.assert_allclose(sums[:, 0], (x[:, :, 0] * marks).sum(axis=0))


def test_adding_baseline_is_the_variance_of_a_sum() -> None:
    task = adding.Adding(20)
    _, _, sums = task.batch(default_rng(0), 100_000)
    assert np.mean((sums - 1) ** 2) == pytest.approx(task.baselines()["always 1"], abs=0.002)
