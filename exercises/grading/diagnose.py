"""Naming the mistake: which of the known wrong solutions shows just what the learner's code showed?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from .compare import agree, differences
from .inline import InlineRunner
from .mutants import Mutant
from .recording import Recording
from .report import Finding
from .rungs import Rung

#: Numbers that agree to this are the same computation in another order.
_SAME = 1e-8
#: Two mistakes at once are looked for as long as this, in seconds
_PATIENCE = 1.5


class Diagnosis:
    """Looks for the mutants that explain one broken rung, at the seed at which it broke."""

    def __init__(self, solution: str, mutants: Sequence[Mutant], rungs: Sequence[Rung]) -> None:
        self._solution = solution
        self._mutants = mutants
        self._names = [rung.name for rung in rungs]
        self._probes = [rung.probe for rung in rungs]
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
        return [mutant for mutant in own if self._agrees(self._single(mutant, rung, seed), got)]

    def _matches(self, got: Recording, rung: int, seed: int) -> Iterator[tuple[Mutant, ...]]:
        own = [mutant for mutant in self._mutants if mutant.rung == self._names[rung]]
        others = [mutant for mutant in self._mutants if mutant not in own]
        for mutant in own + others:
            if self._agrees(self._single(mutant, rung, seed), got):
                yield (mutant,)
        end = time.monotonic() + _PATIENCE
        own = [mutant for mutant in own if self._is_part(mutant, got, rung, seed)]
        others = [mutant for mutant in others if self._is_part(mutant, got, rung, seed)]
        for pair in (*combinations(own, 2), *product(own, others)):
            if time.monotonic() > end:
                return
            if self._agrees(self._run(pair, rung, seed), got):
                yield pair

    def _is_part(self, mutant: Mutant, got: Recording, rung: int, seed: int) -> bool:
        """Whether all that is wrong with this mutant is wrong in ``got`` too: else it is not one of two mistakes."""
        alone, right = self._single(mutant, rung, seed), self._single(None, rung, seed)
        if alone is None or right is None:
            return False
        if alone.crash or got.crash:
            return True
        wrong = {name for name, _ in differences(got, right, _SAME).wrong}
        return {name for name, _ in differences(alone, right, _SAME).wrong} <= wrong

    def _agrees(self, shown: Recording | None, got: Recording) -> bool:
        return shown is not None and agree(got, shown, _SAME)

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
