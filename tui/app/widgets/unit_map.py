"""The Gates screen's heatmap: all units downwards, the characters of a text across, and a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from lstm_ext.explain.reading import views
from lstm_ext.explain.units import Units
from lstm_ext.visualization.drawing import visible_character

from ...text.gates import value
from .canvas import Piece, clickable, heading, join, row
from .gate_view import GateView, Look
from .heatmap import Heatmap


def window(length: int, cursor: int, first: int, room: int) -> range:
    """``room`` of ``length`` places, from ``first`` on or moved as little as shows ``cursor``."""
    first = max(min(first, cursor), cursor - room + 1)
    first = max(0, min(first, length - room))
    return range(first, min(length, first + room))


@dataclass(frozen=True)
class _Panel:
    """One of the times shown: its units, and the first column of its cells."""

    units: Units
    when: str
    left: int


@dataclass
class _Row:
    """A line of the map: its units, its number, its cells in each panel, and all that without a cursor."""

    units: Sequence[int]
    y: int
    cells: Sequence[Sequence[Piece]]
    strip: Strip = field(default_factory=lambda: Strip([]))


class UnitMap(GateView, Heatmap):
    """A row for each unit, or for two where they are many; the cursor's value below, exactly."""

    HELP_TITLE = "Units and characters"
    HELP = (
        "Each row is a unit, each column a character that the network read. A gate runs from 0, closed, to 1, open; "
        "states and candidates have a sign: blue is negative, orange positive. Distances from each unit's own mean (v) "
        "show what a picture of high forget gates hides. The last line has the value under the cursor. A network kept "
        "for comparison (k) stands on the left."
    )

    class Pointed(Message):
        """A cell was clicked."""

        def __init__(self, unit: int, position: int) -> None:
            super().__init__()
            self.unit, self.position = unit, position

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first_row = self._first_position = 0
        self._kept_rows: tuple[tuple[object, ...], Look, list[_Row]] | None = None

    @property
    def signed(self) -> bool:
        """As what is shown."""
        return self.look is not None and self.look.signed

    # What is where: body rows between the heading and two lines of text; columns after the units' numbers.

    @property
    def body_height(self) -> int:
        """Lines of cells."""
        return max(1, self.size.height - 3)

    def _margin(self, look: Look) -> int:
        return len(str(len(look.units) - 1)) + 1

    def _panels(self, look: Look, width: int) -> tuple[list[_Panel], int]:
        """The times shown, and the columns that each of them has."""
        margin = self._margin(look)
        if look.kept is None:
            return [_Panel(look.units, look.when, margin)], max(1, width - margin)
        room = max(1, (width - margin - 1) // 2)
        return [_Panel(look.kept, look.kept_when, margin), _Panel(look.units, look.when, margin + room + 1)], room

    def _per_row(self, look: Look) -> int:
        return 2 if self.plain and len(look.units) > self.body_height else 1

    @property
    def page(self) -> tuple[int, int]:
        """How many units and how many characters are seen at once."""
        if self.look is None:
            return 1, 1
        return self.body_height * self._per_row(self.look), self._panels(self.look, self.size.width)[1]

    def _windows(self, look: Look, room: int) -> tuple[range, range]:
        """The places in the order, and the characters, on screen."""
        per_row = self._per_row(look)
        rows = window(len(look.order), look.row, self._first_row, self.body_height * per_row)
        if rows.start % per_row:  # a row of two begins with an even place
            rows = range(rows.start + (1 if look.row > rows.start else -1), rows.stop)
        columns = window(len(look.units.text), look.position, self._first_position, room)
        self._first_row, self._first_position = rows.start, columns.start
        return rows, columns

    def draw(self, width: int, height: int) -> list[Strip]:
        """Heading, map, characters, and the value under the cursor with the colour scale."""
        look, ink = self.look, self.ink
        if look is None:
            hint = "no network has been read yet: 1 trains one, l loads one"
            blank = [row(width, [])] * ((height - 1) // 2)
            return [heading(ink, width, "Gates"), *blank, row(width, [(hint.center(width), ink.faint)])]
        panels, room = self._panels(look, width)
        rows, columns = self._windows(look, room)
        margin, divider = self._margin(look), [("|" if ink.ascii else "│", ink.rule)]
        lines = [self._heading(look, rows, width)]
        for drawn in self._body(look, panels, room, rows, columns):
            here = look.unit in drawn.units
            lines.append(self._row(drawn, look, columns, room) if here else drawn.strip)
        lines += [row(width, [])] * (self.body_height + 1 - len(lines))
        text = self._characters(look, columns)
        pieces = text if len(panels) == 1 else [*_padded(text, room), *divider, *text]
        lines.append(row(width, [(" " * margin, ink.faint), *pieces]))
        lines.append(self._readout(look, panels, look.low, look.high, width))
        return lines

    def _body(self, look: Look, panels: Sequence[_Panel], room: int, rows: range, columns: range) -> list[_Row]:
        """The rows without a cursor, kept while only that moves: keys are to answer at once."""
        key = (id(look.units), id(look.kept), look.sort, look.deviation, rows, columns, room, self.size)
        if self._kept_rows is not None and self._kept_rows[0] == key:
            return self._kept_rows[2]
        units, per_row = [look.order[place] for place in rows], self._per_row(look)
        cells = [
            list(
                self.cells(
                    look.values(panel.units)[columns.start : columns.stop, units].T, look.low, look.high, per_row
                )
            )
            for panel in panels
        ]
        body = []
        for y, first in enumerate(range(0, len(units), per_row)):
            drawn = _Row(units[first : first + per_row], y, [panel[y] for panel in cells])
            drawn.strip = self._row(drawn, replace(look, unit=-1), columns, room)
            body.append(drawn)
        self._kept_rows = (key, look, body)  # with the look, so that its parts keep their ids
        return body

    def _row(self, drawn: _Row, look: Look, columns: range, room: int) -> Strip:
        """A row with its unit's number and, if it is there, the cursor."""
        cells = [self._with_cursor(line, drawn.units, columns, look) for line in drawn.cells]
        pieces = cells[0]
        if len(cells) > 1:
            pieces = [*_padded(cells[0], room), ("|" if self.ink.ascii else "│", self.ink.rule), *cells[1]]
        return Strip([self._label(drawn.units, drawn.y, self._margin(look), look), *join(pieces)])

    def _heading(self, look: Look, rows: range, width: int) -> Strip:
        ink = self.ink
        left: list[Piece] = [("  ", ink.text)]
        for name, (key, title, _) in views(look.cell).items():
            action = f"screen.gate('{key}')"
            if name == look.name:
                left += [(f" {key} {title} ", clickable(ink.chosen, action)), (" ", ink.text)]
            else:
                left.append((f"{key} ", clickable(ink.key, action)))
        dash = "-" if ink.ascii else "–"
        which = f"{rows.start}{dash}{rows.stop - 1} of {len(look.order)}"
        right: list[Piece] = [("deviation ", clickable(ink.key, "screen.deviation"))] if look.deviation else []
        label = f"units {which}" if look.sort == "number" else f"{which} by {look.sort}"
        right.append((label, clickable(ink.muted, "screen.sort")))
        if look.num_layers > 1:
            right += [
                (" [ ", clickable(ink.key, "screen.layer(-1)")),
                (f"layer {look.layer + 1}/{look.num_layers}", ink.muted),
                (" ]", clickable(ink.key, "screen.layer(1)")),
            ]
        return heading(ink, width, "Gates", left, right)

    def _label(self, units: Sequence[int], y: int, margin: int, look: Look) -> Segment:
        """The number of a row's unit: always in another order, else now and then."""
        if look.unit in units:
            return Segment(f"{look.unit}".rjust(margin - 1) + " ", self.ink.chosen)
        shown = look.sort != "number" or y % 4 == 0
        return Segment((str(units[0]) if shown else "").rjust(margin - 1) + " ", self.ink.faint)

    def _with_cursor(self, cells: Sequence[Piece], units: Sequence[int], columns: range, look: Look) -> list[Piece]:
        """A row's cells, with the cursor in its place."""
        cells = list(cells)
        if look.unit not in units or look.position not in columns:
            return cells
        x = look.position - columns.start
        glyph, style = cells[x]
        if not self.plain:
            cells[x] = (glyph, self.ink.chosen)
            return cells
        mark = style + Style(color=self.ink.text.color)
        if glyph == " ":
            cells[x] = ("◆", mark)
        elif look.unit == units[0]:
            cells[x] = ("▀", mark)
        else:
            cells[x] = ("▄", Style(color=self.ink.text.color, bgcolor=style.color))
        return cells

    def _characters(self, look: Look, columns: range) -> list[Piece]:
        ink = self.ink
        pieces = []
        for position in columns:
            character = look.units.text[position]
            style = ink.chosen if position == look.position else ink.faint if character.isspace() else ink.text
            pieces.append((visible_character(character, ascii_only=ink.ascii), style))
        return pieces

    def _readout(self, look: Look, panels: Sequence[_Panel], low: float, high: float, width: int) -> Strip:
        ink, span = self.ink, look.view.span
        character = visible_character(look.character, ascii_only=ink.ascii)
        left: list[Piece] = [
            (" " * self._margin(look) + "unit ", ink.muted),
            (f"{look.unit}", ink.strong),
            (" at ", ink.muted),
            (character, ink.strong),
            (f" {look.position:,} of {len(look.units.text):,}", ink.muted),
        ]
        for panel in panels:
            exact = panel.units.values[look.position, look.unit]
            when = f"  {panel.when} " if len(panels) > 1 else "  "
            left += [(when, ink.muted), (value(float(exact), span), ink.strong)]
        if len(panels) == 1:
            distance = look.units.values[look.position, look.unit] - look.units.mean[look.unit]
            left.append((f" ({distance:+.3f} from mean)", ink.muted))
        return row(width, left, self.scale(low, high, 0, wide=width >= 110))

    def notify_style_update(self) -> None:
        """Draws in the new theme's colours."""
        self._kept_rows = None
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor there; a double click opens the unit."""
        look = self.look
        if look is None or not 1 <= event.y <= self.body_height:
            return
        panels, room = self._panels(look, self.size.width)
        rows, columns = self._windows(look, room)
        panel = max((panel for panel in panels if panel.left <= event.x), key=lambda panel: panel.left, default=None)
        place = rows.start + (event.y - 1) * self._per_row(look)
        if panel is None or place >= rows.stop or event.x - panel.left >= len(columns):
            return
        self.post_message(self.Pointed(look.order[place], columns.start + event.x - panel.left))


def _padded(pieces: Sequence[Piece], width: int) -> Iterator[Piece]:
    """Cells, one column each, and blanks up to ``width``."""
    yield from pieces
    yield (" " * (width - len(pieces)), Style.null())
