"""The gate heatmap: what every unit's gates and states did while the network read its last characters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from lstm_ext.cells import CELLS, CellName
from lstm_ext.cells.stages import Span
from lstm_ext.explain.reading import Reading, views
from lstm_ext.visualization.drawing import DIVERGING_RAMPS, RAMPS, quantize, shade, visible_character

from ...text.gates import limits
from ..keys import LOOKING, bind
from .canvas import Canvas, Piece, clickable, heading, join, row

#: Every view's key, whatever the cell, and its name in full.
VIEW_KEYS = {view.key: view.name for cell in CELLS for view in views(cell).values()}
#: A gate below or above these counts as closed or open; a state beyond the second as saturated.
_CLOSED, _OPEN = 0.1, 0.9
_LEVELS = 16
#: As many characters are remembered, however wide the screen.
_MEMORY = 512


class GateHeatmap(Canvas, can_focus=True):
    """Units downwards, characters across, one value of one layer as colour.

    Characters come in from the left and, at the right edge, begin again on the left, so that
    what has been written stands still and can be read.
    """

    HELP_TITLE = "Gates"
    HELP = (
        "Each row is one unit, each column one character that the network read, the newest left of the gap. "
        "Gates (input, forget, output; reset, update) run from 0, closed, to 1, open. Candidate, cell and hidden "
        "state have a sign: blue is negative, orange positive, dark is zero. Without colours round glyphs are "
        "negative. The line below gives the mean, and how many values are at their limits, where gradients vanish. "
        "Point at a cell, or walk with the arrow keys, to read its value."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("gates.up", "up", "move(-1, 0)", "up", "The unit above", LOOKING),
        bind("gates.down", "down", "move(1, 0)", "down", "The unit below", LOOKING),
        bind("gates.left", "left", "move(0, -1)", "left", "The character before", LOOKING),
        bind("gates.right", "right", "move(0, 1)", "right", "The character after", LOOKING),
        bind("gates.pageup", "pageup", "page(-1)", "page up", "Units further up", LOOKING),
        bind("gates.pagedown", "pagedown", "page(1)", "page down", "Units further down", LOOKING),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = "h"
        self.chosen_layer = 0
        self._cell: CellName = "lstm"
        self._num_layers = 1
        self._columns: deque[tuple[Reading, int]] = deque(maxlen=_MEMORY)
        self._count = 0
        self._first_unit = 0
        self._cursor: tuple[int, int] | None = None
        self._styles: dict[tuple[bool, int, int], Style] = {}

    def clear(self, cell: CellName, num_layers: int) -> None:
        """Forget everything, to show a network of this form."""
        self._cell, self._num_layers = cell, num_layers
        self._columns.clear()
        self._count = self._first_unit = 0
        self._cursor = None
        self.chosen_layer = min(self.chosen_layer, num_layers - 1)
        if self.view not in views(cell):
            self.view = "h"
        self.redraw()

    def append(self, reading: Reading, start: int, end: int) -> None:
        """Shows characters ``start`` to ``end`` of a reading after what is there."""
        self._columns.extend((reading, index) for index in range(start, end))
        self._count += end - start
        self.redraw()

    def replace(self, old: Reading, new: Reading) -> None:
        """Shows ``new``, the same text read again, in the place of ``old``."""
        self._columns = deque(
            ((new if reading is old else reading, index) for reading, index in self._columns), maxlen=_MEMORY
        )
        self.redraw()

    def show(self, key: str) -> None:
        """Shows the gate or state that ``key`` stands for."""
        self.view = next(name for name, view in views(self._cell).items() if view.key == key)
        self.redraw()

    def show_layer(self, layer: int) -> None:
        """Shows another layer, counted from 0."""
        self.chosen_layer = layer % self._num_layers
        self.redraw()

    # What is where: body rows between the heading and two rows of labels; columns after the unit numbers.

    def _body_height(self) -> int:
        return max(0, self.size.height - 3)

    def _margin(self) -> int:
        return len(str(max(0, self._units() - 1))) + 1

    def _body_width(self) -> int:
        return min(_MEMORY, max(1, self.size.width - self._margin()))

    def _units(self) -> int:
        """H, or 0 before the first reading."""
        if not self._columns:
            return 0
        reading, _ = self._columns[-1]
        return int(reading.layers[self.chosen_layer][self.view].shape[1])

    def _units_per_row(self) -> int:
        return 2 if self._plain and self._units() > self._body_height() else 1

    def _visible_units(self) -> range:
        end = min(self._units(), self._first_unit + self._body_height() * self._units_per_row())
        return range(self._first_unit, end)

    def _column_at(self, x: int, width: int) -> tuple[Reading, int] | None:
        """The character in column ``x``: the newest one whose number is x modulo the width."""
        newest = self._count - 1
        number = newest - (newest - x) % width
        index = number - (self._count - len(self._columns))
        gap = len(self._columns) >= width and x == self._count % width
        return self._columns[index] if index >= 0 and newest - number < width and not gap else None

    def _values(self, width: int, units: range) -> np.ndarray:
        """(units, width) of the chosen value, NaN where no character stands."""
        values = np.full((len(units), width), np.nan)
        for x in range(width):
            if (column := self._column_at(x, width)) is not None:
                reading, index = column
                values[:, x] = reading.layers[self.chosen_layer][self.view][index, units.start : units.stop]
        return values

    def draw(self, width: int, height: int) -> list[Strip]:
        """Heading, map, the characters, and the colour scale with mean and saturation."""
        rows = [self._heading(width)]
        if height < 4:
            return rows
        if not self._columns:
            hint = "the first sample is on its way"
            rows += [row(width, [])] * ((height - 2) // 2)
            return [*rows, row(width, [(hint.center(width), self.ink.faint)])]
        body_width, per_row = self._body_width(), self._units_per_row()
        self._first_unit = max(0, min(self._first_unit, self._units() - self._body_height() * per_row))
        units = self._visible_units()
        everything = self._values(body_width, range(self._units()))
        low, high = limits(everything, self._span)
        body = everything[units.start : units.stop]
        rows += self._body(body, units, low, high, per_row)
        rows += [row(width, [])] * (self._body_height() - len(rows) + 1)
        rows.append(self._characters(width, body_width))
        rows.append(self._readout(width) or self._legend(width, everything, low, high))
        return rows

    def _heading(self, width: int) -> Strip:
        ink = self.ink
        left: list[Piece] = [("  ", ink.text)]
        for name, (key, full, _) in views(self._cell).items():
            action = f"screen.gate('{key}')"
            if name == self.view:
                left += [(f" {key} {full} ", clickable(ink.chosen, action)), (" ", ink.text)]
            else:
                left.append((f"{key} ", clickable(ink.key, action)))
        right: list[Piece] = []
        if self._num_layers > 1:
            label = f"layer {self.chosen_layer + 1}/{self._num_layers}"
            right = [
                ("[ ", clickable(ink.key, "screen.layer(-1)")),
                (label, ink.muted),
                (" ]", clickable(ink.key, "screen.layer(1)")),
            ]
        return heading(ink, width, "Gates", left, right, focus=self.has_focus)

    @property
    def _span(self) -> Span:
        """The range of the values shown."""
        return views(self._cell)[self.view].span

    def _body(self, values: np.ndarray, units: range, low: float, high: float, per_row: int) -> Iterator[Strip]:
        """Rows of cells behind their units' numbers."""
        rows = self._colors(values, low, high, per_row) if self._plain else self._glyphs(values, low, high)
        for unit, cells in zip(units[::per_row], rows, strict=True):
            label, style = self._unit_label(unit, per_row)
            yield Strip([Segment(label.rjust(self._margin() - 1) + " ", style), *join(cells)])

    @property
    def _plain(self) -> bool:
        """Values are colours alone, not glyphs."""
        return self.ink.colored and not self.ink.ascii

    def _colors(self, values: np.ndarray, low: float, high: float, per_row: int) -> Iterator[list[Piece]]:
        """A unit's values as blank cells, or those of two units as half blocks."""
        levels = quantize(values, low, high, _LEVELS).tolist()
        if per_row == 1:
            for line in levels:
                yield [(" ", self._style(-1, level)) for level in line]
            return
        nothing = [-1] * values.shape[1]
        for upper, lower in zip_longest(levels[::2], levels[1::2], fillvalue=nothing):
            yield [("▀" if top >= 0 else " ", self._style(top, low)) for top, low in zip(upper, lower, strict=True)]

    def _glyphs(self, values: np.ndarray, low: float, high: float) -> Iterator[list[Piece]]:
        """Values as glyphs, in colours if there are any."""
        ramp = self._ramp
        lines = shade(quantize(values, low, high, len(ramp)), ramp)
        levels = quantize(values, low, high, _LEVELS).tolist()
        for line, row_levels in zip(lines, levels, strict=True):
            yield [
                (" " if level < 0 else glyph, self._style(level, -1) if self.ink.colored else self.ink.text)
                for glyph, level in zip(line, row_levels, strict=True)
            ]

    @property
    def _ramp(self) -> str:
        return (RAMPS if self._span == "gate" else DIVERGING_RAMPS)["ascii" if self.ink.ascii else "unicode"]

    def _style(self, front: int, behind: int) -> Style:
        """The style of a cell by its levels; −1 is the background."""
        key = (self._span == "gate", front, behind)
        if (style := self._styles.get(key)) is None:
            palette = self.ink.sequential if self._span == "gate" else self.ink.diverging
            style = self._styles[key] = Style(
                color=palette[front] if front >= 0 else None, bgcolor=palette[behind] if behind >= 0 else None
            )
        return style

    def _unit_label(self, unit: int, per_row: int) -> tuple[str, Style]:
        if self._cursor is not None and 0 <= self._cursor[0] - unit < per_row:
            return str(self._cursor[0]), self.ink.chosen
        shown = (unit - self._first_unit) % (4 * per_row) == 0
        return (str(unit) if shown else ""), self.ink.faint

    def _characters(self, width: int, body_width: int) -> Strip:
        ink = self.ink
        segments = [Segment(" " * self._margin(), ink.faint)]
        for x in range(body_width):
            column = self._column_at(x, body_width)
            if column is None:
                segments.append(Segment(" ", ink.faint))
                continue
            reading, index = column
            character = reading.text[index]
            style = ink.faint if character.isspace() else ink.text
            if self._cursor is not None and self._cursor[1] == x:
                style = ink.chosen
            segments.append(Segment(visible_character(character, ascii_only=ink.ascii), style))
        return Strip(Segment.simplify(segments))

    def _legend(self, width: int, values: np.ndarray, low: float, high: float) -> Strip:
        """The colour scale, then mean and saturation of all units over the characters on screen."""
        ink, gate = self.ink, self._span == "gate"
        left: list[Piece] = [(f"{low:g} ".rjust(self._margin()), ink.muted)]
        if not self._plain:
            left.append((self._ramp, ink.text))
        else:
            palette = ink.sequential if gate else ink.diverging
            step = 1 if width >= 70 else 2
            left += [(" ", Style(bgcolor=color)) for color in palette[::step]]
        left.append((f" {high:g}", ink.muted))
        known = values[np.isfinite(values)]
        if not known.size:
            return row(width, left)
        facts = [("mean", f"{known.mean():.2f}" if gate else f"{known.mean():+.2f}")]
        if gate:
            facts += [("closed", f"{(known < _CLOSED).mean():.0%}"), ("open", f"{(known > _OPEN).mean():.0%}")]
        elif self._span == "free":
            facts.append(("beyond ±1", f"{(np.abs(known) > 1).mean():.0%}"))
        else:
            facts.append(("saturated", f"{(np.abs(known) > _OPEN).mean():.0%}"))
        right: list[Piece] = []
        room = width - sum(len(text) for text, _ in left)
        for name, value in facts:
            room -= len(name) + len(value) + 3
            if room >= 0:
                right += [(f"  {name} ", ink.muted), (value, ink.text)]
        return row(width, left, right)

    def _readout(self, width: int) -> Strip | None:
        """What the cursor points at, as text."""
        if self._cursor is None:
            return None
        unit, x = self._cursor
        column = self._column_at(x, self._body_width())
        if column is None or unit >= self._units():
            return None
        reading, index = column
        value = float(reading.layers[self.chosen_layer][self.view][index, unit])
        name = views(self._cell)[self.view].title
        character = visible_character(reading.text[index], ascii_only=self.ink.ascii)
        ink = self.ink
        return row(
            width,
            [
                (" " * self._margin() + "unit ", ink.muted),
                (f"{unit}", ink.strong),
                (" at ", ink.muted),
                (character, ink.strong),
                (f"  {name} ", ink.muted),
                (f"{value:+.3f}" if self._span != "gate" else f"{value:.3f}", ink.strong),
            ],
        )

    # Walking through it.

    def action_move(self, down: int, right: int) -> None:
        """Moves the cursor, and the units on screen along with it."""
        if not self._columns:
            return
        unit, x = self._cursor or (self._first_unit, (self._count - 1) % self._body_width())
        unit = max(0, min(self._units() - 1, unit + down))
        self._cursor = (unit, (x + right) % self._body_width())
        visible = self._body_height() * self._units_per_row()
        self._first_unit = max(min(self._first_unit, unit), unit - visible + 1)
        self._first_unit -= self._first_unit % self._units_per_row()
        if unit - self._first_unit >= visible:
            self._first_unit += self._units_per_row()
        self.redraw()

    def action_page(self, pages: int) -> None:
        """Shows the units above or below."""
        self._scroll(pages * self._body_height() * self._units_per_row())

    def _scroll(self, units: int) -> None:
        self._first_unit = max(0, self._first_unit + units)
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Shows further units."""
        event.stop()
        self._scroll(2 * self._units_per_row())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Shows earlier units."""
        event.stop()
        self._scroll(-2 * self._units_per_row())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Points at the cell under the mouse."""
        unit = self._first_unit + (event.y - 1) * self._units_per_row()
        x = event.x - self._margin()
        inside = 0 <= x < self._body_width() and 1 <= event.y <= self._body_height() and unit < self._units()
        self._point_at((unit, x) if inside else None)

    def on_leave(self, event: events.Leave) -> None:
        """Points at nothing."""
        self._point_at(None)

    def on_blur(self, event: events.Blur) -> None:
        """Points at nothing."""
        self._point_at(None)

    def _point_at(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cursor:
            self._cursor = cell
            self.redraw()

    def notify_style_update(self) -> None:
        """Forgets the colours of another theme."""
        self._styles = {}
        super().notify_style_update()
