"""Exercise 2: captured arrays are those of the net; findings follow from the arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "capture(x, W, b)",
    "summary(gate)",
    "by_character(gate, text)",
    "most_selective(gate, text)",
    "report(gates, text)",
]
ARRAYS = ("i", "f", "g", "C", "o", "h")
D, H, T = 3, 5, 9


def _run(student: Student) -> Any:
    return student.call(
        student.module.capture,
        np.eye(D)[student.rng.integers(0, D, T)],
        student.normal(4 * H, H + D, scale=0.9),
        student.normal(4 * H, scale=0.9),
    )


def _gate(student: Student, rows: int, units: int) -> Any:
    return 1 / (1 + np.exp(-student.normal(rows, units, scale=3.0)))


def _text(student: Student, length: int) -> str:
    return "".join(student.rng.permutation(list("aabbbcd" * 8)[:length]))


def shape(student: Student) -> None:
    """A row for each character."""
    student.see_keys(ARRAYS, _run(student))


def capture(student: Student) -> None:
    """What the layer computed, in order of dependency; then a single character."""
    student.see_keys(ARRAYS, _run(student))
    arguments = np.eye(D)[[1]], student.normal(4 * H, H + D), student.normal(4 * H)
    found = student.call(student.module.capture, *arguments)
    student.see("C of a single character", found.get("C") if isinstance(found, dict) else None)


def summary(student: Student) -> None:
    """Three numbers, of two gates."""
    for name, gate in (("a gate", _gate(student, 12, 5)), ("the example", np.array([[0.95], [0.2], [0.97], [0.05]]))):
        found = student.call(student.module.summary, gate)
        named = {
            f"{key} of {name}": found[key]
            for key in ("mean", "shut", "open")
            if isinstance(found, dict) and key in found
        }
        student.see_keys([f"{key} of {name}" for key in ("mean", "shut", "open")], named)


def characters(student: Student) -> None:
    """Means by character, where characters are not equally frequent."""
    text = _text(student, 20)
    found = student.call(student.module.by_character, _gate(student, 20, 4), text)
    found = found if isinstance(found, dict) else {}
    student.see("the number of characters", len(found))
    student.see_keys(
        [f"the mean for {c}" for c in sorted(set(text))], {f"the mean for {c}": v for c, v in found.items()}
    )


def selective(student: Student) -> None:
    """Units whose selectivity is known: some vary much without following the character."""
    for case in range(8):
        text = _text(student, 40)
        characters = np.array(list(text))
        gate = 0.5 + 0.02 * student.normal(40, 6)
        unit = int(student.rng.integers(6))
        gate[:, unit] += np.where(characters == "d", 0.45, 0.0)
        gate[:, (unit + 4) % 6] += np.where(
            np.isin(characters, ["b", "d"]), 0.4, 0.0
        )  # its means have a larger variance
        noisy = (unit + 2) % 6
        gate[:, noisy] += 0.5 * np.where(np.arange(40) % 2 == 0, 1, -1)
        found = student.call(student.module.most_selective, np.clip(gate, 0, 1), text)
        student.see(f"the most selective unit, case {case + 1}", int(np.asarray(found)))


def findings(student: Student) -> None:
    """Made-up arrays: a gate that is open once, units that are nearly always open, one that follows another letter."""
    for case, most in enumerate("ifo"):
        text = _text(student, 30)
        characters = np.array(list(text))
        gates = {name: student.rng.uniform(0.3, 0.4, (30, 6)) for name in "ifo"}
        gates |= {name: 2 + student.normal(30, 6) for name in ("g", "C", "h")}
        gates[most] += 0.4
        gates["ifo"["ifo".index(most) - 1]][3, 0] = 0.999
        gates["f"][:, 1], gates["f"][:, 4], gates["f"][:, 5] = 0.95, 0.93, 0.97
        gates["f"][7, 4], gates["f"][9, 5] = (0.89, 0.92)[case == 1], 0.2
        gates["f"][characters == "abcd"[case]] -= 0.02
        gates["f"][:, 2:4][characters == "abcd"[case]] -= 0.2
        gates["f"][characters == "bcda"[case], 0] -= 0.29
        found = student.call(student.module.report, gates, text)
        found = found if isinstance(found, dict) else {}
        for key in ("most open", "always open", "forgets at"):
            student.see(f'"{key}" in case {case + 1}', found.get(key))


def measured(student: Student) -> None:
    """A real net, before and after it has learned."""
    module = student.module
    text = "abc" * 16
    means = {}
    for when, updates in (("before", 0), ("after", 150)):
        x, W, b = module.train(text, updates, 1)
        gates = student.call(module.capture, x, W, b)
        for gate in ("f", "i"):
            means[gate, when] = float(student.call(module.summary, np.asarray(gates[gate]))["mean"])
    student.reveal("forget_before", means["f", "before"])
    student.reveal("forget_after", means["f", "after"])
    student.reveal("input_after", means["i", "after"])
    student.see("the means", [means["f", "before"], means["f", "after"], means["i", "after"]])


def plausible(got: Recording, _: Recording) -> Finding | None:
    """The forget gate closes, the input gate opens."""
    array = got.values["the means"].array
    before, after, written = (float(value) for value in np.ravel(array)) if array is not None else (0.0, 0.0, 0.0)
    if 0.65 < before < 0.8 and after < before and written > 0.7:
        return None
    message = f"Means of {before:.2f}, {after:.2f} and {written:.2f} do not come from the net of the starter."
    return Finding("not-measured", message, next="Is train as it was in the starter?")


RUNGS = [
    Rung("shape", shape, "shape"),
    Rung("purity", capture, "purity"),
    Rung("capture", capture),
    Rung("summary", summary),
    Rung("by character", characters),
    Rung("the most selective unit", selective),
    Rung("report", findings),
    Rung("measured", measured, plausible, draws=1, seconds=30.0, reference=False),
]
