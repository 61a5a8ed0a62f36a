"""Exercise 5: the GRU forward and backward, parameters counted, then a comparison judged by what it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "GRUCell(input_size, hidden_size)",
    "GRUCell.forward(x, h_prev)",
    "GRUCell.backward(dh, cache)",
    "pytorch_update_gate(Wz, bz)",
    "lstm_parameters(input_size, hidden_size)",
    "gru_parameters(input_size, hidden_size)",
    "gru_hidden_size(input_size, parameters)",
    "learn(cell, hidden_size, updates, learning_rate, seed)",
    "compare(learn, input_size, hidden_size, updates, learning_rate, seeds)",
    "conclusions(table)",
]
D, H, T = 3, 4, 6
WEIGHTS = ("Wr", "Wz", "Wh", "br", "bz", "bh")
#: In order of dependency: dh reaches a_z and a_h first, a_r through the candidate, h_prev and x last.
STEP = ("dbz", "dWz", "dbh", "dWh", "dbr", "dWr", "dh_prev", "dx")
NETWORKS = ("lstm", "gru", "gru as large")
COLUMNS = ("hidden_size", "parameters", "loss", "spread", "milliseconds")


def _cell(student: Student) -> Any:
    cell = student.call(student.module.GRUCell, D, H)
    student.fill(cell, *WEIGHTS, scale=0.7)
    return cell


def cell_shapes(student: Student) -> None:
    """What one step returns, and what is in its cache."""
    result = student.call(_cell(student).forward, student.normal(D), student.normal(H))
    student.see_parts(["h", "cache"], result)
    cache = result[1] if isinstance(result, tuple | list) and len(result) == 2 else None
    student.see_keys(["r", "z", "h_tilde"], cache)


def gates(student: Student) -> None:
    """The gates and the candidate of one step, from the cache."""
    _, cache = student.call(_cell(student).forward, student.normal(D), student.normal(H))
    student.see_keys(["r", "z", "h_tilde"], cache)


def state(student: Student) -> None:
    """One step; then what the update gate is for: z = 0 keeps the state, z = 1 replaces it."""
    cell = _cell(student)
    x, h_prev = student.normal(D), student.normal(H)
    for case, bias in (("", None), (" with z = 0", -60.0), (" with z = 1", 60.0)):
        if bias is not None:
            cell.bz = np.full(H, bias)
        student.see(f"h{case}", student.call(cell.forward, x, h_prev)[0])


def step_gradient(student: Student) -> None:
    """One step back from a random gradient."""
    cell = _cell(student)
    _, cache = student.call(cell.forward, student.normal(D), student.normal(H))
    student.see_keys(STEP, student.call(cell.backward, student.normal(H), cache))


def sequence_gradient(student: Student) -> None:
    """Six steps forward and back, with a gradient from outside at every step."""
    cell = _cell(student)
    xs, outside = student.normal(T, D), student.normal(T, H)
    h, caches = student.normal(H), []
    for t in range(T):
        h, cache = student.call(cell.forward, xs[t], h)
        caches.append(cache)
        student.see(f"h after step {t + 1}", h)
    total: dict[str, Any] = {}
    dh = np.zeros(H)
    for t in reversed(range(T)):
        grads = student.call(cell.backward, outside[t] + dh, caches[t])
        dh = np.asarray(grads["dh_prev"])
        for name in STEP:
            total[name] = total.get(name, 0.0) + np.asarray(grads[name]) * (name not in ("dh_prev", "dx"))
    for name in STEP[:-2]:
        student.see(f"{name}, summed over the steps", total[name])
    student.see("dh_prev of the first step", dh)


def parameters(student: Student) -> None:
    """Counts at several sizes, and the GRU that is as large as an LSTM."""
    module = student.module
    for d, h in ((3, 5), (65, 128), (1, 1), (10, 20)):
        student.see(f"lstm_parameters({d}, {h})", student.call(module.lstm_parameters, d, h))
        student.see(f"gru_parameters({d}, {h})", student.call(module.gru_parameters, d, h))
    for d, count in ((65, 99_328), (10, 2_480), (3, 100), (200, 5_000)):
        student.see(f"gru_hidden_size({d}, {count})", student.call(module.gru_hidden_size, d, count))


def conventions(student: Student) -> None:
    """The update gate's weights for PyTorch."""
    parts = student.call(student.module.pytorch_update_gate, student.normal(H, H + D), student.normal(H))
    student.see_parts(["Wz for PyTorch", "bz for PyTorch"], parts)


def _measurements(student: Student) -> tuple[Callable[..., dict[str, float]], dict[str, list[list[float]]]]:
    """A ``learn`` that makes its numbers up and writes down with what it was called."""
    calls: dict[str, list[list[float]]] = {"lstm": [], "gru": []}

    def learn(cell: str, hidden_size: int, updates: int, learning_rate: float, seed: int) -> dict[str, float]:
        calls.setdefault(cell, []).append([hidden_size, updates, learning_rate, seed])
        numbers = np.random.default_rng([hidden_size, seed, len(cell)]).uniform(1.0, 3.0, 3)
        return dict(zip(("train_loss", "unseen_loss", "milliseconds"), map(float, numbers), strict=True))

    return learn, calls


