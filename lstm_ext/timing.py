"""Timing in turns: whatever disturbs the machine disturbs all contenders alike."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MIN_ROUNDS = 5


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of ``rounds`` measurements."""

    median: float
    q1: float
    q3: float
    rounds: int


def spread(values: Sequence[float]) -> Spread:
    """Quartiles as NumPy interpolates them."""
    q1, median, q3 = np.percentile(values, (25, 50, 75))
    return Spread(float(median), float(q1), float(q3), len(values))


def time_in_turns(actions: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Seconds that each action took, once per round, for at least ``MIN_ROUNDS`` rounds and about ``seconds``.

    The order changes from round to round, because each action finds in the caches what the one before it left.
    Garbage is collected before the first round and not during them.
    """
    times: dict[str, list[float]] = {name: [] for name in actions}
    order, shuffle, clock = list(actions), random.Random(0).shuffle, time.perf_counter
    gc.collect()
    gc.disable()
    try:
        begin, rounds = clock(), 0
        while actions and (rounds < MIN_ROUNDS or clock() - begin < seconds):
            shuffle(order)
            for name in order:
                action = actions[name]
                start = clock()
                action()
                times[name].append(clock() - start)
            rounds += 1
    finally:
        gc.enable()
    return times
