"""B3: the norm is over all arrays, the direction stays, short gradients stay."""

from __future__ import annotations

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["clip_gradients(grads, max_norm)"]
SHAPES = [(3,), (4, 2), (1,), (2, 3, 2), ()]


def long_gradients(student: Student) -> None:
    """Arrays of several shapes, whose norm is far above the limit."""
    grads = [student.normal(*shape) for shape in SHAPES]
    clipped = student.call(student.module.clip_gradients, grads, 0.7)
    student.see_parts([f"clipped[{index}]" for index in range(len(SHAPES))], clipped)
    student.see("the number of arrays", len(clipped) if isinstance(clipped, list | tuple) else None)


def edge_cases(student: Student) -> None:
    """What lies below the limit, just at it, at zero, and one of many."""
    clip = student.module.clip_gradients
    short = [student.normal(3, scale=0.1), student.normal(2, 2, scale=0.1)]
    student.see_parts(["short[0]", "short[1]"], student.call(clip, short, 10.0))
    student.see_parts(
        ["at the limit[0]", "at the limit[1]"], student.call(clip, [np.array([3.0]), np.array([4.0])], 5.0)
    )
    student.see_parts(["zeros[0]", "zeros[1]"], student.call(clip, [np.zeros(3), np.zeros((2, 2))], 1.0))
    student.see_parts(["single"], student.call(clip, [np.array([30.0])], 1.0))


RUNGS = [
    Rung("shape", long_gradients, "shape"),
    Rung("purity", long_gradients, "purity", own_memory=False),
    Rung("values", long_gradients),
    Rung("edge cases", edge_cases),
]
