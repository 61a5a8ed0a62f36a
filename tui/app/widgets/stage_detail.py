"""One stage in full: its equation, with numbers, its summands, the values of all units, and what it is for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from lstm_ext.visualization.drawing import draw_balance, draw_bar

from ...exercises.debugger.comparison import Verdict
from ...text import against, formulas
from ...text.formulas import format_number
from ...text.step import likeliest
from ...text.visible import visible
from .canvas import Piece, clickable, heading, row
from .walk_view import WalkView, most_wide, window

_NUMBER = 9
#: A bar of fewer characters says nothing.
_MIN_BAR = 7
_MAX_BAR = 41


class StageDetail(WalkView):
    """Everything about the current stage."""

    HELP_TITLE = "The stage"
    HELP = (
        "The equation in symbols, then with the numbers of the chosen unit. W_fh and W_fx are the columns of W_f that "
        "meet h and x; · is a product, ⊙ one element by element, dX stands for ∂L/∂X. Below, the summands one by one, "
        "and the values of all units, which you can click."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """Heading, equation, summands, values, meaning; details are left out where there is little room."""
        place, ink = self.place, self.ink
        moment = place.moment
        name = moment.stage.name[0].upper() + moment.stage.name[1:]
        symbol = self.spelled(formulas.symbol(moment))
        head = [heading(ink, width, name, (), [(symbol, ink.key)] if symbol.lower() != name.lower() else [])]
        meaning = [
            row(width, [(line, ink.muted)]) for line in self._wrapped(formulas.meaning(moment, place.unit), width)
        ]
        room = height - len(head) - len(meaning)
        for products, numbers in ((True, True), (False, True), (False, False)):
            equation = [*self._equation(width, numbers=numbers), *self._yours(width)]
            summands = list(self._parts(width, products=products))
            left = room - len(equation) - len(summands) - (4 if summands else 3)
            if left >= self._rows_wanted():
                break
        values = list(self._values(width, max(1, left)))
        blocks = [block for block in (head, equation, summands, values, meaning) if block]
        room = height - sum(map(len, blocks)) - len(blocks)
        if room > min(len(place.walk.steps), 6):
            blocks.append(list(self._through_text(width, room)))
        spare = height - sum(map(len, blocks))
        strips: list[Strip] = []
        for block in blocks:
            if strips and spare > 0:
                strips.append(self._blank(width))
                spare -= 1
            strips += block
        return strips[:height]

    def _rows_wanted(self) -> int:
        """Rows needed for the values before matrix products are written out."""
        place = self.place
        axis = place.moment.stage.axis
        if axis == "unit":
            return min(place.walk.config.hidden_size, 4) + 1
        if axis == "weights":
            return 5
        return {"array": len(place.walk.arrays), "symbol": min(place.walk.config.output_size, 5)}.get(axis, 0)

    # The equation.

    def _equation(self, width: int, *, numbers: bool) -> Iterator[Strip]:
        """In symbols, with numbers, and the result, one under the other. The summands have the ``numbers``, too."""
        place, ink = self.place, self.ink
        moment = place.moment
        symbol, equals, right = self.spelled(formulas.equation(moment)).partition(" = ")
        if moment.stage.id == "x" and place.walk.config.num_layers == 1:
            right = right.replace("character", self.quoted(moment.step.symbol))
        indent = cell_len(symbol)
        lines = textwrap.wrap(right, width - indent - 3, break_on_hyphens=False)
        yield row(width, [(symbol + equals, ink.strong), (lines[0] if lines else "", ink.text)])
        for line in lines[1:]:
            yield row(width, [(" " * (indent + 3) + line, ink.text)])
        value = moment.value(place.unit)
        if value is None:
            return
        filled = self.spelled(formulas.filled(moment, place.unit))
        result = format_number(value)
        if filled and filled != result and (numbers or not moment.stage.parts):
            for number, line in enumerate(textwrap.wrap(filled, width - indent - 3, break_on_hyphens=False)):
                yield row(width, [(" " * indent + (" = " if number == 0 else "   "), ink.muted), (line, ink.text)])
        yield row(width, [(" " * indent + " = ", ink.muted), (result, ink.key)])

    def _yours(self, width: int) -> Iterator[Strip]:
        """What the learner's file has in this place, and the line that computed it."""
        place, ink = self.place, self.ink
        verdict, comparison = place.verdict, place.comparison
        if verdict is None or comparison is None:
            return
        sign, style = self.mark(verdict)
        where = f", line {verdict.line}" if verdict.line else ""
        first = comparison.first
        if verdict.state == "same":
            text = f"yours is the same{where}"
        elif verdict.state == "unseen":
            text = "your file has no variable for it"
        else:
            number = self._yours_at(verdict)
            text = f"yours {number}{where}" if number else f"yours differs{where}"
            if verdict.state == "follows" and first is not None:
                text += f": follows from {against.label(comparison, (first.quantity, first.t))}"
        for line in textwrap.wrap(self.spelled(text), width - 2, break_on_hyphens=False):
            yield row(width, [(f"{sign} ", style), (line, style)])
            sign = " "
        shown = [d for d in (first, *comparison.others) if d is not None]
        difference = next((d for d in shown if comparison.moment(d) is place.moment), None)
        if difference is None:
            return
        for line in textwrap.dedent(difference.code).splitlines()[:2]:
            yield row(width, [("  " + visible(line)[: width - 2], ink.strong)])
        for line in textwrap.wrap(self.spelled(against.cause(comparison, difference)), width - 2):
            yield row(width, [("  " + line, ink.text)])

    def _yours_at(self, verdict: Verdict) -> str:
        """The learner's number where the stage shows one number: of the chosen unit, or of the target."""
        place = self.place
        if verdict.yours is None or place.moment.value(place.unit) is None or verdict.yours.ndim != 1:
            return ""
        axis = place.moment.stage.axis
        index = {"unit": place.unit, "symbol": place.moment.step.target}.get(axis, 0)
        return format_number(float(verdict.yours[index]))

    def _parts(self, width: int, *, products: bool) -> Iterator[Strip]:
        """The summands of the value, each with a bar; ``products`` writes out the matrix products in them."""
        place, ink = self.place, self.ink
        parts = formulas.summands(place.moment, place.unit)
        symbols = [self.spelled(part.symbol) for part in parts]
        label = most_wide([part.label for part in parts]) + 1
        wide = most_wide(symbols)
        if label + wide + _NUMBER + _MIN_BAR + 2 > width:
            # A long symbol stands in the equation already.
            symbols, wide = [""] * len(parts), 0
        limit = max((abs(part.value) for part in parts), default=0.0) or 1.0
        for part, symbol in zip(parts, symbols, strict=True):
            text = part.label.ljust(label) + symbol.ljust(wide) + format_number(part.value).rjust(_NUMBER)
            room = min(_MAX_BAR, width - cell_len(text) - 2)
            pieces: list[Piece] = [
                (part.label.ljust(label), ink.muted),
                (symbol.ljust(wide), ink.text),
                (format_number(part.value).rjust(_NUMBER) + "  ", ink.text),
            ]
            if room >= _MIN_BAR:
                pieces += self._balance(part.value / limit, room)
            yield row(width, pieces)
            if products and part.product:
                line = " " * label + "= " + self.spelled(part.product)
                if cell_len(line) <= width:
                    yield row(width, [(line, ink.muted)])

    # The values.

    def _values(self, width: int, room: int) -> Iterator[Strip]:
        """The stage's values for everything they run over, in at most ``room`` rows."""
        place = self.place
        moment = place.moment
        stage = moment.stage
        if stage.id == "dW":
            yield from self._weights(width, room)
        elif stage.id == "dW_y":
            yield from self._output_weights(width, room)
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
        for unit in window(size, place.unit, room):
            chosen = unit == place.unit
            style = clickable(ink.strong if chosen else ink.text, f"screen.choose({unit})")
            marker = self.marker if chosen else " "
            pieces: list[Piece] = [(f"{marker} unit {str(unit).rjust(digits)}", style)]
            pieces.append((format_number(float(values[unit])).rjust(_NUMBER) + "  ", style))
            wide = width - digits - _NUMBER - 9
            if yours is not None:
                pieces.append(("yours" + format_number(float(yours[unit])).rjust(_NUMBER) + "  ", ink.bad))
                wide -= _NUMBER + 7
            yield row(
                width, [*pieces, *(self._bar(float(values[unit]), values, span, wide) if wide >= _MIN_BAR else [])]
            )

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
                (text.rjust(_NUMBER) + "  ", style),
            ]
            note = [(f" {mark}", ink.key)] if here and mark else []
            space = width - 6 - _NUMBER - 2 - (len(mark) + 1 if mark else 0)
            yield row(width, [*pieces, *self._bar(value, values, span, space)], note)

    def _arrays(self, width: int, room: int) -> Iterator[Strip]:
        place, ink = self.place, self.ink
        values = place.moment.values
        wide = most_wide(place.walk.arrays)
        for name, value in list(zip(place.walk.arrays, values, strict=True))[:room]:
            pieces: list[Piece] = [
                (name.ljust(wide), ink.text),
                (format_number(float(value)).rjust(_NUMBER) + "  ", ink.text),
            ]
            share = float(value) / (float(values.max()) or 1.0)
            length = min(_MAX_BAR, width - wide - _NUMBER - 2)
            pieces.append((draw_bar(share, length, "ascii" if ink.ascii else "line"), self._color(1)))
            yield row(width, pieces)

    def _weights(self, width: int, room: int) -> Iterator[Strip]:
        """A row for each block of W: what is added to the bias and the character's column, and to those of h."""
        place, ink = self.place, self.ink
        step = place.moment.step
        rows = place.walk.weight_rows(step, place.unit)
        name = most_wide([entry.weights for entry in rows]) + 1
        same = place.walk.config.num_layers == 1
        first = f"b, {self.quoted(step.symbol)}" if same else "b"
        units = window(place.walk.config.hidden_size, place.unit, (width - name - 10) // _NUMBER)
        if all(entry.recurrent is None for entry in rows):
            units = range(0)
        yield row(
            width,
            [
                ("".ljust(name) + first.rjust(10), ink.muted),
                ("".join(f"h {u}".rjust(_NUMBER) for u in units), ink.muted),
            ],
        )
        for entry in rows[: room - 1]:
            of_h = np.empty(0) if entry.recurrent is None else entry.recurrent
            numbers = "".join(format_number(float(of_h[u])).rjust(_NUMBER) for u in units)
            yield row(
                width,
                [(entry.weights.ljust(name), ink.strong), (format_number(entry.da).rjust(10) + numbers, ink.text)],
            )

    def _output_weights(self, width: int, room: int) -> Iterator[Strip]:
        """A row for each symbol: its score's gradient, which its bias gets, and what its weights get."""
        place, ink = self.place, self.ink
        step, values = place.moment.step, place.moment.step.values
        units = window(place.walk.config.hidden_size, place.unit, (width - 6) // _NUMBER - 1)
        heads = "".join(f"h {unit}".rjust(_NUMBER) for unit in units)
        yield row(width, [(" " * 6 + "b".rjust(_NUMBER) + heads, ink.muted)])
        for symbol in likeliest(np.abs(values["dy"]), step.target, max(1, room - 1)):
            here = symbol == step.target
            numbers = "".join(
                format_number(float(values["dy"][symbol] * values["h"][unit])).rjust(_NUMBER) for unit in units
            )
            bias = format_number(float(values["dy"][symbol])).rjust(_NUMBER)
            yield row(width, [(self.label(symbol, marked=here) + bias + numbers, ink.strong if here else ink.text)])

    def _through_text(self, width: int, room: int) -> Iterator[Strip]:
        """The chosen unit's value of this stage at every character that the walk has reached."""
        place, ink = self.place, self.ink
        here, steps = place.moment, place.walk.steps
        if here.phase == "update" or here.value(place.unit) is None:
            return
        arrow = ">" if ink.ascii else "→"
        numbers = [place.find(step.t, here.stage.id) for step in steps]
        moments = [place.walk.moments[number] for number in numbers if number is not None]
        values = np.array([moment.value(place.unit) for moment in moments], dtype=np.float64)
        yield row(width, [("through the text", ink.faint)])
        for k in window(len(steps), here.step.t - 1, room - 1):
            step, number = steps[k], numbers[k]
            current = step is here.step
            style = ink.strong if current else ink.text
            marker = self.marker if current else " "
            letters = set_cell_size(f"{self.character(step.symbol)}{arrow}{self.character(step.target)}", 5)
            pieces: list[Piece] = [(f"{marker} {letters} ", clickable(style, f"screen.go({number})"))]
            if number is not None and number <= place.index:
                value = float(values[k])
                pieces.append((format_number(value).rjust(_NUMBER) + "  ", style))
                pieces += self._bar(value, values, here.stage.span, width - 8 - _NUMBER - 2)
            else:
                pieces.append((self.dot.rjust(_NUMBER), ink.faint))
            yield row(width, pieces)

    # Bars.

    def _bar(self, value: float, values: np.ndarray, span: str, room: int) -> list[Piece]:
        room = min(_MAX_BAR, room)
        if room < _MIN_BAR:
            return []
        if span == "gate":
            return [(draw_bar(value, room, "ascii" if self.ink.ascii else "line"), self._color(1))]
        return self._balance(value / _limit(values, span), room)

    def _balance(self, share: float, room: int) -> list[Piece]:
        left, axis, right = draw_balance(share, room, ascii_only=self.ink.ascii)
        return [(left, self._color(-1)), (axis, self.ink.faint), (right, self._color(1))]

    def _scale(self, label: str, values: np.ndarray, span: str, width: int) -> Strip:
        """What the ends of the bars mean."""
        room = min(_MAX_BAR, width - len(label) - _NUMBER - 2)
        high = "1" if span != "free" else format_number(_limit(values, span))
        low = "0" if span == "gate" else f"-{high}"
        text = low + high.rjust(room - len(low)) if room >= _MIN_BAR + 12 else ""
        return row(width, [(label.ljust(len(label) + _NUMBER + 2), self.ink.faint), (text, self.ink.faint)])

    def _color(self, sign: int) -> Style:
        """Orange for positive, blue for negative values."""
        ink = self.ink
        if not ink.colored:
            return ink.text
        color: Color = ink.diverging[-3 if sign > 0 else 2]
        return Style(color=color)

    # Text.

    def _wrapped(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(self.spelled(text), width, break_on_hyphens=False)


def _limit(values: np.ndarray, span: str) -> float:
    """The value at the end of a bar."""
    return 1.0 if span in ("gate", "tanh") else float(np.abs(values).max()) or 1.0
