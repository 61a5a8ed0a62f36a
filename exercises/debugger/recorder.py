"""Every number that a learner's code computes, in order: its value, its line, its variable and the turns of loops."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from .instrument import Statement

#: Larger arrays, and more numbers than this in all, are no small network's.
MAX_SIZE, MAX_NUMBERS, MAX_EVENTS = 20_000, 4_000_000, 200_000
_DEPTH = 4
#: What an event is: a variable that is assigned, an expression's value, what a call returned, what the harness computed
#: from that, what a function was called with (whose line is that of the call), and a variable that a statement mentions
#: and that has another value than when it was seen last.
NAMED, VALUE, RETURNED, GIVEN, ENTERED, MENTIONED = range(6)


class TooMuch(Exception):
    """The code computes more than can be recorded."""


class Recorder:
    """Called by the rewritten code. It never changes a value, and passes on what it is given."""

    def __init__(self, statements: Sequence[Statement], classes: str) -> None:
        self._statements, self._classes = statements, classes
        self.on = False
        #: "forward" or "backward", and the step that the harness is at; 0 where the code loops by itself.
        self.phase, self.t = "", 0
        self._paths: dict[str, int] = {}
        self._contexts: dict[tuple[tuple[int, int], ...], int] = {(): 0}
        #: The turns of each loop that ran: its variable's values where these are integers, and whether it ended.
        self._loops: list[list[int | None]] = []
        self._ended: list[bool] = []
        self._context: tuple[tuple[int, int], ...] = ()
        #: Calls that are running: number, depth of loops, and the values of variables seen last.
        self._stack: list[tuple[int, int, dict[str, bytes]]] = []
        self._calls = 0
        self._attributes: dict[str, bytes] = {}
        self._kept: list[Any] = []
        self._events: list[tuple[int, ...]] = []
        self._numbers: list[np.ndarray] = []
        self._size = 0
        #: Whether any array had fewer digits than float64.
        self._single = False

    # ----------------------------------------------------------------------------- what the code calls

    def enter(self, number: int) -> None:
        """A function begins."""
        self._calls += 1
        self._stack.append((self._calls, len(self._context), {}))
        frame = sys._getframe(1)
        self._look(number, frame, ENTERED, self._statement_at(frame.f_back, frame.f_code.co_filename))

    def leave(self, number: int) -> None:
        """A function ends."""
        _, depth, _ = self._stack.pop()
        self._context = self._context[:depth]

    def turn(self, number: int, *names: str) -> None:
        """A loop's body begins."""
        depth = self._stack[-1][1]
        variables = sys._getframe(1).f_locals
        integers = [variables[name] for name in names if isinstance(variables.get(name), (int, np.integer))]
        value = int(integers[0]) if integers else None
        for k in range(depth, len(self._context)):
            loop, index = self._context[k]
            if self._loops[loop][0] == number:
                self._context = (*self._context[:k], (loop, index + 1))
                self._loops[loop].append(value)
                return
        self._loops.append([number, value])
        self._ended.append(False)
        self._context = (*self._context, (len(self._loops) - 1, 0))

    def done(self, number: int) -> None:
        """A loop has ended, or never began."""
        depth = self._stack[-1][1]
        for k in range(depth, len(self._context)):
            loop, _ = self._context[k]
            if self._loops[loop][0] == number:
                self._ended[loop] = True
                self._context = self._context[:k]
                return

    def value(self, number: int, value: Any) -> Any:
        """An expression has a value."""
        if self.on and (array := self._array(value)) is not None:
            self._add(VALUE, number, "", array)
        return value

    def returned(self, number: int, value: Any) -> Any:
        """A function returns a value."""
        if self.on:
            self._look(number, sys._getframe(1))
            for path, array in self._flatten(value, "return", _DEPTH):
                self._add(RETURNED, number, path, array)
        return value

    def after(self, number: int) -> None:
        """A statement has been executed."""
        self._look(number, sys._getframe(1))

    # ------------------------------------------------------------------------------ what the harness calls

    def give(self, path: str, value: Any) -> None:
        """A number that the harness computed from what the code returned."""
        array = numbers(value)
        if self.on and array is not None:
            self._add(GIVEN, -1, path, array)

    def keep(self, value: Any, path: str) -> None:
        """What a call left behind: attributes, or what it returned."""
        for name, array in self._flatten(value, path, _DEPTH):
            self._add(RETURNED, -1, name, array)

    def export(self) -> dict[str, Any]:
        """Everything recorded, as plain data."""
        return {
            "paths": list(self._paths),
            "contexts": [list(map(list, context)) for context in self._contexts],
            "loops": [loop[1:] for loop in self._loops],
            "ended": self._ended,
            "statements": [[s.line, s.end, s.function] for s in self._statements],
            "single": self._single,
            "events": np.array(self._events, dtype=np.int64).reshape(-1, 10),
            "numbers": np.concatenate([np.zeros(0), *self._numbers]),
        }

    # -------------------------------------------------------------------------------------------- inside

    def _statement_at(self, frame: FrameType | None, file: str) -> int:
        """The statement that ``frame`` is at; −1 if it is not in the learner's file."""
        if frame is None or frame.f_code.co_filename != file:
            return -1
        line, function = frame.f_lineno, frame.f_code.co_name
        around = [
            (s.end - s.line, k)
            for k, s in enumerate(self._statements)
            if s.line <= line <= s.end and s.function.rpartition(".")[2] == function
        ]
        return min(around)[1] if around else -1

    def _look(self, number: int, frame: Any, kind: int = NAMED, place: int | None = None) -> None:
        """Records the variables that a statement mentions, where they have changed."""
        if not self.on or number < 0:
            return
        variables, seen = frame.f_locals, self._stack[-1][2]
        statement = self._statements[number]
        for name in statement.names:
            owner, _, attribute = name.partition(".")
            if owner not in variables:
                continue
            value = variables[owner]
            if attribute:
                if not self._is_own(value) or attribute not in vars(value):
                    continue
                value, memory, key = vars(value)[attribute], self._attributes, f"{id(value)}."
            elif self._is_own(value):
                continue
            else:
                memory, key = seen, ""
            for path, array in self._flatten(value, name, _DEPTH):
                content = array.tobytes()
                if memory.get(key + path) != content or path in statement.assigned:
                    memory[key + path] = content
                    mentioned = kind == NAMED and path not in statement.assigned
                    self._add(MENTIONED if mentioned else kind, number if place is None else place, path, array)

    def _is_own(self, value: Any) -> bool:
        return type(value).__module__ == self._classes and hasattr(value, "__dict__")

    def _flatten(self, value: Any, path: str, depth: int) -> Iterator[tuple[str, np.ndarray]]:
        array = self._array(value)
        if array is not None:
            yield path, array
        elif depth and isinstance(value, dict):
            for key, item in list(value.items())[:2000]:
                yield from self._flatten(item, f"{path}[{key!r}]", depth - 1)
        elif depth and isinstance(value, (list, tuple)):
            for index, item in enumerate(value[:2000]):
                yield from self._flatten(item, f"{path}[{index}]", depth - 1)
        elif depth and self._is_own(value):
            for key, item in list(vars(value).items()):
                yield from self._flatten(item, f"{path}.{key}", depth - 1)

    def _array(self, value: Any) -> np.ndarray | None:
        array = numbers(value)
        if array is not None and getattr(value, "dtype", array.dtype) != array.dtype:
            self._single = True
        return array

    def _add(self, kind: int, number: int, path: str, array: np.ndarray) -> None:
        if len(self._events) >= MAX_EVENTS or self._size > MAX_NUMBERS:
            raise TooMuch
        rows, columns = (array.shape[0], array.shape[1]) if array.ndim == 2 else (array.size, 0)
        call = self._stack[-1][0] if self._stack else 0
        self._events.append(
            (
                kind,
                number,
                self._paths.setdefault(path, len(self._paths)),
                call,
                self._contexts.setdefault(self._context, len(self._contexts)),
                {"forward": 1, "backward": 2}.get(self.phase, 0),
                self.t,
                self._size,
                rows,
                columns,
            )
        )
        self._numbers.append(array.ravel())
        self._size += array.size


def numbers(value: Any) -> np.ndarray | None:
    """A copy as float64, (n,) or (rows, columns), if these are numbers; integers alone are symbols or sizes."""
    if isinstance(value, (float, np.floating)):
        return np.array([float(value)])
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "f" or not 0 < value.size <= MAX_SIZE or value.ndim > 2:
            return None
        array = value.astype(np.float64)
        return array.reshape(-1) if array.ndim != 2 or 1 in array.shape else array
    if isinstance(value, (list, tuple)) and value and len(value) <= 1000:
        if all(isinstance(item, (float, int, np.floating)) and not isinstance(item, bool) for item in value):
            if any(not isinstance(item, int) for item in value):
                return np.array(value, dtype=np.float64)
        elif all(isinstance(item, list) and len(item) == len(value[0]) for item in value):
            rows = [row for item in value if (row := numbers(item)) is not None and row.ndim == 1]
            if len(rows) == len(value):
                return np.array(rows) if len(rows[0]) > 1 else np.concatenate(rows)
    return None
