"""What a learner's code computed, to be searched by value, by name and by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .names import Names
from .recorder import ENTERED, GIVEN, MENTIONED, NAMED, RETURNED

Array = np.ndarray
#: Numbers closer than this, relative to the largest of an array, are the same; the second is for single numbers, which
#: are told apart better, for there are many of them and one may be equal by chance.
_DOUBLE, _SINGLE = (1e-6, 1e-9), (1e-4, 1e-5)


@dataclass(frozen=True)
class Event:
    """One array, or a part of one: where and when it was computed."""

    number: int
    kind: int
    path: str
    #: 0 if the harness computed it.
    line: int
    end: int
    function: str
    call: int
    phase: str
    #: The character's number, from 1; 0 where it belongs to none.
    t: int


@dataclass(frozen=True)
class Found:
    """A value in the trace."""

    event: Event
    value: Array


class Trace:
    """All events of one run, for a text of ``steps`` characters and H units; ``sizes`` is (D, H)."""

    def __init__(self, tables: dict[str, Any], steps: int, sizes: tuple[int, int]) -> None:
        self._steps, (self._D, self._H) = steps, sizes
        #: How far numbers may be apart, relative to the largest of an array, and still be the same.
        self.precision, self._precision_of_numbers = _SINGLE if tables["single"] else _DOUBLE
        names = Names(tables["cell"])
        self._x_first = bool(tables["layout"]["x_first"])
        self._times = [self._time(context, tables) for context in tables["contexts"]]
        self.events: list[Event] = []
        #: Variables by what they probably mean, and the rank of that meaning.
        self._named: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._given: dict[tuple[str, int], int] = {}
        pieces: dict[tuple[int, ...], tuple[list[Array], list[int]]] = {}
        self._whole: list[Array] = []
        for number, row in enumerate(tables["events"].tolist()):
            kind, statement, path, call, context, phase, t, start, rows, columns = row
            line, end, function = tables["statements"][statement] if statement >= 0 else (0, 0, "")
            event = Event(
                number,
                kind,
                tables["paths"][path],
                line,
                end,
                function,
                call,
                ("", "forward", "backward")[phase],
                t or self._turn(context, phase),
            )
            self.events.append(event)
            array = tables["numbers"][start : start + rows * max(1, columns)]
            array = array.reshape(rows, columns) if columns else array
            self._whole.append(array)
            if kind in (NAMED, MENTIONED, RETURNED, ENTERED):
                for rank, quantity in enumerate(names.meant(event.path, event.phase)):
                    self._named.setdefault((event.phase, quantity), []).append((number, rank))
            elif kind == GIVEN:
                self._given[event.path, event.t] = number
            for piece in self._pieces(array):
                values, owners = pieces.setdefault(piece.shape, ([], []))
                values.append(piece)
                owners.append(number)
        self._pieces_of = {shape: _Pieces(np.array(v), np.array(owners)) for shape, (v, owners) in pieces.items()}
        self._moments: dict[tuple[int, ...], dict[tuple[int, str], list[Found]]] = {}

    # ------------------------------------------------------------------------------------------ by value

    def tolerance(self, value: Array) -> float:
        """How far a number may be from ``value`` and still be the same."""
        precision = self._precision_of_numbers if value.size == 1 else self.precision
        return float(precision * np.abs(value).max() + 1e-13)

    def same(self, a: Array, b: Array) -> bool:
        """Whether two arrays are the same but for rounding."""
        return a.shape == b.shape and bool(np.abs(a - b).max() <= self.precision * np.abs(b).max() + 1e-12)

    def find(self, value: Array, *, keep: Callable[[Event], bool] | None = None) -> Event | None:
        """The first event with this value."""
        events = (self.events[number] for number in self._numbers(value).tolist())
        return next((event for event in events if keep is None or keep(event)), None)

    def has(self, value: Array) -> bool:
        """Whether any array is this one, or a part of it; of a matrix [h, x] also in two halves."""
        if len(self._numbers(value)):
            return True
        if value.ndim == 2 and value.shape[1] == self._H + self._D:
            return bool(len(self._numbers(value[:, : self._H])) and len(self._numbers(value[:, self._H :])))
        return False

    def _numbers(self, value: Array) -> Array:
        if value.shape not in self._pieces_of:
            return np.zeros(0, dtype=int)
        return self._pieces_of[value.shape].find(value, self.tolerance(value))

    def at(self, t: int, phase: str, shape: tuple[int, ...]) -> Iterator[Found]:
        """Every value of this shape that was computed at step ``t``, in order, also parts of larger arrays."""
        if shape not in self._pieces_of:
            return
        if shape not in self._moments:
            moments: dict[tuple[int, str], list[Found]] = {}
            pieces = self._pieces_of[shape]
            for value, number in zip(pieces.values, pieces.owners.tolist(), strict=True):
                event = self.events[number]
                moments.setdefault((event.t, event.phase), []).append(Found(event, value))
            self._moments[shape] = moments
        yield from self._moments[shape].get((t, phase), ())

    # ------------------------------------------------------------------------------------------- by name

    def named(self, quantity: str, t: int, phase: str, shape: tuple[int, ...]) -> Iterator[tuple[Found, int]]:
        """Values of variables with a name for ``quantity``, at step ``t``, in order, and how likely the name is (0:
        most)."""
        for number, rank in self._named.get((phase, quantity), ()):
            event = self.events[number]
            if event.t == t:
                piece = self._fitting(self._whole[number], shape, quantity, t)
                if piece is not None:
                    yield Found(event, piece), rank

    def given(self, quantity: str, t: int) -> Found | None:
        """What the harness took from the code's result for ``quantity`` at step ``t``, or computed from it."""
        number = self._given.get((quantity, t))
        return None if number is None else Found(self.events[number], self._whole[number])

    def given_to(self, call: int, shape: tuple[int, ...]) -> list[Array]:
        """The variables of one call that have this shape."""
        return [
            self._whole[event.number]
            for event in self.events
            if event.call == call
            and event.kind in (NAMED, MENTIONED, ENTERED)
            and self._whole[event.number].shape == shape
        ]

    def _fitting(self, array: Array, shape: tuple[int, ...], quantity: str, t: int) -> Array | None:
        if array.shape == shape:
            return array
        if array.ndim == 2 and array.shape == shape[::-1]:
            return np.transpose(array)
        if t and array.ndim == 2 and array.shape == (self._steps, *shape):  # a row for each step
            row: Array = array[t - 1]
            return row
        if quantity == "s" and array.shape == (self._H + self._D,):  # [s, x]
            halves: list[Array] = np.split(array, [self._D if self._x_first else self._H])
            return halves[int(self._x_first)]
        return None

    # -------------------------------------------------------------------------------------------- inside

    def _pieces(self, array: Array) -> Iterator[Array]:
        """The array, its transpose, its rows and columns, and the blocks of stacked gates, or of [h, x]."""
        H, D = self._H, self._D
        if array.ndim == 1:
            yield array
            n = len(array)
            if n % H == 0 and n > H:
                yield from array.reshape(-1, H)
            if n == H + D:
                yield from np.split(array, [D if self._x_first else H])
            return
        yield array
        yield array.T
        rows, columns = array.shape
        if rows <= 4 * max(H, D, self._steps + 1) and columns <= 4 * max(H, D, self._steps + 1):
            yield from array
            yield from array.T
        for block in (array, array.T):
            if block.shape[0] > H and block.shape[0] % H == 0:
                yield from (block[k : k + H] for k in range(0, block.shape[0], H))

    def _time(self, context: list[list[int]], tables: dict[str, Any]) -> tuple[int, bool]:
        """The step that a place in loops belongs to, and whether the loop's variable says so: the outermost loop with
        one turn for each character. Without a variable that counts, t counts up."""
        for loop, turn in context:
            values = tables["loops"][loop]
            if len(values) == self._steps or (not tables["ended"][loop] and len(values) <= self._steps):
                direction = _direction(values)
                if direction:
                    return (turn + 1 if direction > 0 else self._steps - turn), True
                return turn + 1, False
        return 0, True

    def _turn(self, context: int, phase: int) -> int:
        t, sure = self._times[context]
        return t if sure or phase != 2 else self._steps + 1 - t


class _Pieces:
    """Arrays of one shape (n, …) and the numbers of the events that they belong to, in order."""

    def __init__(self, values: Array, owners: Array) -> None:
        self.values, self.owners = values, owners
        self._first = values.reshape(len(values), -1)[:, 0]
        self._order = np.argsort(self._first, kind="stable")
        self._sorted = self._first[self._order]

    def find(self, value: Array, room: float) -> Array:
        """The events with a value at most ``room`` from this one: first by its first entry, then by all of them."""
        start = value.flat[0]
        low, high = np.searchsorted(self._sorted, [start - room, start + room * (1 + 1e-9)])
        places = np.sort(self._order[low : high + 1])
        near = self.values[places]
        with np.errstate(invalid="ignore"):
            close = np.abs(near - value).max(axis=tuple(range(1, near.ndim))) <= room
        found: Array = self.owners[places[close]]
        return found


def _direction(values: list[int | None]) -> int:
    """1 where they count up by one, −1 where they count down, else 0."""
    if len(values) < 2 or None in values:
        return 0
    steps = {b - a for a, b in pairwise(values)}  # type: ignore[operator]
    return steps.pop() if len(steps) == 1 and steps <= {1, -1} else 0
