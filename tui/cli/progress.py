"""The progress of long work: a live line by rich on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ..text.visible import visible
from .output import show

if TYPE_CHECKING:
    from rich.progress import Progress as LiveProgress
    from typing_extensions import Self

#: Seconds between two plain lines.
NEW_LINE = 5.0
BAR_WIDTH = 16


class Progress:
    """A bar, and beside it the fields that fit, the most important first.

    A context manager: whatever ends the work, the live line goes away and the cursor comes back.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._stream = stream
        console = Console(file=stream, highlight=False)
        self._live: LiveProgress | None = None
        if stream.isatty() and not console.is_dumb_terminal:
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as LiveProgress

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
        fields = [visible(field) for field in fields]
        if self._live is not None:
            self._live.start()
            room = max(1, self._live.console.width - BAR_WIDTH - len(" 0:00:00  "))
            self._live.update(self._task, completed=share or 0.0, description="  ".join(fitting(fields, room)))
            if share is None:
                self._live.update(self._task, total=None)
        elif now or time.monotonic() - self._written >= NEW_LINE:
            self._written = time.monotonic()
            show("  ".join(fields), self._stream)

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
