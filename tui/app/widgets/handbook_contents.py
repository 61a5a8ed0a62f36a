"""The handbook's table of contents; while something is searched for, the places that were found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from lstm_lab.handbook.search import Hit
from lstm_lab.handbook.topics import topics

from ...text.learn import cut
from ..keys import LOOKING, bind
from .canvas import Canvas, clickable, heading, row


class HandbookContents(Canvas, can_focus=True):
    """A row for each topic, or two for each place found; the arrow keys choose, and the choice is shown at once."""

    HELP_TITLE = "Contents"
    HELP = (
        "Up and down choose a topic, which is shown at once. / searches: every word that you type has to begin a word "
        "of the place. Enter goes to the text."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("contents.up", "up", "screen.choose(-1)", "up", "The topic above", LOOKING),
        bind("contents.down", "down", "screen.choose(1)", "down", "The topic below", LOOKING),
        bind("contents.pageup", "pageup", "screen.choose(-8)", "page up", "Eight topics up", LOOKING),
        bind("contents.pagedown", "pagedown", "screen.choose(8)", "page down", "Eight topics down", LOOKING),
        bind("contents.first", "home", "screen.choose(-10000)", "first", "The first topic", LOOKING),
        bind("contents.last", "end", "screen.choose(10000)", "last", "The last topic", LOOKING),
    ]

    class Scrolled(Message):
        """The wheel was turned, by so many entries."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hits: Sequence[Hit] | None = None
        self._index = self._top = 0

    def show(self, index: int, hits: Sequence[Hit] | None = None) -> None:
        """Show the topics, or ``hits``; number ``index`` is chosen."""
        self._index, self._hits = index, hits
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, and as many rows as fit, the chosen one among them."""
        hits = self._hits
        rows, places = self._contents(width) if hits is None else self._found(hits, width)
        room = height - 1
        if places:
            first, last = places[self._index][0] - 1, places[self._index][-1]  # a chapter's title stays with it
            self._top = max(0, min(self._top, first, len(rows)), last - room + 1)
        below = sum(place[0] >= self._top + room for place in places)
        title = "Contents" if hits is None else f"{len(hits)} found"
        right = [(f"{below} more", self.ink.muted)] if below else []
        head = heading(self.ink, width, title, right=right, focus=self.has_focus)
        return [head, *rows[self._top : self._top + room]]

    def _contents(self, width: int) -> tuple[list[Strip], list[list[int]]]:
        rows: list[Strip] = []
        places: list[list[int]] = []
        for chapter, members in groupby(topics().values(), key=lambda topic: topic.chapter):
            if rows and self.size.height > len(topics()) + 12:
                rows.append(self._blank(width))
            rows.append(row(width, [(chapter, self.ink.muted)]))
            for topic in members:
                places.append([len(rows)])
                style = clickable(self._style(len(places) - 1, self.ink.text), f"screen.pick({len(places) - 1})")
                rows.append(row(width, [(f" {cut(topic.title, width - 2)}".ljust(width), style)]))
        return rows, places

    def _found(self, hits: Sequence[Hit], width: int) -> tuple[list[Strip], list[list[int]]]:
        rows: list[Strip] = []
        places: list[list[int]] = []
        for index, hit in enumerate(hits):
            click = f"screen.pick({index})"
            places.append([len(rows), len(rows) + 1])
            title = cut(f" {hit.heading or hit.topic.title}", width)
            right = f" {cut(hit.topic.title, width)} " if hit.heading else ""
            room = width - cell_len(title) - cell_len(right)
            name = title + (" " * room + right if room >= 0 else " " * (width - cell_len(title)))
            rows.append(row(width, [(name, clickable(self._style(index, self.ink.strong), click))]))
            rows.append(row(width, [(cut(f"   {hit.excerpt}", width), clickable(self.ink.muted, click))]))
        return rows, places

    def _style(self, index: int, otherwise: Style) -> Style:
        if index != self._index:
            return otherwise
        return self.ink.chosen if self.has_focus else self.ink.strong + Style(reverse=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Chooses an entry above."""
        event.stop()
        self.post_message(self.Scrolled(-1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Chooses an entry below."""
        event.stop()
        self.post_message(self.Scrolled(1))
