"""The text, coloured by what one unit did at each character."""

from __future__ import annotations

import numpy as np
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from lstm_ext.visualization.drawing import quantize, visible_character

from ...text.gates import lines
from .canvas import Piece, heading, join, row
from .gate_view import GateView, Look
from .heatmap import LEVELS, Heatmap
from .unit_map import window


class UnitText(GateView, Heatmap):
    """As many lines of the text as fit around the cursor; without colours a digit stands below each character."""

    HELP_TITLE = "The text, coloured by a unit"
    HELP = (
        "Every character stands on the colour of the unit's value once it was read. Up and down go to the units beside "
        "it in the order, left and right through the text. Without colours, the digit below a character says the same, "
        "0 for the lowest value and 9 for the highest."
    )

    class Pointed(Message):
        """A character was clicked."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first_line = 0

    @property
    def signed(self) -> bool:
        """As what is shown."""
        return self.look is not None and self.look.signed

    @property
    def _tall(self) -> int:
        """Rows for each line of the text."""
        return 1 if self.plain else 2

    @property
    def page(self) -> int:
        """How many characters a screenful has, about."""
        return max(1, self.size.height - 1) // self._tall * self.size.width

    def _shown(self, look: Look) -> list[tuple[int, int]]:
        """Where the lines on screen begin and end."""
        cuts = list(lines(look.units.text, self.size.width))
        here = next(k for k, (_, end) in enumerate(cuts) if look.position < end)
        room = max(1, (self.size.height - 1) // self._tall)
        shown = window(len(cuts), here, self._first_line, room)
        self._first_line = shown.start
        return cuts[shown.start : shown.stop]

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, and the text."""
        look = self.look
        if look is None:
            return []
        low, high = look.low, look.high
        values = look.values(look.units)[:, look.unit]
        note = f"  {look.view.name} of layer {look.layer + 1}" + ("  deviation" if look.deviation else "")
        scale = self.scale(low, high, 0, wide=width >= 110)
        drawn = [heading(self.ink, width, f"Unit {look.unit}", [(note, self.ink.muted)], scale)]
        levels = quantize(values[np.newaxis], low, high, LEVELS)[0].tolist()
        digits = quantize(values[np.newaxis], low, high, 10)[0].tolist()
        for start, end in self._shown(look):
            drawn.append(
                row(
                    width,
                    ((part.text, part.style or Style.null()) for part in join(self._line(look, start, end, levels))),
                )
            )
            if self._tall == 2:
                below = "".join("?" if digit < 0 else str(digit) for digit in digits[start:end])
                drawn.append(row(width, [(below, self.ink.muted)]))
        return drawn

    def _line(self, look: Look, start: int, end: int, levels: list[int]) -> list[Piece]:
        pieces = []
        for position in range(start, end):
            character = look.units.text[position]
            glyph = " " if character == " " else visible_character(character, ascii_only=self.ink.ascii)
            style = self._on(levels[position]) if self.plain else self.ink.text
            pieces.append((glyph, self.ink.chosen if position == look.position else style))
        return pieces

    def _on(self, level: int) -> Style:
        """Text that can be read on the colour of a level."""
        ground = self.shade(-1, level)
        red, green, blue = ground.bgcolor.get_truecolor() if ground.bgcolor is not None else (0, 0, 0)
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 120
        key = (self.signed, level, level)  # front and background alike are no cell of a heatmap's here
        if key not in self._styles:
            self._styles[key] = ground + Style(color="#f4f6f8" if dark else "#10141a")
        return self._styles[key]

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor there."""
        if self.look is None or event.y < 1:
            return
        shown = self._shown(self.look)
        k = (event.y - 1) // self._tall
        if k < len(shown):
            start, end = shown[k]
            self.post_message(self.Pointed(min(end - 1, start + event.x)))
