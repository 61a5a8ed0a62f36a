"""Every exercise proves itself, and the proof notices what does not hold."""

from __future__ import annotations

import dataclasses

import pytest

from lstm_lab.exercises.authoring import check_exercise
from lstm_lab.exercises.catalogue import Exercise, exercises
from lstm_lab.exercises.grading.mutants import Mutant


@pytest.mark.parametrize("name", ["one_neuron", "clip_gradients", "bptt_derivation", "cell_information"])
def test_an_exercise_holds(name: str) -> None:
    """All of them are proved by ``make test``, which runs ``lstm-lab learn author-check``."""
    assert check_exercise(exercises()[name], seeds=3) == []


def _with_mutant(**changes: object) -> Exercise:
    """The exercise on clipping with its first mutant changed."""
    exercise = exercises()["clip_gradients"]
    first, *others = exercise.mutants
    changed = dataclasses.replace(exercise)
    changed.__dict__["mutants"] = (dataclasses.replace(first, **changes), *others)  # type: ignore[arg-type]
    return changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rung": "edge cases"}, "caught at values as by-value, declared is edge cases"),
        ({"edits": (("no such text", ""),)}, "an edit's first text is not in the solution exactly once"),
        ({"edits": (("[g * factor for g in grads]", "[factor * g for g in grads]"),)}, "passes"),
    ],
)
def test_a_mutant_that_is_not_caught_as_declared_is_a_complaint(changes: dict[str, object], message: str) -> None:
    complaints = check_exercise(_with_mutant(**changes), seeds=1)
    assert [(complaint.tried, complaint.message) for complaint in complaints] == [("mutant by-value", message)]


def test_two_mutants_that_show_the_same_are_a_complaint() -> None:
    exercise = exercises()["clip_gradients"]
    twin = dataclasses.replace(exercise.mutants[0], id="twin")
    doubled = dataclasses.replace(exercise)
    doubled.__dict__["mutants"] = (*exercise.mutants, twin)
    tried = {complaint.tried for complaint in check_exercise(doubled, seeds=1)}
    assert {"mutant by-value", "mutant twin"} & tried


def test_an_edit_applies_only_where_its_text_stands_exactly_once() -> None:
    mutant = Mutant("id", "values", (("a", "b"),), "cause", "next")
    assert mutant.apply("x = a") == "x = b"
    assert mutant.apply("x = a + a") is None
    assert mutant.apply("x = c") is None
