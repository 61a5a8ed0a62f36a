"""The progress of a run, on one line: rewritten in place on a terminal, a new line now and then elsewhere."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from typing import TextIO

from lstm_ext.train.snapshot import Snapshot

from ..text.units import clock, rate

#: Seconds between two updates: in place on a terminal, as new lines elsewhere.
REWRITE = 0.1
NEW_LINE = 5.0


class Progress:
    """Called with each snapshot; writes to ``stream`` when something is worth writing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._written = -math.inf
        self._validation: float | None = None
        self._first: Snapshot | None = None
        self._message = ""

    def __call__(self, snapshot: Snapshot) -> None:
        self._first = self._first or snapshot
        if snapshot.message != self._message:
            self._message = snapshot.message
            self.say(snapshot.message)
        if math.isnan(snapshot.smoothed):
            return  # before the first step there is nothing to show
        now = time.monotonic()
        if self._live:
            if now - self._written >= REWRITE:
                self._write(f"\r{self._line(snapshot, shutil.get_terminal_size().columns - 1)}\x1b[K")
                self._written = now
        elif now - self._written >= NEW_LINE or snapshot.val_loss != self._validation:
            self._write(f"{self._line(snapshot)}\n")
            self._written = now
        self._validation = snapshot.val_loss

    def say(self, message: str) -> None:
        """A line on standard error, above the live line."""
        self.clear()
        if message:
            print(f"lstm-lab: {message}", file=sys.stderr)

    def clear(self) -> None:
        """Remove the live line."""
        if self._live and self._written > -math.inf:
            self._write("\r\x1b[K")
            self._written = -math.inf

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _line(self, snapshot: Snapshot, width: int | None = None) -> str:
        """The fields that fit into ``width``, the most important first."""
        total = f"/{snapshot.total_steps:,}" if snapshot.total_steps else ""
        fields = [f"step {snapshot.step:,}{total}", f"loss {snapshot.smoothed:.3f}"]
        if snapshot.val_loss is not None:
            fields.append(f"val {snapshot.val_loss:.3f}")
        fields += [f"{snapshot.bits_per_char:.2f} bits/char", f"{rate(snapshot.chars_per_second)} chars/s"]
        left = self._seconds_left(snapshot)
        if left is not None:
            fields.append(f"{clock(left)} left")
        fields.append(f"epoch {snapshot.epoch:.2f}")
        while width is not None and len(fields) > 1 and len("  ".join(fields)) > width:
            fields.pop()
        return "  ".join(fields)[:width]

    def _seconds_left(self, snapshot: Snapshot) -> float | None:
        """Until the first limit, at this process's average speed so far."""
        estimates = []
        if snapshot.total_seconds is not None:
            estimates.append(snapshot.total_seconds - snapshot.seconds)
        first = self._first or snapshot
        if snapshot.total_steps is not None and snapshot.step > first.step:
            pace = (snapshot.seconds - first.seconds) / (snapshot.step - first.step)
            estimates.append((snapshot.total_steps - snapshot.step) * pace)
        return max(0.0, min(estimates)) if estimates else None
