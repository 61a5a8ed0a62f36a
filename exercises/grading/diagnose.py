"""Naming the mistake: which of the known wrong solutions shows just what the learner's code showed?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeAlias

from .compare import agree, differences, same_form
from .inline import InlineRunner
from .mutants import Mutant
from .recording import Recording
from .report import Finding
from .rungs import Rung

#: Numbers that agree to this are the same computation in another order.
_SAME = 1e-8
#: Mistakes of other rungs, and two at once, are looked for as long as this, in seconds of CPU time
_PATIENCE = 1.5


#: What is wrong at a rung with what was seen, given what the solution showed; None: nothing
Judged: TypeAlias = Callable[[Rung, Recording, Recording], Finding | None]


class Diagnosis:
    """Looks for the mutants that explain one broken rung, at the seed at which it broke."""

    def __init__(self, solution: str, mutants: Sequence[Mutant], rungs: Sequence[Rung], judged: Judged) -> None:
        self._solution = solution
        self._mutants = mutants
        self._judged = judged
        self._rungs = rungs
        self._names = [rung.name for rung in rungs]
        self._probes = [rung.probe for rung in rungs]
        #: Where only forms are judged, only forms are compared: weights that the constructor drew differ in every run.
        self._forms = [rung.judge == "shape" for rung in rungs]
        #: What a single mutant, or the solution itself, showed; None: it does not run
        self._seen: dict[tuple[str, int, int], Recording | None] = {}

    def explain(self, finding: Finding, got: Recording, rung: int, seed: int) -> Finding:
        """``finding`` with the cause, if a mutant, or two at once, show the same as ``got``."""
        for mutants in self._matches(got, rung, seed):
            if len(mutants) == 1:
                return replace(finding, code=mutants[0].id, cause=mutants[0].cause, next=mutants[0].next)
            cause = f"Two mistakes at once. First: {mutants[0].cause} Second: {mutants[1].cause}"
            return replace(finding, code="+".join(m.id for m in mutants), cause=cause, next=mutants[0].next)
        return finding

    def matching(self, got: Recording, rung: int, seed: int) -> list[Mutant]:
        """Every single mutant of this rung that shows the same as ``got``; the others are caught below, or later."""
        own = [mutant for mutant in self._mutants if mutant.rung == self._names[rung]]
        return [mutant for mutant in own if self._agrees(self._single(mutant, rung, seed), got, rung)]

    def _matches(self, got: Recording, rung: int, seed: int) -> Iterator[tuple[Mutant, ...]]:
        own = [mutant for mutant in self._mutants if mutant.rung == self._names[rung]]
        below = set(self._names[:rung]) if self._forms[rung] else set()  # those rungs hold, and forms alone tell little
        others = [mutant for mutant in self._mutants if mutant not in own and mutant.rung not in below]
        for mutant in own:
            if self._explains((mutant,), got, rung, seed):
                yield (mutant,)
        end = time.process_time() + _PATIENCE
        for mutants in self._further(own, others, got, rung, seed):
            if self._explains(mutants, got, rung, seed):
                yield mutants
            if time.process_time() > end:
                return

    def _further(
        self, own: list[Mutant], others: list[Mutant], got: Recording, rung: int, seed: int
    ) -> Iterator[tuple[Mutant, ...]]:
        """What else to try, the likeliest first: two of this rung, one of another, one of each."""
        parts = [mutant for mutant in own if self._is_part(mutant, got, rung, seed)]
        yield from combinations(parts, 2)
        for mutant in others:
            yield (mutant,)
        for mutant in others:
            if self._is_part(mutant, got, rung, seed):
                yield from ((part, mutant) for part in parts)

    def _explains(self, mutants: tuple[Mutant, ...], got: Recording, rung: int, seed: int) -> bool:
        shown = self._single(mutants[0], rung, seed) if len(mutants) == 1 else self._run(mutants, rung, seed)
        return self._agrees(shown, got, rung) and self._breaks(shown, rung, seed)

    def _is_part(self, mutant: Mutant, got: Recording, rung: int, seed: int) -> bool:
        """Whether all that is wrong with this mutant is wrong in ``got`` too: else it is not one of two mistakes."""
        alone, right = self._single(mutant, rung, seed), self._single(None, rung, seed)
        if alone is None or right is None:
            return False
        if alone.crash or got.crash:
            return True
        wrong = {name for name, _ in differences(got, right, _SAME).wrong}
        return {name for name, _ in differences(alone, right, _SAME).wrong} <= wrong

    def _breaks(self, shown: Recording | None, rung: int, seed: int) -> bool:
        """Whether the rung fails with it: a mistake that does not show here explains nothing."""
        right = self._single(None, rung, seed)
        return shown is not None and right is not None and self._judged(self._rungs[rung], shown, right) is not None

    def _agrees(self, shown: Recording | None, got: Recording, rung: int) -> bool:
        if shown is None:
            return False
        return same_form(got, shown) if self._forms[rung] else agree(got, shown, _SAME)

    def _single(self, mutant: Mutant | None, rung: int, seed: int) -> Recording | None:
        """What one mutant, or with None the solution, shows."""
        key = (mutant.id if mutant else "", rung, seed)
        if key not in self._seen:
            self._seen[key] = self._run((mutant,) if mutant else (), rung, seed)
        return self._seen[key]

    def _run(self, mutants: tuple[Mutant, ...], rung: int, seed: int) -> Recording | None:
        source: str | None = self._solution
        for mutant in mutants:
            source = mutant.apply(source) if source is not None else None
        if source is None:
            return None
        runner = InlineRunner(source, self._probes)
        return None if runner.load() else runner.probe(rung, seed)
