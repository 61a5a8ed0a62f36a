"""A letter on every pane; the letter pressed says which one is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Static

#: In the order of panes: those under the fingers first.
LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Jump(ModalScreen[str]):
    """Returns the name of the chosen pane, or None."""

    DEFAULT_CSS = """
    Jump { background: $background 45%; }
    Jump Static {
        position: absolute; width: 5; height: 1; text-align: center;
        background: $accent; color: $background; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o,f3", "dismiss", "Cancel", show=False)]

    def __init__(self, places: Sequence[tuple[str, Region]]) -> None:
        """``places``: each pane's name, and where it is on the screen."""
        super().__init__()
        self._places = dict(zip(LETTERS, places, strict=False))

    def compose(self) -> ComposeResult:
        """A letter in the middle of each."""
        for letter, (_, region) in self._places.items():
            label = Static(f"[{letter}]", id=letter, markup=False)
            label.styles.offset = (max(0, region.x + region.width // 2 - 2), region.y + region.height // 2)
            yield label

    def dismiss(self, result: str | None = None) -> AwaitComplete:
        """Close, unless that has happened: letters may come quickly."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def on_key(self, event: events.Key) -> None:
        """Choose."""
        if event.key in self._places:
            event.stop()
            self.dismiss(self._places[event.key][0])

    def on_click(self, event: events.Click) -> None:
        """Choose by mouse: the letter, or anywhere in the pane."""
        for name, region in self._places.values():
            if region.contains(event.screen_x, event.screen_y):
                self.dismiss(name)
                return
        self.dismiss(None)
