"""What the views of a walk share: the place in the walk, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rich.cells import set_cell_size
from rich.style import Style
from textual.strip import Strip

from lstm_ext.explain.engines import Both
from lstm_ext.explain.walk import Moment, Walk
from lstm_ext.visualization.drawing import visible_character

from ...exercises.debugger.comparison import Comparison, Verdict
from ...text.formulas import ascii_formula
from .canvas import Canvas


@dataclass(frozen=True)
class Place:
    """Moment number ``index`` of ``walk``; ``unit`` counts from 0. With a file of the learner's beside it, the
    ``comparison``; ``losses`` are those before the updates that were made; ``sort``: the most telling units first."""

    walk: Walk
    index: int
    unit: int
    comparison: Comparison | None = None
    losses: tuple[float, ...] = ()
    sort: bool = False
    #: Whether the lines of the engines are shown, and what both engines compute, once that is known.
    code: bool = False
    both: Both | None = None

    @cached_property
    def order(self) -> list[int]:
        """All units, as they stand in lists."""
        order: list[int] = np.argsort(-self.walk.shares, kind="stable").tolist()
        return order if self.sort else sorted(order)

    @property
    def moment(self) -> Moment:
        """The current stage."""
        return self.walk.moments[self.index]

    @property
    def verdict(self) -> Verdict | None:
        """What was found about the learner's value of the current stage."""
        return None if self.comparison is None else self.comparison.verdict(self.moment)

    @property
    def first(self) -> int | None:
        """The number of the first stage at which the learner's file differs."""
        if self.comparison is None or self.comparison.first is None:
            return None
        return self.walk.moments.index(self.comparison.moment(self.comparison.first))

    @cached_property
    def group(self) -> range:
        """The moments of the same character in the same direction."""
        moments, here = self.walk.moments, self.moment
        start = end = self.index
        while start > 0 and _together(moments[start - 1], here):
            start -= 1
        while end < len(moments) and _together(moments[end], here):
            end += 1
        return range(start, end)

    @cached_property
    def _numbers(self) -> dict[tuple[int, str], int]:
        return {(moment.step.t, moment.stage.id): k for k, moment in enumerate(self.walk.moments)}

    def find(self, t: int, stage: str) -> int | None:
        """The number of a stage's moment at character ``t`` (0: the update), if there is one."""
        return self._numbers.get((t, stage))

    def known(self, t: int, stage: str) -> bool:
        """Whether the walk has passed a stage, so that its value may be shown."""
        number = self.find(t, stage)
        return number is not None and number <= self.index


def _together(a: Moment, b: Moment) -> bool:
    return a.step is b.step and a.phase == b.phase


class WalkView(Canvas):
    """A canvas that shows a place in a walk."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._place: Place | None = None

    def show(self, place: Place) -> None:
        """Shows another place."""
        self._place = place
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """Nothing until there is a place."""
        return [] if self._place is None else self.draw_place(width, height)

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The rows, as for ``draw``, of ``self.place``."""
        raise NotImplementedError

    @property
    def place(self) -> Place:
        """The place shown; only within ``draw_place``."""
        assert self._place is not None
        return self._place

    @property
    def cursor(self) -> Style:
        """The style of the current place: one colour forward, another backward."""
        return self.ink.chosen if self.place.moment.phase == "forward" else self.ink.point + Style(reverse=True)

    @property
    def marker(self) -> str:
        """The mark of the current place, for those who see no colours."""
        return ">" if self.ink.ascii else "▸"

    @property
    def dot(self) -> str:
        """What stands for a value that is not known yet."""
        return "." if self.ink.ascii else "·"

    def mark(self, verdict: Verdict | None) -> tuple[str, Style]:
        """The sign of a verdict: right, wrong, wrong as a consequence, or not seen."""
        if verdict is None:
            return " ", self.ink.muted
        signs = {"same": "=", "differs": "x", "follows": "~", "unseen": "?"}
        if not self.ink.ascii:
            signs |= {"same": "✓", "differs": "✗"}
        styles = {"same": self.ink.good, "differs": self.ink.bad, "follows": self.ink.warning, "unseen": self.ink.muted}
        return signs[verdict.state], styles[verdict.state]

    def spelled(self, text: str) -> str:
        """Equations and sentences as this terminal can show them."""
        return ascii_formula(text) if self.ink.ascii else text

    def character(self, symbol: int) -> str:
        """A symbol of the vocabulary, one or two cells wide."""
        return visible_character(self.place.walk.vocabulary.symbols[symbol], 2, ascii_only=self.ink.ascii).rstrip()

    def quoted(self, symbol: int) -> str:
        """The same between quotes."""
        return f"'{self.character(symbol)}'"

    def label(self, symbol: int, *, marked: bool) -> str:
        """The same for the beginning of a row, with a marker or not: always six cells."""
        return set_cell_size(f"{self.marker if marked else ' '} {self.quoted(symbol)}", 6)


def window(size: int, chosen: int, room: int) -> range:
    """At most ``room`` of ``size`` places, with the chosen one among them, in the middle if possible."""
    start = min(max(0, chosen - room // 2), max(0, size - room))
    return range(start, min(size, start + max(0, room)))


def most_wide(texts: Sequence[str]) -> int:
    """The longest text's length."""
    return max(map(len, texts), default=0)
