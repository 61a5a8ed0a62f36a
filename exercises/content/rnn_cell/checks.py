"""B1: the weights at the start, then one step, then many."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["RNNCell(input_size, hidden_size)", "RNNCell.forward(x, h_prev)"]
WEIGHTS = ("W_hh", "W_xh", "b")
D, H = 3, 5


def _cell(student: Student, inputs: int = D, units: int = H, scale: float = 0.6) -> Any:
    cell = student.call(student.module.RNNCell, inputs, units)
    student.fill(cell, *WEIGHTS, scale=scale)
    return cell


def weights(student: Student) -> None:
    """What the constructor makes."""
    student.see_attributes(WEIGHTS, student.call(student.module.RNNCell, D, H))


def start(got: Recording, wanted: Recording) -> Finding | None:
    """Units must differ; weights must not saturate them."""
    called = "RNNCell(input_size, hidden_size)"
    for name in ("W_hh", "W_xh"):
        matrix = got.values[name].array
        assert matrix is not None
        if not np.any(matrix):
            message = f"All entries of {name} are zero."
            cause = "All units then compute the same and get the same gradient: they stay alike for ever."
            return Finding("zero-weights", message, called, cause=cause, next="Draw small random numbers.")
        if len(np.unique(matrix, axis=0)) < len(matrix):
            cause = "Units with the same weights get the same gradient: they stay alike for ever."
            message = f"Two rows of {name} are equal."
            return Finding("equal-units", message, called, cause=cause, next="Draw every entry by itself.")
        if np.abs(matrix).max() > 2:
            message = f"{name} has an entry of {np.abs(matrix).max():.3g} at the start."
            cause = "Large weights drive tanh into saturation, where its slope is nearly 0 and nothing is learned."
            return Finding("large-weights", message, called, cause=cause, next="Scale the random numbers by about 0.1.")
    return None


def step(student: Student) -> None:
    """Two steps at random weights, from a random state."""
    cell = _cell(student)
    h = student.normal(H, scale=0.7)
    for number in (1, 2):
        h = student.call(cell.forward, student.normal(D), np.array(h))
        student.see(f"h of step {number}", h)


def saturated(student: Student) -> None:
    """Pre-activations far beyond what exp can hold."""
    cell = _cell(student, scale=400.0)
    student.see("h at large weights", student.call(cell.forward, student.normal(D), student.normal(H)))


def forward(student: Student) -> None:
    """Each part of the equation by itself, then all of it."""
    x, h = student.normal(D), student.normal(H, scale=0.7)
    for name, others in {
        "h from the input alone": ("W_hh", "b"),
        "h from the old state alone": ("W_xh", "b"),
        "h from the bias alone": ("W_hh", "W_xh"),
    }.items():
        cell = _cell(student)
        for other in others:
            setattr(cell, other, np.zeros(np.shape(getattr(cell, other))))
        student.see(name, student.call(cell.forward, x, h))
    student.see("h", student.call(_cell(student).forward, x, h))
    student.see("h with one unit", student.call(_cell(student, 2, 1).forward, student.normal(2), student.normal(1)))


def sequence(student: Student) -> None:
    """The same state twice gives the same result, whatever came between; and two cells do not share."""
    cell, other = _cell(student), _cell(student)
    x, h = student.normal(D), student.normal(H, scale=0.7)
    student.see("h", student.call(cell.forward, x, h))
    student.call(cell.forward, student.normal(D), student.normal(H))
    student.see("h of the same inputs again", student.call(cell.forward, x, h))
    student.see("h of a second cell", student.call(other.forward, x, h))
    for number in range(5):
        h = student.call(cell.forward, student.normal(D), h)
        student.see(f"h after {number + 1} steps in a row", h)


RUNGS = [
    Rung("weights at the start", weights, "shape"),
    Rung("a useful start", weights, start, draws=1),
    Rung("shape", step, "shape"),
    Rung("purity", step, "purity"),
    Rung("finite", saturated, "finite"),
    Rung("forward", forward),
    Rung("step after step", sequence),
]
