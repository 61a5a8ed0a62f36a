"""A plot of curves as character cells: its axes, and what is drawn and written between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from rich.style import Style

from lstm_ext.visualization.drawing import draw_curves, nice_ticks, tick_labels

from ..theme import Ink
from .canvas import Piece

#: The last steps that the horizontal axis may end at, times a power of ten. It grows in such
#: strides so that the curve stays in place between them and few cells have to be sent again.
_STRIDES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MIN_SPAN = 100.0
#: Where a logarithmic axis may end, times a power of ten, and its numbers from many to few.
_LOG_ENDS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
_LOG_TICKS = ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
#: A logarithmic axis reaches over at most this factor.
_LOG_SPAN = 1e5


class Scale(NamedTuple):
    """The part of a linear or logarithmic axis that is shown."""

    low: float
    high: float
    log: bool = False

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """Values in the axis's own coordinates, in which it is linear; NaN or −∞ where there are none."""
        array = np.asarray(values, dtype=np.float64)
        if not self.log:
            return array
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(array)

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends in these coordinates."""
        return (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)

    def share(self, value: float) -> float:
        """How far from the low end to the high end a value lies."""
        low, high = self.ends
        return (float(self(value)) - low) / (high - low)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """``share`` of each of them; of values that a logarithmic axis does not have, that of its low end."""
        low, high = self.ends
        return (self(np.maximum(values, self.low) if self.log else values) - low) / (high - low)

    def at(self, share: float) -> float:
        """The value in that place."""
        low, high = self.ends
        place = low + share * (high - low)
        return 10.0**place if self.log else place


@dataclass
class Plot:
    """Cells of a plot; later ones cover earlier ones."""

    ink: Ink
    width: int
    height: int
    x: Scale
    y: Scale

    def __post_init__(self) -> None:
        blank = (" ", Style.null())
        self.cells: list[list[Piece]] = [[blank] * self.width for _ in range(self.height)]

    @property
    def dots(self) -> int:
        """Rows of dots in a row of cells."""
        return 1 if self.ink.ascii else 4

    def column(self, step: float) -> int:
        """The column in which a step lies."""
        return column_of(float(self.x(step)), self.x.ends, self.width)

    def columns(self, steps: np.ndarray) -> np.ndarray:
        """The column of each step, below 0 and from ``width`` on for steps that are not shown."""
        columns: np.ndarray = np.rint(self.x.shares(steps) * (2 * self.width - 1)).astype(int) // 2
        return columns

    def row(self, value: float) -> int:
        """The row in which a value lies."""
        return row_of(float(self.y(value)), self.y.ends, self.height, dots=self.dots)

    def level(self, value: float, style: Style) -> None:
        """A dotted line across the plot at ``value``."""
        dot = round(position(float(self.y(value)), self.y.ends, self.height * 4)) % 4
        self.cells[self.row(value)] = [("-" if self.ink.ascii else "⠁⠂⠄⡀"[dot], style)] * self.width

    def upright(self, column: int, style: Style, glyph: str) -> None:
        """A line from top to bottom where nothing but lines is."""
        for line in self.cells:
            line[column] = (glyph, style)

    def curve(self, steps: np.ndarray, values: np.ndarray, style: Style, mark: str = "") -> None:
        """A curve in dots, or with one ``mark`` in each cell."""
        if not len(steps):
            return
        drawing = draw_curves(
            [(self.x(steps), self.y(values))],
            self.width,
            self.height,
            self.x.ends,
            self.y.ends,
            glyphs="ascii" if self.ink.ascii else "braille",
        )
        for y, x in zip(*np.nonzero(drawing.series >= 0), strict=True):
            self.cells[y][x] = (mark or drawing.rows[y][x], style)

    def write(self, lines: Sequence[list[Piece]], start: int, label: str) -> None:
        """Write ``label`` from the column ``start`` on into the first line where it covers nothing but levels."""
        for line in lines:
            room = line[start : start + len(label)]
            free = all(glyph == " " or (style is self.ink.rule and glyph in "⠁⠂⠄⡀-") for glyph, style in room)
            if len(room) == len(label) and free:
                line[start : start + len(label)] = [(letter, self.ink.muted) for letter in label]
                return

    def label(self, value: float, label: str, style: Style) -> None:
        """Write ``label`` on the level at ``value``, as far right as it does not touch a curve."""
        line = self.cells[self.row(value)]
        for start in range(len(line) - len(label), len(line) // 3, -1):
            if all(style is self.ink.rule for _, style in line[start : start + len(label)]):
                line[start : start + len(label)] = [(letter, style) for letter in label]
                return


# Axes.


def vertical_axis(
    low: float, high: float, height: int, *, dots: int = 4
) -> tuple[tuple[float, float], dict[int, float]]:
    """An axis over ``height`` rows that holds [low, high]: its range, and round numbers by row.

    The numbers lie in the lowest dots of their rows, equally many rows apart, at least two. Of
    all such axes it is one that wastes little and has many numbers; it moves only in whole rows.
    """
    span = max(high - low, 1e-3)
    power = 10.0 ** (math.floor(math.log10(span)) - 1)
    best: tuple[float, float, float, int] | None = None
    for step in (factor * power for factor in (1, 2, 5, 10, 20, 50, 100)):
        for rows in range(max(2, height // 10), max(3, height)):
            per_row = step / rows
            bottom = math.floor(low / per_row + 1e-9)
            top = bottom * per_row + (height * dots - 1) / dots * per_row
            cost = (top - bottom * per_row) * (1 + rows / 8)
            if top >= high and (best is None or cost < best[0]):
                best = (cost, top, per_row, rows)
                lowest = bottom
    if best is None:
        return (low, high), {}
    _, top, per_row, rows = best
    ticks = {height - 1 - y: (lowest + y) / rows * (per_row * rows) for y in range(height) if (lowest + y) % rows == 0}
    return (lowest * per_row, top), ticks


def log_axis(low: float, high: float) -> Scale:
    """A logarithmic axis between round numbers that holds [low, high], as far as 0 can be left out."""
    high = max(high, 1e-12)
    low = min(max(low, high / _LOG_SPAN), high)
    down, up = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.floor(math.log10(high))
    bottom = max(end * down for end in _LOG_ENDS if end * down <= low * (1 + 1e-9))
    top = min(end * up for end in _LOG_ENDS if end * up >= high * (1 - 1e-9))
    return Scale(bottom, top if top > bottom else 1.5 * bottom, log=True)


def log_ticks(scale: Scale, distance: float) -> list[float]:
    """Round numbers on a logarithmic axis, as many as are ``distance`` apart, in shares of its length."""
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    every = max(1, math.ceil(distance * (scale.ends[1] - scale.ends[0])))
    for digits in _LOG_TICKS:
        ticks = [digit * 10.0**power for power in range(first, last + 1, every) for digit in digits]
        ticks = [tick for tick in ticks if scale.low * (1 - 1e-9) <= tick <= scale.high * (1 + 1e-9)]
        shares = [scale.share(tick) for tick in ticks]
        if all(after - before >= distance for before, after in pairwise(shares)):
            return ticks
    return []


def loss_axis(low: float, high: float, height: int, *, log: bool, dots: int) -> tuple[Scale, dict[int, str]]:
    """The vertical axis over ``height`` rows that holds [low, high], and the numbers beside it by row."""
    if not log:
        (bottom, top), ticks = vertical_axis(low, high, height, dots=dots)
        return Scale(bottom, top), dict(zip(ticks, tick_labels(list(ticks.values())), strict=True))
    scale = log_axis(low, high)
    rows = {
        row_of(float(scale(tick)), scale.ends, height, dots=dots): f"{tick:g}" for tick in log_ticks(scale, 2 / height)
    }
    return scale, rows


def step_ticks(scale: Scale, width: int) -> tuple[list[float], list[str]]:
    """Steps to write below ``width`` columns, and how."""
    if scale.log:
        ticks = log_ticks(scale, min(1.0, 8 / width))
        return ticks, [tick_labels([tick])[0] for tick in ticks]
    ticks = nice_ticks(scale.low, scale.high, max_count=max(2, width // 10))
    return ticks, tick_labels(ticks)


def horizontal_end(step: float) -> float:
    """The step at which the horizontal axis ends: a round number that is not below ``step``."""
    step = max(step, _MIN_SPAN)
    power = 10.0 ** math.floor(math.log10(step))
    return next((stride * power for stride in _STRIDES if stride * power >= step), 10 * power)


def position(value: float, y_range: tuple[float, float], dots: int) -> float:
    """Distance of a value from the top, in dots from 0 to ``dots`` − 1."""
    low, high = y_range
    return min(max((high - value) / (high - low), 0.0), 1.0) * (dots - 1)


def row_of(value: float, y_range: tuple[float, float], height: int, *, dots: int = 4) -> int:
    """The row, counted from the top, in which ``draw_curves`` puts a value; braille has 4 dots in a row."""
    return round(position(value, y_range, height * dots)) // dots


def column_of(step: float, x_range: tuple[float, float], width: int) -> int:
    """The column in which a step lies."""
    low, high = x_range
    return min(width - 1, max(0, round((step - low) / (high - low) * (2 * width - 1)) // 2))
