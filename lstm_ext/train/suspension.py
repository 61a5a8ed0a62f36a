"""Time that the process spent suspended, by Ctrl-Z or with the whole machine: no time of training."""

from __future__ import annotations

import threading
import time

#: A thread that does nothing else calls ``seconds`` this often ...
TICK_SECONDS = 0.25
#: ... and where so much has passed since the last call, the process was suspended rather than busy.
GAP_SECONDS = 1.0


class Suspension:
    """Tells suspended time from a long step, which no clock does: it looks for gaps between a thread's calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ticked = time.monotonic()
        self._seconds = 0.0

    def seconds(self) -> float:
        """How long the process was suspended so far."""
        with self._lock:
            now = time.monotonic()
            gap, self._ticked = now - self._ticked, now
            if gap > GAP_SECONDS:
                self._seconds += gap - TICK_SECONDS
            return self._seconds
