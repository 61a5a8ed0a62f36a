"""Following the equations through everything that a learner's file computed.

The equations are followed in their order. A quantity whose value the file has somewhere is right. For one that it does
not have, the learner's value is looked for: by the names of variables, and among unnamed values by what they lead to.
From there on the equations continue with the learner's value in place of the right one. So a later number that is
wrong only as a consequence is found again, and one that is not found is a mistake of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .comparison import Comparison
from .equations import LEARNED, Given, Key
from .findings import Findings
from .reading import read
from .report import conventions, verdicts, walked
from .search import Search
from .start import without_peepholes
from .totals import Totals
from .trace import Found, Trace


class Follower:
    """Follows the equations through one run of a learner's file."""

    def __init__(
        self, source: str, text: str, tables: dict[str, Any], trace: Trace, given: Given, *, course_only: bool = False
    ) -> None:
        """``course_only``: a GRU has the course's convention, whatever it looks like."""
        self._source, self._text, self._tables = source, text, tables
        self._reading = read(tables, trace, _held(given, tables), course_only=course_only)
        self._run = self._reading.run
        self._findings = Findings(self._reading, source)
        self._search = Search(self._reading)
        self._totals = Totals(self._reading, self._findings, tables)

    def follow(self) -> Comparison:
        """From the first character to the last gradient."""
        reference = dict(self._run.values)
        went_back = bool(self._tables.get("went_back"))
        has_backward = went_back or any(event.phase == "backward" for event in self._reading.trace.events)
        for key in self._run.order:
            if self._run.phase(key) == "backward" and not has_backward:
                break
            self._visit(key)
        notes = list(self._tables["notes"])
        if went_back and self._reading.kind != "cell" and (note := self._totals.gradients()):
            notes.append(note)
        notes += conventions(self._reading, self._tables)
        first, others = self._findings.ranked()
        return Comparison(
            path=self._tables["path"],
            source=self._source,
            problem=self._tables["problem"],
            problem_line=self._tables["line"],
            notes=tuple(notes),
            name=self._tables["name"],
            cell=self._tables["cell"],
            kind=self._reading.kind,
            walk=walked(self._reading, self._tables["cell"], self._text),
            loss=self._tables.get("loss"),
            right_loss=self._totals.right_loss,
            verdicts=verdicts(self._reading, reference),
            first=first,
            others=others,
            went_back=went_back,
            x_first=self._reading.x_first,
        )

    def _visit(self, key: Key) -> None:
        name = key[0]
        self._reading.events[key] = None
        self._reading.states[key] = "same"
        if name == "x":
            self._input(key)
        elif name == "loss":
            self._totals.loss_at(key)
        elif name.startswith(LEARNED):
            self._contribution(key)
        elif name == "y" and (other := self._other_scores(key)):
            self._findings.differ(key, other)
        elif self._reading.has(key):
            self._reading.events[key] = self._reading.origin(key, self._run.values[key])
        elif name == "dh_out" or self._inlined(key):
            self._reading.states[key] = "unseen"
        else:
            self._look_for(key)

    def _other_scores(self, key: Key) -> Found | None:
        """The scores that a sequence returned for this step, if they are not right: another step may have the right
        ones."""
        found = self._reading.trace.given(*key)
        return found if found and not self._reading.trace.same(found.value, self._run.values[key]) else None

    def _inlined(self, key: Key) -> bool:
        """Whether something that is computed from it is right, so that it has to be right itself."""
        return any(
            self._reading.has(child) for child in self._run.children.get(key, ()) if child[0] not in ("loss", "dx")
        )

    def _input(self, key: Key) -> None:
        """One-hot vectors are alike: only a variable's name tells whose they are."""
        right = self._run.values[key]
        named = [f for f, _ in self._reading.trace.named("x", key[1], "forward", right.shape)]
        wrong = [f for f in named if not self._reading.trace.same(f.value, right)]
        if not named:
            self._reading.states[key] = "unseen"
        elif len(wrong) == len(named):
            first = ("a", "a_f", "a_r")
            after = [(name, key[1]) for name in first if (name, key[1]) in self._run.values]
            if all(self._reading.has(k, self._run.compute(k, {key: wrong[-1].value})) for k in after):
                self._findings.differ(key, wrong[-1])

    def _contribution(self, key: Key) -> None:
        """What one step adds to a weight's gradient: seen by itself, or in the sum so far."""
        name, t = key
        run = self._run
        if self._reading.has(key):
            self._reading.events[key] = self._reading.origin(key, run.values[key])
            return
        self._reading.states[key] = "unseen"
        sums = [sum((run.values[name, k] for k in range(run.steps, t - 1, -1)), np.zeros(1))]
        sums.append(sum((run.values[name, k] for k in range(1, run.steps + 1)), np.zeros(1)))
        shapes_of_total = (1.0, 1 / run.steps, float(run.steps))
        if self._reading.kind != "cell" and any(self._reading.has(key, s * k) for s in sums for k in shapes_of_total):
            return
        right = self._reading.theirs(name, run.values[key])
        for columns in self._reading.parts(name):
            found = self._search.contributed(key, right[..., columns])
            if found is not None:
                yours = right.copy()
                yours[..., columns] = found.value
                self._findings.differ(key, Found(found.event, yours), found)
                return

    def _look_for(self, key: Key) -> None:
        """A value that is nowhere: which one does the file have in its place?"""
        if wrong := self._search.swapped_parents(key):
            self._findings.differ_together(wrong)
        elif shared := self._search.shared_parent(key):
            self._findings.differ(*shared)
        elif found := self._search.candidate(key):
            self._findings.differ(key, found)
            return
        else:
            self._reading.states[key] = "unseen"
            return
        self._reading.states[key] = "same"
        self._reading.events[key] = self._reading.origin(key, self._run.values[key])


def _held(given: Given, tables: dict[str, Any]) -> Given:
    """The start without what the class has no place for: then that is zero."""
    zero = np.zeros_like(given.h)
    if not any(name.startswith("p_") for name in tables["placed"]):
        given = without_peepholes(given)
    absent = {name: zero for name in given.weights if name.startswith("p_") and name not in tables["placed"]}
    absent |= {name: zero for name in tables.get("without", ()) if name in given.weights}
    if "b_nh" not in tables["placed"] and tables["cell"] == "gru":
        absent["b_nh"] = zero
    h, c = given.h, given.c
    if tables.get("states", 2) < (2 if tables["cell"] == "lstm" else 1):
        h = c = zero
    return Given({**given.weights, **absent}, given.inputs, given.targets, h, c)
