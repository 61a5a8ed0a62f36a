"""B5: norms at given weights, then the measurement that the learner guessed."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "flow_rnn(x, W, b, dh_last)",
    "flow_lstm(x, W, b, dh_last)",
    "flow_of_gates(x, W, b, dh_last)",
    "decades(norms, back)",
]
D, H, T = 3, 4, 7
UNITS, INPUTS, BACK, SEEDS = 32, 16, 50, 5


def _rnn(student: Student) -> tuple[Any, ...]:
    return student.normal(T, D), student.normal(H, H + D, scale=0.7), student.normal(H, scale=0.7), student.normal(H)


def _lstm(student: Student) -> tuple[Any, ...]:
    return (
        student.normal(T, 1, D),
        student.normal(4 * H, H + D, scale=0.7),
        student.normal(4 * H, scale=0.7),
        student.normal(1, H),
    )


def shape(student: Student) -> None:
    """A number for each step."""
    student.see("norms of the RNN", student.call(student.module.flow_rnn, *_rnn(student)))
    student.see_keys(["dh", "dC"], student.call(student.module.flow_lstm, *_lstm(student)))


def rnn(student: Student) -> None:
    """From the last step to the first."""
    norms = np.asarray(student.call(student.module.flow_rnn, *_rnn(student)), dtype=float)
    student.see("norm at the last step", norms[-1])
    student.see("norm one step back", norms[-2])
    student.see("norms of the RNN", norms)


def lstm(student: Student) -> None:
    """Both gradients, whole."""
    found = student.call(student.module.flow_lstm, *_lstm(student))
    if isinstance(found, dict):
        for name in ("dh", "dC"):
            values = np.asarray(found.get(name, ()), dtype=float)
            student.see(f"{name} at the last step", values[-1] if len(values) else None)
    student.see_keys(["dh", "dC"], found)


def gates(student: Student) -> None:
    """The direct path alone."""
    student.see("norms of the direct path", student.call(student.module.flow_of_gates, *_lstm(student)))


def share(student: Student) -> None:
    """Known numbers, and a random row."""
    norms = np.array([1e-6, 1e-4, 0.01, 1.0, 10.0])
    student.see("decades of (1e-6, 1e-4, 0.01, 1, 10), 2 back", student.call(student.module.decades, norms, 2))
    student.see("decades, 0 back", student.call(student.module.decades, norms, 0))
    random = np.abs(student.normal(20)) + 0.1
    student.see("decades of a random row, 13 back", student.call(student.module.decades, random, 13))


def measured(student: Student) -> None:
    """Fresh nets with 32 units: Xavier weights, a loss at the last of 60 steps; medians over several."""
    length = BACK + 10
    bound = np.sqrt(6 / (2 * UNITS + INPUTS))
    left: dict[str, list[float]] = {"guess_rnn": [], "guess_lstm_0": [], "guess_lstm_1": [], "guess_lstm_5": []}
    for _ in range(SEEDS):
        x = np.eye(INPUTS)[student.rng.integers(0, INPUTS, length)]
        dh = student.normal(UNITS)
        W = student.rng.uniform(-bound, bound, (UNITS, UNITS + INPUTS))
        norms = student.call(student.module.flow_rnn, x, W, np.zeros(UNITS), dh)
        left["guess_rnn"].append(float(student.call(student.module.decades, np.asarray(norms), BACK)))
        blocks = student.rng.uniform(-bound, bound, (4 * UNITS, UNITS + INPUTS))
        for bias in (0, 1, 5):
            b = np.zeros(4 * UNITS)
            b[UNITS : 2 * UNITS] = bias
            found = student.call(student.module.flow_lstm, x[:, None], blocks, b, dh[None])
            decades = student.call(student.module.decades, np.asarray(found["dC"]), BACK)
            left[f"guess_lstm_{bias}"].append(float(decades))
    for name, values in left.items():
        student.reveal(name.removeprefix("guess_"), median(values))
    student.see("decades lost", [median(values) for values in left.values()])


RUNGS = [
    Rung("shape", shape, "shape"),
    Rung("purity", lstm, "purity"),
    Rung("plain network", rnn),
    Rung("LSTM", lstm),
    Rung("the product of the gates", gates),
    Rung("decades", share),
    Rung("measured", measured, draws=1, seconds=20.0),
]
