"""Strips below a curve: one value for each of its columns, as bars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from textual.strip import Strip

from lstm_ext.visualization.drawing import nice_ticks

from ..theme import Ink
from .canvas import Piece, join
from .plot import log_axis

_LEVELS = (" ▁▂▃▄▅▆▇█", " .:-=+*#@")


@dataclass(frozen=True)
class Bars:
    """A named strip of ``values``, one for each column, NaN where there is none."""

    name: str
    values: np.ndarray
    #: From the lowest to the highest value on a logarithmic scale; else from 0 to the highest.
    log: bool = False
    #: Columns to mark, if any.
    marked: np.ndarray | None = None

    def draw(self, ink: Ink, margin: int, height: int) -> list[Strip]:
        """``height`` rows, with the name in the margin."""
        glyphs = _LEVELS[ink.ascii]
        steps = len(glyphs) - 1
        levels = np.ceil(self._shares() * height * steps)
        rows = []
        for y in reversed(range(height)):
            filled = np.nan_to_num(np.clip(levels - y * steps, 0, steps)).astype(int)
            cells: list[Piece] = [
                (glyphs[level], ink.warning if self.marked is not None and self.marked[x] else ink.band)
                for x, level in enumerate(filled.tolist())
            ]
            name = (self.name if y == height - 1 else "").rjust(margin - 1) + " "
            side = "|" if ink.ascii else "│"
            rows.append(Strip([Segment(name, ink.muted), Segment(side, ink.rule), *join(cells)]))
        return rows

    def _shares(self) -> np.ndarray:
        """Heights in (0, 1], NaN where there is no value."""
        values = self.values
        finite = np.isfinite(values) & (values > 0)
        if not finite.any():
            return np.full(len(values), math.nan)
        if not self.log:
            top = max(nice_ticks(0.0, float(values[finite].max()) * 1.25, 5))
            return np.where(finite, np.clip(values / top, 0.0, 1.0), math.nan)
        scale = log_axis(float(values[finite].min()), float(values[finite].max()))
        return np.where(finite, np.clip(scale.shares(np.where(finite, values, 1.0)), 0.02, 1.0), math.nan)
