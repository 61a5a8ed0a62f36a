"""The first and the last line of every screen: its name, and what the keys do."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip

from ...text.visible import visible
from ..keys import Command, commands
from ..modes import MODES
from .canvas import Canvas, Piece, clickable, row

#: Columns from which the key bar has room for the palette.
_ROOMY = 80


class TitleBar(Canvas):
    """The program's name, its screens with the current one marked, and the subject of the screen, as far as it fits."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._subject = ""

    @property
    def subject(self) -> str:
        """The subject in words."""
        return self._subject

    def show(self, subject: str) -> None:
        """Show the subject on the right."""
        subject = visible(subject)
        if subject != self._subject:
            self._subject = subject
            self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """One row."""
        ink, subject = self.ink, self._subject
        names: list[Piece] = []
        keys: list[Piece] = []
        for mode in MODES:
            action = f"app.switch_mode('{mode.id}')"
            if mode.id == self.app.current_mode:
                here = (f" {mode.key} {mode.title} ", clickable(ink.chosen, action))
                names.append(here)
                keys.append(here)
            else:
                keys.append((f"{mode.key} ", clickable(ink.key, action)))
                names += [keys[-1], (f"{mode.title} ", clickable(ink.muted, action))]
        program, brief = (" lstm-lab  ", ink.strong), (" ", ink.text)
        if getattr(self.app, "recorder", None) is not None:
            mark = clickable(ink.bad, "app.command('lab.record')")
            program, brief = ((" * rec  " if ink.ascii else " ● rec  ", mark), (" *" if ink.ascii else " ●", mark))
        for left in ([program, *names], [brief, *names], [program, *keys], [brief, *keys]):
            room = width - sum(cell_len(text) for text, _ in left) - 1
            if cell_len(subject) <= room:
                break
        else:
            subject = set_cell_size(subject, max(0, room - 1)).rstrip() + ("~" if ink.ascii else "…")
        return [row(width, left, [(subject + " ", ink.muted)] if subject else [])]


class KeyBar(Canvas):
    """The keys of the current screen, as many as fit; palette, help and quit always."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; }
    """
    #: Commands on the right, which are always shown; the palette only on a screen that is not narrow.
    LAST: ClassVar[tuple[str, ...]] = ("replay.return", "lab.palette", "lab.help", "lab.quit")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._slow = False

    def show_slow(self, slow: bool) -> None:
        """Say that the line to the terminal is slow, or no more."""
        self._slow = slow
        self.redraw()

    def on_mount(self) -> None:
        """Follows the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """One row."""
        known = commands(self.screen)
        always = [id for id in self.LAST if width >= _ROOMY or id != "lab.palette"]
        last = [piece for command in known if command.id in always for piece in self._pieces(command)]
        if self._slow:
            last = [(" slow line ", self.ink.warning), *last]
        room = width - sum(cell_len(text) for text, _ in last)
        first: list[Piece] = []
        for command in known:
            if not command.on_bar or command.id in self.LAST:
                continue
            pieces = self._pieces(command)
            size = sum(cell_len(text) for text, _ in pieces)
            if size > room:
                break
            first += pieces
            room -= size
        return [row(width, first, last, fill=(" ", Style.null()))]

    def _pieces(self, command: Command) -> list[Piece]:
        ink = self.ink
        action = f"app.command('{command.id}')"
        return [
            (f" {command.keys[0]} ", clickable(ink.key, action)),
            (f"{command.name} ", clickable(ink.muted, action)),
        ]
