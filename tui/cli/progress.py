"""The progress of long work: a live line by rich on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as LiveProgress

from lstm_ext.train.snapshot import Snapshot

from ..text.units import clock, rate

if TYPE_CHECKING:
    from typing_extensions import Self

#: Seconds between two plain lines.
NEW_LINE = 5.0
BAR_WIDTH = 16


class Progress:
    """A bar, and beside it the fields that fit, the most important first.

    A context manager: whatever ends the work, the live line goes away and the cursor comes back.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        console = Console(file=stream, highlight=False)
        self._live: LiveProgress | None = None
        if stream.isatty() and not console.is_dumb_terminal:
            columns = (BarColumn(BAR_WIDTH), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
            self._live = LiveProgress(*columns, console=console, transient=True)
            self._task = self._live.add_task("", total=1.0)
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def show(self, share: float | None, fields: Sequence[str], *, now: bool = False) -> None:
        """Show that ``share`` of the work is done (None: unknown); ``now`` writes a plain line without waiting."""
        if self._live is not None:
            self._live.start()
            room = max(1, self._live.console.width - BAR_WIDTH - len(" 0:00:00  "))
            self._live.update(self._task, completed=share or 0.0, description="  ".join(fitting(fields, room)))
            if share is None:
                self._live.update(self._task, total=None)
        elif now or time.monotonic() - self._written >= NEW_LINE:
            self._written = time.monotonic()
            print("  ".join(fields), file=self._stream, flush=True)

    def stop(self) -> None:
        """Remove the live line, until the next ``show``."""
        if self._live is not None:
            self._live.stop()


def fitting(fields: Sequence[str], width: int) -> list[str]:
    """The first fields that fit into ``width``, two spaces between them; the very first one is cut to fit."""
    kept = list(fields)
    while len(kept) > 1 and len("  ".join(kept)) > width:
        kept.pop()
    return [kept[0][:width], *kept[1:]]


class TrainingProgress(Progress):
    """Called with each snapshot of a run."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        first, last = self._first or snapshot, self._last
        self._first, self._last = first, snapshot
        if snapshot.message not in ("", last.message if last else ""):
            print(f"lstm-lab: {snapshot.message}", file=sys.stderr)
        if math.isnan(snapshot.smoothed):
            return  # before the first step there is nothing to show
        now = last is None or math.isnan(last.smoothed) or last.val_loss != snapshot.val_loss
        self.show(share_done(snapshot), training_fields(snapshot, seconds_left(first, snapshot)), now=now)


def training_fields(snapshot: Snapshot, left: float | None) -> list[str]:
    """Where a run is, in the order of interest."""
    total = f"/{snapshot.total_steps:,}" if snapshot.total_steps else ""
    fields = [f"step {snapshot.step:,}{total}", f"loss {snapshot.smoothed:.3f}"]
    if snapshot.val_loss is not None:
        fields.append(f"val {snapshot.val_loss:.3f}")
    fields += [f"{snapshot.bits_per_char:.2f} bits/char", f"{rate(snapshot.chars_per_second)} chars/s"]
    if left is not None:
        fields.append(f"{clock(left)} left")
    return [*fields, f"epoch {snapshot.epoch:.2f}"]


def share_done(snapshot: Snapshot) -> float | None:
    """How much of the run is done, up to its first limit."""
    shares = [snapshot.step / snapshot.total_steps] if snapshot.total_steps else []
    if snapshot.total_seconds:
        shares.append(snapshot.seconds / snapshot.total_seconds)
    return max(shares, default=None)


def seconds_left(first: Snapshot, snapshot: Snapshot) -> float | None:
    """Until the first limit, at the average speed since ``first``."""
    estimates = []
    if snapshot.total_seconds is not None:
        estimates.append(snapshot.total_seconds - snapshot.seconds)
    if snapshot.total_steps is not None and snapshot.step > first.step:
        pace = (snapshot.seconds - first.seconds) / (snapshot.step - first.step)
        estimates.append((snapshot.total_steps - snapshot.step) * pace)
    return max(0.0, min(estimates)) if estimates else None