def comparison(student: Student) -> None:
    """The table from measurements that the grader makes up, and with which settings they were asked for."""
    learn, calls = _measurements(student)
    table = student.call(student.module.compare, learn, 20, 10, 300, 0.01, [4, 5, 7])
    rows = {name: row for name, row in table.items() if isinstance(row, Mapping)} if isinstance(table, Mapping) else {}
    for cell in ("lstm", "gru"):
        runs = np.array(sorted(calls[cell]), dtype=float).reshape(-1, 4)
        student.see(f"the number of {cell} runs", len(runs))
        for column, what in enumerate(("hidden sizes", "updates", "learning rates", "seeds")):
            student.see(f"the list of {what} of the {cell} runs", runs[:, column])
    for name in NETWORKS:
        for entry in COLUMNS:
            student.see(f"{entry} of {name}", rows.get(name, {}).get(entry))


def concluding(student: Student) -> None:
    """Conclusions from tables in which the GRU is better, worse, or too close to call."""
    for case, gap, spreads in (
        ("a clear lead", -0.30, (0.05, 0.04, 0.02)),
        ("a clear lag", 0.25, (0.03, 0.06, 0.05)),
        ("a difference within the LSTM's spread", 0.10, (0.30, 0.02, 0.02)),
        ("a difference within the GRUs' spread", -0.10, (0.02, 0.25, 0.30)),
        ("a difference above each spread, below their sum", 0.10, (0.08, 0.07, 0.06)),
    ):
        losses = 2.0 + np.array([0.0, gap, gap * 1.1])
        table = {
            name: {
                "hidden_size": 10 + n,
                "parameters": int(student.rng.integers(300, 500)) * (4 if name == "lstm" else 3),
                "loss": float(losses[n]),
                "spread": spreads[n],
                "milliseconds": float(student.rng.uniform(1, 2)),
            }
            for n, name in enumerate(NETWORKS)
        }
        found = student.call(student.module.conclusions, table)
        entries = found if isinstance(found, Mapping) else {}
        student.see(f"parameters saved, with {case}", entries.get("parameters saved"))
        for network in NETWORKS[1:]:
            student.see(f'the verdict on "{network}" with {case}', entries.get(network))


def measured(student: Student) -> None:
    """The comparison itself: small networks, on the lab's fast core, judged by the learner's own numbers."""
    module = student.module
    table = student.call(module.compare, module.learn, 65, 32, 150, 0.01, [1, 2])
    for name in NETWORKS:
        student.see(f"loss of {name}", table[name]["loss"])
        student.see(f"spread of {name}", table[name]["spread"])
    found = student.call(module.conclusions, table)
    for name in NETWORKS[1:]:
        student.see(name, found[name])
    lstm, gru = table["lstm"], table["gru"]
    student.reveal("parameters_saved", found["parameters saved"])
    student.reveal("time_ratio", gru["milliseconds"] / lstm["milliseconds"])
    student.reveal("loss_gap", gru["loss"] - lstm["loss"])


def follows_from_its_numbers(got: Recording, _: Recording) -> Finding | None:
    """Every network has learned something, and the conclusions are those of the learner's own table."""
    numbers = {name: float(value.array) for name, value in got.values.items() if value.array is not None}
    for name in NETWORKS:
        loss = numbers.get(f"loss of {name}", np.nan)
        if not loss < 3.2:
            message = f"The {name} does not learn: {loss:.3g} nats per character on unseen text."
            advice = "Knowing the frequencies of letters alone is worth 3.35. Put learn back as it was in the starter."
            return Finding("not-learned", message, got=f"{loss:.3g} nats", wanted="below 3.2 nats", next=advice)
    for name in NETWORKS[1:]:
        gap = numbers[f"loss of {name}"] - numbers["loss of lstm"]
        clear = abs(gap) > max(numbers[f"spread of {name}"], numbers["spread of lstm"])
        right = ("better" if gap < 0 else "worse") if clear else "unclear"
        if got.values[name].text != right:
            message = f'The {name} is called "{got.values[name].text}" at a difference of {gap:+.3f} nats.'
            return Finding("not-concluded", message, wanted=f'"{right}"', next="Compare it with the spreads.")
    return None


RUNGS = [
    Rung("cell shapes", cell_shapes, "shape"),
    Rung("cell purity", cell_shapes, "purity", own_memory=False),
    Rung("gates", gates),
    Rung("state", state),
    Rung("step gradient shapes", step_gradient, "shape"),
    Rung("step gradient purity", step_gradient, "purity", own_memory=False),
    Rung("step gradient", step_gradient),
    Rung("sequence gradient", sequence_gradient),
    Rung("conventions", conventions),
    Rung("parameters", parameters, draws=1),
    Rung("comparison shapes", comparison, "shape", draws=1),
    Rung("comparison", comparison, draws=1),
    Rung("conclusions", concluding, draws=1),
    Rung("measured", measured, follows_from_its_numbers, draws=1, seconds=60.0, reference=False),
]
