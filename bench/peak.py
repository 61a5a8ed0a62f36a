"""The most that any code could reach on this machine's cores."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from lstm_ext.engine.core import Core

#: Seconds that one measurement of the FMA peak should last.
PEAK_SECONDS = 4e-3


class PeakMeter:
    """Runs nothing but fused multiply-adds on ``threads`` cores at once: the most that any code could reach."""

    def __init__(self, dtype: str, threads: int) -> None:
        self._core = Core()
        self._dtype = dtype
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        trial = 100_000
        self._run(trial)
        begin = time.perf_counter()
        self._run(trial)
        self._rounds = max(1, int(trial * PEAK_SECONDS / (time.perf_counter() - begin)))
        #: Floating-point operations of one measurement.
        self.operations = self._run(self._rounds)

    def measure(self) -> None:
        """Does ``operations``, to be timed."""
        self._run(self._rounds)

    def close(self) -> None:
        self._pool.shutdown()

    def _run(self, rounds: int) -> float:
        if self._threads == 1:
            return self._core.fma_operations(self._dtype, rounds)
        jobs = [self._pool.submit(self._core.fma_operations, self._dtype, rounds) for _ in range(self._threads)]
        return sum(job.result() for job in jobs)
