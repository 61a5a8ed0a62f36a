"""A learner's numbers, read as the quantities of the equations: with their columns, and their meaning of a GRU's z."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .comparison import State
from .equations import Array, Equations, Given, Key, Run
from .start import runs
from .trace import Event, Trace


class Reading:
    """The trace of a file, the right numbers beside it, and what has been found out about each quantity."""

    def __init__(
        self, tables: Mapping[str, Any], trace: Trace, run: Run, reset_after: bool = False, mirrored: bool = False
    ) -> None:
        self.trace, self.run, self.reset_after, self.mirrored = trace, run, reset_after, mirrored
        #: "network", "sequence" or "cell".
        self.kind: str = tables["kind"]
        self.x_first = bool(tables["layout"]["x_first"])
        self.states: dict[Key, State] = {}
        #: Where each quantity was computed, as far as that is known.
        self.events: dict[Key, Event | None] = {}

    def theirs(self, name: str, value: Array) -> Array:
        """A value as the file would have it."""
        return self._turned(name, self._negated(name, value), self.run.hidden_size)

    def ours(self, name: str, value: Array) -> Array:
        """A value of the file as the equations have it."""
        return self._turned(name, self._negated(name, value), self.run.symbols)

    def has(self, key: Key, value: Array | None = None) -> bool:
        """Whether the file computed a quantity's right value, or ``value`` for it."""
        return self.trace.has(self.theirs(key[0], self.run.values[key] if value is None else value))

    def origin(self, key: Key, value: Array) -> Event | None:
        """Where a right value was computed."""
        return self.trace.find(self.theirs(key[0], value), keep=lambda event: event.line > 0)

    def parts(self, name: str) -> list[slice]:
        """The columns in which a file may have a gradient: all, or those for h and for x apart."""
        H = self.run.hidden_size
        joined = name.startswith("dW_") and name != "dW_y"
        return [slice(None), slice(None, H), slice(H, None)] if joined else [slice(None)]

    def siblings(self, key: Key) -> Equations:
        """The equations of the way forward, or of the way back: those among which the quantity's is."""
        return self.run.forward if key[0] in self.run.forward else self.run.backward

    def is_known(self, key: Key, value: Array) -> bool:
        """Whether a value of the file is another quantity's, at the same step or the ones beside it."""
        return any(
            self.trace.same(value, self.theirs(k[0], v))
            for k, v in self.run.values.items()
            if k != key and abs(k[1] - key[1]) <= 1 and v.shape == value.shape
        )

    def _negated(self, name: str, value: Array) -> Array:
        if self.mirrored and name in ("a_z", "dz", "da_z", "dW_z", "db_z"):
            return -value
        return 1 - value if self.mirrored and name == "z" else value

    def _turned(self, name: str, value: Array, first: int) -> Array:
        """A gradient with its first columns behind the others, where the file has another order."""
        if self.x_first and name.startswith("dW_") and name != "dW_y":
            return np.hstack([value[:, first:], value[:, :first]])
        return value


def read(tables: Mapping[str, Any], trace: Trace, given: Given, *, course_only: bool) -> Reading:
    """In the convention of a GRU that explains most of what the file computes, the course's if none is better."""
    best: tuple[int, Reading] | None = None
    for (reset_after, mirrored), run in runs(tables["cell"], given):
        if course_only and (reset_after or mirrored):
            break
        reading = Reading(tables, trace, run, reset_after, mirrored)
        forward = [key for key in run.order if key[0] in run.forward and key[0] not in ("x", "h_prev")]
        count = sum(reading.has(key) for key in forward)
        if best is None or count > best[0]:
            best = count, reading
    assert best is not None
    return best[1]
