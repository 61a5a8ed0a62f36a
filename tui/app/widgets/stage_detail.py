"""One stage in full: its equation, with numbers, its summands, the values of all units, and what it is for."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len, set_cell_size
from textual.strip import Strip

from ...exercises.debugger.comparison import Verdict
from ...text import against, formulas
from ...text.formulas import format_number
from ...text.visible import visible
from .canvas import Piece, clickable, heading, row
from .stage_code import code_rows
from .stage_values import MAX_BAR, MIN_BAR, NUMBER, StageValues
from .walk_view import most_wide, window


class StageDetail(StageValues):
    """Everything about the current stage."""

    HELP_TITLE = "The stage"
    HELP = (
        "The equation in symbols, then with the numbers of the chosen unit. W_fh and W_fx are the columns of W_f that "
        "meet h and x; · is a product, ⊙ one element by element, dX stands for ∂L/∂X. Below, the summands one by one, "
        "and the values of all units, which you can click."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """Heading, equation, summands, values; then W, what it is for, and the text as far as there is room."""
        place, ink = self.place, self.ink
        moment = place.moment
        name = moment.stage.name[0].upper() + moment.stage.name[1:]
        symbol = self.spelled(formulas.symbol(moment))
        head = [heading(ink, width, name, (), [(symbol, ink.key)] if symbol.lower() != name.lower() else [])]
        summands = list(code_rows(self, width) if place.code else self._parts(width))
        for symbols, numbers in ((True, True), (True, False), (False, False)):
            equation = [*self._equation(width, symbols=symbols, numbers=numbers), *self._yours(width)]
            left = height - len(head) - len(equation) - len(summands)
            if left >= (self._rows_wanted() if symbols and numbers else 0):
                break
        matrix = [] if place.code else self.matrix(width, left - self._rows_wanted())
        values = list(self.values(width, max(1, left - len(matrix)))) if left > 0 else []
        blocks = [block for block in (head, equation, summands, matrix, values) if block]
        room = height - sum(map(len, blocks))
        meaning = [] if place.code else self._meaning(width, room)
        if meaning:
            blocks.append(meaning)
        room -= len(meaning) + len(blocks)
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

    def _meaning(self, width: int, room: int) -> list[Strip]:
        """What the stage is for: as many sentences as there is room for."""
        sentences = re.split(r"(?<=\.) (?=[A-Z])", formulas.meaning(self.place.moment, self.place.unit))
        while sentences:
            lines = self._wrapped(" ".join(sentences), width)
            if len(lines) <= room:
                return [row(width, [(line, self.ink.muted)]) for line in lines]
            sentences.pop()
        return []

    def _rows_wanted(self) -> int:
        """Rows that the values need."""
        place = self.place
        axis = place.moment.stage.axis
        if axis == "unit":
            return min(place.walk.config.hidden_size, 4) + 1
        if axis == "weights":
            return 5
        return {"array": len(place.walk.arrays), "symbol": min(place.walk.config.output_size, 5)}.get(axis, 0)

    # The equation.

    def _equation(self, width: int, *, symbols: bool, numbers: bool) -> Iterator[Strip]:
        """In symbols, with numbers, and the result, one under the other. The summands have the symbols and numbers,
        too: without them, the result alone."""
        place, ink = self.place, self.ink
        moment = place.moment
        symbol, equals, right = self.spelled(formulas.equation(moment)).partition(" = ")
        if moment.stage.id == "x" and place.walk.config.num_layers == 1:
            right = right.replace("character", self.quoted(moment.step.symbol))
        value = moment.value(place.unit)
        if not symbols and moment.stage.parts and value is not None:
            yield row(width, [(symbol + equals, ink.strong), (format_number(value), ink.key)])
            return
        indent = cell_len(symbol)
        lines = textwrap.wrap(right, width - indent - 3, break_on_hyphens=False)
        yield row(width, [(symbol + equals, ink.strong), (lines[0] if lines else "", ink.text)])
        for line in lines[1:]:
            yield row(width, [(" " * (indent + 3) + line, ink.text)])
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

    def _parts(self, width: int) -> Iterator[Strip]:
        """The summands of the value, each with a bar; matrix products among them are written out."""
        place, ink = self.place, self.ink
        parts = formulas.summands(place.moment, place.unit)
        symbols = [self.spelled(part.symbol) for part in parts]
        label = most_wide([part.label for part in parts]) + 1
        wide = most_wide(symbols)
        if label + wide + NUMBER + MIN_BAR + 2 > width:
            # A long symbol stands in the equation already.
            symbols, wide = [""] * len(parts), 0
        limit = max((abs(part.value) for part in parts), default=0.0) or 1.0
        for part, symbol in zip(parts, symbols, strict=True):
            text = part.label.ljust(label) + symbol.ljust(wide) + format_number(part.value).rjust(NUMBER)
            room = min(MAX_BAR, width - cell_len(text) - 2)
            pieces: list[Piece] = [
                (part.label.ljust(label), ink.muted),
                (symbol.ljust(wide), ink.text),
                (format_number(part.value).rjust(NUMBER) + "  ", ink.text),
            ]
            if room >= MIN_BAR:
                pieces += self.balance(part.value / limit, room)
            yield row(width, pieces)
            if part.product:
                lines = textwrap.wrap(self.spelled(part.product), width - 4, break_on_hyphens=False)
                for number, line in enumerate(lines):
                    yield row(width, [(("  = " if number == 0 else "    ") + line, ink.muted)])

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
                pieces.append((format_number(value).rjust(NUMBER) + "  ", style))
                pieces += self.bar(value, values, here.stage.span, width - 8 - NUMBER - 2)
            else:
                pieces.append((self.dot.rjust(NUMBER), ink.faint))
            yield row(width, pieces)

    # Text.

    def _wrapped(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(self.spelled(text), width, break_on_hyphens=False)
