"""Bars of gradients per character, for each network below the other, above the text that they are on."""

from __future__ import annotations

import math

import numpy as np
from textual import events
from textual.strip import Strip

from lstm_ext.visualization.drawing import visible_character

from ...text.ascii import to_ascii
from ...text.flow import STATES, Net, reach, symbol
from .canvas import Piece, heading, row
from .flow_view import FlowLook, FlowView, style_of

MARGIN = 10
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = " .:#"


class FlowBars(FlowView):
    """One bar for each character: the norm of the gradient there."""

    HELP_TITLE = "Gradients per character"
    HELP = (
        "A network has read the text up to the lit character, and its surprise at that one is the loss. Each bar is "
        "the norm of the gradient of that loss with respect to the state after an earlier character: how much "
        "that state could still change the loss. The tallest bar of each row is its largest norm, which stands below "
        "the name; with v all rows share a logarithmic scale, whose ends are in the heading. Of untrained networks the "
        "bars are medians over several random starts. With m the loss is the mean of all characters' losses. A click "
        "on a character chooses its loss."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = range(0)
        #: Columns of each character.
        self._columns = 1

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, the bars, and the text."""
        look, ink = self.look, self.ink
        if look is None:
            dots = "..." if ink.ascii else "…"
            return [heading(ink, width, "Gradients"), row(width, [(f"measuring{dots}", ink.faint)])][:height]
        low, high = reach(look.bars)
        scale = f"1e{low:.0f} to 1e{high:.0f}" if look.decades else "up to each row's largest"
        what = STATES[look.state] + ("" if look.state == "h" else " (no C: ∂L/∂h)")
        left = [(f" {to_ascii(what) if ink.ascii else what} of {self._loss(look)}", ink.muted)]
        lines = [heading(ink, width, "Gradients", left, [(scale, ink.muted)])]
        self._columns = 2 if width - MARGIN >= 2 * len(look.text) else 1
        self._shown = self._window(look, (width - MARGIN) // self._columns)
        rows, more = divmod(max(len(look.nets), height - 2), len(look.nets))
        for index, (net, bars) in enumerate(zip(look.nets, look.bars, strict=True)):
            heights = self._heights(bars, (low, high) if look.decades else None)
            largest = float(np.nanmax(bars, initial=0.0))
            what = symbol(net, look.state) if look.decades else f"{largest:.1e}"
            lines += self._net_rows(net, what, heights, width, rows + (index < more))
        lines.append(self._ribbon(look, width))
        return lines[:height]

    def _heights(self, bars: np.ndarray, ends: tuple[float, float] | None) -> list[float]:
        """A share of the room for each character on screen, NaN where it is not finite: of the logarithmic scale
        between ``ends``, where what is not 0 is always seen, or of the largest."""
        values = [float(bars[at]) if at < len(bars) else 0.0 for at in self._shown]
        if ends is None:
            largest = float(np.max(bars[np.isfinite(bars)], initial=0.0)) or 1.0
            return [value / largest if math.isfinite(value) else math.nan for value in values]
        low, high = ends
        return [
            math.nan if not math.isfinite(v) else max(0.02, (math.log10(v) - low) / (high - low)) if v > 0 else 0.0
            for v in values
        ]

    def _loss(self, look: FlowLook) -> str:
        if look.character is None:
            return "the mean loss of all characters"
        character = visible_character(look.text[look.character], ascii_only=self.ink.ascii)
        return f"the loss at {character}, character {look.character}"

    def _window(self, look: FlowLook, room: int) -> range:
        """The characters on screen: those before the chosen one, and a few after it."""
        size, chosen = len(look.text), look.character or len(look.text) - 1
        last = min(size, max(room, chosen + 1 + min(5, room // 4)))
        return range(max(0, last - room), last)

    def _net_rows(self, net: Net, what: str, heights: list[float], width: int, count: int) -> list[Strip]:
        ink = self.ink
        style, blocks = style_of(net, ink), _ASCII_BLOCKS if ink.ascii else _BLOCKS
        steps = len(blocks) - 1
        levels = [
            -1 if math.isnan(share) else min(count * steps, math.ceil(share * count * steps - 0.5)) for share in heights
        ]
        rows = []
        for line in range(count):
            below = (count - 1 - line) * steps
            cells = "".join(
                (("?" if line == count - 1 else " ") if level < 0 else blocks[max(0, min(steps, level - below))])
                * self._columns
                for level in levels
            )
            label = [(net.name, style), (what, ink.muted)][line] if line < 2 else ("", ink.muted)
            rows.append(row(width, [(label[0][: MARGIN - 1].ljust(MARGIN), label[1]), (cells, style)]))
        return rows

    def _ribbon(self, look: FlowLook, width: int) -> Strip:
        ink = self.ink
        pieces: list[Piece] = [(" " * MARGIN, ink.text)]
        for at in self._shown:
            character = look.text[at]
            style = ink.faint if character.isspace() else ink.text
            if at == look.character:
                style = ink.chosen
            elif look.character is not None and at > look.character:
                style = ink.faint
            pieces.append((visible_character(character, self._columns, ascii_only=ink.ascii), style))
        return row(width, pieces)

    async def on_click(self, event: events.Click) -> None:
        """Chooses a character."""
        at = (event.x - MARGIN) // self._columns
        if self.look is not None and 0 <= at < len(self._shown) and self._shown[at] > 0:
            await self.app.run_action(f"screen.character({self._shown[at]})")
