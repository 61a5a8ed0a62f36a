"""Bonus 2: what the gates see, and the new ways on which gradients come back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "PeepholeLSTMCell(input_size, hidden_size)",
    "PeepholeLSTMCell.forward(x, h_prev, c_prev)",
    "PeepholeLSTMCell.backward(dh, dc, cache)",
    "extra_parameters(hidden_size)",
]
D, H, T = 3, 4, 6
WEIGHTS = ("Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo", "pf", "pi", "po")
#: In order of dependency: dh reaches a_o alone, then C, then what went into C, and the states before and x last.
STEP = ("dbo", "dWo", "dpo", "dbf", "dWf", "dpf", "dbi", "dWi", "dpi", "dbc", "dWc", "dc_prev", "dh_prev", "dx")
STATES = ("dc_prev", "dh_prev", "dx")


def _cell(student: Student) -> Any:
    cell = student.call(student.module.PeepholeLSTMCell, D, H)
    student.fill(cell, *WEIGHTS, scale=0.7)
    return cell


def cell_shapes(student: Student) -> None:
    """What one step returns, and what is in its cache."""
    result = student.call(_cell(student).forward, student.normal(D), student.normal(H), student.normal(H))
    student.see_parts(["h", "c", "cache"], result)
    cache = result[2] if isinstance(result, tuple | list) and len(result) == 3 else None
    student.see_keys(["f", "i", "c_tilde", "o"], cache)


def gates(student: Student) -> None:
    """Gates and states of one step with peepholes, and without."""
    cell = _cell(student)
    x, h_prev, c_prev = student.normal(D), student.normal(H), student.normal(H)
    h, c, cache = student.call(cell.forward, x, h_prev, c_prev)
    student.see_keys(["f", "i", "c_tilde"], cache)
    student.see("c", c)
    student.see_keys(["o"], cache)
    student.see("h", h)
    cell.pf = cell.pi = cell.po = np.zeros(H)
    h, c, _ = student.call(cell.forward, x, h_prev, c_prev)
    student.see("c with p = 0", c)
    student.see("h with p = 0", h)


def step_gradient(student: Student) -> None:
    """One step back from both gradients, then with p = 0."""
    cell = _cell(student)
    x, h_prev, c_prev = student.normal(D), student.normal(H), student.normal(H)
    for case in ("", " with p = 0"):
        if case:
            cell.pf = cell.pi = cell.po = np.zeros(H)
        _, _, cache = student.call(cell.forward, x, h_prev, c_prev)
        grads = student.call(cell.backward, student.normal(H), student.normal(H), cache)
        if not case:
            student.see_keys(STEP, grads)
        elif isinstance(grads, dict):
            for name in STATES:
                student.see(name + case, grads.get(name))


def sequence_gradient(student: Student) -> None:
    """Six steps forward and back, with a gradient from outside at every step."""
    cell = _cell(student)
    xs, outside = student.normal(T, D), student.normal(T, H)
    h, c, caches = student.normal(H), student.normal(H), []
    for t in range(T):
        h, c, cache = student.call(cell.forward, xs[t], h, c)
        caches.append(cache)
        student.see(f"c after step {t + 1}", c)
        student.see(f"h after step {t + 1}", h)
    total: dict[str, Any] = {}
    dh, dc = np.zeros(H), np.zeros(H)
    for t in reversed(range(T)):
        grads = student.call(cell.backward, outside[t] + dh, dc, caches[t])
        dh, dc = np.asarray(grads["dh_prev"]), np.asarray(grads["dc_prev"])
        for name in STEP[:-3]:
            total[name] = total.get(name, 0.0) + np.asarray(grads[name])
    for name in STEP[:-3]:
        student.see(f"{name}, summed over the steps", total[name])
    student.see("dc_prev of the first step", dc)
    student.see("dh_prev of the first step", dh)


def parameters(student: Student) -> None:
    """Counts at several sizes."""
    for size in (5, 1, 128):
        parts = student.call(student.module.extra_parameters, size)
        student.see_parts([f"diagonal, H = {size}", f"dense, H = {size}"], parts)


RUNGS = [
    Rung("cell shapes", cell_shapes, "shape"),
    Rung("cell purity", cell_shapes, "purity", own_memory=False),
    Rung("gates", gates),
    Rung("step gradient shapes", step_gradient, "shape"),
    Rung("step gradient purity", step_gradient, "purity", own_memory=False),
    Rung("step gradient", step_gradient),
    Rung("sequence gradient", sequence_gradient),
    Rung("parameters", parameters, draws=1),
]
