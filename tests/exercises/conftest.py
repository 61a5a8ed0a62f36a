"""A small course, a learner's state of their own, and a check that says what it is told to say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_lab.exercises.catalogue import Chapter, Exercise, read_exercise
from lstm_lab.exercises.grading.report import Report


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> tuple[Exercise, ...]:
    """A course of ``cell_forward``, then ``cell_backward`` and ``training``, which both build on what is before."""
    real = read_exercise("clip_gradients")
    made = tuple(
        dataclasses.replace(real, id=id, file=f"exercise_0{number}_{id}.py", requires=requires)
        for number, (id, requires) in enumerate(
            [
                ("cell_forward", ()),
                ("cell_backward", ("cell_forward",)),
                ("training", ("cell_forward", "cell_backward")),
            ],
            1,
        )
    )
    monkeypatch.setattr(Exercise, "starter", property(lambda exercise: f'"""{exercise.id}"""\n'))
    monkeypatch.setattr(Exercise, "starters", property(lambda exercise: (exercise.starter,)))
    monkeypatch.setattr(Exercise, "solution", property(lambda exercise: f"h = '{exercise.id}'\n"))
    monkeypatch.setattr("lstm_lab.exercises.catalogue.chapters", lambda: (Chapter("Cells", made),))
    return made


@pytest.fixture
def checks_say(monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], None]:
    """Lets every check have this result."""

    class Check:
        report: Report

        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self) -> Report:
            return self.report

    monkeypatch.setattr("lstm_lab.exercises.course.Check", Check)
    return lambda report: setattr(Check, "report", report)
