"""The Runs screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from ..session import Session
from ..widgets.bars import KeyBar, TitleBar


class RunsScreen(Screen[None]):
    """Past runs and saved networks."""

    HELP_TITLE = "Runs"
    HELP = "Past runs and saved networks."

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        """Its name, and its keys."""
        yield TitleBar(id="title")
        yield Static(self.HELP, markup=False)
        yield KeyBar(id="keys")
