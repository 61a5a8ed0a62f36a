"""Where a learner's network keeps its weights: arrays found by their names and shapes, and set to given values.

Canonical names are those of the walk: ``W_f`` (H, H+D) with columns [h, x], ``b_f`` (H,), …, ``W_y`` (V, H), ``b_y``
(V,). A GRU that resets after the product also has ``b_nh`` (H,), an LSTM with peepholes ``p_f``, ``p_i`` and ``p_o``
(H,). A plain RNN has ``W_h`` and ``b_h``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: What a gate's weights may be called, after W, U or b.
_GATES: dict[str, dict[str, tuple[str, ...]]] = {
    "lstm": {
        "f": ("f", "forget"),
        "i": ("i", "in", "input"),
        "g": ("c", "g", "a", "ctilde", "cand", "candidate", "cell", "chat", "cbar"),
        "o": ("o", "out", "output"),
    },
    "gru": {
        "r": ("r", "reset"),
        "z": ("z", "u", "update"),
        "n": ("h", "n", "c", "g", "cand", "candidate", "htilde", "hhat"),
    },
    "rnn": {"h": ("h", "", "hidden", "hx", "xh", "a")},
}
#: The usual order of gates in one stacked matrix comes first.
_ORDERS = {"lstm": "figo", "gru": "rzn", "rnn": "h"}
_OUTPUT = ("y", "hy", "yh", "v", "out", "output", "hv", "ho", "hq", "fc")


@dataclass(frozen=True)
class Layout:
    """How weights are laid out where names and shapes do not tell."""

    #: Columns are [x, h] instead of [h, x].
    x_first: bool = False
    #: The order of gates in a stacked matrix.
    order: str = ""
    #: Square matrices are transposed, for h @ W.
    turned: bool = False


@dataclass(frozen=True)
class _Slot:
    """An array: where it is, and which of the canonical ones it holds (``part``: "", "h" or "x" columns)."""

    owner: Any
    key: str
    shape: tuple[int, ...]
    name: str
    part: str = ""


class Weights:
    """The arrays of ``owner``, an object of the learner's class, that hold weights of a ``cell``."""

    def __init__(self, owner: Any, cell: str, sizes: tuple[int, int, int], module: str) -> None:
        self._cell, self._sizes, self._module = cell, sizes, module
        self._gates = _GATES[cell]
        #: The matrices that were looked at, by name.
        self.matrices: dict[str, tuple[int, ...]] = {}
        self._slots = list(self._find(owner, 3, set()))
        self.names = sorted({slot.name for slot in self._slots})
        #: Whether vectors are (n,), (n, 1), (1, n) or lists.
        self.vector_shape: tuple[int, ...] | None = None
        for slot in self._slots:
            if slot.name == "b" or slot.name.startswith("b_"):
                self.vector_shape = (-1, 1) if slot.shape[1:] == (1,) else (1, -1) if len(slot.shape) == 2 else None
        self.lists = bool(self._slots) and all(isinstance(_get(slot), list) for slot in self._slots)

    def missing(self, output: bool) -> list[str]:
        """Canonical arrays that it does not have."""
        wanted = [f"{kind}_{gate}" for gate in self._gates for kind in "Wb"] + (["W_y", "b_y"] if output else [])
        have = {slot.name for slot in self._slots}
        parts = {(slot.name, slot.part) for slot in self._slots if slot.part}
        split = {name for name, _ in parts if {(name, "h"), (name, "x")} <= parts}
        whole = {slot.name for slot in self._slots if not slot.part} | split
        return [name for name in wanted if name not in whole and not (name[0] in have and not name.endswith("_y"))]

    def layouts(self) -> Iterator[Layout]:
        """All ways to lay the weights out; the course's first."""
        stacked = any(slot.name in ("W", "b") for slot in self._slots) and len(self._gates) > 1
        first = _ORDERS[self._cell]
        orders = [first, *("".join(o) for o in itertools.permutations(first) if "".join(o) != first)]
        joined = any(slot.name.startswith("W") and not slot.part and slot.name != "W_y" for slot in self._slots)
        turned = any(slot.part == "x" and slot.shape[0] == self._sizes[0] for slot in self._slots)
        for order in orders if stacked else [""]:
            for x_first in (False, True) if joined else (False,):
                for turn in (True, False) if turned else (False,):
                    yield Layout(x_first, order, turn)

    def place(self, values: dict[str, np.ndarray], layout: Layout) -> None:
        """Sets every array, one of floats in place and in its own precision: other names for it see the change."""
        H = self._sizes[1]
        placed: set[str] = set()
        for slot in self._slots:
            if slot.name in ("W", "b"):
                gates = [values[f"{slot.name}_{gate}"] for gate in layout.order or _ORDERS[self._cell]]
                array = np.concatenate(gates)
            elif slot.name in values:
                array = values[slot.name]
            else:
                array = np.zeros(slot.shape)
            if slot.part:
                array = array[:, :H] if slot.part == "h" else array[:, H:]
            elif layout.x_first and array.ndim == 2 and slot.name != "W_y":
                array = np.hstack([array[:, H:], array[:, :H]])
            if array.ndim == 2 and (
                array.shape != slot.shape or (slot.part == "h" and layout.turned and array.shape[0] == array.shape[1])
            ):
                array = array.T
            if array.ndim == 1 and slot.name in placed and slot.key.lower().replace("_", "")[-2:-1] == "h":
                array = np.zeros(slot.shape)  # the second of two biases
            placed.add(slot.name)
            _set(slot, array.reshape(slot.shape))

    def _find(self, owner: Any, depth: int, seen: set[int]) -> Iterator[_Slot]:
        if id(owner) in seen or not depth:
            return
        seen.add(id(owner))
        items = owner if isinstance(owner, dict) else vars(owner)
        for key, value in list(items.items()):
            if isinstance(value, dict) or (type(value).__module__ == self._module and hasattr(value, "__dict__")):
                yield from self._find(value, depth - 1, seen)
            elif isinstance(key, str) and (shape := _shape(value)) and (slot := self._slot(owner, key, shape)):
                yield slot

    def _slot(self, owner: Any, key: str, shape: tuple[int, ...]) -> _Slot | None:
        """What array ``key`` of this shape is, if it is a weight."""
        D, H, V = self._sizes
        if len(shape) == 2 and shape[1] > 1:
            self.matrices[key] = shape
        name = re.sub(r"gate|_|weights?(?=.)", "", key.lower())
        match = re.fullmatch(r"(w|u|v|bias|b|p(?:eepholes?)?)?(.*)", name)
        assert match
        kind, rest = match[1] or "", match[2]
        if not kind and name.startswith("weight"):
            kind, rest = "w", ""
        pair, flat = set(shape), int(np.prod(shape))
        if kind in ("b", "bias"):
            if flat != max(shape):
                return None
            if rest in _OUTPUT and flat == V and not (rest in ("out", "output", "ho") and V == H):
                return _Slot(owner, key, shape, "b_y")
            if flat == H:
                if self._cell == "gru" and rest in ("hn", "nh", "hh", "hc"):
                    return _Slot(owner, key, shape, "b_nh")
                gate = self._gate(rest, "")
                return _Slot(owner, key, shape, f"b_{gate}") if gate else None
            if flat == len(self._gates) * H and rest in ("", "gates", "x", "h", "all", "ih", "hh"):
                return _Slot(owner, key, shape, "b")
            return None
        if kind.startswith("p") and self._cell == "lstm" and shape == (H,) and rest in ("f", "i", "o"):
            return _Slot(owner, key, shape, f"p_{rest}")
        if kind not in ("w", "u", "v") or len(shape) != 2:
            return None
        if (rest in _OUTPUT or (kind == "v" and not rest)) and pair == {V, H}:
            return _Slot(owner, key, shape, "W_y")
        for wanted, part in ((H + D, ""), (H, "h"), (D, "x")):
            if shape in ((H, wanted), (wanted, H)) and (gate := self._gate(rest, part)):
                return _Slot(owner, key, shape, f"W_{gate}", part)
        G = len(self._gates)
        for wanted, part in ((H + D, ""), (H, "h"), (D, "x")):
            if G > 1 and shape in ((G * H, wanted), (wanted, G * H)):
                return _Slot(owner, key, shape, "W", part)
        return None

    def _gate(self, rest: str, part: str) -> str:
        """The gate that the rest of a name means: "f" for f, forget, xf, fx …"""
        names = [rest]
        if len(rest) > 1 and part:
            other = "i" if part == "x" else "h"
            names += [rest[1:] if rest[0] in (part, other) else "", rest[:-1] if rest[-1] in (part, other) else ""]
        if len(rest) > 1 and not part:
            names += [rest[1:] if rest[0] in "xih" else ""]
        if self._cell == "rnn":
            return "h" if all(letter in "hxiacu" for letter in rest) or rest in ("hidden", "rec", "in") else ""
        for gate, words in self._gates.items():
            if any(name in words for name in names if name):
                return gate
        return ""


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fi" and value.ndim in (1, 2):
        return tuple(value.shape)
    if isinstance(value, list) and value:
        array = np.array(value) if all(isinstance(item, (int, float, list)) for item in value) else np.zeros(0)
        return tuple(array.shape) if array.dtype.kind in "fi" and array.size else ()
    return ()


def _get(slot: _Slot) -> Any:
    return slot.owner[slot.key] if isinstance(slot.owner, MutableMapping) else vars(slot.owner)[slot.key]


def _set(slot: _Slot, array: np.ndarray) -> None:
    old = _get(slot)
    if isinstance(old, np.ndarray) and old.dtype.kind == "f" and old.flags.writeable:
        old[...] = array
        return
    new = array.tolist() if isinstance(old, list) else array.astype(np.float64)
    if isinstance(old, list):
        old[:] = new
    elif isinstance(slot.owner, MutableMapping):
        slot.owner[slot.key] = new
    else:
        setattr(slot.owner, slot.key, new)
