"""Figures as data, drawn with characters or by Matplotlib."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..visualization import drawing
from ..visualization.drawing import RGB, Glyphs
from ..visualization.figures import check_picture, new_figure, save_picture
from .words import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: One colour for each curve, in order: told apart with any kind of colour vision (Okabe and Ito 2008).
COLOURS: tuple[RGB, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167),
    (230, 159, 0), (86, 180, 233), (120, 110, 60), (130, 130, 130),
)  # fmt: skip
#: The same hues, lighter, for dark screens.
COLOURS_ON_DARK: tuple[RGB, ...] = (
    (92, 164, 255), (255, 133, 71), (64, 205, 155), (229, 157, 197),
    (242, 192, 72), (148, 219, 250), (196, 186, 120), (176, 176, 176),
)  # fmt: skip
#: Curves with at most so many points have a mark, and an interval, at each.
FEW = 12
#: A piece of text, and the number of the curve whose colour it has, −1 for none.
Run = tuple[str, int]


@dataclass(frozen=True)
class Curve:
    """Medians y over x, and minima and maxima around them, if known."""

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray | None = None
    high: Sequence[float] | np.ndarray | None = None


@dataclass(frozen=True)
class LineChart:
    """Curves in one plot. ``references`` are horizontal lines: name → y."""

    title: str
    x_label: str
    curves: Sequence[Curve]
    references: Mapping[str, float] = field(default_factory=dict)
    y_range: tuple[float, float] | None = None
    log_y: bool = False


@dataclass(frozen=True)
class Bar:
    """A median, with minimum and maximum."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, each with a thin line up to its maximum. They begin at 0 or, with ``log``, at the decade below
    the smallest. ``spec`` formats the numbers."""

    title: str
    bars: Sequence[Bar]
    references: Mapping[str, float] = field(default_factory=dict)
    log: bool = False
    spec: str = ".3f"


Chart = LineChart | BarChart


class Ranked(NamedTuple):
    """A bar, or the end of a curve, among those of its chart."""

    name: str
    spread: Spread
    #: Whether each of its runs lies above each run of the one before; None for the first.
    shown: bool | None


def ranking(chart: Chart, seeds: int) -> list[Ranked]:
    """Bars, or the ends of curves, from the lowest median to the highest.

    With one of the ``seeds`` nothing is shown to be above anything else. Empty for curves without extremes.
    """
    found: list[tuple[str, Spread]] = []
    if isinstance(chart, BarChart):
        found = [(bar.name, Spread(bar.value, bar.low, bar.high)) for bar in chart.bars]
    else:
        for curve in chart.curves:
            if curve.low is None or curve.high is None:
                return []
            found.append((curve.name, Spread(float(curve.y[-1]), float(curve.low[-1]), float(curve.high[-1]))))
    found = sorted(((name, spread) for name, spread in found if not math.isnan(spread.median)), key=lambda one: one[1])
    return [
        Ranked(name, spread, None if before is None else seeds > 1 and spread.low > before.high)
        for (name, spread), before in zip(found, [None, *(spread for _, spread in found)], strict=False)
    ]


# ---------------------------------------------------------------------------- with characters


def chart_lines(chart: Chart, width: int, glyphs: Glyphs, height: int = 16) -> list[list[Run]]:
    """The chart as lines of runs, at most ``width`` columns wide; the axes of curves take ``height`` lines."""
    if isinstance(chart, LineChart):
        return _curve_lines(chart, width, glyphs, height)
    return _bar_lines(chart, width, glyphs)


def _curve_lines(chart: LineChart, width: int, glyphs: Glyphs, height: int) -> list[list[Run]]:
    curves = [(curve.x, curve.y) for curve in chart.curves]
    ends = drawing.value_range(*(xs for xs, _ in curves))
    curves += [(ends, (y, y)) for y in chart.references.values()]
    drawn = drawing.draw_chart(
        curves,
        width,
        height,
        y_range=chart.y_range,
        log_y=chart.log_y,
        intervals=list(_intervals(chart.curves)),
        glyphs=glyphs,
    )
    names = [*(curve.name for curve in chart.curves), *chart.references]
    lines: list[list[Run]] = [[(chart.title, -1)]]
    lines += _legend(names, width, glyphs)
    lines += [list(drawn.runs(row)) for row in range(len(drawn.rows))]
    lines.append([(chart.x_label.rjust(width), -1)])
    return lines


def _intervals(curves: Sequence[Curve]) -> Iterator[tuple[int, float, float, float]]:
    """Minimum and maximum at the points of each curve; of curves with many points the one here and the other there."""
    for index, curve in enumerate(curves):
        if curve.low is None or curve.high is None:
            continue
        points = list(zip(curve.x, curve.low, curve.high, strict=True))
        few = len(points) <= FEW
        for x, low, high in points if few else points[index :: max(len(curves), len(points) // FEW)]:
            yield index, float(x), float(low), float(high)


def _legend(names: Sequence[str], width: int, glyphs: Glyphs) -> Iterator[list[Run]]:
    """Each curve's mark and name, on as many lines as needed."""
    line: list[Run] = []
    used = 0
    for index, name in enumerate(names):
        mark = drawing.MARKS[index % len(drawing.MARKS)] if glyphs == "ascii" else "━━"
        size = len(mark) + len(name) + 4
        if line and used + size > width:
            yield line
            line, used = [], 0
        line += [("  ", -1), (mark, index), (f" {name} ", -1)]
        used += size
    if line:
        yield line


