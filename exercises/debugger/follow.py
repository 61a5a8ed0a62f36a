"""Following the equations through everything that a learner's file computed.

The equations are followed in their order. A quantity whose value the file has somewhere is right. For one that it does
not have, the learner's value is looked for: by the names of variables, and among unnamed values by what they lead to.
From there on the equations continue with the learner's value in place of the right one. So a later number that is
wrong only as a consequence is found again, and one that is not found is a mistake of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_ext.cells import CELLS
from lstm_ext.explain.walk import Walk, spelling_model, walk

from . import equations
from .comparison import Cause, Comparison, Difference, State, Verdict
from .equations import WEIGHT, Array, Equations, Given, Key, Run
from .recorder import ENTERED, GIVEN, MENTIONED, NAMED, RETURNED, VALUE
from .start import loss_of, runs
from .trace import Event, Found, Trace, same, tolerance

#: Searches for unnamed values: a file that is wrong everywhere need not be understood everywhere.
_PATIENCE = 40


class Follower:
    """Follows the equations through one run of a learner's file."""

    def __init__(
        self, source: str, text: str, tables: dict[str, Any], trace: Trace, given: Given, *, course_only: bool = False
    ) -> None:
        """``course_only``: a GRU has the course's convention, whatever it looks like."""
        self._source, self._text, self._tables, self._trace = source, text, tables, trace
        self._course_only = course_only
        self._cell, self._kind = tables["cell"], tables["kind"]
        self._notes = list(tables["notes"])
        zero = np.zeros_like(given.h)
        absent = {name: zero for name in tables.get("without", ()) if name in given.weights}
        if "b_nh" not in tables["placed"] and self._cell == "gru":
            absent["b_nh"] = zero
        if tables.get("states", 2) < (2 if self._cell == "lstm" else 1):
            given = Given(given.weights, given.inputs, given.targets, zero, zero)
        self._given = Given({**given.weights, **absent}, given.inputs, given.targets, given.h, given.c)
        self._run, self._mirrored, self._reset_after = self._variant()
        self._T = self._run.steps
        self._states: dict[Key, State] = {}
        self._fixed: dict[Key, Array] = {}
        self._events: dict[Key, Event | None] = {}
        #: What the sum of the losses is multiplied by: 1/T, or 1.
        self._final = 1.0
        self._differences: list[Difference] = []
        #: Quantities that are wrong together, as those of gates taken for each other.
        self._together: list[set[str]] = []
        self._patience = _PATIENCE

    # ------------------------------------------------------------------------- between their values and ours

    def _theirs(self, name: str, value: Array) -> Array:
        """A value as the file would have it: with its columns, and its meaning of z."""
        if self._mirrored and name in ("a_z", "dz", "da_z", "dW_z", "db_z"):
            value = -value
        elif self._mirrored and name == "z":
            value = 1 - value
        if self._tables["layout"]["x_first"] and name.startswith("dW_") and name != "dW_y":
            H = self._run.hidden_size
            value = np.hstack([value[:, H:], value[:, :H]])
        return value

    def _ours(self, name: str, value: Array) -> Array:
        if self._tables["layout"]["x_first"] and name.startswith("dW_") and name != "dW_y":
            D = self._run.symbols
            value = np.hstack([value[:, D:], value[:, :D]])
            return -value if self._mirrored and name == "dW_z" else value
        return self._theirs(name, value)

    def _has(self, key: Key, value: Array | None = None) -> bool:
        return self._trace.has(self._theirs(key[0], self._run.values[key] if value is None else value))

    # -------------------------------------------------------------------------------------------- the plan

    def _variant(self) -> tuple[Run, bool, bool]:
        """The convention of a GRU that explains most of what the file computes, the course's if none is better."""
        best: tuple[int, Run, bool, bool] | None = None
        for (reset_after, mirrored), run in runs(self._cell, self._given):
            if self._course_only and (reset_after or mirrored):
                break
            self._run, self._mirrored = run, mirrored
            forward = [key for key in run.order if key[0] in run.forward and key[0] not in ("x", "h_prev")]
            count = sum(self._has(key) for key in forward)
            if best is None or count > best[0]:
                best = count, run, mirrored, reset_after
        assert best is not None
        return best[1], best[2], best[3]

    def follow(self) -> Comparison:
        """From the first character to the last gradient."""
        right_loss, factor = self._scale()
        reference = dict(self._run.values)
        went_back = bool(self._tables.get("went_back"))
        has_backward = went_back or any(event.phase == "backward" for event in self._trace.events)
        for number, key in enumerate(self._run.order):
            if self._run.phase(key) == "backward" and not has_backward:
                break
            self._visit(number, key)
        if went_back and self._kind == "network":
            self._totals(factor)
        self._conventions()
        walked = self._walk()
        first, others = self._ranked()
        return Comparison(
            path=self._tables["path"],
            source=self._source,
            problem=self._tables["problem"],
            problem_line=self._tables["line"],
            notes=tuple(self._notes),
            name=self._tables["name"],
            cell=self._cell,
            kind=self._kind,
            walk=walked,
            loss=self._tables.get("loss"),
            right_loss=right_loss,
            verdicts=self._verdicts(reference),
            first=first,
            others=others,
            went_back=went_back,
            x_first=bool(self._tables["layout"]["x_first"]),
        )

    def _scale(self) -> tuple[float, float]:
        """Finds out whether loss and gradients are of the sum or of the mean. Returns the right loss, and what sums of
        steps' gradients are multiplied by at the end."""
        run, T, loss = self._run, self._T, self._tables.get("loss")
        total = loss_of(run)
        self._final = 1 / T
        if self._kind == "cell":
            return total / T, 1.0

        def passes_on(scale: float) -> bool:
            return self._trace.has(run.values["dh_out", T] * scale / run.scale)

        def dy_is(scale: float) -> bool:
            return self._trace.has(run.values["dy", T] * scale / run.scale)

        mean, other = 1 / T, 1.0
        is_sum = loss is not None and np.isclose(loss, total, rtol=1e-6)
        is_mean = loss is not None and np.isclose(loss, total / T, rtol=1e-6)
        if is_sum and passes_on(mean) and not passes_on(1.0):
            is_sum = False  # the gradient is that of the mean, and so should be the loss
        elif not is_mean and not is_sum:
            is_sum = (passes_on(1.0) or dy_is(1.0)) and not (passes_on(mean) or dy_is(mean))
        self._final = final = 1.0 if is_sum else mean
        middle = final
        other = mean if is_sum else 1.0
        if not dy_is(final) and dy_is(other):
            db_y = sum((run.values["dy", t] for t in range(1, T + 1)), np.zeros(1)) * final / run.scale
            if self._trace.has(db_y):
                middle = other  # divided (or multiplied) at the end
        run.scale = middle
        run.recompute(0, {})
        return total * final, final / middle

    # -------------------------------------------------------------------------------------- one quantity

    def _visit(self, number: int, key: Key) -> None:
        name = key[0]
        self._events[key] = None
        self._states[key] = "same"
        if name == "x":
            self._input(number, key)
        elif name == "loss":
            self._loss_at(number, key)
        elif name.startswith(("dW_", "db_")):
            self._contribution(number, key)
        elif self._has(key):
            self._events[key] = self._origin(key, self._run.values[key])
        elif name == "dh_out" or self._inlined(key):
            self._states[key] = "unseen"
        else:
            self._search(number, key)

    def _inlined(self, key: Key) -> bool:
        """Whether something that is computed from it is right, so that it has to be right itself."""
        return any(self._has(child) for child in self._run.children.get(key, ()) if child[0] not in ("loss", "dx"))

    def _input(self, number: int, key: Key) -> None:
        """One-hot vectors are alike: only a variable's name tells whose they are."""
        right = self._run.values[key]
        named = [f for f, _ in self._trace.named("x", key[1], "forward", right.shape)]
        wrong = [f for f in named if not same(f.value, right)]
        if not named:
            self._states[key] = "unseen"
        elif len(wrong) == len(named):
            first = ("a", "a_f", "a_r")
            after = [(name, key[1]) for name in first if (name, key[1]) in self._run.values]
            if all(self._has(k, self._run.compute(k, {key: wrong[-1].value})) for k in after):
                self._differ(number, key, wrong[-1])

    def _loss_at(self, number: int, key: Key) -> None:
        run, t, T = self._run, key[1], self._T
        losses = [float(run.values["loss", k][0]) for k in range(1, T + 1)]
        total, loss = sum(losses), self._tables.get("loss")
        so_far = [form for sign in (1, -1) for form in (sign * sum(losses[:t]), sign * sum(losses[:t]) / T)]
        alone = [form for sign in (1, -1) for form in (sign * losses[t - 1], sign * losses[t - 1] / T)]
        right = loss is None or any(np.isclose(loss, wanted, rtol=1e-6) for wanted in self._right_losses(total))
        if self._kind == "cell" or right:
            self._states[key] = "same" if any(self._trace.has(np.array([form])) for form in alone) else "unseen"
            return
        named = [f for f, _ in self._trace.named("loss", t, "forward", (1,)) if f.event.line]
        before = [f.value for f, _ in self._trace.named("loss", t - 1, "forward", (1,))]
        if not named:
            self._states[key] = "unseen"
        elif not any(_close(named[-1].value[0], form) for form in (*so_far, *alone)) or (
            t > 1 and not any(_close(named[-1].value[0], form) for form in so_far) and "[" not in named[-1].event.path
        ):
            start = before[-1] if before and "[" not in named[-1].event.path else np.zeros(1)
            value = named[-1].value - start
            if not any(_close(abs(value[0]), form) for form in alone):
                self._differ(number, key, Found(named[-1].event, value))
            else:
                self._differ(number, key, named[-1], sums=True)
            return
        if t == T and not any(self._states.get(("loss", k)) == "differs" for k in range(1, T)):
            value = np.array([loss])
            event = self._trace.find(value, keep=lambda e: e.line > 0 and e.kind == RETURNED)
            event = (
                event
                if loss is not None and _close(loss, total)
                else self._trace.find(value, keep=lambda e: e.line > 0)
            )
            if event is not None:
                run.values[key] = np.array([total * self._final])
                self._differ(number, key, Found(event, np.array([loss])), sums=True)

    def _right_losses(self, total: float) -> list[float]:
        """The mean; where the gradient is that of the sum, the sum too."""
        return [total * self._final]

    def _contribution(self, number: int, key: Key) -> None:
        """What one step adds to a weight's gradient: seen by itself, or in the sum so far."""
        name, t = key
        run = self._run
        if self._has(key):
            self._events[key] = self._origin(key, run.values[key])
            return
        sums = [sum((run.values[name, k] for k in range(self._T, t - 1, -1)), np.zeros(1))]
        sums.append(sum((run.values[name, k] for k in range(1, self._T + 1)), np.zeros(1)))
        shapes_of_total = (1.0, 1 / self._T, float(self._T))
        if self._kind == "network" and any(self._has(key, s * k) for s in sums for k in shapes_of_total):
            self._states[key] = "unseen"
            return
        self._states[key] = "unseen"
        right = self._theirs(name, run.values[key])
        H = run.hidden_size
        parts = [right] if right.ndim == 1 or name == "dW_y" else [right, right[:, :H], right[:, H:]]
        for part, columns in zip(parts, (slice(None), slice(None, H), slice(H, None)), strict=False):
            found = self._contributed(key, part)
            if found is not None:
                yours = right.copy()
                if right.ndim == 2:
                    yours[:, columns] = found.value
                else:
                    yours = found.value
                self._differ(number, key, Found(found.event, yours), found)
                return

    def _contributed(self, key: Key, right: Array) -> Found | None:
        """The wrong array that a step adds to a gradient: a value in the line that sets a variable of its name."""
        (name, t), run = key, self._run
        if self._trace.has(right):
            return None
        named = [f for f, _ in self._trace.named(name, t, "backward", right.shape)]
        lines = {f.event.line for f in named if f.event.line}
        known = [self._theirs(k[0], v) for k, v in run.values.items() if k[1] == t and v.shape == right.shape]
        for found in self._trace.at(t, "backward", right.shape):
            inside = any(f.event.line <= found.event.line <= f.event.end for f in named if f.event.line)
            if not (inside or found.event.line in lines) or found.event.kind in (NAMED, MENTIONED, ENTERED):
                continue
            if not any(same(found.value, v) for v in known) and (self._kind == "network" or _any(named, found)):
                return found
        return named[0] if named and self._kind == "cell" else None

    def _search(self, number: int, key: Key) -> None:
        """A value that is nowhere: which one does the file have in its place?"""
        if self._blame_parents(number, key) or self._blame_shared(key):
            return
        found = self._candidate(key)
        if found is None:
            self._states[key] = "unseen"
        else:
            self._differ(number, key, found)

    def _blame_parents(self, number: int, key: Key) -> bool:
        """Whether the file's value comes from other values under the parents' names: gates taken for each other, or a
        state that was not carried on. Then those are what is wrong, though the right values are there, too."""
        run, swapped = self._run, {}
        phase = self._phase_of(key)
        parents = [parent for parent in run.parents[key] if parent[0] in phase and parent[1] > 0]
        before = [p for parent in parents for p in run.parents[parent] if p[0] in phase and p[1] == key[1]]
        for parent in dict.fromkeys([*parents, *before]):
            name, t = parent
            right = run.values[parent]
            named = [
                self._ours(name, f.value)
                for f, rank in self._trace.named(name, t, run.phase(parent), right.shape)
                if rank == 0 and f.event.kind != ENTERED
            ]
            if named and not any(same(value, right) for value in named):
                swapped[parent] = named[-1]
        led_to = self._led_to(key, swapped) if swapped else None
        if led_to is None or not led_to.any() or same(led_to, run.values[key]) or not self._has(key, led_to):
            return False
        first = min(run.order.index(parent) for parent in swapped)
        self._together.append({parent[0] for parent in swapped})
        for parent in sorted(swapped, key=run.order.index):
            value = self._theirs(parent[0], swapped[parent])
            events = [f for f, _ in self._trace.named(parent[0], parent[1], run.phase(parent), value.shape)]
            self._differ(first, parent, next(f for f in events if same(f.value, value)))
        self._states[key] = "same"
        self._events[key] = self._origin(key, run.values[key])
        return True

    def _led_to(self, key: Key, instead: dict[Key, Array]) -> Array:
        """A quantity from other values of its parents and of theirs."""
        changed = dict(instead)
        for parent in self._run.parents[key]:
            if parent not in changed and any(p in instead for p in self._run.parents.get(parent, ())):
                changed[parent] = self._run.compute(parent, instead)
        return self._run.compute(key, changed)

    def _blame_shared(self, key: Key) -> bool:
        """Whether several quantities all come from the same wrong value of one parent, such as an h that was not
        carried on: then that parent is what is wrong."""
        run, t = self._run, key[1]
        for parent in run.parents[key]:
            if parent[1] < 1 or parent[0] not in self._phase_of(key):
                continue
            wrong = [child for child in run.children[parent] if child[1] == t and child[0] in self._phase_of(key)]
            wrong = [child for child in wrong if not self._has(child) and not child[0].startswith(("dW_", "db_", "dx"))]
            if len(wrong) < 2:
                continue
            shape = run.values[parent].shape
            for found in self._trace.at(t, run.phase(key), shape):
                value = self._ours(parent[0], found.value)
                if all(self._has(child, run.compute(child, {parent: value})) for child in wrong):
                    self._differ(run.order.index(parent), parent, found)
                    self._states[key] = "same"
                    self._events[key] = self._origin(key, run.values[key])
                    return True
        return False

    def _phase_of(self, key: Key) -> Equations:
        return self._run.forward if key[0] in self._run.forward else self._run.backward

    def _candidate(self, key: Key) -> Found | None:
        """The value that the file has for a quantity: named so, or one that explains what was computed from it."""
        run, (name, t) = self._run, key
        phase, shape = run.phase(key), run.values[key].shape
        known = [self._theirs(k[0], v) for k, v in run.values.items() if abs(k[1] - t) <= 1 and v.shape == shape]
        children = [c for c in run.children.get(key, ()) if c[0] not in ("loss", "dx") and not self._has(c)]
        scores: list[tuple[float, int, Found]] = []

        def score(found: Found, value: float, order: int) -> None:
            if not np.all(np.isfinite(found.value)):
                return
            if not found.value.any() and found.event.kind != NAMED:
                return
            if any(same(found.value, other) for other in known):
                value -= 1.5
            ours = self._ours(name, found.value)
            if order > 0 and self._cause(key, ours) is not None:
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
                    and not any(same(found.value, other) for other in seen)
                ):
                    seen.append(found.value)
                    score(found, 0.0, -1)  # the first of them
        if not scores:
            return None
        best = max(scores, key=lambda entry: entry[:2])
        return best[2] if best[0] >= 1 else None

    def _explains(self, key: Key, value: Array, children: list[Key]) -> bool:
        for child in children:
            led_to = self._run.compute(child, {key: value})
            if same(led_to, value):
                continue
            known = (v for k, v in self._run.values.items() if abs(k[1] - child[1]) <= 1 and v.shape == led_to.shape)
            if np.all(np.isfinite(led_to)) and not any(same(led_to, v) for v in known) and self._has(child, led_to):
                return True
        return False

    def _differ(self, number: int, key: Key, found: Found, part: Found | None = None, *, sums: bool = False) -> None:
        """Notes a wrong number, and continues with it; ``part`` is what the file has of it, if it is in parts."""
        run = self._run
        yours, right = self._ours(key[0], found.value), run.values[key]
        if yours.shape != right.shape:
            return
        event = found.event if sums else self._blamed(key, part or found)
        self._states[key], self._events[key] = "differs", event
        name, t = key
        unseen = tuple(
            k for k in reversed(run.order[:number]) if self._states.get(k) == "unseen" and k in self._ways_to(key)
        )
        befores = [e for k in self._ways_to(key) if (e := self._events.get(k)) and e.function == event.function]
        self._differences.append(
            Difference(
                phase=run.phase(key),
                t=t,
                stage=_stage(name),
                quantity=name,
                yours=yours,
                right=right,
                line=event.line,
                end=event.end,
                function=event.function,
                code="\n".join(self._source.splitlines()[max(0, event.line - 1) : event.end]) if event.line else "",
                cause=None if sums else self._cause(key, yours),
                unseen=unseen[::-1],
                after=max((e.line for e in befores if e.line <= event.line), default=0) if unseen else 0,
                sums=sums,
            )
        )
        if not sums:
            self._fixed[key] = yours
            run.values[key] = yours
            run.recompute(number + 1, self._fixed)

    def _ways_to(self, key: Key) -> set[Key]:
        """The unseen quantities that lead to it, and the last seen ones before them."""
        found: set[Key] = set()
        todo = list(self._run.parents[key])
        while todo:
            parent = todo.pop()
            if parent not in found and parent[1] > 0:
                found.add(parent)
                if self._states.get(parent) == "unseen":
                    todo += self._run.parents[parent]
        return found

    # ------------------------------------------------------------------------------------- lines and causes

    def _origin(self, key: Key, value: Array) -> Event | None:
        """Where a right value was computed."""
        return self._trace.find(self._theirs(key[0], value), keep=lambda event: event.line > 0)

    def _blamed(self, key: Key, found: Found) -> Event:
        """The event whose line is shown: where the value first appeared, in the function that had the parents' right
        values; inside a helper such as ``sigmoid`` only if that does not compute what its name says."""
        name, t = key
        phase = self._run.phase(key)
        events = [
            f.event
            for f in self._trace.at(t, phase, found.value.shape)
            if f.event.line and np.abs(f.value - found.value).max() <= tolerance(found.value)
        ]
        if not events:
            return found.event
        helper = next((e for e in events if e.kind == RETURNED), None)
        if helper is not None and self._is_wrong_helper(name, helper, found.value):
            return helper
        named = [
            f
            for f, rank in self._trace.named(name, t, phase, found.value.shape)
            if rank == 0 and f.event.kind == NAMED and same(f.value, found.value)
        ]
        variables = (NAMED, MENTIONED, RETURNED)
        if found.event.kind in variables and (self._is_known(key, found.value) or not found.value.any()):
            return self._binding((named or [found])[0], events)  # a right value in the wrong variable
        calls = set()
        for parent in self._run.parents[key]:
            if parent[1] == WEIGHT:
                continue
            event = self._events.get(parent)
            if event is not None and parent[1] == t:
                calls.add(event.call)
        own = [e for e in events if e.call in calls]
        if own:
            return own[0]
        return named[0].event if named else events[0]

    @staticmethod
    def _binding(found: Found, events: list[Event]) -> Event:
        """Where a variable, or an entry of a dict, got its value."""
        event = found.event
        if not event.line:  # seen from outside: the last time that the code itself had it
            event = events[-1]
        within = (e for e in events if e.number <= event.number and e.kind == VALUE)
        inside = [e for e in within if event.line <= e.line <= e.end <= event.end]
        return inside[-1] if inside else event

    def _is_known(self, key: Key, value: Array) -> bool:
        """Whether it is the value of another quantity."""
        run = self._run
        return any(
            same(value, self._theirs(k[0], v))
            for k, v in run.values.items()
            if k != key and abs(k[1] - key[1]) <= 1 and v.shape == value.shape
        )

    def _is_wrong_helper(self, name: str, event: Event, value: Array) -> bool:
        """Whether a function named as σ, tanh or softmax returned ``value``, which is not that of its argument."""
        functions = {"p": equations.softmax} | dict.fromkeys(("g", "n", "tanh_c"), np.tanh)
        function = functions.get(name, equations.sigmoid)
        wanted = {"p": "softmax", "g": "tanh", "n": "tanh", "tanh_c": "tanh"}.get(name, "sig")
        if name not in ("f", "i", "o", "r", "z", *functions) or wanted not in event.function.lower():
            return False
        given = self._trace.given_to(event.call, value.shape)
        return not any(same(value, function(array)) for array in given)

    def _cause(self, key: Key, yours: Array) -> Cause | None:
        """One part that, replaced by 0, by 1 or by another quantity, gives the same wrong number."""
        run, t = self._run, key[1]
        others = [
            k
            for k in [*reversed(run.order), ("h", 0), ("c", 0)]
            if abs(k[1] - t) <= 1 and not k[0].startswith(("dW_", "db_")) and k != key
        ]
        others.sort(key=lambda k: k[1] != t)
        weights = [k for k in run.values if k[1] == WEIGHT]
        for part in run.parents[key]:
            right = run.values[part]
            choices: list[tuple[Any, Array]] = [(0, np.zeros_like(right)), (1, np.ones_like(right))]
            alike = weights if part[1] == WEIGHT else others
            choices += [(k, run.values[k]) for k in alike if run.values[k].shape == right.shape]
            for by, value in choices:
                if not same(value, right) and same(run.compute(key, {part: value}), yours):
                    return Cause(part, by)
        return None

    # ------------------------------------------------------------------------------------------- at the end

    def _totals(self, factor: float) -> None:
        """The gradients that backward leaves behind."""
        run, T = self._run, self._T
        names = [name for name in run.backward if name.startswith(("dW_", "db_"))]
        rights = {name: sum((run.values[name, t] for t in range(T, 0, -1)), np.zeros(1)) for name in names}
        lasts: dict[str, Found] = {}
        for name in names:
            shape = self._theirs(name, rights[name]).shape
            named = [f for t in (*range(T, 0, -1), 0) for f, _ in self._trace.named(name, t, "backward", shape)]
            if named:
                lasts[name] = max(named, key=lambda f: f.event.number)
        wrong = {
            name: found
            for name, found in lasts.items()
            if not same(self._ours(name, found.value), rights[name] * factor)
            and not self._has((name, T), rights[name] * factor)
        }
        if not wrong:
            return
        scales = {name: _ratio(self._ours(name, f.value), rights[name]) for name, f in wrong.items()}
        ratios = [ratio for ratio in scales.values() if ratio is not None]
        if len(ratios) == len(lasts) and np.ptp(ratios) < 1e-6 and ratios[0] < factor:
            self._notes.append(
                f"backward also scales the whole gradient, by {ratios[0] / factor:.4g}: clipping, perhaps"
            )
            return
        for name, found in wrong.items():
            if any(self._states.get((name, t)) == "differs" for t in range(1, T + 1)):
                continue
            for t in range(T, 0, -1):
                so_far = sum((run.values[name, k] for k in range(T, t - 1, -1)), np.zeros(1)) * factor
                shape = self._theirs(name, so_far).shape
                named = [
                    f
                    for f, _ in self._trace.named(name, t, "backward", shape)
                    if f.event.line and f.event.kind == NAMED
                ]
                if named and not any(
                    same(self._ours(name, f.value), so_far) or same(self._ours(name, f.value), so_far / factor)
                    for f in named
                ):
                    run.values[name, t] = so_far
                    self._differ(run.order.index((name, t)), (name, t), named[-1], sums=True)
                    break
            else:
                run.values[name, 1] = rights[name] * factor
                event = self._trace.find(found.value, keep=lambda e: e.line > 0) or found.event
                self._differ(run.order.index((name, 1)), (name, 1), Found(event, found.value), sums=True)

    def _ranked(self) -> tuple[Difference | None, tuple[Difference, ...]]:
        """The first difference, and those of another kind, each once: the same quantity at another character, or the
        same line, is the same mistake."""
        order = {key: number for number, key in enumerate(self._run.order)}
        ranked = sorted(self._differences, key=lambda d: (d.sums, order[d.quantity, d.t]))
        shown: list[Difference] = []
        for difference in ranked:
            alike = {name for d in shown for name in self._alike(d.quantity)}
            lines = {d.line for d in shown if d.line}
            if difference.quantity not in alike and difference.line not in lines:
                shown.append(difference)
        return (shown[0], tuple(shown[1:])) if shown else (None, ())

    def _alike(self, name: str) -> set[str]:
        """Quantities whose errors are one mistake: a weight's gradient and its bias's, and those that go together."""
        gate = name.removeprefix("dW_").removeprefix("db_")
        found = {name, f"dW_{gate}", f"db_{gate}"} if gate != name else {name}
        return found.union(*(group for group in self._together if name in group))

    def _conventions(self) -> None:
        if self._tables["layout"]["x_first"]:
            self._notes.append("the columns of your W are [x, h]; the course has them as [h, x]")
        if self._tables["layout"]["order"]:
            names = {"g": "candidate", "n": "candidate"}
            order = ", ".join(names.get(gate, gate) for gate in self._tables["layout"]["order"])
            if not any("order of gates" in note for note in self._notes):
                self._notes.append(f"the order of gates in your stacked W is {order}")
        if self._mirrored:
            self._notes.append("your z is the share of the old state, as in PyTorch; here it is shown as 1 - z")
        if self._reset_after:
            self._notes.append("your reset gate acts after the matrix product, as in cuDNN and PyTorch")
        without = self._tables.get("without")
        if without:
            self._notes.append(f"no array for {', '.join(without)} was found: taken as 0")

    def _walk(self) -> Walk:
        H = self._run.hidden_size
        model, vocabulary = spelling_model(self._text, cell=self._cell, hidden_size=H, reset_after=self._reset_after)
        start = self._run.given
        blocks = [block.name for block in CELLS[self._cell].blocks]
        arrays = model.weights()
        arrays["layers.0.W"][...] = np.vstack([start.weights[f"W_{name}"] for name in blocks])
        biases = [start.weights[f"b_{name}"] for name in blocks] + (
            [start.weights["b_nh"]] if self._reset_after else []
        )
        arrays["layers.0.b"][...] = np.concatenate(biases)
        arrays["output.W"][...], arrays["output.b"][...] = start.weights["W_y"], start.weights["b_y"]
        state = model.zero_state()
        state[0, :, 0] = np.stack([start.h, start.c])[: state.shape[1]]
        return walk(model, self._text, vocabulary, state=state)

    def _verdicts(self, reference: dict[Key, Array]) -> dict[tuple[str, int], Verdict]:
        """By stages of the walk: a stage of weights is as its worst array."""
        rank = ("unseen", "same", "follows", "differs")
        verdicts: dict[tuple[str, int], Verdict] = {}
        for key, state in self._states.items():
            right, now = reference[key], self._run.values[key]
            if state == "same" and not same(now, right):
                state = "follows"
            event = self._events.get(key)
            stage = (_stage(key[0]), key[1])
            verdict = Verdict(state, right, None if state == "unseen" else now, event.line if event else 0)
            if key[0] in ("dh_out", "dx"):
                continue
            old = verdicts.get(stage)
            if old is None or rank.index(verdict.state) > rank.index(old.state):
                verdicts[stage] = verdict
        return verdicts


def _any(named: list[Found], found: Found) -> bool:
    return any(same(f.value, found.value) for f in named)


def _is_function(event: Event) -> bool:
    """Whether it is inside σ, tanh or softmax, where numbers are nobody's."""
    return any(word in event.function.lower() for word in ("sig", "logistic", "tanh", "softmax"))


def _stage(name: str) -> str:
    """The stage of the walk that shows a quantity."""
    if name in ("dW_y", "db_y"):
        return "dW_y"
    if name.startswith(("dW_", "db_")):
        return "dW"
    return {"dh_out": "dh", "dx": "dh_prev"}.get(name, name)


def _close(a: float, b: float) -> bool:
    return bool(np.isclose(a, b, rtol=1e-6))


def _ratio(value: Array, right: Array) -> float | None:
    """k where value is k times right."""
    k = float((value * right).sum() / ((right * right).sum() or 1.0))
    return k if k > 0 and same(value, right * k) else None
