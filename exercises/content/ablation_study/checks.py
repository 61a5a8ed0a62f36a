"""Exercise 3: gates removed forward and backward, a fair comparison, and what follows from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "step(x, h, c, W, b, removed)",
    "step_gradient(x, h, c, W, b, removed, dh, dc)",
    "starts(rng, input_size, hidden_size)",
    "compare(train, tasks, seeds)",
    "conclusions(table)",
]
D, H, B = 3, 4, 2
GATES = (None, "forget", "input", "output")
GRADIENTS = ("dc_prev", "db", "dW", "dh_prev", "dx")


def _inputs(student: Student) -> tuple[Any, ...]:
    return (
        student.normal(B, D),
        student.normal(B, H, scale=0.7),
        student.normal(B, H),
        student.normal(4 * H, H + D, scale=0.6),
        student.normal(4 * H, scale=0.6),
    )


def _note(removed: str | None) -> str:
    return f" without the {removed} gate" if removed else " with all gates"


def shape(student: Student) -> None:
    """One step."""
    student.see_parts(["h", "c"], student.call(student.module.step, *_inputs(student), None))


def forward(student: Student) -> None:
    """Each gate removed once."""
    inputs = _inputs(student)
    for removed in GATES:
        h, c = student.call(student.module.step, *inputs, removed)
        student.see(f"c{_note(removed)}", c)
        student.see(f"h{_note(removed)}", h)


def gradient_shape(student: Student) -> None:
    """One step back."""
    arguments = (*_inputs(student), None, student.normal(B, H), student.normal(B, H))
    student.see_keys(GRADIENTS, student.call(student.module.step_gradient, *arguments))


def gradient(student: Student) -> None:
    """Each gate removed once; both dh and dc come from above."""
    inputs, dh, dc = _inputs(student), student.normal(B, H), student.normal(B, H)
    for removed in GATES:
        found = student.call(student.module.step_gradient, *inputs, removed, dh, dc)
        named = {
            f"{name}{_note(removed)}": found[name] for name in GRADIENTS if isinstance(found, dict) and name in found
        }
        for name in ("dW", "db"):
            whole = f"{name}{_note(removed)}"
            if whole in named and np.shape(named[whole])[:1] == (4 * H,):
                blocks = np.split(np.asarray(named.pop(whole)), 4)
                named |= {
                    f"{name} of {gate}{_note(removed)}": block for gate, block in zip("ifgo", blocks, strict=True)
                }
        order = [f"dc_prev{_note(removed)}"]
        order += [f"{name} of {gate}{_note(removed)}" for name in ("db", "dW") for gate in "ifgo"]
        student.see_keys([*order, f"dh_prev{_note(removed)}", f"dx{_note(removed)}"], named)


def fair_start(student: Student) -> None:
    """The weights of the variants."""
    found = student.call(student.module.starts, student.rng, D, H)
    found = found if isinstance(found, dict) else {}
    arrays = {
        name: tuple(map(np.asarray, found[name])) for name in ("full", "forget", "input", "output") if name in found
    }
    student.see("the variants", len(arrays))
    full = arrays.get("full")
    if full is None:
        return
    student.see("the shape of W", full[0].shape)
    student.see("b", full[1])
    student.see("W is random", bool(np.std(full[0]) > 0.01) and bool(np.std(full[0]) < 1.0))
    for name, (W, b) in arrays.items():
        student.see(f"W of {name} is that of full", np.array_equal(W, full[0]))
        student.see(f"b of {name} is that of full", np.array_equal(b, full[1]))
        if name != "full":
            student.see(f"W of {name} shares memory with that of full", np.shares_memory(W, full[0]))
            student.see(f"b of {name} shares memory with that of full", np.shares_memory(b, full[1]))


def comparison(student: Student) -> None:
    """Made-up runs: which are asked for, and what becomes of their numbers."""
    runs: list[tuple[str, str, int]] = []
    numbers = student.rng.permutation(500) + 1.0

    def train(variant: str, task: str, seed: int) -> float:
        runs.append((variant, task, seed))
        lost = variant == "forget" and task == "last" and seed != 9
        index = 100 * ("full", "forget", "input", "output").index(variant) + 40 * (task == "last") + seed
        return math.inf if lost else float(numbers[index])

    found = student.call(student.module.compare, train, ["first", "last"], [3, 9, 4])
    student.see("the number of runs", len(set(runs)))
    for variant in ("full", "forget", "input", "output"):
        student.see(f"the seeds of {variant}", sorted({seed for name, _, seed in runs if name == variant}))
    for task in ("first", "last"):
        row = found.get(task) if isinstance(found, dict) else None
        for variant in ("full", "forget", "input", "output"):
            student.see(f"the entry for {variant} on {task}", row.get(variant) if isinstance(row, dict) else None)


TABLES: dict[str, dict[str, dict[str, float]]] = {
    "one answer": {
        "a": {"full": 100, "forget": 300, "input": 200, "output": 150},
        "b": {"full": 100, "forget": math.inf, "input": 90, "output": 150},
    },
    "two answers": {
        "a": {"full": 100, "forget": 300, "input": 200, "output": 150},
        "b": {"full": 100, "forget": 50, "input": 200, "output": 150},
    },
    "a task that needs no gate": {"a": {"full": 100, "forget": 100, "input": 60, "output": 90}},
    "nothing but lost runs": {"a": {"full": 100, "forget": 50, "input": math.inf, "output": 99}},
    "one task needs no gate": {
        "a": {"full": 100, "forget": 80, "input": 60, "output": 120},
        "b": {"full": 100, "forget": 80, "input": 60, "output": 90},
    },
}


def concluding(student: Student) -> None:
    """Made-up tables."""
    for name, table in TABLES.items():
        found = student.call(student.module.conclusions, {task: dict(row) for task, row in table.items()})
        found = found if isinstance(found, dict) else {}
        for task in table:
            student.see(f'the answer to task {task} in "{name}"', found.get(task))
        student.see(f'the overall answer in "{name}"', found.get("overall"))


def measured(student: Student) -> None:
    """Real nets on both tasks, two variants and three seeds."""
    module = student.module

    def train(variant: str, task: str, seed: int) -> float:
        return float(module.train(variant, task, seed)) if variant in ("full", "forget") else math.inf

    tasks = ["first character", "last symbol"]
    table = student.call(module.compare, train, tasks, [0, 1, 2])
    for task in tasks:
        # A run that never learned counts as one that took 600 updates, the limit.
        full, forget = (min(float(table[task][variant]), 600.0) for variant in ("full", "forget"))
        student.reveal(task.replace(" ", "_"), forget / full)
        student.see(f"the share on {task}", forget / full)


def flips(got: Recording, _: Recording) -> Finding | None:
    """f = 1 learns faster where keeping counts, and slower where overwriting counts."""
    keep, overwrite = (
        float(got.values[f"the share on {task}"].array or 0) for task in ("first character", "last symbol")
    )
    if keep < 1 < overwrite:
        return None
    message = f"Without a forget gate: {keep:.2f} and {overwrite:.2f} of the full LSTM's updates."
    return Finding("not-measured", message, wanted="below 1 and above 1", next="Is train as it was in the starter?")


RUNGS = [
    Rung("shape", shape, "shape"),
    Rung("purity", forward, "purity"),
    Rung("forward", forward),
    Rung("shape of the gradients", gradient_shape, "shape"),
    Rung("gradient", gradient),
    Rung("a fair start", fair_start, draws=1),
    Rung("a fair comparison", comparison, draws=1),
    Rung("conclusions", concluding, draws=1),
    Rung("measured", measured, flips, draws=1, seconds=60.0, reference=False),
]