def _bar_lines(chart: BarChart, width: int, glyphs: Glyphs) -> list[list[Run]]:
    names = max(len(name) for name in [*(bar.name for bar in chart.bars), *chart.references])
    rows = [(bar.name, bar.value, Spread(bar.value, bar.low, bar.high).text(chart.spec)) for bar in chart.bars]
    rows += [(name, value, format(value, chart.spec)) for name, value in chart.references.items()]
    texts = max(len(text) for _, _, text in rows)
    room = max(8, width - names - texts - 4)
    low, high = _bar_range([*(value for _, value, _ in rows), *(bar.high for bar in chart.bars)], chart.log)
    whisker = "-" if glyphs == "ascii" else "─"
    lines: list[list[Run]] = [[(chart.title, -1)]]
    for index, (name, value, text) in enumerate(rows):
        share = (_scaled(value, chart.log) - low) / (high - low) if math.isfinite(value) else 1.0
        bar = drawing.draw_bar(share, room, "ascii" if glyphs == "ascii" else "block")
        if index < len(chart.bars) and math.isfinite(most := chart.bars[index].high):
            bar = bar.ljust(round(room * (_scaled(most, chart.log) - low) / (high - low)), whisker)
        series = index if index < len(chart.bars) else -1
        lines.append([(f"{name:<{names}}  ", -1), (bar.ljust(room), series), (f"  {text:>{texts}}", -1)])
    return lines


def _scaled(value: float, log: bool) -> float:
    return math.log10(value) if log and value > 0 else value


def _bar_range(values: Sequence[float], log: bool) -> tuple[float, float]:
    """What the bars' ends stand for, logarithms for ``log``."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not finite:
        return 0.0, 1.0
    if log:
        low = math.ceil(math.log10(min(finite))) - 1.0
        return low, max(low + 1.0, math.log10(max(finite)))
    return 0.0, max(finite) or 1.0


# ------------------------------------------------------------------------------ by Matplotlib


def save_charts(charts: Sequence[Chart], path: str | os.PathLike[str]) -> None:
    """Draw all charts below each other into a file, .png, .svg or .pdf; the same charts give the same file.

    Raises ArgumentError for another ending, MissingError where Matplotlib is not installed.
    """
    check_picture(path)
    heights = [3.4 if isinstance(chart, LineChart) else 0.9 + 0.28 * len(chart.bars) for chart in charts]
    figure = new_figure(7.5, sum(heights))
    grid = figure.add_gridspec(len(charts), 1, height_ratios=heights)
    for row, chart in enumerate(charts):
        axes = figure.add_subplot(grid[row, 0])
        axes.set_title(chart.title, loc="left", fontsize=10, fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["bottom", "left"]].set_color("0.6")
        axes.tick_params(which="both", labelsize=8, color="0.6", labelcolor="0.25")
        axes.set_axisbelow(True)
        if isinstance(chart, LineChart):
            _plot_curves(axes, chart)
        else:
            _plot_bars(axes, chart)
    save_picture(figure, path)


def _colour(index: int) -> tuple[float, float, float]:
    red, green, blue = COLOURS[index % len(COLOURS)]
    return red / 255, green / 255, blue / 255


def _plot_curves(axes: Axes, chart: LineChart) -> None:
    for index, curve in enumerate(chart.curves):
        style = "-" if index < len(COLOURS) else "--"
        few = len(curve.x) <= FEW
        look: dict[str, Any] = {
            "color": _colour(index),
            "linewidth": 1.5,
            "marker": "o" if few else None,
            "markersize": 4,
        }
        axes.plot(curve.x, curve.y, style, label=curve.name, **look)
        if curve.low is not None and curve.high is not None:
            if few:
                axes.vlines(curve.x, curve.low, curve.high, color=_colour(index), linewidth=1, alpha=0.5)
            else:
                axes.fill_between(curve.x, curve.low, curve.high, color=_colour(index), alpha=0.15, linewidth=0)
    for name, value in chart.references.items():
        axes.axhline(value, color="0.4", linewidth=1, linestyle=":")
        axes.annotate(
            name, (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7, color="0.3"
        )
    if chart.log_y:
        axes.set_yscale("log", nonpositive="mask")
    if chart.y_range is not None:
        axes.set_ylim(*chart.y_range)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_xlabel(chart.x_label, fontsize=9, color="0.25")
    if len(chart.curves) > 1:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _plot_bars(axes: Axes, chart: BarChart) -> None:
    places = range(len(chart.bars))
    values = np.array([(bar.value, bar.low, bar.high) for bar in chart.bars], np.float64).reshape(-1, 3)
    finite = np.isfinite(values[:, 0])
    shown = np.where(np.isfinite(values), values, np.nan)
    errors = np.abs(shown[:, 1:].T - shown[:, 0])
    axes.barh(places, shown[:, 0], xerr=errors, color=[_colour(n) for n in places], height=0.7, error_kw={"lw": 1})
    axes.set_yticks(places, [bar.name for bar in chart.bars])
    axes.invert_yaxis()
    if chart.log:
        from matplotlib.ticker import NullFormatter

        axes.set_xscale("log")
        low, high = _bar_range([*values[:, 0], *chart.references.values()], log=True)
        axes.set_xlim(10**low, 1.5 * 10**high)
        axes.xaxis.set_minor_formatter(NullFormatter())
    for place in np.flatnonzero(~finite):
        axes.annotate("never", (0, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="0.3")
    for name, value in chart.references.items():
        axes.axvline(value, color="0.4", linewidth=1, linestyle=":")
        axes.annotate(
            name, (value, 1), xycoords=("data", "axes fraction"), fontsize=7, color="0.3", rotation=90, va="top"
        )
    axes.grid(axis="x", color="0.9", linewidth=0.8)
