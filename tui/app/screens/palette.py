"""The command palette."""

from __future__ import annotations

from contextlib import suppress

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette


class Palette(CommandPalette):
    """Textual's. A command that is chosen when it is closed already, by a second quick key, closes nothing more."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close, unless that has happened."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):  # Textual's list cannot be paged before it has been drawn
            super()._action_command_list(action)
