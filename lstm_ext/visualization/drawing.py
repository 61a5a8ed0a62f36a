"""Curves and heatmaps as text: braille, block or ASCII characters in a grid, and colours for them.

Everything here is a pure function from arrays to rows of characters, with no terminal codes in
it: ``visualization`` prints the rows, and the app turns them into strips. Every character
is one column wide, so ``len(row)`` is a width in columns.

For curves: ``draw_curves`` (the bare raster), ``draw_chart`` (with axes); both return a
``Drawing``, which also knows which curve each cell belongs to. For heatmaps: ``quantize`` gives
levels, ``shade`` makes characters of them, and ``SEQUENTIAL``, ``DIVERGING`` and
``DIVERGING_ON_WHITE`` are colours for 16 levels. For axes: ``value_range``, ``nice_ticks``,
``tick_labels``. For bars: ``draw_bar``, ``draw_balance``. For the characters of a text: ``visible_character``.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError

Glyphs = Literal["braille", "block", "ascii"]
BarStyle = Literal["block", "line", "ascii"]
RGB = tuple[int, int, int]

#: Rows and columns of dots in one character cell.
_DOTS = {"braille": (4, 2), "block": (2, 2), "ascii": (1, 1)}
_BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint32)
_BLOCK_BITS = np.array([[1, 2], [4, 8]], dtype=np.uint32)
_BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
#: The curves' marks in ASCII, where a cell has no dots.
MARKS = "*o+x#%@&"

#: What bars are made of: a whole character, and the growing parts of one.
_BARS = {"block": ("█", "▏▎▍▌▋▊▉"), "line": ("━", "╸"), "ascii": ("#", "")}

#: Glyphs for growing values, from empty to full: shades, or bars, which show finer differences.
RAMPS = {"unicode": " ░▒▓█", "bars": " ▁▂▃▄▅▆▇█", "ascii": " .:-=+*#%@"}
#: Glyphs for values of both signs: round ones below zero, blank at zero, the others above it.
DIVERGING_RAMPS = {"unicode": "●◉○· ░▒▓█", "ascii": "@Oo. -+*#"}
#: How a heatmap shows NaN.
NAN_GLYPH = "?"

#: 16 colours for values from low to high; lightness rises evenly (OKLab), so that it reads
#: without colour vision, in greyscale, and on black as on white.
SEQUENTIAL: tuple[RGB, ...] = (
    (22, 24, 50), (27, 36, 75), (32, 49, 101), (36, 62, 129),
    (38, 77, 152), (36, 94, 158), (34, 112, 164), (30, 129, 169),
    (42, 146, 170), (65, 162, 165), (85, 177, 159), (105, 192, 152),
    (142, 205, 146), (181, 216, 140), (218, 227, 131), (253, 238, 120),
)  # fmt: skip
#: 16 colours from negative (blue) over zero (dark, between the 8th and the 9th) to positive
#: (orange): a pair that people with any common kind of colour blindness can tell apart. For dark screens.
DIVERGING: tuple[RGB, ...] = (
    (125, 200, 255), (100, 175, 239), (74, 150, 223), (49, 125, 207),
    (20, 100, 190), (28, 81, 148), (30, 62, 107), (28, 44, 69),
    (61, 42, 38), (100, 57, 38), (142, 71, 32), (185, 85, 10),
    (203, 109, 33), (220, 132, 51), (238, 156, 68), (255, 180, 85),
)  # fmt: skip
#: The same hues with a light zero, for white paper.
DIVERGING_ON_WHITE: tuple[RGB, ...] = (
    (8, 60, 130), (26, 82, 152), (44, 104, 174), (62, 127, 197),
    (80, 150, 220), (123, 174, 228), (164, 198, 234), (204, 222, 240),
    (245, 220, 201), (243, 194, 156), (240, 168, 109), (235, 140, 50),
    (211, 119, 38), (187, 99, 26), (163, 79, 13), (140, 60, 0),
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """Rows of characters, all of one width, and the curve that each character belongs to."""

    rows: list[str]
    #: (height, width) int8: the index of the curve in each cell (the later one where two meet),
    #: −1 for blanks, axes and labels.
    series: np.ndarray

    def runs(self, row: int) -> Iterator[tuple[str, int]]:
        """One row as (text, curve index) pieces, so that each can get its curve's colour."""
        text, series = self.rows[row], self.series[row]
        cuts = [0, *(np.flatnonzero(np.diff(series)) + 1).tolist(), len(text)]
        for start, end in pairwise(cuts):
            yield text[start:end], int(series[start])


