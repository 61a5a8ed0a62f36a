"""What the views of a walk share: how its place and its symbols are shown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import set_cell_size
from rich.style import Style
from textual.strip import Strip

from lstm_ext.visualization.drawing import visible_character

from ...exercises.debugger.comparison import Verdict
from ...text.formulas import ascii_formula
from .canvas import Canvas
from .place import Place


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
