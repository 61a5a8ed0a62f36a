"""The loss curve: training loss as a band with its smoothed mean, validation, and what counting achieves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstm_ext.train.history import HistoryView
from lstm_ext.visualization.drawing import Glyphs, draw_curves, nice_ticks, tick_labels

from ...text.units import number
from ..overlay import Overlay
from .canvas import Canvas, Piece, heading, join, row

#: The last steps that the horizontal axis may end at, times a power of ten. It grows in such
#: strides so that the curve stays in place between them and few cells have to be sent again.
_STRIDES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MIN_SPAN = 100.0


class LossCurve(Canvas):
    """Loss in nats per character over steps.

    The band reaches from the lowest to the highest loss of the steps that share a place; the
    bright line is the smoothed training loss, the other one the validation loss. Dotted lines
    are n-gram models of the same text.
    """

    HELP_TITLE = "Loss"
    HELP = (
        "Loss is the mean surprise per character in nats: 0 is certainty, ln V is guessing among V characters. "
        "The band holds the training loss of every step, the line in it is their smoothed mean, over the last "
        "100 steps or, early on, the last twentieth of all. "
        "An arrow at the top marks losses above the picture, and the highest of them: the first steps would flatten "
        "the rest. A dotted upright is where another learning rate was chosen. "
        "Diamonds mark the validation loss of the weights' moving average, on text that is never trained on: where it "
        "turns up while the training loss still falls, the network learns by heart. Dotted lines show what counting "
        "n-grams achieves on the same text."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._history: HistoryView | None = None
        self._baselines: Mapping[str, float] = {}
        self._overlays: Sequence[Overlay] = ()
        self._loss = math.nan

    def show(self, history: HistoryView | None, loss: float = math.nan) -> None:
        """Show a curve, and ``loss`` as the current training loss."""
        self._history, self._loss = history, loss
        self.redraw()

    def show_baselines(self, baselines: Mapping[str, float]) -> None:
        """Show losses (nats) of other models as dotted lines, by name."""
        self._baselines = baselines
        self.redraw()

    def show_overlays(self, overlays: Sequence[Overlay]) -> None:
        """Show other runs dimly behind the curve."""
        self._overlays = overlays
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading with the current values, the plot, and its axes."""
        ink, history = self.ink, self._history
        if history is None or not len(history.steps):
            rows = [heading(ink, width, "Loss")]
            hint = "waiting for the first steps" + ("..." if ink.ascii else "…")
            rows += [row(width, [])] * (max(0, height - 2) // 2)
            return [*rows, row(width, [(hint.center(width), ink.faint)])]
        rows = [self._heading(width, history)]
        axes = 2 if height >= 8 else 1
        plot_height = height - 1 - axes
        if plot_height < 1:
            return rows
        y_range, ticks = vertical_axis(*loss_range(history), plot_height, dots=self._dots)
        x_range = (0.0, horizontal_end(float(history.steps[-1])))
        labels = tick_labels(list(ticks.values()))
        margin = max(map(len, labels), default=0) + 1
        plot = self._plot(history, width - margin - 1, plot_height, x_range, y_range)
        side, cross = ("|", "+") if ink.ascii else ("│", "┤")
        edge = [(" " * margin, side)] * plot_height
        for y, label in zip(ticks, labels, strict=True):
            edge[y] = (label.rjust(margin - 1) + " ", cross)
        for (label, line), cells in zip(edge, plot, strict=True):
            rows.append(Strip([Segment(label, ink.muted), Segment(line, ink.rule), *join(cells)]))
        return [*rows, *self._horizontal_axis(width, margin, x_range)[-axes:]]

    def _heading(self, width: int, history: HistoryView) -> Strip:
        """The title, and a legend with the current values, in the longest words that fit."""
        ink = self.ink
        entries = [(".:" if ink.ascii else "⣿", ink.band, ("training", "train", ""), self._loss)]
        smoothed = float(history.smoothed[-1])
        entries.append(("**" if ink.ascii else "━", ink.line, ("smoothed", "smooth", ""), smoothed))
        if len(history.val_loss):
            validation = float(history.val_loss[-1])
            entries.append(("o" if ink.ascii else "◆", ink.point, ("validation", "valid", ""), validation))
        for title, words in ((" nats per character", 0), ("", 0), ("", 1), ("", 2)):
            legend: list[Piece] = []
            for glyph, style, names, value in entries:
                name = names[words] + " " if names[words] else ""
                legend += [("  " if legend else "", ink.text), (f"{glyph} ", style)]
                legend += [(name, ink.muted), (number(value), ink.text)]
            if sum(len(text) for text, _ in legend) + len(title) + 6 <= width:
                return heading(ink, width, "Loss", [(title, ink.faint)], legend)
        return heading(ink, width, "Loss")

    def _plot(
        self, history: HistoryView, width: int, height: int, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> list[list[Piece]]:
        """Cells of the plot: dotted lines below, then the band, the smoothed line, validation on top."""
        ink = self.ink
        glyphs: Glyphs = "ascii" if ink.ascii else "braille"
        blank = (" ", Style.null())
        cells: list[list[Piece]] = [[blank] * width for _ in range(height)]
        if width < 1:
            return cells
        inside = {name: value for name, value in self._baselines.items() if y_range[0] < value < y_range[1]}
        for value in inside.values():
            y = self._row(value, y_range, height)
            dot = round(position(value, y_range, height * 4)) % 4
            cells[y] = [("-" if ink.ascii else "⠁⠂⠄⡀"[dot], ink.rule)] * width

        changes = {column_of(step, x_range, width): lr for step, lr in _changes(history)}
        for column in changes:
            for line in cells:
                line[column] = (self._upright, ink.rule)

        layers = (
            *((run.history.steps, run.history.smoothed, ink.faint, ".") for run in self._overlays),
            (*_band(history, 2 * width), ink.band, "."),
            (history.steps, history.smoothed, ink.line, "*"),
            (history.val_steps, history.val_loss, ink.point, "o"),
        )
        for xs, ys, style, mark in layers:
            if not len(xs):
                continue
            drawing = draw_curves([(xs, ys)], width, height, x_range, y_range, glyphs=glyphs)
            for y, x in zip(*np.nonzero(drawing.series >= 0), strict=True):
                cells[y][x] = (mark if ink.ascii else drawing.rows[y][x], style)
        if len(history.val_loss) and y_range[0] <= history.val_loss[-1] <= y_range[1]:
            x = column_of(float(history.val_steps[-1]), x_range, width)
            cells[self._row(float(history.val_loss[-1]), y_range, height)][x] = ("o" if ink.ascii else "◆", ink.point)
        for name, value in inside.items():
            self._label(cells[self._row(value, y_range, height)], f" {name} {value:.2f}")
        self._mark_cut(cells, history, x_range, y_range[1])
        for column, lr in reversed(changes.items()):  # where they are close, the last one counts
            self._write(cells[:-4:-1], column + 1, f" lr {lr:.3g} ")
        return cells

    def _mark_cut(
        self, cells: list[list[Piece]], history: HistoryView, x_range: tuple[float, float], highest: float
    ) -> None:
        """Arrows in the top row where losses lie above it, and behind the first ones the highest loss."""
        cut = history.high > highest
        if not cut.any():
            return
        width = len(cells[0])
        columns = {column_of(float(step), x_range, width) for step in history.steps[cut]}
        for column in columns:
            cells[0][column] = ("^" if self.ink.ascii else "↑", self.ink.band)
        start = next(column for column in range(min(columns), width + 1) if column not in columns)
        self._write(cells[:3], start, f" {number(float(history.high[cut].max()))} ")

    def _write(self, lines: list[list[Piece]], start: int, label: str) -> None:
        """Write ``label`` from the column ``start`` on into the first line where it covers nothing but rules."""
        for line in lines:
            room = line[start : start + len(label)]
            free = all(glyph == " " or (style is self.ink.rule and glyph != self._upright) for glyph, style in room)
            if len(room) == len(label) and free:
                line[start : start + len(label)] = [(letter, self.ink.muted) for letter in label]
                return

    def _label(self, line: list[Piece], label: str) -> None:
        """Write ``label`` as far right as it does not touch a curve."""
        for start in range(len(line) - len(label), len(line) // 3, -1):
            if all(style is self.ink.rule for _, style in line[start : start + len(label)]):
                line[start : start + len(label)] = [(letter, self.ink.baseline) for letter in label]
                return

    @property
    def _upright(self) -> str:
        return ":" if self.ink.ascii else "┊"

    @property
    def _dots(self) -> int:
        """Rows of dots in a row of cells."""
        return 1 if self.ink.ascii else 4

    def _row(self, value: float, y_range: tuple[float, float], height: int) -> int:
        return row_of(value, y_range, height, dots=self._dots)

    def _horizontal_axis(self, width: int, margin: int, x_range: tuple[float, float]) -> list[Strip]:
        ink = self.ink
        corner, bottom, tee = "+-+" if ink.ascii else "└─┴"
        plot_width = width - margin - 1
        ticks = nice_ticks(*x_range, max_count=max(2, plot_width // 10))
        line, numbers = [bottom] * plot_width, [" "] * width
        free = 0
        for tick, label in zip(ticks, tick_labels(ticks), strict=True):
            column = column_of(tick, x_range, plot_width)
            start = min(max(0, margin + 1 + column - len(label) // 2), width - len(label))
            if start < free:
                continue
            line[column] = tee
            numbers[start : start + len(label)] = label
            free = start + len(label) + 2
        if free + 5 <= width:
            numbers[-5:] = "steps"
        axis = row(width, [(" " * margin, ink.text), (corner + "".join(line), ink.rule)])
        return [axis, row(width, [("".join(numbers), ink.muted)])]


def loss_range(history: HistoryView) -> tuple[float, float]:
    """The losses worth showing: without the first steps' if they would flatten the rest."""
    lows = [float(history.smoothed.min()), float(np.quantile(history.low, 0.05))]
    highs = [float(np.quantile(history.high, 0.97)), float(history.smoothed[-1])]
    if len(history.val_loss):
        lows.append(float(history.val_loss.min()))
        highs.append(float(np.quantile(history.val_loss, 0.97)))
    return min(lows), max(highs)


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


def _changes(history: HistoryView) -> list[tuple[float, float]]:
    """Steps at which another learning rate was chosen, and the new ones."""
    return list(zip(history.lr_steps[1:].tolist(), history.lrs[1:].tolist(), strict=True))


def _band(history: HistoryView, dots: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertical strokes from lowest to highest loss: one for each bucket, and between distant
    buckets as many as ``dots`` places need. NaN lifts the pen."""
    xs = np.union1d(history.steps, np.linspace(history.steps[0], history.steps[-1], dots))
    low = np.interp(xs, history.steps, history.low)
    high = np.interp(xs, history.steps, history.high)
    return np.repeat(xs, 3), np.stack([low, high, np.full(len(xs), np.nan)], axis=1).ravel()
