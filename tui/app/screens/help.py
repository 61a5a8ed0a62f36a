"""Help: what a screen shows and what its keys do, made from its bindings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from ..keys import Command, commands
from ..theme import ThemedApp
from .dialog import Dialog


class Help(Dialog[None]):
    """The focused widget's help first, then the screen's, then every key by group."""

    DEFAULT_CSS = """
    Help > .dialog--box { width: 84; height: 100%; max-height: 48; }
    Help VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    Help Static { padding-right: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,q", "give_up", "Close", show=False),
    ]
    TITLE_TEXT = "Help"
    HINT = "up/down scroll · esc close"

    def __init__(self, screen: Screen[object]) -> None:
        super().__init__()
        self._of = screen
        self._commands = commands(screen)

    def compose_body(self) -> ComposeResult:
        """One scrollable text."""
        with VerticalScroll():
            yield Static(self._text())

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def _text(self) -> Text:
        ink = cast(ThemedApp, self.app).ink
        text = Text()
        for title, paragraph in self._paragraphs():
            text.append(f"{title}\n", ink.key)
            text.append(f"{paragraph}\n\n", ink.text)
        width = max((len(_keys(command)) for command in self._commands), default=0) + 2
        for group in dict.fromkeys(command.group for command in self._commands):
            text.append(f"{group}\n", ink.key)
            for command in self._commands:
                if command.group == group:
                    text.append(f"  {_keys(command)}".ljust(width + 2), ink.strong)
                    text.append(f"{command.what or command.name}\n", ink.text)
            text.append("\n")
        text.rstrip()
        return text

    def _paragraphs(self) -> Iterator[tuple[str, str]]:
        """What the focused widget, the screen and its other widgets say about themselves."""
        focused = self._of.focused
        widgets = sorted(self._of.query("*"), key=lambda widget: widget is not focused)
        for node in (*widgets[:1], self._of, *widgets[1:]):
            if paragraph := getattr(node, "HELP", ""):
                yield getattr(node, "HELP_TITLE", ""), str(paragraph)


def _keys(command: Command) -> str:
    return " ".join(command.keys)
