"""What the lab's heatmaps share: units downwards, characters across, values as colours or as glyphs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
from rich.style import Style

from lstm_ext.cells.stages import Span
from lstm_ext.explain.units import SATURATED
from lstm_ext.visualization.drawing import DIVERGING_RAMPS, RAMPS, quantize, shade

from ...text.gates import saturation_names
from .canvas import Canvas, Piece

#: The colours of the theme's scales.
LEVELS = 16


class Heatmap(Canvas):
    """A drawing of values; ``signed`` ones are shown around a dark zero."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles: dict[tuple[bool, int, int], Style] = {}

    @property
    def signed(self) -> bool:
        """Whether the values have a sign that counts."""
        raise NotImplementedError

    @property
    def plain(self) -> bool:
        """Values are colours alone, not glyphs."""
        return self.ink.colored and not self.ink.ascii

    @property
    def ramp(self) -> str:
        """The glyphs of growing values, where colours are too few."""
        return (DIVERGING_RAMPS if self.signed else RAMPS)["ascii" if self.ink.ascii else "unicode"]

    def cells(self, values: np.ndarray, low: float, high: float, per_row: int) -> Iterator[list[Piece]]:
        """Rows of cells for values (units, characters), ``per_row`` units in each; NaN is left empty."""
        return self._colors(values, low, high, per_row) if self.plain else self._glyphs(values, low, high)

    def _colors(self, values: np.ndarray, low: float, high: float, per_row: int) -> Iterator[list[Piece]]:
        """A unit's values as blank cells, or those of two units as half blocks."""
        levels = quantize(values, low, high, LEVELS).tolist()
        if per_row == 1:
            for line in levels:
                yield [(" ", self.shade(-1, level)) for level in line]
            return
        nothing = [-1] * values.shape[1]
        for upper, lower in zip_longest(levels[::2], levels[1::2], fillvalue=nothing):
            yield [("▀" if top >= 0 else " ", self.shade(top, low)) for top, low in zip(upper, lower, strict=True)]

    def _glyphs(self, values: np.ndarray, low: float, high: float) -> Iterator[list[Piece]]:
        """Values as glyphs, in colours if there are any."""
        lines = shade(quantize(values, low, high, len(self.ramp)), self.ramp)
        levels = quantize(values, low, high, LEVELS).tolist()
        for line, row_levels in zip(lines, levels, strict=True):
            yield [
                (" " if level < 0 else glyph, self.shade(level, -1) if self.ink.colored else self.ink.text)
                for glyph, level in zip(line, row_levels, strict=True)
            ]

    def shade(self, front: int, behind: int) -> Style:
        """The style of a cell by its levels; −1 is the background."""
        key = (self.signed, front, behind)
        if (style := self._styles.get(key)) is None:
            palette = self.ink.diverging if self.signed else self.ink.sequential
            style = self._styles[key] = Style(
                color=palette[front] if front >= 0 else None, bgcolor=palette[behind] if behind >= 0 else None
            )
        return style

    def scale(self, low: float, high: float, margin: int, *, wide: bool) -> list[Piece]:
        """The colours or glyphs from ``low`` to ``high``, the first number ending at ``margin``."""
        ink = self.ink
        pieces: list[Piece] = [(f"{low:g} ".rjust(margin), ink.muted)]
        if not self.plain:
            pieces.append((self.ramp, ink.text))
        else:
            palette = ink.diverging if self.signed else ink.sequential
            pieces += [(" ", Style(bgcolor=color)) for color in palette[:: 1 if wide else 2]]
        return [*pieces, (f" {high:g}", ink.muted)]

    def facts(self, values: np.ndarray, span: Span, room: int) -> list[Piece]:
        """The values' mean and saturation, as many of them as ``room`` has place for."""
        known = values[np.isfinite(values)]
        if not known.size:
            return []
        low, high = SATURATED[span]
        facts = [("mean", f"{known.mean():.2f}" if span == "gate" else f"{known.mean():+.2f}")]
        if span == "gate":
            closed, opened = saturation_names(span)
            facts += [(closed, f"{(known < low).mean():.0%}"), (opened, f"{(known > high).mean():.0%}")]
        else:
            name = "beyond ±1" if span == "free" else "saturated"
            facts.append((name, f"{((known < low) | (known > high)).mean():.0%}"))
        pieces: list[Piece] = []
        for name, value in facts:
            room -= len(name) + len(value) + 3
            if room >= 0:
                pieces += [(f"  {name} ", self.ink.muted), (value, self.ink.text)]
        return pieces

    def notify_style_update(self) -> None:
        """Forgets the colours of another theme."""
        self._styles = {}
        super().notify_style_update()
