"""What a file makes of all characters together: its loss, whether that is a sum or a mean, and the whole gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .equations import LEARNED, Array, Key
from .findings import Findings
from .reading import Reading
from .recorder import MENTIONED, NAMED, RETURNED
from .start import loss_of
from .trace import Found


class Totals:
    """Of one reading; to begin with, it sets the unit of the equations: the sum's gradient or the mean's."""

    def __init__(self, reading: Reading, findings: Findings, tables: Mapping[str, Any]) -> None:
        self._reading, self._trace, self._findings = reading, reading.trace, findings
        self._T: int = reading.run.steps
        self._loss: float | None = tables.get("loss")
        #: What the sum of the losses is multiplied by, and at the end the sum of the steps' gradients.
        self._final, self._factor = self._scale()
        #: The right loss, in the file's unit.
        self.right_loss = self._final * loss_of(reading.run)

    def _scale(self) -> tuple[float, float]:
        """Finds out whether loss and gradients are of the sum or of the mean."""
        run, T, loss = self._reading.run, self._T, self._loss
        total = loss_of(run)
        mean = 1 / T
        if self._reading.kind != "network":
            return mean, 1.0

        def passes_on(scale: float) -> bool:
            return self._trace.has(run.values["dh_out", T] * scale / run.scale)

        def dy_is(scale: float) -> bool:
            return self._trace.has(run.values["dy", T] * scale / run.scale)

        is_sum = loss is not None and self._close(loss, total)
        is_mean = loss is not None and self._close(loss, total / T)
        if is_sum and passes_on(mean) and not passes_on(1.0):
            is_sum = False  # the gradient is that of the mean, and so should be the loss
        elif not is_mean and not is_sum:
            is_sum = (passes_on(1.0) or dy_is(1.0)) and not (passes_on(mean) or dy_is(mean))
        middle = final = 1.0 if is_sum else mean
        other = mean if is_sum else 1.0
        if not dy_is(final) and dy_is(other):
            db_y = sum((run.values["dy", t] for t in range(1, T + 1)), np.zeros(1)) * final / run.scale
            if self._trace.has(db_y):
                middle = other  # divided (or multiplied) at the end
        run.scale = middle
        run.recompute(0, {})
        return final, final / middle

    def loss_at(self, key: Key) -> None:
        """One character's loss: by itself, or in the sum so far."""
        run, t, T = self._reading.run, key[1], self._T
        losses = [float(run.values["loss", k][0]) for k in range(1, T + 1)]
        total, loss = sum(losses), self._loss
        so_far = [form for sign in (1, -1) for form in (sign * sum(losses[:t]), sign * sum(losses[:t]) / T)]
        alone = [form for sign in (1, -1) for form in (sign * losses[t - 1], sign * losses[t - 1] / T)]
        if self._reading.kind != "network" or loss is None or self._close(loss, total * self._final):
            seen = any(self._trace.has(np.array([form])) for form in alone)
            self._reading.states[key] = "same" if seen else "unseen"
            return
        named = [f for f, _ in self._trace.named("loss", t, "forward", (1,)) if f.event.line]
        before = [f.value for f, _ in self._trace.named("loss", t - 1, "forward", (1,))]
        if not named:
            self._reading.states[key] = "unseen"
        elif not any(self._close(named[-1].value[0], form) for form in (*so_far, *alone)) or (
            t > 1
            and not any(self._close(named[-1].value[0], form) for form in so_far)
            and "[" not in named[-1].event.path
        ):
            start = before[-1] if before and "[" not in named[-1].event.path else np.zeros(1)
            value = named[-1].value - start
            if not any(self._close(abs(value[0]), form) for form in alone):
                self._findings.differ(key, Found(named[-1].event, value))
            else:
                self._findings.differ(key, named[-1], sums=True)
            return
        if t == T and not any(self._reading.states.get(("loss", k)) == "differs" for k in range(1, T)):
            value, returned = np.array([loss]), self._close(loss, total)
            event = self._trace.find(value, keep=lambda e: e.line > 0 and (e.kind == RETURNED or not returned))
            if event is not None:
                run.values[key] = np.array([total * self._final])
                self._findings.differ(key, Found(event, value), sums=True)

    def gradients(self) -> str:
        """The gradients that backward leaves behind, whole or in columns for h and x. Returns a note, or ""."""
        is_sequence = self._reading.kind == "sequence"
        if is_sequence:
            self._initial_states()
        run = self._reading.run
        lasts: list[tuple[str, slice, Array, Found]] = []
        for name in run.backward:
            if not name.startswith(LEARNED):
                continue
            for columns in self._reading.parts(name):
                right = self._so_far(name, 1)[..., columns]
                named = [f for t in range(self._T, -1, -1) for f in self._named(name, t, right)]
                if named:
                    lasts.append((name, columns, right, max(named, key=lambda f: f.event.number)))
        wrong = [
            (name, columns, right, found)
            for name, columns, right, found in lasts
            # Of a sequence, only what backward returns counts.
            if not self._trace.same(found.value, right) and (is_sequence or not self._trace.has(right))
        ]
        scales = [self._ratio(found.value, right) for _, _, right, found in wrong]
        ratios = [ratio for ratio in scales if ratio is not None]
        scaled = bool(wrong) and len(ratios) == len(lasts) and np.ptp(ratios) < self._trace.precision and ratios[0] < 1
        if scaled and not (is_sequence and self._close(ratios[0], 1 / self._T)):
            return f"backward also scales the whole gradient, by {ratios[0]:.4g}: clipping, perhaps"
        for name, columns, _, found in wrong:
            if not any(self._reading.states.get((name, t)) == "differs" for t in range(1, self._T + 1)):
                self._differ(name, columns, found)
        return ""

    def _differ(self, name: str, columns: slice, last: Found) -> None:
        """Notes a gradient that is wrong at the end: at the step where its sum goes wrong, if it is seen growing."""
        run, factor = self._reading.run, self._factor
        for t in range(self._T, 0, -1):
            right = self._so_far(name, t)[..., columns]
            named = [f for f in self._named(name, t, right) if f.event.line and f.event.kind in (NAMED, MENTIONED)]
            if named and not any(self._trace.same(f.value, form) for f in named for form in (right, right / factor)):
                found = named[-1]
                break
        else:
            event = self._trace.find(last.value, keep=lambda e: e.line > 0) or last.event
            t, found = 1, Found(event, last.value)
        whole = self._so_far(name, t)
        yours = whole.copy()
        yours[..., columns] = found.value
        run.values[name, t] = self._reading.ours(name, whole)
        # The first step's sum is that step's part alone.
        self._findings.differ((name, t), Found(found.event, yours), here=True, sums=t < self._T)

    def _so_far(self, name: str, t: int) -> Array:
        """The right sum of the steps' gradients from the last one back to ``t``, as the file would have it."""
        values = (self._reading.run.values[name, k] for k in range(self._T, t - 1, -1))
        total: Array = sum(values, np.zeros(1)) * self._factor
        return self._reading.theirs(name, total)

    def _named(self, name: str, t: int, like: Array) -> list[Found]:
        return [f for f, _ in self._trace.named(name, t, "backward", like.shape)]

    def _initial_states(self) -> None:
        """The gradients of the states before the first step, dh0 and dC0."""
        states = self._reading.states
        if any(states.get(("dh", t)) == "differs" for t in range(1, self._T + 1)):
            return
        for name in ("dh_prev", "dc_prev"):
            right = self._reading.run.values.get((name, 1))
            if right is None or any(states.get((name, t)) == "differs" for t in range(1, self._T + 1)):
                continue
            named = [f for f in self._named(name, 0, right) if "0" in f.event.path]
            if named and not self._trace.same(named[-1].value, right):
                own = [f for f in named if f.event.line and self._trace.same(f.value, named[-1].value)]
                self._findings.differ((name, 1), (own or named)[0], here=True)

    def _close(self, a: float, b: float) -> bool:
        return bool(np.isclose(a, b, rtol=self._trace.precision))

    def _ratio(self, value: Array, right: Array) -> float | None:
        """k where value is k times right."""
        k = float((value * right).sum() / ((right * right).sum() or 1.0))
        return k if k > 0 and self._trace.same(value, right * k) else None
