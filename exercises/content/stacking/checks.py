"""Bonus 4: the number of parameters, then one to three layers, with and without masks, forward and backward."""

from __future__ import annotations

from typing import Any

from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "parameters(input_size, hidden_size, num_layers)",
    "StackedLSTM(input_size, hidden_size, num_layers)",
    "StackedLSTM.forward(x, masks)",
    "StackedLSTM.backward(dout)",
]
D, H, T, B = 3, 4, 5, 2


def _network(student: Student, layers: int) -> Any:
    network = student.call(student.module.StackedLSTM, D, H, layers)
    network.W = [student.normal(4 * H, H + size, scale=0.6) for size in [D] + [H] * (layers - 1)]
    network.b = [student.normal(4 * H, scale=0.6) for _ in range(layers)]
    return network


def _masks(student: Student, layers: int) -> list[Any]:
    return [2.0 * student.rng.integers(0, 2, (T, B, H)) for _ in range(layers - 1)]


def count(student: Student) -> None:
    """Numbers for several sizes."""
    for sizes in [(10, 32, 1), (10, 32, 2), (5, 7, 3)]:
        student.see(f"parameters{sizes}", student.call(student.module.parameters, *sizes))


def shape(student: Student) -> None:
    """Two layers."""
    student.see_parts(
        ["h", "the array of final states"], student.call(_network(student, 2).forward, student.normal(T, B, D), None)
    )


def forward(student: Student) -> None:
    """One, two and three layers."""
    for layers in (1, 2, 3):
        result = student.call(_network(student, layers).forward, student.normal(T, B, D), None)
        student.see_parts([f"h with L = {layers}", f"final states with L = {layers}"], result)


def dropout(student: Student) -> None:
    """Masks between the layers; then none again."""
    network, x = _network(student, 3), student.normal(T, B, D)
    result = student.call(network.forward, x, _masks(student, 3))
    student.see_parts(["h with masks", "final states with masks"], result)
    student.see_parts(["h without masks, afterwards"], student.call(network.forward, x, None))


def gradients(student: Student) -> None:
    """Two layers, then three with masks."""
    for layers, masks, note in ((2, None, ""), (3, _masks(student, 3), " with masks")):
        network = _network(student, layers)
        student.call(network.forward, student.normal(T, B, D), masks)
        found = student.call(network.backward, student.normal(T, B, H))
        named: dict[str, Any] = {}
        if isinstance(found, dict):
            for name in ("dW", "db"):
                parts = found.get(name)
                if isinstance(parts, list | tuple):
                    named |= {f"{name}[{layer}]{note}": part for layer, part in enumerate(parts)}
            if "dx" in found:
                named[f"dx{note}"] = found["dx"]
        names = [f"{name}[{layer}]{note}" for layer in reversed(range(layers)) for name in ("dW", "db")]
        student.see_keys([*names, f"dx{note}"], named)


RUNGS = [
    Rung("parameters", count),
    Rung("shape", shape, "shape"),
    Rung("purity", dropout, "purity"),
    Rung("forward", forward),
    Rung("dropout", dropout),
    Rung("gradients", gradients),
]
