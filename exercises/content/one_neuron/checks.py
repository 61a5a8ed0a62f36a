"""One neuron: the loss, and the three gradients in the order in which they follow from each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["forward(w, b, x, target)", "backward(w, b, x, target)"]
GRADIENTS = ("db", "dw", "dx")


def _inputs(student: Student) -> tuple[Any, float, Any, float]:
    return student.normal(5), float(student.normal()), student.normal(5, scale=0.4), float(student.normal(scale=2.0))


def loss(student: Student) -> None:
    """The two numbers of the forward pass; y comes first, as the loss depends on it."""
    result = student.call(student.module.forward, *_inputs(student))
    parts = result if isinstance(result, tuple | list) else [result]
    student.see("y", parts[1] if len(parts) > 1 else None)
    student.see("loss", parts[0])


def by_hand(student: Student) -> None:
    """The example of the text, then random ones."""
    example = np.array([0.5, -1.0]), 0.1, np.array([1.0, 0.2]), 1.0
    student.see_parts(["loss of the example", "y of the example"], student.call(student.module.forward, *example))
    loss(student)


def gradients(student: Student) -> None:
    """All three gradients, of two neurons."""
    for neuron in ("", " of a second neuron"):
        found = student.call(student.module.backward, *_inputs(student))
        named = {f"{name}{neuron}": value for name, value in found.items()} if isinstance(found, dict) else found
        student.see_keys([f"{name}{neuron}" for name in GRADIENTS], named)


RUNGS = [
    Rung("shape of the loss", loss, "shape"),
    Rung("forward", by_hand),
    Rung("shape of the gradients", gradients, "shape"),
    Rung("backward", gradients),
    Rung("purity", gradients, "purity", own_memory=False),
]
