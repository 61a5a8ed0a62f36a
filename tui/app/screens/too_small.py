"""Shown instead of the lab in a terminal that is too small for it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

MIN_SIZE = Size(60, 16)


class TooSmall(ModalScreen[None]):
    """Says how large the terminal is and should be; closes when it is large enough."""

    DEFAULT_CSS = """
    TooSmall { align: center middle; background: $background; }
    TooSmall Static { width: 100%; text-align: center; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "Quit", show=False)]

    def compose(self) -> ComposeResult:
        """The message."""
        yield Static(self._message(self.app.size))

    def on_resize(self, event: events.Resize) -> None:
        """Show the new size."""
        self.query_one(Static).update(self._message(event.size))

    def on_screen_resume(self) -> None:
        """What was above it is closed; meanwhile the terminal may have grown."""
        size = self.app.size
        if size.width >= MIN_SIZE.width and size.height >= MIN_SIZE.height:
            self.call_later(self._leave)

    def _leave(self) -> None:
        if self.app.screen is self:
            self.dismiss()

    @staticmethod
    def _message(size: Size) -> str:
        return (
            f"The lab needs {MIN_SIZE.width}×{MIN_SIZE.height} characters,\n"
            f"here are {size.width}×{size.height}.\nEnlarge the window, or press q to quit."
        )
