"""Above an open experiment: its question, and the outcome that is shown or how far the measuring is."""

from __future__ import annotations

import time

from textual.strip import Strip

from ...text.learn import cut
from ...text.units import clock
from ...text.visible import visible
from ..measuring import Progress
from .canvas import Canvas, Piece, row

_BAR = 24


class ExperimentHead(Canvas):
    """Two rows."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._question = self._facts = self._place = ""
        self._progress: Progress | None = None

    def show(self, question: str, facts: str, place: str, progress: Progress | None) -> None:
        """``facts`` about the outcome shown, its ``place`` among the others, and what is measured, if it is this."""
        self._question, self._facts, self._place = visible(question), visible(facts), place
        self._progress = progress
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The question; facts or a bar."""
        ink = self.ink
        first = row(width, [(cut(self._question, width), ink.strong)])
        progress = self._progress
        if progress is None or not progress.running:
            return [first, row(width, [(self._facts, ink.muted)], [(self._place, ink.muted)])]
        return [first, row(width, progress_pieces(self, progress))]


def progress_pieces(canvas: Canvas, progress: Progress) -> list[Piece]:
    """A bar, the runs done of all, and the time left."""
    ink = canvas.ink
    if not progress.planned:
        return [("starting", ink.point)]
    done, planned = len(progress.done), len(progress.planned)
    full = _BAR * done // planned
    whole, rest = ("#", ".") if ink.ascii else ("━", "─")
    now = time.monotonic()
    left = progress.seconds_left(now)
    words = f"  {done} of {planned} runs"
    if progress.kept:
        words += f", {progress.kept} kept"
    times = f" · {clock(progress.seconds(now))}"
    if left is not None:
        times += f" · about {clock(left)} left" if left >= 1 else " · nearly done"
    return [(whole * full, ink.point), (rest * (_BAR - full), ink.faint), (words, ink.strong), (times, ink.muted)]
