"""The slider of a timeline: where its steps lie, the loss at each, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from textual.strip import Strip

from lstm_ext.train.timeline import Frame

from ...text.curve import sparkline
from ...text.runs import steps
from ...text.units import number
from .canvas import Canvas, Piece, clickable, heading, join, row


@dataclass(frozen=True)
class Place:
    """The frames of a timeline, and the one that is looked at."""

    frames: Sequence[Frame]
    index: int
    playing: bool

    @property
    def frame(self) -> Frame:
        """The one."""
        return self.frames[self.index]


class TimelineSlider(Canvas):
    """Loss above, the steps below; a click anywhere goes there, and so does the wheel."""

    WHEEL = ("screen.move(-1)", "screen.move(1)")

    HELP_TITLE = "The slider"
    HELP = (
        "Each place is a step whose weights were kept; they lie ever further apart, because a network learns most at "
        "first. Above it is the smoothed training loss at that step. Arrow keys, the wheel and clicks move through it."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.place: Place | None = None

    def show(self, place: Place) -> None:
        """Draw this."""
        self.place = place
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The step and its loss, a curve, the slider, and the first and last step."""
        ink, place = self.ink, self.place
        if place is None:
            return [heading(ink, width, "Timeline")]
        frame, count = place.frame, len(place.frames)
        said: list[Piece] = [(f" step {frame.step:,}", ink.key), (f" · loss {number(frame.loss)}", ink.text)]
        state = ("playing" if place.playing else f"{place.index + 1} of {count}", ink.muted)
        nearest = np.minimum(np.round(np.arange(width) * (count - 1) / max(1, width - 1)), count - 1).astype(int)
        first, last = place.frames[0].step, place.frames[-1].step
        rows = [
            heading(ink, width, "Timeline", said, [state]),
            self._losses(place, nearest),
            self._track(place, nearest, width),
            self._ends(width, steps(first), steps(last)),
        ]
        return rows[:height]

    def _ends(self, width: int, first: str, last: str) -> Strip:
        """The first and the last step; between them the keys that move, which work as buttons, too."""
        ink = self.ink
        keys = [("<- " if ink.ascii else "← ", -1), ("-> " if ink.ascii else "→ ", 1)]
        middle: list[Piece] = [(label, clickable(ink.key, f"screen.move({step})")) for label, step in keys]
        left = f"step {first}"
        gap = (width - sum(len(label) for label, _ in keys)) // 2 - len(left)
        if gap < 1:
            middle = []
        return row(width, [(left + " " * gap, ink.muted), *middle], [(f"step {last}", ink.muted)])

    def _losses(self, place: Place, nearest: np.ndarray) -> Strip:
        """The loss of the frame that is nearest to each column; there is none before the first step."""
        ink = self.ink
        losses = np.array([frame.loss for frame in place.frames])
        known = losses[np.isfinite(losses)]
        if not len(known):
            return row(len(nearest), [])
        bars = sparkline(np.where(np.isfinite(losses), losses, known[0]), ascii_only=ink.ascii)
        cells = []
        for index in nearest.tolist():
            style = ink.point if index == place.index else ink.line
            cells.append((bars[index], clickable(style, f"screen.go({index})")))
        return Strip(join(cells))

    def _track(self, place: Place, nearest: np.ndarray, width: int) -> Strip:
        ink, count = self.ink, len(place.frames)
        line, tick, knob = ("-", "+", "#") if ink.ascii else ("─", "┼", "█")
        ticks = {round(index * (width - 1) / max(1, count - 1)) for index in range(count)}
        here = round(place.index * (width - 1) / max(1, count - 1))
        cells = []
        for x, index in enumerate(nearest.tolist()):
            glyph = knob if x == here else tick if x in ticks else line
            style = ink.key if x == here else ink.muted if x in ticks else ink.rule
            cells.append((glyph, clickable(style, f"screen.go({index})")))
        return Strip(join(cells))
