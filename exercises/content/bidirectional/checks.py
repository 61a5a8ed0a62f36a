"""Bonus 1: one sequence, then padded ones, then the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["BiLSTM(input_size, hidden_size)", "BiLSTM.forward(x, lengths)", "BiLSTM.backward(dout)"]
WEIGHTS = ("W_forward", "b_forward", "W_backward", "b_backward")
GRADIENTS = ("dW_forward", "db_forward", "dW_backward", "db_backward", "dx")
D, H, T = 3, 4, 6
LENGTHS = [6, 2, 4]


def _network(student: Student) -> Any:
    network = student.call(student.module.BiLSTM, D, H)
    student.fill(network, *WEIGHTS, scale=0.6)
    return network


def shape(student: Student) -> None:
    """The outputs of a padded batch."""
    student.see("out", student.call(_network(student).forward, student.normal(T, len(LENGTHS), D), list(LENGTHS)))


def one_sequence(student: Student) -> None:
    """A batch of one, without padding: each half by itself."""
    out = np.asarray(student.call(_network(student).forward, student.normal(T, 1, D), [T]))
    student.see("the first half of out, left to right", out[..., :H])
    student.see("the second half of out, right to left", out[..., H:])


def padded(student: Student) -> None:
    """Sequences of different lengths, alone and together; what stands in the padding must not matter."""
    network = _network(student)
    x = student.normal(T, len(LENGTHS), D)
    out = np.asarray(student.call(network.forward, x, list(LENGTHS)))
    for index, length in enumerate(LENGTHS):
        student.see(f"out of the sequence with {length} characters, left to right", out[:length, index, :H])
        student.see(f"out of the sequence with {length} characters, right to left", out[:length, index, H:])
    student.see("out at the padding", out[2:, 1])
    alone = np.asarray(student.call(network.forward, x[:2, 1:2].copy(), [2]))
    student.see("out of the sequence with 2 characters, without padding", alone)


def gradients(student: Student) -> None:
    """All gradients of a padded batch; dout is not zero at the padding."""
    network = _network(student)
    student.call(network.forward, student.normal(T, len(LENGTHS), D), list(LENGTHS))
    student.see_keys(GRADIENTS, student.call(network.backward, student.normal(T, len(LENGTHS), 2 * H)))


RUNGS = [
    Rung("shape", shape, "shape"),
    Rung("purity", padded, "purity"),
    Rung("one sequence", one_sequence),
    Rung("padded sequences", padded),
    Rung("gradients", gradients),
]
