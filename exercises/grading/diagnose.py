"""Naming the mistake: which of the known wrong solutions shows just what the learner's code showed?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from .compare import agree
from .inline import InlineRunner
from .mutants import Mutant
from .recording import Recording
from .report import Finding
from .rungs import Probe

#: Numbers that agree to this are the same computation in another order.
_SAME = 1e-8
#: Two mistakes at once are looked for as long as this, in seconds
_PATIENCE = 1.5


class Diagnosis:
    """Looks for the mutants that explain one broken rung, at the seed at which it broke."""

    def __init__(self, solution: str, mutants: Sequence[Mutant], probes: list[Probe]) -> None:
        self._solution = solution
        self._mutants = mutants
        self._probes = probes

    def explain(self, finding: Finding, got: Recording, rung: int, seed: int) -> Finding:
        """``finding`` with the cause, if a mutant, or two at once, show the same as ``got``."""
        for mutants in self._matches(got, rung, seed):
            if len(mutants) == 1:
                return replace(finding, code=mutants[0].id, cause=mutants[0].cause, next=mutants[0].next)
            cause = f"Two mistakes at once. First: {mutants[0].cause} Second: {mutants[1].cause}"
            return replace(finding, code="+".join(m.id for m in mutants), cause=cause, next=mutants[0].next)
        return finding

    def matching(self, got: Recording, rung: int, seed: int) -> list[Mutant]:
        """Every single mutant that shows the same as ``got``."""
        return [m for m in self._mutants if self._agrees((m,), got, rung, seed)]

    def _matches(self, got: Recording, rung: int, seed: int) -> Iterator[tuple[Mutant, ...]]:
        for mutant in self._mutants:
            if self._agrees((mutant,), got, rung, seed):
                yield (mutant,)
        end = time.monotonic() + _PATIENCE
        for pair in combinations(self._mutants, 2):
            if time.monotonic() > end:
                return
            if self._agrees(pair, got, rung, seed):
                yield pair

    def _agrees(self, mutants: tuple[Mutant, ...], got: Recording, rung: int, seed: int) -> bool:
        source: str | None = self._solution
        for mutant in mutants:
            source = mutant.apply(source) if source is not None else None
        if source is None:
            return False
        runner = InlineRunner(source, self._probes)
        return runner.load() is None and agree(got, runner.probe(rung, seed), _SAME)
