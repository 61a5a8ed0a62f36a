"""A gradient check: measured against functions whose derivatives are known, and against wrong gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["numerical_gradient(f, x, epsilon)", "relative_error(a, b)", "check(f, gradient, x)"]


def _function(student: Student, *shape: int) -> Any:
    weights = student.normal(*shape)

    def f(x: Any) -> float:
        return float(np.sum(np.tanh(weights * np.asarray(x)) ** 2 + weights * np.asarray(x)))

    return f


def gradient(student: Student) -> None:
    """Arrays of several shapes."""
    for shape in [(3,), (2, 3), (2, 1, 2)]:
        f, x = _function(student, *shape), student.normal(*shape)
        student.see(f"gradient at shape {shape}", student.call(student.module.numerical_gradient, f, x))


def steep(student: Student) -> None:
    """Where the curve bends: the example of the text, and a function whose scale is small."""
    numerical = student.module.numerical_gradient
    student.see("the derivative of x³ at 2", student.call(numerical, lambda x: float(x[0]) ** 3, np.array([2.0])))
    gradient(student)
    x = student.normal(4)
    result = student.call(numerical, lambda x: float(np.sum(np.sin(x)) ** 2), x)
    student.see("gradient of a function that mixes its inputs", result)


def error(student: Student) -> None:
    """Errors of large, small and zero arrays."""
    relative = student.module.relative_error
    a, b = student.normal(3, 2), student.normal(3, 2)
    student.see("error of two arrays", student.call(relative, a, b))
    student.see("error of the same two, swapped", student.call(relative, b, 3 * a))
    student.see("error of tiny arrays", student.call(relative, 1e-9 * a, 1e-9 * b))
    mixed = np.array([1.0, 1e-12])
    student.see("error where one entry is nearly zero", student.call(relative, mixed, np.array([1.0, 2e-12])))
    student.see("error of two zeros", student.call(relative, np.zeros(3), np.zeros(3)))


def verdict(student: Student) -> None:
    """Right gradients, and wrong ones of several kinds."""
    for name, scale in (("", 1.0), (" of a small function", 1e-8), (" of a large function", 1e5)):
        base = _function(student, 4)
        x = student.normal(4)
        weights_gradient = np.array([(base(x + e) - base(x - e)) / 2e-6 for e in 1e-6 * np.eye(4)])

        def f(x: Any, base: Any = base, scale: float = scale) -> float:
            return scale * float(base(x))

        right = scale * weights_gradient
        off = right.copy()
        off[2] += 0.01 * np.linalg.norm(right)
        balanced = right + scale * np.array([0.3, -0.3, 0.0, 0.0])
        for what, claimed in {
            "the right gradient": right,
            "a gradient with one wrong entry": off,
            "a gradient that is 1 % too long": 1.01 * right,
            "a gradient of the wrong sign": -right,
            "a gradient of zeros": np.zeros(4),
            "a gradient with two errors that cancel": balanced,
            "a gradient whose entries are in another order": right[::-1].copy(),
        }.items():
            student.see(f"check of {what}{name}", bool(student.call(student.module.check, f, claimed, x)))


RUNGS = [
    Rung("shape", gradient, "shape"),
    Rung("purity", gradient, "purity"),
    Rung("numerical gradient", steep),
    Rung("relative error", error, tolerance=1e-9),
    Rung("verdict", verdict),
]
