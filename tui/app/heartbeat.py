"""Frames that come late, for the log: a key waited as long."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from ..log import LOG

#: Seconds between two beats.
SECONDS = 0.5
#: Seconds late from which it is said, and from which the program cannot have run at all.
_LATE, _STOPPED = 0.25, 5.0
#: Seconds between two lines about it.
_REST = 10.0


class Heartbeat:
    """Called every half second by the event loop."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._due = clock() + SECONDS
        self._quiet_until = 0.0

    def beat(self, screen: str) -> None:
        """Log that this beat comes late, on the screen of that name."""
        now = self._clock()
        late, self._due = now - self._due, now + SECONDS
        if late > _STOPPED:
            LOG.info("stood still for %.0f s: suspended, or the machine slept", late)
        elif late > _LATE and now >= self._quiet_until:
            self._quiet_until = now + _REST
            LOG.warning("slow frame: %.2f s late on the %s screen", late, screen)