def draw_curves(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    width: int,
    height: int,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    *,
    glyphs: Glyphs = "braille",
) -> Drawing:
    """Curves as ``height`` rows of ``width`` characters, without axes.

    Each curve is (xs, ys), two sequences (N,); neighbouring points are joined by lines. A point that is
    not finite leaves a gap. What lies outside the ranges is cut off. "braille" has 2×4 dots in a cell,
    "block" 2×2, "ascii" one mark per curve (``MARKS``). Raises ArgumentError for a size less than 1 or a
    range that is not two growing finite numbers.
    """
    if width < 1 or height < 1:
        raise ArgumentError(f"width, height: got {width} and {height}, expected at least 1 each")
    for name, (low, high) in (("x_range", x_range), ("y_range", y_range)):
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ArgumentError(f"{name}: got ({low}, {high}), expected two finite numbers, the first one smaller")
    down, across = _DOTS[glyphs]
    codes = np.zeros((height, width), dtype=np.uint32)
    series = np.full((height, width), -1, dtype=np.int8)
    for index, (xs, ys) in enumerate(curves):
        dots = _dots(
            _scale(xs, x_range, width * across), _scale(ys, y_range[::-1], height * down), width * across, height * down
        )
        cells = dots.reshape(height, down, width, across)
        if glyphs == "ascii":
            bits = cells[:, 0, :, 0] * np.uint32(ord(MARKS[index % len(MARKS)]))
            np.copyto(codes, bits, where=bits > 0)
        else:
            bits = np.einsum("hdwa,da->hw", cells, _BRAILLE_BITS if glyphs == "braille" else _BLOCK_BITS)
            codes |= bits
        series[bits > 0] = index
    if glyphs == "braille":
        codes += np.uint32(0x2800)
    elif glyphs == "block":
        codes = np.frombuffer(_BLOCKS.encode("utf-32-le"), dtype=np.uint32)[codes]
    codes[series < 0] = ord(" ")
    return Drawing(_strings(codes), series)


