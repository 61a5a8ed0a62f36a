"""The gate heatmap: what every unit's gates and states did while the network read its last characters."""

from __future__ import annotations

from collections import deque
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
from lstm_ext.visualization.drawing import visible_character

from ...text.gates import limits
from ..keys import LOOKING, bind
from .canvas import Piece, clickable, heading, join, row
from .heatmap import Heatmap

#: Every view's key, whatever the cell, and its name in full.
VIEW_KEYS = {view.key: view.name for cell in CELLS for view in views(cell).values()}
#: Stands for no character, in the column between two samples.
_BOUNDARY = -1
#: As many characters are remembered, however wide the screen.
_MEMORY = 512


class GateHeatmap(Heatmap, can_focus=True):
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
        """Shows characters ``start`` to ``end`` of a reading after what is there; a boundary before its first one."""
        if start == 0 and self._columns:
            self._columns.append((reading, _BOUNDARY))
            self._count += 1
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
        return 2 if self.plain and self._units() > self._body_height() else 1

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
            column = self._column_at(x, width)
            if column is not None and column[1] != _BOUNDARY:
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
        for unit, cells in zip(units[::per_row], self.cells(body, low, high, per_row), strict=True):
            label, style = self._unit_label(unit, per_row)
            rows.append(Strip([Segment(label.rjust(self._margin() - 1) + " ", style), *join(cells)]))
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
    def signed(self) -> bool:
        """All but gates."""
        return self._span != "gate"

    @property
    def _span(self) -> Span:
        """The range of the values shown."""
        return views(self._cell)[self.view].span

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
            if index == _BOUNDARY:
                segments.append(Segment("|" if ink.ascii else "│", ink.rule))
                continue
            character = reading.text[index]
            style = ink.faint if character.isspace() else ink.text
            if self._cursor is not None and self._cursor[1] == x:
                style = ink.chosen
            segments.append(Segment(visible_character(character, ascii_only=ink.ascii), style))
        return Strip(Segment.simplify(segments))

    def _legend(self, width: int, values: np.ndarray, low: float, high: float) -> Strip:
        """The colour scale, then mean and saturation of all units over the characters on screen."""
        left = self.scale(low, high, self._margin(), wide=width >= 70)
        room = width - sum(len(text) for text, _ in left)
        return row(width, left, self.facts(values, self._span, room))

    def _readout(self, width: int) -> Strip | None:
        """What the cursor points at, as text."""
        if self._cursor is None:
            return None
        unit, x = self._cursor
        column = self._column_at(x, self._body_width())
        if column is None or column[1] == _BOUNDARY or unit >= self._units():
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
