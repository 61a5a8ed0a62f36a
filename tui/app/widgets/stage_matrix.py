"""The matrix of a stage: above it what it multiplies, and in it the row and the column that are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.strip import Strip

from lstm_ext.cells.stages import Part
from lstm_ext.visualization.drawing import DIVERGING_RAMPS, quantize

from .canvas import Piece, clickable, row
from .walk_view import WalkView, window

#: Cells for a weight, as a number and as a shade.
_NUMBER, _SHADE = 6, 2


@dataclass(frozen=True)
class _Block:
    """One factor of the stage: its weights (rows, columns), what they multiply, and the names of the columns."""

    weights: np.ndarray
    vector: np.ndarray
    heads: list[str]
    #: The column that the character puts to use, if it is a character that comes in.
    lit: int | None
    #: Whether the columns are units.
    of_units: bool
    #: The columns that are shown.
    shown: range = range(0)


class StageMatrix(WalkView):
    """What a view of a stage draws its matrix with."""

    def matrix(self, width: int, room: int) -> list[Strip]:
        """Heads, the vector, and rows around the chosen one; nothing where there is no matrix or too little room."""
        place, ink = self.place, self.ink
        moment = place.moment
        blocks = [self._block(part) for part in moment.stage.parts if part.matrix]
        if not blocks or room < min(len(blocks[0].weights), 3) + 2:
            return []
        of_units = moment.stage.axis == "unit"
        chosen = place.unit if of_units else moment.step.target
        rows = window(len(blocks[0].weights), chosen, room - 2)
        labels = [str(r) if of_units else self.quoted(r) for r in rows]
        margin = max(map(cell_len, labels)) + 3
        space = width - margin - 2 * (len(blocks) - 1)
        size = _NUMBER if sum(len(block.heads) for block in blocks) * _NUMBER <= space else _SHADE
        blocks = _fitting(blocks, space // size, place.unit)
        limit = max(float(np.abs(block.weights).max()) for block in blocks) or 1.0

        def head(block: _Block, c: int) -> Piece:
            lit = c == block.lit
            text = f"[{block.heads[c]}]" if lit and size == _NUMBER else block.heads[c]
            return _right(text if size == _NUMBER or lit else "", size), ink.key if lit else ink.muted

        def factor(block: _Block, c: int) -> Piece:
            return _right(_short(float(block.vector[c])), size), ink.key if c == block.lit else ink.muted

        strips = [row(width, [(" " * margin, ink.text), *self._across(blocks, head)])]
        if size == _NUMBER:
            times = "*" if ink.ascii else "×"
            strips.append(row(width, [(f"{times.rjust(margin - 1)} ", ink.faint), *self._across(blocks, factor)]))
        for r, label in zip(rows, labels, strict=True):
            here = r == chosen

            def weight(block: _Block, c: int, r: int = r, here: bool = here) -> Piece:
                value, unit = float(block.weights[r, c]), r if of_units else c if block.of_units else None
                text = _right(_short(value), size) if size == _NUMBER else self._shade(value, limit)
                style = self._style(value, limit, size, here=here, lit=c == block.lit)
                return text, style if unit is None else clickable(style, f"screen.choose({unit})")

            name = f"{self.marker if here else ' '} {set_cell_size(label, margin - 2)}"
            look = ink.strong if here else ink.muted
            look = clickable(look, f"screen.choose({r})") if of_units else look
            strips.append(row(width, [(name, look), *self._across(blocks, weight)]))
        return strips

    def _block(self, part: Part) -> _Block:
        place = self.place
        step, vector = place.moment.step, place.moment.step.values[part.vector]
        of_symbols = part.vector == "dy" or (part.vector == "x" and place.walk.config.num_layers == 1)
        heads = [self.quoted(c) if of_symbols else str(c) for c in range(vector.size)]
        lit = step.symbol if of_symbols and part.vector == "x" else step.target if of_symbols else None
        return _Block(place.walk.matrices[part.matrix], vector, heads, lit, of_units=not of_symbols)

    def _across(self, blocks: Sequence[_Block], piece: Callable[[_Block, int], Piece]) -> Iterator[Piece]:
        """A piece for each column that is shown, and a rule between blocks."""
        for number, block in enumerate(blocks):
            if number:
                yield " |" if self.ink.ascii else " │", self.ink.rule
            yield from (piece(block, c) for c in block.shown)

    def _shade(self, value: float, limit: float) -> str:
        ramp = DIVERGING_RAMPS["ascii" if self.ink.ascii else "unicode"]
        return " " + (" " if self.ink.colored else ramp[int(quantize([value], -limit, limit, len(ramp))[0])])

    def _style(self, value: float, limit: float, size: int, *, here: bool, lit: bool) -> Style:
        ink = self.ink
        if size == _SHADE and ink.colored:
            color = ink.diverging[int(quantize([value], -limit, limit, len(ink.diverging))[0])]
            return Style(bgcolor=color, bold=here)
        if here and lit:
            return self.cursor
        return ink.strong if here else ink.key if lit else ink.muted


def _fitting(blocks: Sequence[_Block], room: int, unit: int) -> list[_Block]:
    """The columns of each block that are shown: all, or those around the one in use."""
    sizes, left = [0] * len(blocks), room
    for number in sorted(range(len(blocks)), key=lambda k: len(blocks[k].heads)):
        share = left // sum(size == 0 for size in sizes)
        sizes[number] = min(len(blocks[number].heads), share)
        left -= sizes[number]
    return [
        replace(block, shown=window(len(block.heads), block.lit if block.lit is not None else unit, size))
        for block, size in zip(blocks, sizes, strict=True)
    ]


def _right(text: str, size: int) -> str:
    return " " * (size - cell_len(text)) + text


def _short(value: float) -> str:
    """At most five characters."""
    if not np.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1000:
        return str(int(value))
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return text if len(text) <= 5 else f"{value:.0e}"[:5]
