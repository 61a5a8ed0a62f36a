"""Questions and their answers, as the files of an exercise have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

from ...toml import tomllib
from ..catalogue import Exercise
from ..vault import read_private

#: ``choice``: a letter. ``choices``: every letter that fits. ``order``: all letters in the right order. ``number``,
#: ``formula``: computed. ``prediction``: any number, which the lab then measures. ``essay``: the learner's own words,
#: judged by the learner along a list of points.
QuestionKind = Literal["choice", "choices", "order", "number", "formula", "prediction", "essay"]


@dataclass(frozen=True)
class Question:
    """One question: an entry ``[[question]]`` of ``questions.toml``."""

    #: The name in the answer sheet
    name: str
    kind: QuestionKind
    prompt: str
    #: By letter, for ``choice``, ``choices`` and ``order``
    options: Mapping[str, str] = field(default_factory=dict)
    #: What a formula may use
    variables: tuple[str, ...] = ()
    unit: str = ""
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What is right, and why other answers are not: a table ``[name]`` of ``private/answers.toml``."""

    #: ``choice``: a letter; ``choices``, ``order``: letters in one text; ``number``: a number, or a formula without
    #: variables; ``formula``: a formula. Not used for ``prediction`` (``measure.py`` has a function of the name).
    right: str | float = ""
    #: Relative, for numbers
    tolerance: float = 1e-3
    #: Why the right one is right, shown when it was given
    because: str = ""
    #: Why another answer is wrong: by letter, by number or by formula
    wrong: Mapping[str, str] = field(default_factory=dict)
    #: The points of an essay
    points: tuple[str, ...] = ()


@lru_cache
def questions_of(exercise: Exercise) -> tuple[Question, ...]:
    """The questions of an exercise, in their order."""
    entries = tomllib.loads((exercise.folder / "questions.toml").read_text(encoding="utf-8"))["question"]
    return tuple(Question(**_tuples(entry, "variables", "hints")) for entry in entries)


@lru_cache
def answers_of(exercise: Exercise) -> dict[str, Answer]:
    """The answers of an exercise by the question's name."""
    tables = tomllib.loads(read_private(exercise.folder, "answers.toml") or "")
    return {name: Answer(**_tuples(table, "points")) for name, table in tables.items()}


@lru_cache
def measure(exercise: Exercise, name: str) -> float:
    """The number that the function ``name`` of the exercise's ``measure.py`` measures; only once in a process."""
    module = import_module(f"lstm_lab.exercises.content.{exercise.id}.measure")
    return float(getattr(module, name)())


def _tuples(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: tuple(value) if key in names else value for key, value in entry.items()}
