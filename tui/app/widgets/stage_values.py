"""The values of a stage as tables with bars: those of all units, symbols or arrays, and single weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from lstm_ext.visualization.drawing import draw_balance, draw_bar

from ...text.formulas import format_number
from ...text.step import likeliest, weight_name
from .canvas import Piece, clickable, row
from .stage_matrix import StageMatrix
from .walk_view import most_wide, window

NUMBER = 9
#: A bar of fewer characters says nothing.
MIN_BAR = 7
MAX_BAR = 41


class StageValues(StageMatrix):
    """What a view of a stage draws tables with."""

    # The values.

    def values(self, width: int, room: int) -> Iterator[Strip]:
        """The stage's values for everything they run over, in at most ``room`` rows."""
        place = self.place
        moment = place.moment
        stage = moment.stage
        if stage.id == "dW":
            yield from self._weights(width, room)
        elif stage.id == "dW_y":
            yield from self._output_weights(width, room)
        elif stage.id == "step":
            yield from self._changes(width, room)
        elif stage.id == "after":
            yield from self._learned(width, room)
        elif stage.axis == "array":
            yield from self._arrays(width, room)
        elif stage.id == "loss":
            yield from self._symbols(moment.step.values["p"], "gate", moment.step.target, "target", width, room)
        elif stage.axis == "symbol":
            yield from self._symbols(moment.values, stage.span, moment.step.target, "target", width, room)
        elif stage.axis == "input" and place.walk.config.num_layers == 1:
            yield from self._symbols(moment.values, stage.span, moment.step.symbol, "", width, room)
        elif stage.axis in ("unit", "input"):
            yield from self._units(moment.values, stage.span, width, room)

    def _units(self, values: np.ndarray, span: str, width: int, room: int) -> Iterator[Strip]:
        place, ink = self.place, self.ink
        size = values.size
        digits = len(str(size))
        verdict = place.verdict
        yours = verdict.yours if verdict is not None and verdict.state in ("differs", "follows") else None
        if room > size:
            yield self._scale(f"{'unit'.ljust(digits + 7)}", values, span, width)
            room -= 1
        elif place.sort and room > 1:
            yield row(width, [("most telling for the next score first", self.ink.faint)])
            room -= 1
        for k in window(size, place.order.index(place.unit), room):
            unit = place.order[k]
            chosen = unit == place.unit
            style = clickable(ink.strong if chosen else ink.text, f"screen.choose({unit})")
            marker = self.marker if chosen else " "
            pieces: list[Piece] = [(f"{marker} unit {str(unit).rjust(digits)}", style)]
            pieces.append((format_number(float(values[unit])).rjust(NUMBER) + "  ", style))
            wide = width - digits - NUMBER - 9
            if yours is not None:
                pieces.append(("yours" + format_number(float(yours[unit])).rjust(NUMBER) + "  ", ink.bad))
                wide -= NUMBER + 7
            yield row(width, [*pieces, *(self.bar(float(values[unit]), values, span, wide) if wide >= MIN_BAR else [])])

    def _symbols(self, values: np.ndarray, span: str, marked: int, mark: str, width: int, room: int) -> Iterator[Strip]:
        """Rows for symbols, the marked one and the largest ones if there is not room for all."""
        ink = self.ink
        shown = likeliest(np.abs(values) if span == "free" else values, marked, max(1, room))
        for symbol in shown:
            value, here = float(values[symbol]), symbol == marked
            style = ink.strong if here else ink.text
            text = format_number(int(value) if self.place.moment.stage.id == "x" else value)
            pieces: list[Piece] = [
                (self.label(symbol, marked=here), style),
                (text.rjust(NUMBER) + "  ", style),
            ]
            note = [(f" {mark}", ink.key)] if here and mark else []
            space = width - 6 - NUMBER - 2 - (len(mark) + 1 if mark else 0)
            yield row(width, [*pieces, *self.bar(value, values, span, space)], note)

    def _arrays(self, width: int, room: int) -> Iterator[Strip]:
        place, ink = self.place, self.ink
        values = place.moment.values
        wide = most_wide(place.walk.arrays)
        for name, value in list(zip(place.walk.arrays, values, strict=True))[:room]:
            pieces: list[Piece] = [
                (name.ljust(wide), ink.text),
                (format_number(float(value)).rjust(NUMBER) + "  ", ink.text),
            ]
            share = float(value) / (float(values.max()) or 1.0)
            length = min(MAX_BAR, width - wide - NUMBER - 2)
            pieces.append((draw_bar(share, length, "ascii" if ink.ascii else "line"), self.color(1)))
            yield row(width, pieces)

    def _changes(self, width: int, room: int) -> Iterator[Strip]:
        """A row for each kind of weight: old, what is taken away, new."""
        place, ink = self.place, self.ink
        changes = place.walk.updated.changes(place.unit)
        names = [self.spelled(weight_name(place.walk, change)) for change in changes]
        wide = max(map(cell_len, names), default=0)
        column = min(12, max(NUMBER, (width - wide) // 3))
        heads = ("old", self.spelled("- η·scale·dW") if column > 11 else self.spelled("- η·dW"), "= new")
        yield row(width, [(" " * wide + "".join(self.spelled(head).rjust(column) for head in heads), ink.muted)])
        for name, change in list(zip(names, changes, strict=True))[: room - 1]:
            old, step, new = (format_number(n).rjust(column) for n in (change.old, change.step, change.new))
            label = set_cell_size(name, wide)
            yield row(width, [(label + old, ink.text), (step, self.color(-1)), (new, ink.strong)])

    def _learned(self, width: int, room: int) -> Iterator[Strip]:
        """Each prediction before and after the update."""
        place, ink = self.place, self.ink
        walk, updated = place.walk, place.walk.updated
        arrow = ">" if ink.ascii else "→"
        yield row(width, [("next" + "before".rjust(10) + "after".rjust(9), ink.faint)])
        for step in walk.steps[: room - 1]:
            before, after = float(updated.odds[step.t - 1]), float(updated.odds_after[step.t - 1])
            pair = set_cell_size(f"{self.character(step.symbol)}{arrow}{self.character(step.target)}", 5)
            pieces: list[Piece] = [(pair + f"{before:.1%}".rjust(9), ink.text), (f"{after:.1%}".rjust(9), ink.strong)]
            yield row(width, [*pieces, ("  ", ink.text), *self.bar(after, updated.odds, "gate", width - 25)])

    def _weights(self, width: int, room: int) -> Iterator[Strip]:
        """A row for each block of W: what is added to the bias and the character's column, and to those of h."""
        place, ink = self.place, self.ink
        step = place.moment.step
        rows = place.walk.weight_rows(step, place.unit)
        name = most_wide([entry.weights for entry in rows]) + 1
        same = place.walk.config.num_layers == 1
        first = f"b, {self.quoted(step.symbol)}" if same else "b"
        units = window(place.walk.config.hidden_size, place.unit, (width - name - 10) // NUMBER)
        if all(entry.recurrent is None for entry in rows):
            units = range(0)
        yield row(
            width,
            [
                ("".ljust(name) + first.rjust(10), ink.muted),
                ("".join(f"h {u}".rjust(NUMBER) for u in units), ink.muted),
            ],
        )
        for entry in rows[: room - 1]:
            of_h = np.empty(0) if entry.recurrent is None else entry.recurrent
            numbers = "".join(format_number(float(of_h[u])).rjust(NUMBER) for u in units)
            yield row(
                width,
                [(entry.weights.ljust(name), ink.strong), (format_number(entry.da).rjust(10) + numbers, ink.text)],
            )

    def _output_weights(self, width: int, room: int) -> Iterator[Strip]:
        """A row for each symbol: its score's gradient, which its bias gets, and what its weights get."""
        place, ink = self.place, self.ink
        step, values = place.moment.step, place.moment.step.values
        units = window(place.walk.config.hidden_size, place.unit, (width - 6) // NUMBER - 1)
        heads = "".join(f"h {unit}".rjust(NUMBER) for unit in units)
        yield row(width, [(" " * 6 + "b".rjust(NUMBER) + heads, ink.muted)])
        for symbol in likeliest(np.abs(values["dy"]), step.target, max(1, room - 1)):
            here = symbol == step.target
            numbers = "".join(
                format_number(float(values["dy"][symbol] * values["h"][unit])).rjust(NUMBER) for unit in units
            )
            bias = format_number(float(values["dy"][symbol])).rjust(NUMBER)
            yield row(width, [(self.label(symbol, marked=here) + bias + numbers, ink.strong if here else ink.text)])

    # Bars.

    def bar(self, value: float, values: np.ndarray, span: str, room: int) -> list[Piece]:
        room = min(MAX_BAR, room)
        if room < MIN_BAR:
            return []
        if span == "gate":
            return [(draw_bar(value, room, "ascii" if self.ink.ascii else "line"), self.color(1))]
        return self.balance(value / _limit(values, span), room)

    def balance(self, share: float, room: int) -> list[Piece]:
        left, axis, right = draw_balance(share, room, ascii_only=self.ink.ascii)
        return [(left, self.color(-1)), (axis, self.ink.faint), (right, self.color(1))]

    def _scale(self, label: str, values: np.ndarray, span: str, width: int) -> Strip:
        """What the ends of the bars mean."""
        room = min(MAX_BAR, width - len(label) - NUMBER - 2)
        high = "1" if span != "free" else format_number(_limit(values, span))
        low = "0" if span == "gate" else f"-{high}"
        text = low + high.rjust(room - len(low)) if room >= MIN_BAR + 12 else ""
        return row(width, [(label.ljust(len(label) + NUMBER + 2), self.ink.faint), (text, self.ink.faint)])

    def color(self, sign: int) -> Style:
        """Orange for positive, blue for negative values."""
        ink = self.ink
        if not ink.colored:
            return ink.text
        color: Color = ink.diverging[-3 if sign > 0 else 2]
        return Style(color=color)


def _limit(values: np.ndarray, span: str) -> float:
    """The value at the end of a bar."""
    return 1.0 if span in ("gate", "tanh") else float(np.abs(values).max()) or 1.0
