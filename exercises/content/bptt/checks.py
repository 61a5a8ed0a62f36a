"""B2: forward, then the gradients of one step, of a sequence, of a second call, and of large ones."""

from __future__ import annotations

from typing import Any

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["RNN(input_size, hidden_size, output_size)", "RNN.forward(xs, h0)", "RNN.backward(douts)"]
WEIGHTS = ("W_xh", "W_hh", "b", "W_hy", "b_y")
#: In order of dependency: what is nearest to the loss comes first
GRADIENTS = ("db_y", "dW_hy", "db", "dW_xh", "dW_hh", "dxs", "dh0")
D, H, K, T = 3, 4, 2, 6


def _network(student: Student) -> Any:
    network = student.call(student.module.RNN, D, H, K)
    student.fill(network, *WEIGHTS, scale=0.6)
    return network


def _backward(student: Student, steps: int, note: str = "", scale: float = 1.0) -> tuple[Any, Any]:
    network = _network(student)
    student.call(network.forward, student.normal(steps, D), student.normal(H, scale=0.6))
    douts = scale * student.normal(steps, K)
    _see(student, student.call(network.backward, douts), note)
    return network, douts


def _see(student: Student, gradients: Any, note: str) -> None:
    given = gradients if isinstance(gradients, dict) else {}
    student.see_keys([f"{name}{note}" for name in GRADIENTS], {f"{name}{note}": value for name, value in given.items()})


def outputs(student: Student) -> None:
    """The outputs of a sequence."""
    student.see("ys", student.call(_network(student).forward, student.normal(T, D), student.normal(H, scale=0.6)))


def forward(student: Student) -> None:
    """One step, many, and the same again after another sequence."""
    network = _network(student)
    xs, h0 = student.normal(T, D), student.normal(H, scale=0.6)
    student.see("y of a single step", student.call(network.forward, xs[:1].copy(), h0))
    student.see("ys", student.call(network.forward, xs, h0))
    student.see("ys of the same sequence again", student.call(network.forward, xs, h0))


def one_step(student: Student) -> None:
    """T = 1: a net without time."""
    _backward(student, 1)


def sequence(student: Student) -> None:
    """T = 6, with something from above at every step."""
    _backward(student, T)


def second_call(student: Student) -> None:
    """The same gradients again, and those of another sequence."""
    network, douts = _backward(student, T)
    _see(student, student.call(network.backward, douts), " of a second call")
    student.call(network.forward, student.normal(3, D), student.normal(H))
    _see(student, student.call(network.backward, student.normal(3, K)), " of another sequence")


def large(student: Student) -> None:
    """What comes from above is large: nothing is clipped."""
    _backward(student, T, scale=100.0)


RUNGS = [
    Rung("shape of the outputs", outputs, "shape"),
    Rung("forward", forward),
    Rung("shape of the gradients", one_step, "shape"),
    Rung("purity", sequence, "purity"),
    Rung("one step", one_step),
    Rung("a whole sequence", sequence),
    Rung("a second call", second_call),
    Rung("large gradients", large),
]
