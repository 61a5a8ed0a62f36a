"""The loss curve: training loss as a band with its smoothed mean, validation, and what counting achieves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import ClassVar, NamedTuple

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from lstm_ext.train.history import HistoryView

from ...text.units import number
from ..keys import LOOKING, bind
from ..overlay import Overlay
from ..shown import State, real, whole
from .canvas import Canvas, Piece, clickable, heading, join, row
from .curve_strips import Bars
from .curve_window import LONGEST_RUN, MIN_SPAN, Window
from .plot import Plot, Scale, loss_axis, step_ticks

#: Columns left of the plot, at least: the names of the strips below it have to fit.
_MARGIN = 5
#: From this height on the gradient's norm and the learning rate have a strip each, and from that one on two rows each.
_STRIPS_FROM, _TALL_STRIPS_FROM = 14, 20
#: From this share of clipped steps on, a column is marked as clipped.
_CLIPPED = 0.5
#: The scales, in the order in which one follows the other: of loss, and of steps, logarithmic or not.
_SCALES = ((False, False), (True, False), (True, True))
#: Losses from here on are no longer drawn.
_LARGEST = 1e30
#: Zooming in shows this share of the steps.
_ZOOM = 0.5


class Mark(NamedTuple):
    """How one of the curves is drawn: with colours, without, and in ASCII; its sign in the legend is the same."""

    legend: str
    plain: str
    ascii: str


_BAND, _SMOOTHED = Mark("⣿", "", "."), Mark("━", "•", "*")
_VALIDATION, _BEHIND = Mark("◆", "◇", "o"), Mark("┄", "+", "+")


class LossCurve(Canvas, can_focus=True):
    """Loss in nats per character over steps.

    The band reaches from the lowest to the highest loss of the steps that share a place; the
    bright line is the smoothed training loss, the other one the validation loss. Dotted lines
    are n-gram models of the same text, dim ones other runs.
    """

    HELP_TITLE = "Loss"
    HELP = (
        "Loss is the mean surprise per character in nats: 0 is certainty, ln V is guessing among V characters. "
        "The band holds the training loss of every step, the line in it is their smoothed mean, over the last "
        "100 steps or, early on, the last twentieth of all. "
        "An arrow at the top marks losses above the picture, and the highest of them: the first steps would flatten "
        "the rest. A dotted upright is where another learning rate was chosen; the axis is heavy where most gradients "
        "were clipped. "
        "Diamonds mark the validation loss of the weights' moving average, on text that is never trained on: where it "
        "turns up while the training loss still falls, the network learns by heart. Dotted lines show what counting "
        "n-grams achieves on the same text. Numbered dim lines are the runs named below the heading, with their best "
        "validation loss: the one before this, and those laid over. "
        "L, or a click on the words beside the heading, makes loss and then steps logarithmic. "
        "Point at a step, or walk there with the arrow keys, for its exact values; a click holds it. The wheel "
        "zooms, dragging moves the steps shown."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("curve.left", "left", "walk(-1)", "earlier", "Values of an earlier step", LOOKING),
        bind("curve.right", "right", "walk(1)", "later", "Values of a later step", LOOKING),
        bind("curve.zoom_in", "up", "zoom(1)", "zoom in", "Zoom in, to the step pointed at or the last ones", LOOKING),
        bind("curve.zoom_out", "down", "zoom(-1)", "zoom out", "Zoom out", LOOKING),
        bind("curve.back", "pageup", "move(-1)", "back", "Earlier steps, when zoomed in", LOOKING),
        bind("curve.ahead", "pagedown", "move(1)", "ahead", "Later steps, when zoomed in", LOOKING),
        bind("curve.first", "home", "first", "first steps", "The first steps, when zoomed in", LOOKING),
        bind("curve.last", "end", "last", "last steps", "Follow the last steps, when zoomed in", LOOKING),
        bind("curve.whole", "0,backspace", "whole", "whole run", "The whole run", LOOKING),
        bind("curve.let_go", "escape", "let_go", "let go", "Point at no step", LOOKING),
    ]

    def __init__(self, *, id: str | None = None, empty: str = "waiting for the first steps…") -> None:
        """``empty`` is said where there is no curve."""
        super().__init__(id=id)
        self._empty = empty
        self._history: HistoryView | None = None
        self._baselines: Mapping[str, float] = {}
        self._overlays: Sequence[Overlay] = ()
        self._loss = math.nan
        self._window = Window()
        self._log_loss, self._log_steps = _SCALES[0]
        #: The step pointed at, and whether it stays when the mouse leaves.
        self._cursor: float | None = None
        self._held = False
        #: What was drawn last, to find the step under the mouse; the column and the window at the start of a drag.
        self._plot: Plot | None = None
        self._dragged: tuple[int, Window] | None = None

    def show(self, history: HistoryView | None, loss: float = math.nan) -> None:
        """Show a curve, and ``loss`` as the current training loss."""
        self._history, self._loss = history, loss
        if history is None:
            self._window, self._cursor = Window(), None
        self.redraw()

    def show_baselines(self, baselines: Mapping[str, float]) -> None:
        """Show losses (nats) of other models as dotted lines, by name."""
        self._baselines = baselines
        self.redraw()

    def show_overlays(self, overlays: Sequence[Overlay]) -> None:
        """Show other runs dimly behind the curve."""
        self._overlays = overlays
        self.redraw()

    # Drawing.

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading with the current values, or those of the step pointed at, the plot, strips, and its axes."""
        ink, whole = self.ink, self._history
        self._plot = None
        if whole is None or not len(whole.steps):
            rows = [heading(ink, width, "Loss", focus=self.has_focus)]
            hint = self._empty.replace("…", "...") if ink.ascii else self._empty
            rows += [row(width, [])] * (max(0, height - 2) // 2)
            return [*rows, row(width, [(hint.center(width), ink.faint)])]
        rows = [self._heading(width, whole)]
        if self._overlays and height >= 9:
            rows.append(self._legend(width))
        axes = 2 if height >= 8 else 1
        per_strip = (height >= _STRIPS_FROM) + (height >= _TALL_STRIPS_FROM)
        if not np.isfinite(whole.norm).any():
            per_strip = 0
        plot_height = height - len(rows) - axes - 2 * per_strip
        if plot_height < 1:
            return rows
        low, high = self._window.ends(float(whole.steps[-1]))
        x = Scale(max(1.0, low), high, log=True) if self._log_steps else Scale(low, high)
        history = between(whole, x.low, x.high)
        behind = {
            index: between(run.history, x.low, x.high)
            for index, run in enumerate(self._overlays, 1)
            if len(run.history.steps) and run.history.steps[-1] >= x.low
        }
        y, labels = loss_axis(
            *loss_range(history, behind.values()), plot_height, log=self._log_loss, dots=1 if ink.ascii else 4
        )
        margin = max(_MARGIN, *(len(label) + 1 for label in labels.values()), 0)
        plot = self._plot = Plot(ink, max(0, width - margin - 1), plot_height, x, y)
        if plot.width:
            self._fill(plot, history, behind)
        side, cross = ("|", "+") if ink.ascii else ("│", "┤")
        for index, cells in enumerate(plot.cells):
            label = labels.get(index, "").rjust(margin - 1) + " "
            rule = cross if index in labels else side
            rows.append(Strip([Segment(label, ink.muted), Segment(rule, ink.rule), *join(cells)]))
        clipped = by_column(plot, history.steps, history.clipped) >= _CLIPPED
        if per_strip and plot.width:
            norms, rates = (by_column(plot, history.steps, values) for values in (history.norm, history.rate))
            rows += Bars("norm", norms, log=True, marked=clipped).draw(ink, margin, per_strip)
            rows += Bars("lr", rates).draw(ink, margin, per_strip)
        rows += [self._axis(plot, margin, clipped), self._steps(plot, width, margin, whole)][:axes]
        return [strip.crop(0, width) for strip in rows]

    def _heading(self, width: int, history: HistoryView) -> Strip:
        """The title, and a legend with the values now or at the cursor, in the longest words that fit."""
        ink, at = self.ink, self._bucket(history)
        scale = {(True, False): " log", (True, True): " log-log"}.get((self._log_loss, self._log_steps), "")
        zoom = "" if self._window == Window() else " zoomed" if self._window.start is not None else " last steps"
        if at is None:
            band, smoothed = number(self._loss), float(history.smoothed[-1])
            reached = float(history.steps[-1])
            titles = [(f" nats per character{scale}{zoom}", 0), (scale + zoom, 0), (scale + zoom, 1), (scale + zoom, 2)]
        else:
            band, smoothed = f"{number(history.low[at])}-{number(history.high[at])}", float(history.smoothed[at])
            reached = float(history.steps[at])
            step = f" at step {reached:,.0f}"
            titles = [(step, 0), (step, 1), (step, 2), (f" {reached:,.0f}", 2)]
        entries = [
            (self._sign(_BAND), ink.band, ("training", "train", ""), band),
            (self._sign(_SMOOTHED), ink.line, ("smoothed", "smooth", ""), number(smoothed)),
        ]
        known = history.val_loss[history.val_steps <= reached]
        if len(known):
            entries.append((self._sign(_VALIDATION), ink.point, ("validation", "valid", ""), number(float(known[-1]))))
        # The smoothed loss stays longest.
        for title, words, kept in [*((title, words, entries) for title, words in titles), (*titles[-1], entries[1:2])]:
            legend: list[Piece] = []
            for glyph, style, names, value in kept:
                name = names[words] + " " if names[words] else ""
                legend += [("  " if legend else "", ink.text), (f"{glyph} ", style)]
                legend += [(name, ink.muted), (value, ink.text)]
            if sum(len(text) for text, _ in legend) + len(title) + 6 <= width:
                break
        else:
            title, legend = (title if at is not None else ""), []
        note = clickable(ink.key, "let_go") if at is not None else clickable(ink.faint, "screen.scale")
        before, zoomed, _ = title.partition(zoom) if zoom else (title, "", "")
        pieces = [(before, note), (zoomed, clickable(ink.key, "whole"))]
        return heading(ink, width, "Loss", pieces, legend, focus=self.has_focus)

    def _sign(self, mark: Mark) -> str:
        """A curve's sign in the legend."""
        if self.ink.ascii:
            return {"*": "**", ".": ".:"}.get(mark.ascii, mark.ascii)
        return (mark.plain if self.ink.mono else "") or mark.legend

    def _legend(self, width: int) -> Strip:
        """The runs behind, with their best validation loss or, at the cursor, their smoothed loss there."""
        ink = self.ink
        pieces: list[Piece] = []
        for index, run in enumerate(self._overlays, 1):
            at = self._bucket(run.history)
            value = "not evaluated" if run.best_val is None else f"best {number(run.best_val)}"
            if at is not None:
                value = number(float(run.history.smoothed[at]))
            pieces += [("  " if pieces else "", ink.text), (f"{index}{self._sign(_BEHIND)} ", ink.muted)]
            pieces += [(f"{run.name} ", ink.muted), (value, ink.text)]
        alone = ("A alone", clickable(ink.faint, "screen.clear_overlays"))
        return row(width, pieces, [("  ", ink.text), alone])

    def _fill(self, plot: Plot, history: HistoryView, behind: Mapping[int, HistoryView]) -> None:
        """Levels first, then uprights, other runs, the band, the smoothed line, validation, and words on top."""
        ink = self.ink
        inside = {name: value for name, value in self._baselines.items() if plot.y.low < value < plot.y.high}
        for value in inside.values():
            plot.level(value, ink.rule)
        changes = {
            plot.column(step): lr
            for step, lr in zip(history.lr_steps[1:].tolist(), history.lrs[1:].tolist(), strict=True)
            if plot.x.low <= step <= plot.x.high
        }
        for column in changes:
            plot.upright(column, ink.rule, ":" if ink.ascii else "┊")
        cursor = None if self._cursor is None else plot.x.share(max(self._cursor, 1.0))
        if cursor is not None and 0 <= cursor <= 1:
            plot.upright(plot.column(max(self._cursor or 0.0, 1.0)), ink.key, "|" if ink.ascii else "│")
        for run in behind.values():
            self._curve(plot, run.steps, run.smoothed, ink.faint, _BEHIND)
        self._curve(plot, *_band(history, 2 * plot.width), ink.band, _BAND)
        self._curve(plot, history.steps, history.smoothed, ink.line, _SMOOTHED)
        self._curve(plot, history.val_steps, history.val_loss, ink.point, _VALIDATION)
        if len(history.val_loss):
            step, loss = float(history.val_steps[-1]), float(history.val_loss[-1])
            if step <= plot.x.high and plot.y.low <= loss <= plot.y.high:
                plot.cells[plot.row(loss)][plot.column(step)] = ("o" if ink.ascii else "◆", ink.point)
        for name, value in inside.items():
            plot.label(value, f" {name} {value:.2f}", ink.baseline)
        for index, run in behind.items():
            self._number(plot, run, str(index))
        self._mark_cut(plot, history)
        for column, lr in reversed(changes.items()):  # where they are close, the last one counts
            plot.write(plot.cells[:-4:-1], column + 1, f" lr {lr:.3g} ")

    def _curve(self, plot: Plot, steps: np.ndarray, values: np.ndarray, style: Style, mark: Mark) -> None:
        plot.curve(steps, values, style, mark.ascii if self.ink.ascii else mark.plain if self.ink.mono else "")

    def _number(self, plot: Plot, run: HistoryView, label: str) -> None:
        """Write the number of a run behind at its last point on screen."""
        shown = np.flatnonzero(
            (run.steps <= plot.x.high) & (run.smoothed >= plot.y.low) & (run.smoothed <= plot.y.high)
        )
        if len(shown):
            last = shown[-1]
            plot.cells[plot.row(float(run.smoothed[last]))][plot.column(float(run.steps[last]))] = (
                label[-1],
                self.ink.muted,
            )

    def _mark_cut(self, plot: Plot, history: HistoryView) -> None:
        """Arrows in the top row where losses lie above it, and behind the first ones the highest loss."""
        cut = (history.high > plot.y.high) & (history.steps >= plot.x.low) & (history.steps <= plot.x.high)
        if not cut.any():
            return
        columns = {plot.column(float(step)) for step in history.steps[cut]}
        for column in columns:
            plot.cells[0][column] = ("^" if self.ink.ascii else "↑", self.ink.band)
        start = next(column for column in range(min(columns), plot.width + 1) if column not in columns)
        plot.write(plot.cells[:3], start, f" {number(float(history.high[cut].max()))} ")

    def _axis(self, plot: Plot, margin: int, clipped: np.ndarray) -> Strip:
        """The line below the plot: heavy where most steps were clipped, with ticks."""
        ink = self.ink
        corner, bottom, tee, heavy = "+-+=" if ink.ascii else "└─┴━"
        cells: list[Piece] = [(heavy, ink.warning) if mark else (bottom, ink.rule) for mark in clipped]
        for tick in step_ticks(plot.x, plot.width)[0] if plot.width else ():
            cells[plot.column(tick)] = (tee, ink.rule)
        return Strip([Segment(" " * margin, ink.text), Segment(corner, ink.rule), *join(cells)])

    def _steps(self, plot: Plot, width: int, margin: int, history: HistoryView) -> Strip:
        """The steps below the axis; where a step is pointed at, what its update was."""
        at = self._bucket(history)
        if at is not None and math.isfinite(history.norm[at]):
            return self._update(width, margin, history, at)
        numbers, free = [" "] * width, 0
        for tick, label in zip(*step_ticks(plot.x, plot.width), strict=True) if plot.width else ():
            start = min(max(0, margin + 1 + plot.column(tick) - len(label) // 2), width - len(label))
            if start >= free:
                numbers[start : start + len(label)] = label
                free = start + len(label) + 2
        if free + 5 <= width:
            numbers[-5:] = "steps"
        return row(width, [("".join(numbers), self.ink.muted)])

    def _update(self, width: int, margin: int, history: HistoryView, at: int) -> Strip:
        """Gradient norm, share of clipped steps and learning rate of a bucket."""
        ink = self.ink
        low, high = number(history.norm_low[at]), number(history.norm_high[at])
        norm = number(history.norm[at]) + (f" ({low}-{high})" if low != high else "")
        pieces: list[Piece] = [(" " * margin, ink.text), ("norm ", ink.muted), (norm, ink.text)]
        pieces += [("  lr ", ink.muted), (f"{history.rate[at]:.3g}", ink.text)]
        if history.clipped[at] > 0:
            pieces.append((f"  clipped {history.clipped[at]:.0%}", ink.warning))
        return row(width, pieces)

    def _bucket(self, history: HistoryView) -> int | None:
        """The bucket that holds the step pointed at; None: there is none, or the curve ends before it."""
        if self._cursor is None or not len(history.steps):
            return None
        at = int(history.steps.searchsorted(self._cursor))
        return min(at, len(history.steps) - 1) if history is self._history or at < len(history.steps) else None

    # For recordings.

    def state(self) -> State:
        """The scale, the steps shown and the step pointed at; 0 and −1 stand for none."""
        window = self._window
        return {
            "scale": _SCALES.index((self._log_loss, self._log_steps)),
            "span": window.span or 0.0,
            "start": -1.0 if window.start is None else window.start,
            "at": self._cursor or 0.0,
        }

    def restore(self, state: State) -> None:
        """Look at what was looked at."""
        now = self.state()
        self._log_loss, self._log_steps = _SCALES[whole(state, "scale", now["scale"], high=len(_SCALES) - 1)]
        span = real(state, "span", now["span"], 0.0, LONGEST_RUN)
        start = real(state, "start", now["start"], -1.0, LONGEST_RUN)
        at = real(state, "at", now["at"], 0.0, LONGEST_RUN)
        self._window = Window(max(MIN_SPAN, span), None if start < 0 else start) if span else Window()
        self._cursor, self._held = (at, True) if at else (None, False)
        self.redraw()

    # Pointing, zooming and moving.

    @property
    def _last(self) -> float:
        return float(self._history.steps[-1]) if self._history is not None and len(self._history.steps) else 0.0

    def _show_window(self, window: Window) -> None:
        if self._last and window != self._window:
            self._window = window
            self.redraw()

    def _step_at(self, x: int) -> float | None:
        """The step in column ``x`` of the widget."""
        plot = self._plot
        if plot is None or plot.width < 2:
            return None
        column = x - (self.size.width - plot.width)
        if not 0 <= column < plot.width:
            return None
        return min(max(1.0, plot.x.at(column / (plot.width - 1))), self._last)

    def point(self, step: float | None, *, held: bool = False) -> None:
        """Show the values of a step; None: of the last one. ``held``: also when the mouse leaves."""
        changed = step != self._cursor
        self._cursor, self._held = step, held and step is not None
        if changed:
            self.redraw()

    def action_walk(self, columns: int) -> None:
        """Points at the step some columns to the right, or to the left; at first at the last one."""
        plot = self._plot
        if plot is None or plot.width < 2:
            return
        share = 1.0 if self._cursor is None else plot.x.share(self._cursor) + columns / (plot.width - 1)
        low, high = plot.x.low, min(plot.x.high, self._last)
        self.point(min(max(plot.x.at(share), low, 1.0), high), held=True)

    def action_let_go(self) -> None:
        """Points at nothing."""
        self.point(None)

    def action_zoom(self, steps: int) -> None:
        """Zooms in, or out for a negative number, around the step pointed at."""
        self._show_window(self._window.zoomed(_ZOOM**steps, self._last, self._cursor))

    def action_move(self, pages: int) -> None:
        """Shows earlier or later steps."""
        self._show_window(self._window.moved(pages / 2, self._last))

    def action_first(self) -> None:
        """Shows the first steps."""
        self._show_window(self._window.moved(-math.inf, self._last))

    def action_last(self) -> None:
        """Follows the last steps."""
        self._show_window(Window(self._window.span))

    def action_whole(self) -> None:
        """Shows the whole run."""
        self._show_window(Window())

    def next_scale(self) -> None:
        """Linear, then loss logarithmic, then steps as well."""
        now = _SCALES.index((self._log_loss, self._log_steps))
        self._log_loss, self._log_steps = _SCALES[(now + 1) % len(_SCALES)]
        self.redraw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Points at the step under the mouse, or drags the steps along."""
        plot = self._plot
        if self._dragged is not None and plot is not None and plot.width > 1:
            start, window = self._dragged
            self._show_window(window.moved((start - event.x) / (plot.width - 1), self._last))
        elif not self._held:
            self.point(self._step_at(event.x) if event.y > 0 else None)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """May begin to drag."""
        if event.y > 0:
            self._dragged = (event.x, self._window)
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Holds the step that was clicked, or lets it go again; not where something was dragged."""
        if self._dragged is None:
            return
        self.release_mouse()
        (start, _), self._dragged = self._dragged, None
        if event.x == start:
            step = self._step_at(event.x)
            self.point(step, held=not (self._held and step == self._cursor))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zooms in at the mouse."""
        event.stop()
        self._show_window(self._window.zoomed(_ZOOM, self._last, self._step_at(event.x)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zooms out at the mouse."""
        event.stop()
        self._show_window(self._window.zoomed(1 / _ZOOM, self._last, self._step_at(event.x)))

    def on_leave(self, event: events.Leave) -> None:
        """Points at nothing."""
        if not self._held:
            self.point(None)


def between(history: HistoryView, low: float, high: float) -> HistoryView:
    """The part of a curve from step ``low`` to ``high``, with one point beyond each end, for the lines to it."""

    def part(steps: np.ndarray) -> slice:
        first, last = steps.searchsorted((low, high))
        return slice(max(0, int(first) - 1), int(last) + 1)

    buckets, validation = part(history.steps), part(history.val_steps)
    changed: dict[str, np.ndarray] = {}
    for field in fields(history):
        values = getattr(history, field.name)
        if field.name in ("lr_steps", "lrs"):
            continue
        changed[field.name] = values[validation if field.name.startswith("val_") else buckets]
    return replace(history, **changed)


def loss_range(history: HistoryView, behind: Iterable[HistoryView] = ()) -> tuple[float, float]:
    """The losses worth showing: without the first steps' if they would flatten the rest."""
    smoothed = _finite(history.smoothed)
    lows = [*smoothed, *_quantile(history.low, 0.05), *_finite(history.val_loss)]
    highs = [*_quantile(history.high, 0.97), *smoothed[-1:], *_quantile(history.val_loss, 0.97)]
    for run in behind:
        lows += [*_finite(run.smoothed)]
        highs += [*_quantile(run.smoothed, 0.9)]
    if not (lows and highs):
        return 0.0, 1.0
    low = float(min(lows))
    return low, max(low, float(max(highs)))


def _finite(values: np.ndarray) -> np.ndarray:
    """Those that can be drawn: a network that exploded may have had others, and so may a file."""
    finite: np.ndarray = values[np.abs(values) < _LARGEST]
    return finite


def _quantile(values: np.ndarray, share: float) -> list[float]:
    """That quantile, if there is any value."""
    finite = _finite(values)
    return [float(np.quantile(finite, share))] if len(finite) else []


def by_column(plot: Plot, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(width,) the highest value of the buckets in each column; between distant buckets that of the one before, NaN
    where none is known."""
    columns = np.full(plot.width, np.nan)
    if not len(steps) or not plot.width:
        return columns
    places = plot.columns(steps)
    known = (places < plot.width) & np.isfinite(values)
    places = np.maximum(places[known], 0)
    np.fmax.at(columns, places, values[known])
    if len(places):
        before = np.maximum.accumulate(np.where(np.isnan(columns), places[0], np.arange(plot.width)))
        columns[places[0] : places[-1] + 1] = columns[before][places[0] : places[-1] + 1]
    return columns


def _band(history: HistoryView, dots: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertical strokes from lowest to highest loss: one for each bucket, and between distant
    buckets as many as ``dots`` places need. NaN lifts the pen."""
    xs = np.union1d(history.steps, np.linspace(history.steps[0], history.steps[-1], dots))
    low = np.interp(xs, history.steps, history.low)
    high = np.interp(xs, history.steps, history.high)
    return np.repeat(xs, 3), np.stack([low, high, np.full(len(xs), np.nan)], axis=1).ravel()
