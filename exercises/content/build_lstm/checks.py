"""Exercise 1: the cell forward and backward, then the network over a sequence, and "hello" at the very end."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "sigmoid(a)",
    "LSTMCell(input_size, hidden_size)",
    "LSTMCell.forward(x, h_prev, c_prev)",
    "LSTMCell.backward(dh, dc, cache)",
    "LSTM(input_size, hidden_size, output_size)",
    "LSTM.forward(inputs, targets, h_prev, c_prev)",
    "LSTM.backward()",
    "LSTM.update_weights(grads, learning_rate, max_norm)",
]
D, H, V, T = 3, 4, 5, 6
CELL_WEIGHTS = ("Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo")
#: In order of dependency: dh reaches a_o alone, then C, then what went into C, and h_prev and x last.
STEP = ("dbo", "dWo", "dc_prev", "dbf", "dWf", "dbi", "dWi", "dbc", "dWc", "dh_prev", "dx")
SEQUENCE = ("dby", "dWy", "dbo", "dWo", "dbf", "dWf", "dbi", "dWi", "dbc", "dWc", "dh_prev", "dc_prev")
#: "hello" → "ello "
LETTERS = " ehlo"
INPUTS = [LETTERS.index(letter) for letter in "hello"]
TARGETS = [LETTERS.index(letter) for letter in "ello "]
UPDATES = 150


# ------------------------------------------------------------------------------------------------------- the cell


def start(student: Student) -> None:
    """What a new cell begins with."""
    cell = student.call(student.module.LSTMCell, D, 8)
    student.see_attributes(CELL_WEIGHTS[4:], cell)
    for name in CELL_WEIGHTS[:4]:
        units = np.asarray(getattr(cell, name, np.zeros((1, 1))), dtype=float)
        student.see(f"whether the entries of {name} differ", len(np.unique(units)) > 1)


def _cell(student: Student, scale: float = 0.5) -> Any:
    cell = student.call(student.module.LSTMCell, D, H)
    student.fill(cell, *CELL_WEIGHTS, scale=scale)
    return cell


def _step(student: Student, cell: Any, name: str = "") -> tuple[Any, Any, Any]:
    """One step from random states; records the gates, then c and h."""
    x, h_prev, c_prev = student.normal(D), student.normal(H, scale=0.5), student.normal(H)
    result = student.call(cell.forward, x, h_prev, c_prev)
    parts = [*result, None, None, None] if isinstance(result, tuple | list) else [result, None, None]
    h, c, cache = parts[:3]
    if not name:
        student.see_keys(["f", "i", "c_tilde", "o"], cache)
    student.see(f"c{name}", c)
    student.see(f"h{name}", h)
    return h, c, cache


def cell_shapes(student: Student) -> None:
    """What one step returns, and what is in its cache."""
    cell = _cell(student)
    result = student.call(cell.forward, student.normal(D), student.normal(H), student.normal(H))
    student.see_parts(["h", "c", "cache"], result)
    cache = result[2] if isinstance(result, tuple | list) and len(result) == 3 else None
    student.see_keys(["f", "i", "c_tilde", "o"], cache)


def cell_forward(student: Student) -> None:
    """One step, and what the gates are for: f = 1 and i = 0 keep the memory, o = 0 hides it."""
    cell = _cell(student)
    _step(student, cell)
    _step(student, cell, " of a second call")
    cell.bf, cell.bi = np.full(H, 60.0), np.full(H, -60.0)
    _step(student, cell, " with f = 1 and i = 0")
    cell.bf, cell.bo = np.full(H, -60.0), np.full(H, -60.0)
    _step(student, cell, " with f = 0, i = 0 and o = 0")


def gates(student: Student) -> None:
    """The four gates of one step, from the cache."""
    cell = _cell(student)
    result = student.call(cell.forward, student.normal(D), student.normal(H), student.normal(H))
    student.see_keys(["f", "i", "c_tilde", "o"], result[2])


def large(student: Student) -> None:
    """Pre-activations of about ±1000."""
    _step(student, _cell(student, scale=1000.0))


def step_gradient(student: Student) -> None:
    """One step back, with a gradient from h and one from C; then with each of them alone."""
    cell = _cell(student)
    _, _, cache = _step(student, cell)
    for case, dh_scale, dc_scale in (("", 1.0, 1.0), (" with dc = 0", 1.0, 0.0), (" with dh = 0", 0.0, 1.0)):
        dh, dc = student.normal(H, scale=dh_scale), student.normal(H, scale=dc_scale)
        grads = student.call(cell.backward, dh, dc, cache)
        if not case:
            student.see_keys(STEP, grads)
        elif isinstance(grads, dict):
            student.see(f"dc_prev{case}", grads.get("dc_prev"))
            student.see(f"dh_prev{case}", grads.get("dh_prev"))


# ---------------------------------------------------------------------------------------------------- the network


def _network(student: Student) -> Any:
    """A network with random weights; None, and a missing ``cell`` in the record, if it has no cell."""
    network = student.call(student.module.LSTM, D, H, V)
    student.see_attributes(["cell"], network)
    if not hasattr(network, "cell"):
        return None
    student.fill(network.cell, *CELL_WEIGHTS)
    student.fill(network, "Wy", "by", scale=1.0)
    return network


def _forward(student: Student, network: Any, steps: int = T, name: str = "", *, states: bool = True) -> None:
    """Forward over random symbols from random states; records every state, then the loss."""
    inputs = [int(symbol) for symbol in student.rng.integers(0, D, steps)]
    targets = [int(symbol) for symbol in student.rng.integers(0, V, steps)]
    h_prev, c_prev = student.normal(H, scale=0.5), student.normal(H)
    loss = student.call(network.forward, inputs, targets, h_prev, c_prev)
    if states:
        lists = {"C": getattr(network, "c_states", None), "h": getattr(network, "h_states", None)}
        parts = {
            letter: list(own) if isinstance(own, list | tuple | np.ndarray) else [] for letter, own in lists.items()
        }
        student.see("the number of c_states", len(parts["C"]))
        student.see("the number of h_states", len(parts["h"]))
        for t in range(steps):
            for letter, own in parts.items():
                student.see_parts([f"{letter} after step {t + 1}{name}"], own[t : t + 1])
    student.see(f"loss{name}", loss)


def _entries(owner: Any, name: str) -> list[Any]:
    value = getattr(owner, name, None)
    return list(value) if isinstance(value, list | tuple | np.ndarray) else []


def sequence(student: Student) -> None:
    """Two sequences of different lengths, each from states that are not zero."""
    if (network := _network(student)) is not None:
        _forward(student, network)
        _forward(student, network, T - 1, " of a second sequence")
        network.Wy = np.asarray(network.Wy) * 100
        _forward(student, network, name=" with Wy times 100", states=False)


def large_scores(student: Student) -> None:
    """Scores that are all near −1000, then scores of about ±1000, before the softmax."""
    if (network := _network(student)) is not None:
        network.by = np.full(V, -1000.0)
        _forward(student, network, name=" with all scores near -1000", states=False)
        network.Wy = student.normal(V, H, scale=1000.0)
        _forward(student, network, name=" with scores of about 1000", states=False)


def sequence_gradient(student: Student) -> None:
    """The gradient of a sequence, of one a hundred times as steep, and of a second sequence."""
    if (network := _network(student)) is None:
        return
    _forward(student, network, states=False)
    student.see_keys(SEQUENCE, student.call(network.backward))
    _forward(student, network, T - 1, " of a second sequence", states=False)
    _see_again(student, " of a second sequence", student.call(network.backward))
    network.Wy = np.asarray(network.Wy) * 100
    _forward(student, network, T, " with Wy times 100", states=False)
    _see_again(student, " with Wy times 100", student.call(network.backward))


def _see_again(student: Student, name: str, grads: Any) -> None:
    for key in SEQUENCE:
        student.see(key + name, grads.get(key) if isinstance(grads, dict) else None)


def update(student: Student) -> None:
    """Weights after an update with a gradient longer than the limit, and with a shorter one."""
    for name, length in (("a long gradient", 8.0), ("a short gradient", 0.02)):
        network = _network(student)
        if network is None:
            return
        grads = {f"d{key}": student.normal(*np.shape(getattr(network.cell, key))) for key in CELL_WEIGHTS}
        grads |= {"dWy": student.normal(V, H), "dby": student.normal(V)}
        grads |= {"dh_prev": student.normal(H, scale=3.0), "dc_prev": student.normal(H, scale=3.0)}
        grads = {key: value * length for key, value in grads.items()}
        student.call(network.update_weights, grads, 0.3, 2.5)
        for owner, keys in ((network.cell, CELL_WEIGHTS), (network, ("Wy", "by"))):
            for key in keys:
                student.see(f"{key} after {name}", getattr(owner, key))


def hello(student: Student) -> None:
    """Learn "hello" → "ello " with 16 units."""
    network = student.call(student.module.LSTM, len(LETTERS), 16, len(LETTERS))
    student.fill(network.cell, *CELL_WEIGHTS, scale=0.25)
    student.fill(network, "Wy", "by", scale=0.25)
    network.cell.bf = np.ones(16)
    learned, loss = UPDATES, np.inf
    for step in range(UPDATES):
        loss = student.call(network.forward, INPUTS, TARGETS, np.zeros(16), np.zeros(16))
        scores = [np.asarray(network.Wy) @ np.asarray(h) + network.by for h in network.h_states]
        if learned == UPDATES and [int(np.argmax(y)) for y in scores] == TARGETS:
            learned = step
        student.call(network.update_weights, student.call(network.backward), 1.0, 5.0)
    student.see("loss after the last update", loss)
    student.see("spelled", "".join(LETTERS[int(np.argmax(y))] for y in scores))
    student.reveal("updates_until_hello", learned)
    student.reveal("kept_after_50_steps", float(1 / (1 + np.exp(-1.0))) ** 50)


def learned_hello(got: Recording, _: Recording) -> Finding | None:
    """Spelled right, with a loss far below that of guessing."""
    spelled, loss = got.values["spelled"].text, got.values["loss after the last update"].array
    if spelled == "ello " and loss is not None and loss < 0.2:
        return None
    return Finding(
        "not-learned",
        f'After {UPDATES} updates the network spells "{spelled}" after "hello", at a loss of {loss:.3g}.',
        got=f'"{spelled}"',
        wanted='"ello ", and a loss below 0.2',
        next="The gradient is right, so look at what update_weights leaves behind: does it keep something from the "
        "update before?",
    )


RUNGS = [
    Rung("cell shapes", cell_shapes, "shape"),
    Rung("cell purity", cell_forward, "purity", own_memory=False),
    Rung("large numbers", large, "finite"),
    Rung("gates", gates),
    Rung("states", cell_forward),
    Rung("start", start),
    Rung("step gradient shapes", step_gradient, "shape"),
    Rung("step gradient purity", step_gradient, "purity", own_memory=False),
    Rung("step gradient", step_gradient),
    Rung("sequence shapes", sequence, "shape"),
    Rung("large scores", large_scores, "finite"),
    Rung("sequence", sequence),
    Rung("gradient shapes", sequence_gradient, "shape"),
    Rung("sequence gradient", sequence_gradient),
    Rung("update", update),
    Rung("hello", hello, learned_hello, draws=1, reference=False),
]
