"""How far a run has come, which decides its learning rate.

A schedule is a function of the run's progress from 0 to 1, and progress is a function of the
step, so the learning rate of a step depends neither on how steps are divided among calls of the
engine nor on interruptions of the run. If the run ends at a step, progress is the share of steps
done. If it ends at a time, the clock is read now and then (``Plan.ahead``); between two readings,
progress continues step by step at the pace seen so far. The plan is kept in the checkpoint: a
resumed run has the same learning rates up to the next reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..arguments import Count, check_types, checked
from ..errors import ArgumentError
from ..nn.schedule import Schedule

#: For a run limited by time alone. A run limited by steps, or not at all, keeps its learning rate, so that it can be
#: continued to more steps as if it had never ended.
TIMED_SCHEDULE: Schedule = "cosine"


@checked
@dataclass(frozen=True)
class Plan:
    """Where a run ends, and its progress after any number of steps. Raises ArgumentError for negative numbers."""

    #: Optimizer steps, and seconds, from the run's start; None: no such limit.
    total_steps: Count | None = None
    total_seconds: float | None = None
    #: When the clock was last read: the steps done by then, the share of ``total_seconds`` that
    #: had passed, and the share that a step takes.
    step: int = 0
    passed: float = 0.0
    per_step: float = 0.0

    def __post_init__(self) -> None:
        check_types(self)
        numbers = (self.total_steps or 0, self.total_seconds or 0.0, self.step, self.passed, self.per_step)
        if not all(number >= 0 and math.isfinite(number) for number in numbers):
            raise ArgumentError(f"plan: got {self}, expected numbers of at least 0")

    def progress(self, steps: int) -> float:
        """The share in [0, 1] of the run that is done after ``steps`` steps, by the limit that comes first, if any."""
        progress = 0.0
        if self.total_steps is not None:
            progress = steps / max(1, self.total_steps)
        if self.total_seconds is not None:
            progress = max(progress, self.passed + self.per_step * (steps - self.step))
        return min(1.0, progress)

    def ahead(self, step: int, seconds: float) -> Plan:
        """The plan after a reading of the clock: ``step`` steps took ``seconds``."""
        if self.total_seconds is None:
            return self
        passed = seconds / self.total_seconds if self.total_seconds else 1.0
        return replace(self, step=step, passed=passed, per_step=passed / step if step else 0.0)
