"""A page: lines of text that scroll, under the names of the pages that share its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console
from rich.style import Style
from rich.text import Text
from rich.theme import Theme
from textual.binding import BindingType
from textual.strip import Strip

from ..keys import LOOKING, bind
from ..theme import Ink
from .canvas import Canvas, Piece, clickable, row

#: Makes the lines for a width.
Lines = Callable[[int], Iterable[Text]]
#: The widest that prose is set.
MEASURE = 76
#: From this height, the lines stand apart from the tabs.
_AIRY = 24
#: How far the rest of a line that is too long for the page is indented.
_HANG = 4


@dataclass(frozen=True)
class Tab:
    """The name of a page, the action that shows it, and whether it is shown."""

    title: str
    action: str
    shown: bool


class Page(Canvas, can_focus=True):
    """Scrolls lines that are made for its width."""

    WHEEL = ("scroll_rows(-3)", "scroll_rows(3)")

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("page.up", "up", "scroll_rows(-1)", "up", "A line up", LOOKING),
        bind("page.down", "down", "scroll_rows(1)", "down", "A line down", LOOKING),
        bind("page.pageup", "pageup", "scroll_pages(-1)", "page up", "A page up", LOOKING),
        bind("page.pagedown", "pagedown,space", "scroll_pages(1)", "page down", "A page down", LOOKING),
        bind("page.home", "home", "scroll_ends(-1)", "begin", "To the beginning", LOOKING),
        bind("page.end", "end", "scroll_ends(1)", "end", "To the end", LOOKING),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Lines = lambda width: ()
        self._tabs: Sequence[Tab] = ()
        #: The first row in view, and how many there are.
        self._top = self._count = 0

    def show(self, lines: Lines, *, tabs: Sequence[Tab] = (), begin: bool = False) -> None:
        """Show other lines; ``begin`` scrolls to the first."""
        self._lines, self._tabs = lines, tabs
        if begin:
            self._top = 0
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The tabs and as many rows as fit."""
        ink = self.ink
        rows = list(self.folded(self._lines(width), width))
        air = height >= _AIRY
        room = max(0, height - 1 - air)
        self._count = len(rows)
        self._top = max(0, min(self._top, self._count - room))
        console = _console(ink)
        strips = [self._heading(width, room), *[self._blank(width)] * air]
        for line in rows[self._top : self._top + room]:
            ground = ink.text + console.get_style(line.style)  # which Rich leaves out where there are no spans
            strips.append(row(width, [(piece.text, ground + piece.style) for piece in line.render(console, end="")]))
        return strips

    def _heading(self, width: int, room: int) -> Strip:
        ink = self.ink
        below = self._count - self._top - room
        right = f"{below} more" if below > 0 else "end" if self._top else ""
        left: list[Piece] = []
        for tab in self._tabs:
            left += [(tab.title, clickable(self._tab_style(tab), tab.action)), ("  ", ink.text)]
        rule = ("-" if ink.ascii else "─", ink.rule)
        return row(width, left, [(f" {right}", ink.muted)] if right else [], fill=rule)

    def _tab_style(self, tab: Tab) -> Style:
        ink = self.ink
        if not tab.shown:
            return ink.muted
        return ink.key + Style(underline=True) if self.has_focus else ink.strong

    def folded(self, lines: Iterable[Text], width: int) -> Iterator[Text]:
        """The lines, and those that are too long in several rows."""
        for line in lines:
            if line.cell_len <= width:
                yield line
                continue
            indent = len(line.plain) - len(line.plain.lstrip()) + _HANG
            for number, piece in enumerate(line.wrap(_console(self.ink), max(10, width - indent))):
                piece.rstrip()
                yield Text.assemble(" " * indent, piece) if number else piece

    def see(self, first: int, last: int) -> None:
        """Scroll as little as brings the rows from ``first`` to ``last`` into view, ``first`` in any case."""
        room = max(1, self.size.height - 1 - (self.size.height >= _AIRY))
        if last >= self._top + room:
            self._top = last - room + 1
        if first < self._top:
            self._top = first
        self.redraw()

    def action_scroll_rows(self, rows: int) -> None:
        """Scrolls by rows: below zero up."""
        self._top = max(0, self._top + rows)
        self.redraw()

    def action_scroll_pages(self, pages: int) -> None:
        """Scrolls by pages."""
        self.action_scroll_rows(pages * max(1, self.size.height - 2))

    def action_scroll_ends(self, direction: int) -> None:
        """Scrolls to the beginning or the end."""
        self.action_scroll_rows(direction * self._count)


def _console(ink: Ink) -> Console:
    """What gives the colours of the plain-text front end the shades of the theme."""
    styles = {
        "green": ink.good,
        "bold green": ink.good + Style(bold=True),
        "red": ink.bad,
        "bold red": ink.bad,
        "yellow": ink.warning,
        "bold yellow": ink.key,
        "cyan": ink.line + Style(bold=False),
        "dim": ink.muted,
        "bold": ink.strong,
    }
    return Console(theme=Theme(styles), width=1000, color_system="truecolor")
