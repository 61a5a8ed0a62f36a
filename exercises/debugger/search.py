"""Finding the learner's value of a quantity that is nowhere right: by names, and by what was computed from it."""

from __future__ import annotations

import numpy as np

from .blame import cause
from .equations import LEARNED, Array, Key
from .reading import Reading
from .recorder import ENTERED, GIVEN, MENTIONED, NAMED
from .trace import Event, Found

#: Searches for unnamed values: a file that is wrong everywhere need not be understood everywhere.
_PATIENCE = 40


class Search:
    """Looks for values in one reading."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._run, self._trace = reading, reading.run, reading.trace
        self._patience = _PATIENCE

    def candidate(self, key: Key) -> Found | None:
        """The value that the file has for a quantity: named so, or one that explains what was computed from it."""
        run, (name, t) = self._run, key
        phase, shape = run.phase(key), run.values[key].shape
        children = [c for c in run.children.get(key, ()) if c[0] not in ("loss", "dx") and not self._reading.has(c)]
        scores: list[tuple[float, int, Found]] = []

        def score(found: Found, value: float, order: int) -> None:
            if not np.all(np.isfinite(found.value)) or (not found.value.any() and found.event.kind != NAMED):
                return
            if self._reading.is_known(key, found.value):
                value -= 1.5
            ours = self._reading.ours(name, found.value)
            if order > 0 and cause(self._reading, key, ours) is not None:
                value += 1.5
            if value > -1 and children and self._explains(key, ours, children):
                value += 4
            scores.append((value, order * found.event.number, found))

        for found, rank in self._trace.named(name, t, phase, shape):
            score(found, 2.0 - rank - 0.5 * (found.event.kind == ENTERED), 1)  # the last of them counts
        if self._patience > 0:
            self._patience -= 1
            seen: list[Array] = []
            for found in self._trace.at(t, phase, shape):
                if (
                    found.event.kind != GIVEN
                    and not _is_function(found.event)
                    and not any(self._trace.same(found.value, other) for other in seen)
                ):
                    seen.append(found.value)
                    score(found, 0.0, -1)  # the first of them
        if not scores:
            return None
        best = max(scores, key=lambda entry: entry[:2])
        return best[2] if best[0] >= 1 else None

    def swapped_parents(self, key: Key) -> dict[Key, Found]:
        """Other values under the parents' names that the file's value comes from: gates taken for each other, or a
        state that was not carried on. Then those are what is wrong, though the right values are there, too."""
        run, trace = self._run, self._trace
        swapped: dict[Key, Array] = {}
        phase = self._reading.siblings(key)
        parents = [parent for parent in run.parents[key] if parent[0] in phase and parent[1] > 0]
        before = [p for parent in parents for p in run.parents[parent] if p[0] in phase and p[1] == key[1]]
        for parent in dict.fromkeys([*parents, *before]):
            name, t = parent
            right = run.values[parent]
            named = [
                self._reading.ours(name, f.value)
                for f, rank in trace.named(name, t, run.phase(parent), right.shape)
                if rank == 0 and f.event.kind != ENTERED
            ]
            if named and not any(trace.same(value, right) for value in named):
                swapped[parent] = named[-1]
        led_to = self._led_to(key, swapped) if swapped else None
        if led_to is None or not led_to.any() or trace.same(led_to, run.values[key]):
            return {}
        if not self._reading.has(key, led_to):
            return {}
        wrong = {}
        for parent in sorted(swapped, key=run.order.index):
            value = self._reading.theirs(parent[0], swapped[parent])
            events = [f for f, _ in trace.named(parent[0], parent[1], run.phase(parent), value.shape)]
            wrong[parent] = next(f for f in events if trace.same(f.value, value))
        return wrong

    def shared_parent(self, key: Key) -> tuple[Key, Found] | None:
        """One parent with one wrong value that several quantities all come from, such as an h that was not carried
        on."""
        run, t = self._run, key[1]
        siblings = self._reading.siblings(key)
        for parent in run.parents[key]:
            if parent[1] < 1 or parent[0] not in siblings:
                continue
            wrong = [child for child in run.children[parent] if child[1] == t and child[0] in siblings]
            wrong = [child for child in wrong if not child[0].startswith((*LEARNED, "dx"))]
            wrong = [child for child in wrong if not self._reading.has(child)]
            if len(wrong) < 2:
                continue
            shape = run.values[parent].shape
            for found in self._trace.at(t, run.phase(key), shape):
                value = self._reading.ours(parent[0], found.value)
                if all(self._reading.has(child, run.compute(child, {parent: value})) for child in wrong):
                    return parent, found
        return None

    def contributed(self, key: Key, right: Array) -> Found | None:
        """The wrong array that a step adds to a gradient: a value in the line that sets a variable of its name."""
        (name, t), run = key, self._run
        if self._trace.has(right):
            return None
        named = [f for f, _ in self._trace.named(name, t, "backward", right.shape)]
        lines = {f.event.line for f in named if f.event.line}
        known = [self._reading.theirs(k[0], v) for k, v in run.values.items() if k[1] == t and v.shape == right.shape]
        for found in self._trace.at(t, "backward", right.shape):
            inside = any(f.event.line <= found.event.line <= f.event.end for f in named if f.event.line)
            if not (inside or found.event.line in lines) or found.event.kind in (NAMED, MENTIONED, ENTERED):
                continue
            if any(self._trace.same(found.value, v) for v in known):
                continue
            if self._reading.kind != "cell" or any(self._trace.same(f.value, found.value) for f in named):
                return found
        return named[0] if named and self._reading.kind == "cell" else None

    def _led_to(self, key: Key, instead: dict[Key, Array]) -> Array:
        """A quantity from other values of its parents and of theirs."""
        changed = dict(instead)
        for parent in self._run.parents[key]:
            if parent not in changed and any(p in instead for p in self._run.parents.get(parent, ())):
                changed[parent] = self._run.compute(parent, instead)
        return self._run.compute(key, changed)

    def _explains(self, key: Key, value: Array, children: list[Key]) -> bool:
        for child in children:
            led_to = self._run.compute(child, {key: value})
            if self._trace.same(led_to, value):
                continue
            near = (v for k, v in self._run.values.items() if abs(k[1] - child[1]) <= 1)
            if not np.all(np.isfinite(led_to)) or any(self._trace.same(led_to, v) for v in near):
                continue
            if self._reading.has(child, led_to):
                return True
        return False


def _is_function(event: Event) -> bool:
    """Whether it is inside σ, tanh or softmax, where numbers are nobody's."""
    return any(word in event.function.lower() for word in ("sig", "logistic", "tanh", "softmax"))
