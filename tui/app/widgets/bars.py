"""The first and the last line of every screen: its name, and what the keys do."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip

from ...text.visible import visible
from ..keys import Command, commands
from .canvas import Canvas, Piece, clickable, row


class TitleBar(Canvas):
    """The program's name, its screens with the current one marked, and the subject of the screen, as far as it fits."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; }
    """
    #: The app's modes: key, name and title.
    SCREENS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("1", "train", "Train"),
        ("2", "step", "Step"),
        ("3", "learn", "Learn"),
        ("4", "gates", "Gates"),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._subject = ""

    def show(self, subject: str) -> None:
        """Show the subject on the right."""
        subject = visible(subject)
        if subject != self._subject:
            self._subject = subject
            self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """One row."""
        ink, name, subject = self.ink, " lstm-lab  ", self._subject
        tabs: list[Piece] = []
        titles: list[Piece] = []
        for key, mode, title in self.SCREENS:
            action = f"app.switch_mode('{mode}')"
            if mode == self.app.current_mode:
                tabs.append((f" {key} {title} ", clickable(ink.chosen, action)))
            else:
                titles.append((f"{title} ", clickable(ink.muted, action)))
                tabs += [(f" {key} ", clickable(ink.key, action)), titles[-1]]
        room = width - sum(cell_len(text) for text, _ in tabs) - 1
        if len(name) + cell_len(subject) > room:
            name = " "
        if len(name) + cell_len(subject) > room:  # the other screens by their digits alone
            tabs = [piece for piece in tabs if piece not in titles]
            room = width - sum(cell_len(text) for text, _ in tabs) - 1
        if len(name) + cell_len(subject) > room:
            subject = set_cell_size(subject, max(0, room - len(name) - 1)).rstrip() + ("~" if ink.ascii else "…")
        return [row(width, [(name, ink.strong), *tabs], [(subject + " ", ink.muted)] if subject else [])]


class KeyBar(Canvas):
    """The keys of the current screen, as many as fit; help and quit always."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; }
    """
    #: Commands on the right, which are always shown.
    LAST: ClassVar[tuple[str, ...]] = ("lab.help", "lab.quit")

    def on_mount(self) -> None:
        """Follows the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """One row."""
        known = commands(self.screen)
        last = [piece for command in known if command.id in self.LAST for piece in self._pieces(command)]
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
