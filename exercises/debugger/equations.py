"""The equations of each cell, one quantity at a time, so that any of them can be replaced by a wrong value.

The walk computes the same numbers, but all at once; the tests compare them. Names are those of the walk's values:
``a_f``, ``f``, …, ``dh``, ``da_f``, …; here also ``dW_f`` and ``db_f``, what one step adds, and ``dx``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
#: A quantity's name and its step, from 1; at step 0 the initial states.
Key = tuple[str, int]
#: The step of weights.
WEIGHT = -1
#: How the names of what a step adds to the weights' gradients begin.
LEARNED = ("dW_", "db_", "dp_")


class At:
    """The values at one step, as an equation sees them; notes which ones it read."""

    def __init__(self, run: Run, t: int) -> None:
        self._run, self.t = run, t

    def __getitem__(self, name: str) -> Array:
        return self._run.read((name, self.t))

    def later(self, name: str) -> Array:
        """The value at the step after; zeros after the last one."""
        if self.t == self._run.steps:
            return np.zeros(self._run.hidden_size)
        return self._run.read((name, self.t + 1))

    def earlier(self, name: str) -> Array:
        """The state after the step before; the initial one at the first."""
        return self._run.read((name, self.t - 1))

    def W(self, name: str) -> Array:
        """A matrix (H, H+D) or (V, H)."""
        return self._run.read((f"W_{name}", WEIGHT))

    def recurrent(self, name: str) -> Array:
        """The columns of W that meet h, (H, H)."""
        return self.W(name)[:, : self._run.hidden_size]

    def input(self, name: str) -> Array:
        """The columns of W that meet x, (H, D)."""
        return self.W(name)[:, self._run.hidden_size :]

    def b(self, name: str) -> Array:
        """A bias."""
        return self._run.read((f"b_{name}", WEIGHT))

    def p(self, name: str) -> Array:
        """A peephole, (H,)."""
        return self._run.read((f"p_{name}", WEIGHT))

    @property
    def hx(self) -> Array:
        """[h_prev, x]."""
        return np.concatenate([self["h_prev"], self["x"]])

    @property
    def one_hot(self) -> Array:
        """Of the target."""
        vector: Array = np.eye(self._run.symbols)[self._run.targets[self.t - 1]]
        return vector

    @property
    def x(self) -> Array:
        """The one-hot input."""
        vector: Array = np.eye(self._run.symbols)[self._run.inputs[self.t - 1]]
        return vector

    @property
    def scale(self) -> float:
        """1/T where the loss is the mean over T characters, 1 where it is their sum."""
        return self._run.scale


Equation = Callable[[At], Array]
Equations = dict[str, Equation]


class Run:
    """Weights, symbols and initial states, and the values of all quantities in the order of their computation."""

    def __init__(self, given: Given, equations: tuple[Equations, Equations], scale: float) -> None:
        self.given, self.scale = given, scale
        self.inputs, self.targets = given.inputs, given.targets
        self.steps, self.hidden_size = len(given.inputs), len(given.h)
        self.symbols = len(given.weights["b_y"])
        self.forward, self.backward = equations
        self.values: dict[Key, Array] = {(name, WEIGHT): array for name, array in given.weights.items()}
        self.values |= {("h", 0): given.h, ("c", 0): given.c}
        times = range(1, self.steps + 1)
        self.order: list[Key] = [(name, t) for t in times for name in self.forward]
        self.order += [(name, t) for t in reversed(times) for name in self.backward]
        self.reads: set[Key] = set()
        #: What each quantity is computed from.
        self.parents: dict[Key, list[Key]] = {}
        self.recompute(0, {})
        self.children: dict[Key, list[Key]] = {}
        for key, parents in self.parents.items():
            for parent in parents:
                self.children.setdefault(parent, []).append(key)

    def phase(self, key: Key) -> str:
        """ "forward" or "backward"."""
        return "forward" if key[0] in self.forward else "backward"

    def read(self, key: Key) -> Array:
        """A value, noted as read."""
        self.reads.add(key)
        return self.values[key]

    def compute(self, key: Key, instead: Mapping[Key, Array] | None = None) -> Array:
        """A quantity from its parents, some of which may have other values ``instead``."""
        name, t = key
        equation = (self.forward if name in self.forward else self.backward)[name]
        kept = {other: self.values[other] for other in instead or {}}
        self.values.update(instead or {})
        with np.errstate(all="ignore"):
            try:
                return equation(At(self, t))
            finally:
                self.values.update(kept)

    def recompute(self, start: int, fixed: Mapping[Key, Array]) -> None:
        """All quantities from number ``start`` of the order on, but those that are ``fixed``."""
        for key in self.order[start:]:
            self.reads = set()
            value = self.compute(key)
            self.parents[key] = sorted(self.reads)
            self.values[key] = fixed.get(key, value)


@dataclass(frozen=True)
class Given:
    """What a run starts from: weights W_f (H, H+D), b_f (H,), …, W_y (V, H), b_y (V,), symbols, and h and c (H,)."""

    weights: Mapping[str, Array]
    inputs: list[int]
    targets: list[int]
    h: Array
    c: Array


def sigmoid(a: Array) -> Array:
    """1 / (1 + e^−a), without overflow."""
    result: Array = np.exp(-np.logaddexp(0, -a))
    return result


def softmax(y: Array) -> Array:
    """exp(y) / Σ exp(y)."""
    e = np.exp(y - y.max())
    result: Array = e / e.sum()
    return result


def _sum(gate: str) -> Equation:
    return lambda v: v.W(gate) @ v.hx + v.b(gate)


def _slope(gate: str) -> Equation:
    return lambda v: v[f"d{gate}"] * v[gate] * (1 - v[gate])


def _outer(da: str, seen: Equation) -> Equation:
    return lambda v: np.outer(v[da], seen(v))


def _bias(da: str) -> Equation:
    return lambda v: v[da]


def _learned(gates: str) -> Equations:
    """What a step adds to the gradients of gates that see [h_prev, x]."""
    found: Equations = {}
    for gate in gates:
        found[f"dW_{gate}"] = _outer(f"da_{gate}", lambda v: v.hx)
        found[f"db_{gate}"] = _bias(f"da_{gate}")
    return found


def _lstm_forward() -> Equations:
    return {
        "h_prev": lambda v: v.earlier("h"),
        "c_prev": lambda v: v.earlier("c"),
        "a_f": _sum("f"),
        "f": lambda v: sigmoid(v["a_f"]),
        "a_i": _sum("i"),
        "i": lambda v: sigmoid(v["a_i"]),
        "a_g": _sum("g"),
        "g": lambda v: np.tanh(v["a_g"]),
        "c": lambda v: v["f"] * v["c_prev"] + v["i"] * v["g"],
        "a_o": _sum("o"),
        "o": lambda v: sigmoid(v["a_o"]),
        "tanh_c": lambda v: np.tanh(v["c"]),
        "h": lambda v: v["o"] * v["tanh_c"],
    }


def _lstm_backward() -> Equations:
    return {
        "do": lambda v: v["dh"] * v["tanh_c"],
        "da_o": _slope("o"),
        "dc": lambda v: v["dh"] * v["o"] * (1 - v["tanh_c"] ** 2) + v.later("dc_prev"),
        "di": lambda v: v["dc"] * v["g"],
        "da_i": _slope("i"),
        "df": lambda v: v["dc"] * v["c_prev"],
        "da_f": _slope("f"),
        "dg": lambda v: v["dc"] * v["i"],
        "da_g": lambda v: v["dg"] * (1 - v["g"] ** 2),
        **_learned("figo"),
        "dh_prev": lambda v: sum((v.recurrent(k).T @ v[f"da_{k}"] for k in "figo"), np.zeros(1)),
        "dc_prev": lambda v: v["dc"] * v["f"],
        "dx": lambda v: sum((v.input(k).T @ v[f"da_{k}"] for k in "figo"), np.zeros(1)),
    }


def _looking(gate: str, memory: str) -> Equation:
    """The sum of a gate that sees the memory."""
    return lambda v: v.W(gate) @ v.hx + v.b(gate) + v.p(gate) * v[memory]


def _peephole_forward() -> Equations:
    sums = {"a_f": _looking("f", "c_prev"), "a_i": _looking("i", "c_prev"), "a_o": _looking("o", "c")}
    return {**_lstm_forward(), **sums}


def _peephole_backward() -> Equations:
    return {
        **_lstm_backward(),
        "dc": lambda v: v["dh"] * v["o"] * (1 - v["tanh_c"] ** 2) + v["da_o"] * v.p("o") + v.later("dc_prev"),
        "dp_f": lambda v: v["da_f"] * v["c_prev"],
        "dp_i": lambda v: v["da_i"] * v["c_prev"],
        "dp_o": lambda v: v["da_o"] * v["c"],
        "dc_prev": lambda v: v["dc"] * v["f"] + v["da_f"] * v.p("f") + v["da_i"] * v.p("i"),
    }


def _gru_forward(reset_after: bool) -> Equations:
    gates: Equations = {
        "h_prev": lambda v: v.earlier("h"),
        "a_r": _sum("r"),
        "r": lambda v: sigmoid(v["a_r"]),
        "a_z": _sum("z"),
        "z": lambda v: sigmoid(v["a_z"]),
    }
    candidate: Equations = {
        "s": lambda v: v["r"] * v["h_prev"],
        "a_n": lambda v: v.W("n") @ np.concatenate([v["s"], v["x"]]) + v.b("n"),
    }
    if reset_after:
        candidate = {
            "m": lambda v: v.recurrent("n") @ v["h_prev"] + v.b("nh"),
            "a_n": lambda v: v["r"] * v["m"] + v.input("n") @ v["x"] + v.b("n"),
        }
    return {
        **gates,
        **candidate,
        "n": lambda v: np.tanh(v["a_n"]),
        "h": lambda v: (1 - v["z"]) * v["h_prev"] + v["z"] * v["n"],
    }


def _gru_backward(reset_after: bool) -> Equations:
    first: Equations = {
        "dz": lambda v: v["dh"] * (v["n"] - v["h_prev"]),
        "da_z": _slope("z"),
        "dn": lambda v: v["dh"] * v["z"],
        "da_n": lambda v: v["dn"] * (1 - v["n"] ** 2),
    }
    reset: Equations = {
        "ds": lambda v: v.recurrent("n").T @ v["da_n"],
        "dr": lambda v: v["ds"] * v["h_prev"],
        "da_r": _slope("r"),
        **_learned("rz"),
        "dW_n": _outer("da_n", lambda v: np.concatenate([v["s"], v["x"]])),
        "db_n": _bias("da_n"),
        "dh_prev": lambda v: _kept(v) + v["ds"] * v["r"],
    }
    if reset_after:
        reset = {
            "dm": lambda v: v["da_n"] * v["r"],
            "dr": lambda v: v["da_n"] * v["m"],
            "da_r": _slope("r"),
            **_learned("rz"),
            "dW_n": lambda v: np.hstack([np.outer(v["dm"], v["h_prev"]), np.outer(v["da_n"], v["x"])]),
            "db_n": _bias("da_n"),
            "db_nh": _bias("dm"),
            "dh_prev": lambda v: _kept(v) + v.recurrent("n").T @ v["dm"],
        }
    return {**first, **reset, "dx": lambda v: sum((v.input(k).T @ v[f"da_{k}"] for k in "rzn"), np.zeros(1))}


def _kept(v: At) -> Array:
    """What goes back to h_prev, but for the way through the candidate."""
    gates: Array = v.recurrent("r").T @ v["da_r"] + v.recurrent("z").T @ v["da_z"]
    total: Array = v["dh"] * (1 - v["z"]) + gates
    return total


def _rnn_forward() -> Equations:
    return {
        "h_prev": lambda v: v.earlier("h"),
        "a": _sum("h"),
        "h": lambda v: np.tanh(v["a"]),
    }


def _rnn_backward() -> Equations:
    return {
        "da": lambda v: v["dh"] * (1 - v["h"] ** 2),
        "dW_h": _outer("da", lambda v: v.hx),
        "db_h": _bias("da"),
        "dh_prev": lambda v: v.recurrent("h").T @ v["da"],
        "dx": lambda v: v.input("h").T @ v["da"],
    }


def forward(cell: str, *, reset_after: bool = False, peephole: bool = False) -> Equations:
    """One step forward, in order, from the input to the loss."""
    lstm = _peephole_forward if peephole else _lstm_forward
    own = {"lstm": lstm, "gru": lambda: _gru_forward(reset_after), "rnn": _rnn_forward}[cell]()
    return {
        "x": lambda v: v.x,
        **own,
        "y": lambda v: v.W("y") @ v["h"] + v.b("y"),
        "p": lambda v: softmax(v["y"]),
        "loss": lambda v: np.array([-np.log(v["p"] @ v.one_hot)]),
    }


def backward(cell: str, *, reset_after: bool = False, peephole: bool = False) -> Equations:
    """One step backward, in order, from the prediction's error to the states before."""
    lstm = _peephole_backward if peephole else _lstm_backward
    own = {"lstm": lstm, "gru": lambda: _gru_backward(reset_after), "rnn": _rnn_backward}[cell]()
    return {
        "dy": lambda v: (v["p"] - v.one_hot) * v.scale,
        "dW_y": lambda v: np.outer(v["dy"], v["h"]),
        "db_y": lambda v: v["dy"],
        "dh_out": lambda v: v.W("y").T @ v["dy"],
        "dh": lambda v: v["dh_out"] + v.later("dh_prev"),
        **own,
    }
