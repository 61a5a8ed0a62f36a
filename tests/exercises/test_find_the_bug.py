"""Every version of the program learns, is wrong as declared, and can be passed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lstm_lab.exercises.authoring import ladder_of
from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.grading.inline import InlineRunner, execute
from lstm_lab.exercises.grading.report import Report
from lstm_lab.exercises.workspace import starter

EXERCISE = read_exercise("find_the_bug")
NUMBERS = range(1, 8)


def program(source: str) -> Any:
    module = ModuleType("program")
    module.__file__ = "program.py"
    assert execute(source, module) is None
    return module


def solved(number: int) -> str:
    return EXERCISE.solution.replace("VERSION = 1\n", f"VERSION = {number}\n")


def climbed(source: str) -> Report:
    ladder = ladder_of(EXERCISE)
    return ladder.climb(EXERCISE.id, InlineRunner(source, [rung.probe for rung in ladder.rungs]), 3)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_gradient_check_says_of_each_version_what_the_solution_says(number: int) -> None:
    spoiled, right = program(EXERCISE.starters[number - 1]), program(solved(number))
    assert spoiled.VERSION == right.VERSION == number
    rng = np.random.default_rng(number)
    for steps, named in ((1, right.wrong_after_one_step), (6, right.wrong_after_six_steps)):
        network = spoiled.LSTM(3, 4, 5)
        inputs, targets = rng.integers(0, 3, steps), rng.integers(0, 5, steps)
        errors = right.gradient_check(network, inputs, targets, *rng.normal(size=(2, 4)))
        assert {name for name, error in errors.items() if error > 1e-4} == set(named)
        assert all(error < 1e-6 for name, error in errors.items() if name not in named)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_version_passes_with_its_own_answers_and_not_with_anothers(number: int) -> None:
    assert climbed(solved(number)).passed
    other = climbed(solved(number).replace("ANSWERS[VERSION]", f"ANSWERS[{number % 7 + 1}]")).broken
    assert other is not None and other.name in ("one step", "six steps", "line")


@pytest.mark.parametrize("number", NUMBERS)
def test_each_version_learns_hello_as_fast_as_the_right_program(number: int) -> None:
    inputs, targets = [2, 1, 3, 3, 4], [1, 3, 3, 4, 0]
    network = program(EXERCISE.starters[number - 1]).LSTM(5, 16, 5)
    for _ in range(30):
        network.forward(inputs, targets, np.zeros(16), np.zeros(16))
        for name, gradient in network.backward().items():
            if name[1:] in network.params:
                network.params[name[1:]] -= gradient
    loss = network.forward(inputs, targets, np.zeros(16), np.zeros(16))
    spelled = [int(np.argmax(network.params["Wy"] @ step.h + network.params["by"])) for step in network.steps]
    assert spelled == targets and loss < 0.5


def test_a_learner_gets_one_of_the_versions() -> None:
    first = f"# lstm-lab exercise: {EXERCISE.id}\n"
    assert {starter(EXERCISE).removeprefix(first) for _ in range(200)} == set(EXERCISE.starters)
    assert len(set(EXERCISE.starters)) == len(NUMBERS)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wrong_line = ANSWERS[VERSION][2]", 'wrong_line = "dc_next = dc * s.f  # right"', "the-fixed-line"),
        ("wrong_line = ANSWERS[VERSION][2]", "wrong_line = None", "unanswered"),
        ("wrong_line = ANSWERS[VERSION][2]", 'wrong_line = "df = dc * s.c_prev"', "a-right-line"),
        ("wrong_line = ANSWERS[VERSION][2]", 'wrong_line = "df = dc"', "no-such-line"),
        ("wrong_after_one_step = ANSWERS[VERSION][0]", 'wrong_after_one_step = ["dWf"]', "wrong-arrays"),
        ("wrong_after_one_step = ANSWERS[VERSION][0]", 'wrong_after_one_step = ["c_prev"]', "unknown-name"),
        ("wrong_after_six_steps = ANSWERS[VERSION][1]", "wrong_after_six_steps = None", "unanswered"),
        ("def relative_error", "VERSION = None\n\n\ndef relative_error", "no-version"),
    ],
)
def test_an_answer_that_is_none_of_the_mutants_gets_its_own_message(old: str, new: str, code: str) -> None:
    broken = climbed(solved(3).replace(old, new)).broken
    assert broken is not None and broken.finding is not None
    assert broken.finding.code == code
    assert "dc_prev" not in f"{broken.finding.message} {broken.finding.next}"
