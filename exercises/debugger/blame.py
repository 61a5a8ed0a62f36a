"""Which line computed a wrong number, and which single mistake gives the same number."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import equations
from .comparison import Cause
from .equations import LEARNED, WEIGHT, Array, Key
from .reading import Reading
from .recorder import MENTIONED, NAMED, RETURNED, VALUE
from .trace import Event, Found


def blamed(reading: Reading, key: Key, found: Found) -> Event:
    """The event whose line is shown: where the value first appeared, in the function that had the parents' right
    values; inside a helper such as ``sigmoid`` only if that does not compute what its name says."""
    name, t = key
    phase = reading.run.phase(key)
    events = [
        f.event
        for f in reading.trace.at(t, phase, found.value.shape)
        if f.event.line and np.abs(f.value - found.value).max() <= reading.trace.tolerance(found.value)
    ]
    if not events:
        return found.event
    helper = next((e for e in events if e.kind == RETURNED), None)
    if helper is not None and _is_wrong_helper(reading, name, helper, found.value):
        return helper
    named = [
        f
        for f, rank in reading.trace.named(name, t, phase, found.value.shape)
        if rank == 0 and f.event.kind == NAMED and reading.trace.same(f.value, found.value)
    ]
    variables = (NAMED, MENTIONED, RETURNED)
    if found.event.kind in variables and (reading.is_known(key, found.value) or not found.value.any()):
        return _binding((named or [found])[0], events)  # a right value in the wrong variable
    parents = (reading.events.get(parent) for parent in reading.run.parents[key] if parent[1] == t)
    calls = {event.call for event in parents if event is not None}
    own = [e for e in events if e.call in calls]
    if own:
        return own[0]
    return named[0].event if named else events[0]


def _binding(found: Found, events: list[Event]) -> Event:
    """Where a variable, or an entry of a dict, got its value."""
    event = found.event
    if not event.line:  # seen from outside: the last time that the code itself had it
        event = events[-1]
    within = (e for e in events if e.number <= event.number and e.kind == VALUE)
    inside = [e for e in within if event.line <= e.line <= e.end <= event.end]
    return inside[-1] if inside else event


def _is_wrong_helper(reading: Reading, name: str, event: Event, value: Array) -> bool:
    """Whether a function named as σ, tanh or softmax returned ``value``, which is not that of its argument."""
    functions = {"p": equations.softmax} | dict.fromkeys(("g", "n", "tanh_c"), np.tanh)
    function = functions.get(name, equations.sigmoid)
    wanted = {"p": "softmax", "g": "tanh", "n": "tanh", "tanh_c": "tanh"}.get(name, "sig")
    if name not in ("f", "i", "o", "r", "z", *functions) or wanted not in event.function.lower():
        return False
    given = reading.trace.given_to(event.call, value.shape)
    return not any(reading.trace.same(value, function(array)) for array in given)


def cause(reading: Reading, key: Key, yours: Array) -> Cause | None:
    """One part that, replaced by 0, by 1 or by another quantity, gives the same wrong number."""
    run, t = reading.run, key[1]
    others = [
        k
        for k in [*reversed(run.order), ("h", 0), ("c", 0)]
        if abs(k[1] - t) <= 1 and not k[0].startswith(LEARNED) and k != key
    ]
    others.sort(key=lambda k: k[1] != t)
    weights = [k for k in run.values if k[1] == WEIGHT]
    for part in run.parents[key]:
        right = run.values[part]
        choices: list[tuple[Any, Array]] = [(0, np.zeros_like(right)), (1, np.ones_like(right))]
        alike = weights if part[1] == WEIGHT else others
        choices += [(k, run.values[k]) for k in alike if run.values[k].shape == right.shape]
        for by, value in choices:
            if not reading.trace.same(value, right) and reading.trace.same(run.compute(key, {part: value}), yours):
                return Cause(part, by)
    return None
