"""What the help screen lists: the keys of a screen, of which one is chosen, or what is seen on it, to be scrolled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.strip import Strip

from ...text.learn import cut, wrapped
from ..keys import Command
from .canvas import Canvas, Piece, clickable, row

#: The widest that prose is set, and the widest column of keys.
_MEASURE, _KEYS = 76, 20


@dataclass(frozen=True)
class Note:
    """A paragraph about something that is seen; ``action`` is run where its title is clicked."""

    title: str
    text: str
    action: str = ""


class HelpList(Canvas):
    """Rows under the names of the two pages."""

    class Scrolled(Message):
        """The wheel was turned, by so many rows."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._commands: Sequence[Command] = ()
        self._notes: Sequence[Note] | None = None
        self._index = self._top = self._count = 0

    def show_commands(self, commands: Sequence[Command], index: int) -> None:
        """Show commands, ordered by their groups; number ``index`` is chosen."""
        if self._notes is not None:
            self._top = 0
        self._commands, self._notes, self._index = commands, None, index
        self.redraw()

    def show_notes(self, notes: Sequence[Note], *, begin: bool) -> None:
        """Show paragraphs; ``begin`` scrolls to the first."""
        self._notes = notes
        if begin:
            self._top = 0
        self.redraw()

    def scroll(self, by: int) -> None:
        """Scroll paragraphs by rows."""
        self._top = max(0, self._top + by)
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The names of the pages, and as many rows as fit."""
        rows, chosen = self._keys(width) if self._notes is None else (self._prose(width), None)
        room = max(1, height - 1)
        if chosen is not None:
            # The group's name stays in view with its first command.
            self._top = max(0, min(self._top, chosen - 1), chosen - room + 1)
        self._top = max(0, min(self._top, len(rows) - room))
        below = len(rows) - self._top - room
        return [self._tabs(width, below), *rows[self._top : self._top + room]]

    def _tabs(self, width: int, below: int) -> Strip:
        ink, names = self.ink, []
        for title, page in (("Keys", "keys"), ("What you see", "notes")):
            shown = (page == "notes") == (self._notes is not None)
            names.append((f" {title} ", clickable(ink.chosen if shown else ink.muted, f"screen.page('{page}')")))
        right: list[Piece] = [(f" {below} more", ink.muted)] if below > 0 else []
        return row(width, names, right, fill=("-" if ink.ascii else "─", ink.rule))

    def _keys(self, width: int) -> tuple[list[Strip], int | None]:
        ink = self.ink
        rows: list[Strip] = []
        chosen = None
        column = min(_KEYS, max((cell_len(shown_keys(command)) for command in self._commands), default=0))
        group = ""
        for index, command in enumerate(self._commands):
            if command.group != group:
                group = command.group
                rows.append(row(width, [(group, ink.muted)]))
            here = index == self._index
            if here:
                chosen = len(rows)
            click = f"screen.run({index})"
            keys = f"  {cut(shown_keys(command), column):<{column}}  "
            what = cut(command.what or command.name, max(1, width - column - 4))
            what += " " * (width - column - 4 - cell_len(what))
            styles = (ink.chosen, ink.chosen) if here else (ink.key, ink.text)
            pieces = [(text, clickable(style, click)) for text, style in zip((keys, what), styles, strict=True)]
            rows.append(row(width, pieces))
        return rows or [row(width, [("No command has all of these words.", ink.muted)])], chosen

    def _prose(self, width: int) -> list[Strip]:
        ink = self.ink
        rows: list[Strip] = []
        for note in self._notes or ():
            style = clickable(ink.line, note.action) if note.action else ink.key
            rows.append(row(width, [(cut(note.title, width), style)]))
            rows += [row(width, [(line.plain, ink.text)]) for line in wrapped(note.text, min(width, _MEASURE))]
            rows.append(self._blank(width))
        return rows[:-1] or [row(width, [("Nothing here has all of these words.", ink.muted)])]

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up."""
        event.stop()
        self.post_message(self.Scrolled(-3))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down."""
        event.stop()
        self.post_message(self.Scrolled(3))


def shown_keys(command: Command) -> str:
    """The keys of a command as one writes them."""
    return " ".join(command.keys)
