"""A gate as a valve: σ and tanh at a point that can be moved, and what passes after 1, 10 and 100 steps."""

from __future__ import annotations

import math

import numpy as np
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from lstm_ext.visualization.drawing import MARKS, Glyphs, draw_bar, draw_curves
from lstm_lab.handbook.facts import STEPS, half_life, kept, share, sigmoid

from .canvas import Canvas, Piece, heading, join, row

#: The points that can be reached.
LIMIT = 8.0
#: Rows beside the curves: heading, axis, values, bars.
_OTHERS = 3 + len(STEPS)


class Valve(Canvas):
    """Two curves, an upright where x is, and a bar for each number of steps."""

    HELP_TITLE = "The valve"
    HELP = (
        "σ squeezes any number into 0 to 1, tanh into −1 to 1. Left and right move x, comma and full stop by one, and "
        "so do the mouse and its wheel. A gate of σ(x) lets that share through; what passes it at every step is "
        "multiplied by it every time, as the bars show."
    )

    class Moved(Message):
        """Another x was asked for with the mouse."""

        def __init__(self, x: float) -> None:
            super().__init__()
            self.x = x

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.x = 1.0

    def show(self, x: float) -> None:
        """Move to ``x``."""
        self.x = x
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The curves, the numbers, the bars."""
        ink, x = self.ink, self.x
        gate = sigmoid(x)
        right: list[Piece] = [(f"x = {x:+.1f}", ink.key)]
        legend: list[Piece] = [(f"  {self._mark(0)}{self._sigma}", ink.line), (f"  {self._mark(1)}tanh", ink.point)]
        rows = [heading(ink, width, "A gate as a valve", legend, right), *self._curves(width, max(2, height - _OTHERS))]
        rows.append(self._axis(width))
        values: list[Piece] = [
            (f"{self._sigma} ", ink.muted),
            (f"{gate:.4f}", ink.line),
            ("  tanh ", ink.muted),
            (f"{math.tanh(x):+.4f}", ink.point),
        ]
        half = f"half {'' if ink.ascii else 'is left '}after {_steps(half_life(gate))}"  # sigmoid takes the room
        rows.append(row(width, values, [(half, ink.text)]))
        rows += [self._bar(width, gate, steps) for steps in STEPS]
        return rows

    def _curves(self, width: int, height: int) -> list[Strip]:
        ink, xs = self.ink, np.linspace(-LIMIT, LIMIT, 4 * width)
        curves = [(xs, 1 / (1 + np.exp(-xs))), (xs, np.tanh(xs))]
        drawing = draw_curves(curves, width, height, (-LIMIT, LIMIT), (-1.0, 1.0), glyphs=self._glyphs)
        styles = {0: ink.line, 1: ink.point, -1: ink.text}
        here, upright = self._column(width), "|" if ink.ascii else "│"
        zero = (4 * height - 1) // 8  # where the dots of y = 0 are
        strips = []
        for y, (text, series) in enumerate(zip(drawing.rows, drawing.series, strict=True)):
            cells: list[Piece] = []
            for column, (glyph, curve) in enumerate(zip(text, series.tolist(), strict=True)):
                blank = curve < 0
                if blank and column == here:
                    cells.append((upright, ink.key))
                elif blank and y == zero:
                    cells.append(("-" if ink.ascii else "┄", ink.rule))
                else:
                    style = styles[curve]
                    cells.append((glyph, style + Style(reverse=True) if column == here else style))
            strips.append(Strip(join(cells)))
        return strips

    @property
    def _glyphs(self) -> Glyphs:
        """Dots where colours tell the curves apart, else a mark for each."""
        return "braille" if self.ink.colored and not self.ink.ascii else "ascii"

    @property
    def _sigma(self) -> str:
        return "sigmoid" if self.ink.ascii else "σ"

    def _mark(self, curve: int) -> str:
        return f"{MARKS[curve]} " if self._glyphs == "ascii" else ""

    def _axis(self, width: int) -> Strip:
        """-8, 0 and 8 under the curves, and which curve is which."""
        text = [" "] * width
        for x in (-LIMIT, -4.0, 0.0, 4.0, LIMIT):
            label = f"{x:g}"
            column = round((x + LIMIT) / (2 * LIMIT) * (width - 1))
            start = max(0, min(width - len(label), column - len(label) // 2))
            text[start : start + len(label)] = label
        return row(width, [("".join(text), self.ink.muted)])

    def _bar(self, width: int, gate: float, steps: int) -> Strip:
        ink, left = self.ink, kept(gate, steps)
        label = f"after {steps:>3} step{'s' if steps > 1 else ' '} "
        right = f"{share(left):>9}"
        room = max(1, width - len(label) - len(right) - 1)
        bar = draw_bar(left, room, "ascii" if ink.ascii else "block")
        rest = ("." if ink.ascii else "·") * (room - len(bar))
        return row(width, [(label, ink.muted), (bar, ink.line), (rest, ink.rule)], [(right, ink.strong)])

    def _column(self, width: int) -> int:
        return round((self.x + LIMIT) / (2 * LIMIT) * (width - 1))

    def on_click(self, event: events.Click) -> None:
        """Moves x to where it was pointed at."""
        self._point(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drags x along while the button is down."""
        if event.button:
            self._point(event)

    def _point(self, event: events.MouseEvent) -> None:
        width = self.size.width
        if 0 < event.y < self.size.height - len(STEPS) - 1 and width > 1:
            x = (2 * event.x / (width - 1) - 1) * LIMIT
            self.post_message(self.Moved(round(x, 1)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Opens the valve a little."""
        event.stop()
        self.post_message(self.Moved(round(self.x + 0.1, 1)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Closes it a little."""
        event.stop()
        self.post_message(self.Moved(round(self.x - 0.1, 1)))


def _steps(number: float) -> str:
    """2.2 steps, 1,030 steps."""
    return f"{number:.1f} steps" if number < 100 else f"{number:,.0f} steps"
