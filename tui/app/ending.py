"""The end of the lab from outside, by a signal or because its terminal has gone: training is kept all the same.

A terminal that no one reads any more blocks whoever writes to it, the event loop too, and so the lab's ordinary end.
So a thread of its own saves, and after a deadline ends the process without it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from types import FrameType
from typing import Any

from .background import in_background

#: Seconds for the step under way, and for writing the recovery checkpoint.
SAVING = 20.0
#: Seconds for the terminal to take what is still to be written, and to be restored.
RESTORING = 2.0
#: Ends a sequence that was cut off; no mouse, no paste and focus reports; line wrap; kitty's keys; main screen; cursor.
_LEAVE = b"\x18\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"


class Ending:
    """``leave(status)`` is the lab's ordinary end and returns at once; ``save`` writes what has to outlive it."""

    def __init__(self, leave: Callable[[int], object], save: Callable[[], object]) -> None:
        self._leave, self._save = leave, save
        self._begun = False
        self._left, self._leaving = threading.Event(), threading.Lock()
        self._terminal = _Terminal()

    def watch(self) -> None:
        """From now on, end on SIGINT, on SIGTERM and SIGHUP unless they are ignored, and without a terminal."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        threading.Thread(target=self._wait_for_hangup, name="lab-hangup", daemon=True).start()

    def left(self) -> None:
        """The lab has ended in the ordinary way; if the deadline is over, this does not return."""
        with self._leaving:
            self._left.set()
        if self._begun:  # from now on Python is about to give signals their deadly effect back
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._begin(number)

    def _wait_for_hangup(self) -> None:
        poll = select.poll()
        poll.register(self._terminal.descriptor, 0)
        if any(event & select.POLLHUP for _, event in poll.poll()):
            self._begin(signal.SIGHUP)

    def _begin(self, number: int) -> None:
        """Once: another signal changes nothing, since the deadline is running."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._end, args=(128 + number,), name="lab-ending", daemon=True).start()

    def _end(self, status: int) -> None:
        self._leave(status)
        wait([in_background(self._save)], timeout=SAVING)
        if self._left.wait(RESTORING):
            time.sleep(RESTORING)
        with self._leaving:
            self._terminal.restore()
            os._exit(status)


class _Terminal:
    """The terminal as it was before the lab."""

    def __init__(self) -> None:
        self.descriptor = 0
        self._attributes: list[Any] | None = None
        with contextlib.suppress(termios.error):
            self._attributes = termios.tcgetattr(self.descriptor)

    def restore(self) -> None:
        """As far as that is possible without waiting."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # it may no longer be in the foreground
        with contextlib.suppress(OSError, termios.error):
            end = os.open(os.ttyname(self.descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where Textual goes on when it is woken
            for thread in threading.enumerate():
                if thread.name == "textual-output" and thread.ident is not None:
                    signal.pthread_kill(thread.ident, signal.SIGTERM)
            if self._attributes is not None:
                termios.tcsetattr(self.descriptor, termios.TCSANOW, self._attributes)
            termios.tcflush(self.descriptor, termios.TCOFLUSH)
            for _ in range(10):
                with contextlib.suppress(BlockingIOError):
                    os.write(end, _LEAVE)
                    return
                time.sleep(0.02)
