"""The units of a layer, and what each of them is worth."""

from __future__ import annotations

import math

from textual import events
from textual.strip import Strip

from lstm_ext.visualization.drawing import draw_bar

from ...text.surgery import change
from .canvas import Piece, heading, row
from .surgery_view import SurgeryLook, SurgeryView


class SurgeryUnits(SurgeryView):
    """A line for each unit, with a bar, the most telling ones first."""

    WHEEL = ("screen.move(-1)", "screen.move(1)")

    HELP_TITLE = "Units"
    HELP = (
        "k measures what each unit of the layer is worth: how much the loss rises when nothing reads it any more. The "
        "most telling ones then come first. A unit without which the loss falls has no bar. The cursor is the unit "
        "that operations are about; z holds it at 0. Units count from 0."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._top = 0

    @property
    def page(self) -> int:
        """Units on screen."""
        return max(1, self.size.height - 1)

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, and as many units as fit around the cursor."""
        look, ink = self.look, self.ink
        if look is None:
            return []
        lines = [heading(ink, width, "Units", self._of(look), self._state(look))]
        order, room = look.order, max(1, height - 1)
        at = order.index(look.unit)
        self._top = max(0, min(max(min(self._top, at), at - room + 1), len(order) - room))
        rises = [] if look.worth is None else look.worth.rises
        largest = max((rise for rise in rises if math.isfinite(rise)), default=0.0)
        for unit in order[self._top : self._top + room]:
            lines.append(self._line(look, unit, width, largest if largest > 0 else 1.0))
        return lines

    def _of(self, look: SurgeryLook) -> list[Piece]:
        return [(f" of layer {look.layer + 1}", self.ink.muted)] if look.config.num_layers > 1 else []

    def _state(self, look: SurgeryLook) -> list[Piece]:
        ink = self.ink
        if look.worth is None:
            return [("k ranks them", ink.muted)]
        if look.ranking:
            return [(f"{len(look.worth.rises)} of {look.worth.units}", ink.key)]
        if look.worth_after != len(look.edits):
            return [("ranked earlier", ink.warning)]
        return [("loss without it", ink.muted)]

    def _line(self, look: SurgeryLook, unit: int, width: int, largest: float) -> Strip:
        ink = self.ink
        here = unit == look.unit
        name = (f"{unit:>4} ", ink.chosen if here else ink.text)
        worth = look.worth
        if worth is None or unit >= len(worth.rises):
            return row(width, [name])
        rise = worth.rises[unit]
        figures = change(0.0, rise).rjust(10)
        room = max(1, width - 6 - len(figures))
        bar = draw_bar(max(0.0, rise) / largest, room, "ascii" if ink.ascii else "block") if math.isfinite(rise) else ""
        return row(width, [name, (" ", ink.text), (bar, ink.line)], [(figures, ink.strong if here else ink.muted)])

    async def on_click(self, event: events.Click) -> None:
        """Chooses a unit."""
        look = self.look
        if look is not None and event.y >= 1:
            shown = look.order[self._top : self._top + self.page]
            if event.y - 1 < len(shown):
                await self.app.run_action(f"screen.unit({shown[event.y - 1]})")