def draw_chart(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    width: int,
    height: int,
    *,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    log_y: bool = False,
    whole_x: bool = False,
    intervals: Sequence[tuple[int, float, float, float]] = (),
    glyphs: Glyphs = "braille",
) -> Drawing:
    """Curves with axes, ticks and numbers, ``height`` rows of ``width`` characters in all.

    Each curve is (xs, ys), two sequences (N,). Ranges default to those of the finite data. With ``log_y``
    the vertical axis is logarithmic, by default over whole decades; ``y_range`` is still in the unit of the
    data, and values that are not positive leave a gap. ``whole_x`` numbers the horizontal axis with integers
    only. Each interval (curve, x, low, high) is a vertical line in that curve's colour, where no curve is.
    Below 16×5 characters, too small for axes, only the curves are drawn.
    """
    if log_y:
        with np.errstate(divide="ignore", invalid="ignore"):
            curves = [(xs, np.log10(ys)) for xs, ys in curves]
            intervals = [(curve, x, np.log10(low), np.log10(high)) for curve, x, low, high in intervals]
        if y_range is None:
            low, high = value_range(*(ys for _, ys in curves))
            y_range = (math.floor(low), math.ceil(high))
        else:
            y_range = (math.log10(y_range[0]), math.log10(y_range[1]))
    x_range = x_range or value_range(*(xs for xs, _ in curves))
    y_range = y_range or value_range(*(ys for _, ys in curves))
    if width < 16 or height < 5:
        return draw_curves(curves, width, height, x_range, y_range, glyphs=glyphs)

    plot_height = height - 2
    y_ticks = nice_ticks(*y_range, max_count=max(2, plot_height // 3 + 1), whole=log_y)
    y_labels = [f"1e{tick:.0f}" for tick in y_ticks] if log_y else tick_labels(y_ticks)
    margin = max((len(label) for label in y_labels), default=0) + 1
    plot_width = width - margin
    plot = draw_curves(curves, plot_width, plot_height, x_range, y_range, glyphs=glyphs)
    plot = _with_intervals(plot, intervals, x_range, y_range, glyphs)
    side, cross, corner, bottom, tee = "||+-+" if glyphs == "ascii" else "│┤└─┬"

    left = [" " * (margin - 1) + side] * plot_height
    down = _DOTS[glyphs][0]
    for position, label in zip(_scale(y_ticks, y_range[::-1], plot_height * down), y_labels, strict=True):
        left[round(position) // down] = label.rjust(margin - 1) + cross

    x_ticks = nice_ticks(*x_range, max_count=max(2, plot_width // 12 + 1), whole=whole_x)
    axis, numbers = [bottom] * plot_width, [" "] * width
    across, free = _DOTS[glyphs][1], 0
    for position, label in zip(_scale(x_ticks, x_range, plot_width * across), tick_labels(x_ticks), strict=True):
        column = round(position) // across
        start = max(0, min(margin + column - len(label) // 2, width - len(label)))
        if start >= free:
            axis[column] = tee
            numbers[start : start + len(label)] = label
            free = start + len(label) + 1

    rows = [edge + row for edge, row in zip(left, plot.rows, strict=True)]
    rows += [" " * (margin - 1) + corner + "".join(axis), "".join(numbers)]
    series = np.full((height, width), -1, dtype=np.int8)
    series[:plot_height, margin:] = plot.series
    return Drawing(rows, series)


def _with_intervals(
    plot: Drawing,
    intervals: Sequence[tuple[int, float, float, float]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    glyphs: Glyphs,
) -> Drawing:
    """``plot`` with a vertical line for each interval; the curves stay on top."""
    rows, series = [list(row) for row in plot.rows], plot.series.copy()
    height, width = series.shape
    down, across = _DOTS[glyphs]
    for curve, x, low, high in intervals:
        if not (x_range[0] <= x <= x_range[1] and high >= y_range[0] and low <= y_range[1]):
            continue
        column = round(float(_scale([x], x_range, width * across)[0])) // across
        ends = np.clip([high, low], *y_range)
        top, bottom = (round(end) // down for end in _scale(ends, y_range[::-1], height * down).tolist())
        for line in range(top, bottom + 1):
            if series[line, column] < 0:
                rows[line][column], series[line, column] = ":" if glyphs == "ascii" else "│", curve
    return Drawing(["".join(row) for row in rows], series)


def value_range(*arrays: ArrayLike) -> tuple[float, float]:
    """The smallest and the largest finite value; widened if they are equal, (0, 1) if there are none."""
    finite = [values[np.isfinite(values)] for values in (np.asarray(array, dtype=np.float64) for array in arrays)]
    ends = [end for values in finite if values.size for end in (float(values.min()), float(values.max()))]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    if low == high:
        margin = 0.1 * abs(low) or 0.5
        return low - margin, high + margin
    return low, high


def nice_ticks(low: float, high: float, max_count: int = 6, *, whole: bool = False) -> list[float]:
    """As many round numbers in [low, high] as possible, at most ``max_count``: multiples of 1, 2 or 5 times a
    power of ten; with ``whole`` only integers."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low] if math.isfinite(low) else []
    exponent = math.floor(math.log10(span / max_count))
    if whole:
        exponent = max(0, exponent)
    for step in (digit * 10.0**power for power in range(exponent, exponent + 3) for digit in (1, 2, 5)):
        # A little slack, so that an end that is a multiple in decimal is one in binary as well.
        first, last = math.ceil((low - 1e-6 * span) / step), math.floor((high + 1e-6 * span) / step)
        if last - first < max_count:
            break
    return [float(f"{k * step:.15g}") for k in range(first, last + 1)]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Numbers as short as their distances allow, all with the same decimals: 0.25, 20k, 1.5M, 2e-07."""
    if not ticks:
        return []
    largest = max(abs(tick) for tick in ticks)
    step = min((b - a for a, b in pairwise(ticks)), default=largest) or 1.0
    if largest >= 1e13 or step < 1e-4:
        spellings = ([f"{tick:.{digits}g}" for tick in ticks] for digits in range(1, 18))
        return next(labels for labels in spellings if len(set(labels)) == len(set(ticks)))
    unit, suffix = next(
        (unit, suffix)
        for smallest, unit, suffix in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"), (0.0, 1.0, ""))
        if (largest >= smallest and step >= unit / 1000) or unit == 1.0
    )
    decimals = next((n for n in range(5) if abs(round(step / unit, n) - step / unit) < 1e-4 * step / unit), 5)
    return [f"{tick / unit:.{decimals}f}{suffix if tick else ''}" for tick in ticks]


def quantize(values: ArrayLike, low: float, high: float, levels: int = 16) -> np.ndarray:
    """int8 levels 0 … levels−1 of equal width from ``low`` to ``high``, of the shape of ``values``.

    Values beyond an end get that end's level, NaN gets −1. Raises ArgumentError unless low < high and
    there are 1 to 127 levels.
    """
    if not (low < high and 1 <= levels <= 127):
        raise ArgumentError(f"low, high, levels: got {low}, {high}, {levels}, expected low < high and 1 to 127 levels")
    values = np.asarray(values, dtype=np.float64)
    nan = np.isnan(values)
    # Clipped before scaling, so that infinities and huge values cannot overflow.
    scaled = (np.clip(np.where(nan, low, values), low, high) - low) * (levels / (high - low))
    return np.where(nan, -1, np.minimum(scaled, levels - 1)).astype(np.int8)


def shade(levels: np.ndarray, ramp: str, columns: int = 1) -> list[str]:
    """Levels (height, width), as from ``quantize(…, len(ramp))``, as rows of ramp characters.

    Each level takes ``columns`` characters; −1, NaN, is drawn as ``NAN_GLYPH``.
    """
    table = np.frombuffer((ramp + NAN_GLYPH).encode("utf-32-le"), dtype=np.uint32)
    return _strings(np.repeat(table[levels], columns, axis=1))


def draw_bar(share: float, width: int, style: BarStyle = "block") -> str:
    """A bar for a number from 0 to 1, at most ``width`` characters long; empty for NaN and infinity.

    Blocks tell eighths of a character, lines halves, ASCII whole ones.
    """
    if not math.isfinite(share):
        return ""
    full, parts = _BARS[style]
    steps = len(parts) + 1
    whole, part = divmod(round(min(max(share, 0.0), 1.0) * width * steps), steps)
    return full * whole + (parts[part - 1] if part else "")


def draw_balance(share: float, width: int, *, ascii_only: bool = False) -> tuple[str, str, str]:
    """A bar for a number from −1 to 1, to the left or right of an axis: what is left of the axis, the axis, and
    what is right of it. Together they are always ``width`` characters."""
    side = (width - 1) // 2
    drawn = draw_bar(abs(share), side, "ascii" if ascii_only else "line")
    left, right = " " * side, " " * (width - 1 - side)
    if share < 0:
        left = drawn.replace("╸", "╺")[::-1].rjust(side)
    else:
        right = drawn.ljust(width - 1 - side)
    return left, "|" if ascii_only else "│", right


def visible_character(character: str, columns: int = 1, *, ascii_only: bool = False) -> str:
    """How to show one character of a text in exactly ``columns`` columns.

    Spaces, line ends and tabs become visible. A character that has no width, is too wide, or is not ASCII
    under ``ascii_only`` is replaced.
    """
    named = {" ": "_", "\n": "/", "\t": ">"} if ascii_only else {" ": "␣", "\n": "↵", "\t": "⇥"}
    glyph = named.get(character, character)
    width = 2 if unicodedata.east_asian_width(glyph[:1] or " ") in "WF" else 1
    combining = len(glyph) != 1 or unicodedata.combining(glyph) != 0
    if combining or not glyph.isprintable() or width > columns or (ascii_only and not glyph.isascii()):
        glyph, width = "?" if ascii_only else "�", 1
    return glyph + " " * (columns - width)


def _scale(values: ArrayLike, bounds: tuple[float, float], dots: int) -> np.ndarray:
    """Positions in dots: bounds[0] at the middle of dot 0, bounds[1] at the middle of the last one."""
    # Clipped far outside, which keeps later arithmetic finite.
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        positions = (values - bounds[0]) * ((dots - 1) / (bounds[1] - bounds[0]))
        return np.where(np.isfinite(values), np.clip(positions, -1e9, 1e9), np.nan)


def _dots(x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) bool: the dots that the polyline through (x, y) passes, NaN being gaps."""
    # Each point is also a segment by itself, so that one between two gaps is drawn.
    x0, y0 = np.concatenate([x[:-1], x]), np.concatenate([y[:-1], y])
    dx, dy = np.concatenate([x[1:], x]) - x0, np.concatenate([y[1:], y]) - y0
    drawn = np.isfinite(x0 + dx + y0 + dy)
    x0, y0, dx, dy = x0[drawn], y0[drawn], dx[drawn], dy[drawn]

    # The part t0 … t1 of each segment that lies inside (Liang and Barsky 1984).
    t0, t1 = np.zeros_like(dx), np.ones_like(dx)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start, delta, size in ((x0, dx, width), (y0, dy, height)):
            first, second = (-0.5 - start) / delta, (size - 0.5 - start) / delta
            inside = (start >= -0.5) & (start < size - 0.5)
            t0 = np.maximum(t0, np.where(delta == 0, np.where(inside, 0, 2), np.minimum(first, second)))
            t1 = np.minimum(t1, np.where(delta == 0, 1, np.maximum(first, second)))
    drawn = t0 <= t1
    x0, y0, dx, dy, t0, t1 = x0[drawn], y0[drawn], dx[drawn], dy[drawn], t0[drawn], t1[drawn]

    # Enough samples along each segment that no dot is skipped, all segments at once.
    samples = np.ceil(np.maximum(abs(dx), abs(dy)) * (t1 - t0)).astype(np.intp) + 1
    segment = np.repeat(np.arange(samples.size), samples)
    number = np.arange(segment.size) - np.repeat(np.cumsum(samples) - samples, samples)
    t = t0[segment] + (t1 - t0)[segment] * number / np.maximum(samples[segment] - 1, 1)
    dots = np.zeros((height, width), dtype=bool)
    column = np.clip(np.rint(x0[segment] + dx[segment] * t), 0, width - 1).astype(np.intp)
    row = np.clip(np.rint(y0[segment] + dy[segment] * t), 0, height - 1).astype(np.intp)
    dots[row, column] = True
    return dots


def _strings(codes: np.ndarray) -> list[str]:
    """Rows of code points as strings."""
    width = codes.shape[1]
    text = np.ascontiguousarray(codes, dtype="<u4").tobytes().decode("utf-32-le")
    return [text[start : start + width] for start in range(0, len(text), width)]
