"""How often to paint: no faster than the line to the terminal carries it.

A screen that paints regardless fills the buffers between the program and the terminal; a key is then answered when
they have drained, seconds later on a slow line. So after each frame the terminal is asked where its cursor is, and the
next frame waits for the answer, which is proof that the last one has arrived. Terminals that do not answer are sent
frames at the same rate as any other.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic

from textual.app import App

from ..settings import FPS_VARIABLE, MAX_FPS, MIN_FPS

LOCAL_FPS = 10
SSH_FPS = 4
#: What is sent over SSH on the average, at most.
SSH_BYTES_PER_SECOND = 50_000
#: The question: where is the cursor?
QUESTION = "\x1b[6n"
#: Seconds after which an answer is taken for lost, and those that the end of the lab waits for one.
_LOST, _LAST = 10.0, 0.15
#: Seconds until a frame has arrived, from which a line is slow, and below which it is quick again.
_SLOW, _QUICK = 0.25, 0.12
#: What is sent at once is what the line carries in this many seconds, and at least this many bytes.
_AT_ONCE, _LEAST = 0.15, 1500.0
#: From this size on, a frame tells how much the line carries.
_TELLING = 1000


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is at another machine."""
    return "SSH_CONNECTION" in environ or "SSH_TTY" in environ


def frames_per_second(environ: Mapping[str, str] = os.environ) -> int:
    """Frames per second to aim at: fewer over SSH, and as many as LSTM_LAB_FPS says where it does."""
    if environ.get(FPS_VARIABLE, "").isdecimal():
        return max(MIN_FPS, min(MAX_FPS, int(environ[FPS_VARIABLE])))
    return SSH_FPS if over_ssh(environ) else LOCAL_FPS


class Link:
    """The line to the terminal. The driver tells it what was sent and what was answered, from any thread."""

    def __init__(self, bytes_per_second: float | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        """``bytes_per_second``: the most that is sent on the average, or None: no limit."""
        self._pace, self._clock = bytes_per_second, clock
        self._changed = threading.Condition()
        #: Bytes sent since the last question, and before it; when it was asked; None: it is answered.
        self._unasked = self._confirming = 0
        self._asked: float | None = None
        #: Bytes per second that the line carries, as far as is known.
        self._carries = math.inf
        #: Whether a part of an update is still to be sent.
        self.unfinished = False
        #: Whether the terminal has ever answered.
        self._answers = False
        #: Until then the line is used enough.
        self._free = 0.0
        #: Whether frames take long to arrive.
        self.slow = False

    def sent(self, count: int) -> None:
        """So many bytes are on their way."""
        with self._changed:
            self._unasked += count
            if self._pace is not None:
                self._free = max(self._free, self._clock()) + count / self._pace

    def asks(self) -> bool:
        """Whether to ask the terminal now, if it has something to confirm; that then counts as done."""
        with self._changed:
            if self._asked is not None or not self._unasked:
                return False
            self._confirming, self._unasked, self._asked = self._unasked, 0, self._clock()
            return True

    def answered(self) -> None:
        """All that was sent before the question has arrived."""
        with self._changed:
            if self._asked is not None:
                took = self._clock() - self._asked
                self.slow = took > (_QUICK if self.slow else _SLOW)
                carried = self._confirming / max(took, 1e-6)
                if self._confirming >= _TELLING or carried > self._carries:
                    self._carries = carried
            self._asked, self._answers = None, True
            self._changed.notify_all()

    @property
    def at_once(self) -> float:
        """How many bytes to send at once, so that a key need not wait long behind them."""
        return max(_LEAST, self._carries * _AT_ONCE)

    @property
    def waits(self) -> bool:
        """Whether earlier output has not arrived yet, or enough was sent for now."""
        with self._changed:
            now = self._clock()
            if self._asked is not None and now - self._asked > _LOST:
                self._asked = None
            return self.unfinished or (self._answers and self._asked is not None) or now < self._free

    def settle(self) -> None:
        """Wait a moment for the last answer, so that it does not reach whatever reads the terminal next."""
        with self._changed:
            if self._answers:
                self._changed.wait_for(lambda: self._asked is None, _LAST)
            self._asked, self._unasked = None, 0


def output_waits(app: App[object]) -> bool:
    """Whether a frame would have to wait; it is then left out."""
    link: Link | None = getattr(app._driver, "link", None)
    return link is not None and link.waits
