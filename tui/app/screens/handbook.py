"""The Handbook screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from ..session import Session
from ..widgets.bars import KeyBar, TitleBar


class HandbookScreen(Screen[None]):
    """Everything about these networks, to look up."""

    HELP_TITLE = "Handbook"
    HELP = "Everything about these networks, to look up."

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        """Its name, and its keys."""
        yield TitleBar(id="title")
        yield Static(self.HELP, markup=False)
        yield KeyBar(id="keys")
