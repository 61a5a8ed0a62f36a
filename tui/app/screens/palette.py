"""The command palette."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette


class Palette(CommandPalette):
    """Textual's. A command that is chosen when it is closed already, by a second quick key, closes nothing more."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close, unless that has happened."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
