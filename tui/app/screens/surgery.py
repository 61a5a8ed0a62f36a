"""The Surgery screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from ..session import Session
from ..widgets.bars import KeyBar, TitleBar


class SurgeryScreen(Screen[None]):
    """Change a part of the network, and see what becomes of its loss and its samples."""

    HELP_TITLE = "Surgery"
    HELP = "Change a part of the network, and see what becomes of its loss and its samples."

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        """Its name, and its keys."""
        yield TitleBar(id="title")
        yield Static(self.HELP, markup=False)
        yield KeyBar(id="keys")
