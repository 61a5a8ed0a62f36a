"""How the untrained networks start: a slider for the forget bias, and what else can be chosen."""

from __future__ import annotations

from textual import events
from textual.strip import Strip

from .canvas import Piece, clickable, row
from .flow_view import FlowView

#: The slider's ends, and its steps.
LOW, HIGH, STEP = -2.0, 6.0, 0.25


class FlowStart(FlowView):
    """One row: the slider takes most of it."""

    WHEEL = (f"screen.bias_by({STEP})", f"screen.bias_by({-STEP})")

    HELP_TITLE = "The untrained networks"
    HELP = (
        "LSTM, GRU and RNN, as large as the network in training, with several random starts each. The slider is the "
        "LSTM's forget bias: - and +, or the mouse. i chooses how weights start; < and > scale the recurrent ones. "
        "They are measured again at once."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        #: Where the slider's track lies.
        self._track = range(0)

    def draw(self, width: int, height: int) -> list[Strip]:
        """One row."""
        look, ink = self.look, self.ink
        if look is None:
            return []
        start = look.start
        label = "forget bias " if width >= 72 else "b_f "
        value = f" {start.forget_bias:+.2f}"
        others: list[Piece] = [
            ("   weights ", ink.muted),
            (start.init, clickable(ink.strong, "screen.init")),
            ("  recurrent ", ink.muted),
            (f"{'x' if ink.ascii else '×'}{start.recurrent_scale:.1f}", ink.strong),
        ]
        room = width - len(label) - len(value) - sum(len(text) for text, _ in others) - 1
        if room < 9:
            others, room = others[:2], width - len(label) - len(value) - len(start.init) - 14
        track = max(9, min(room, int((HIGH - LOW) / STEP) + 1))
        self._track = range(len(label), len(label) + track)
        at = round((min(max(start.forget_bias, LOW), HIGH) - LOW) / (HIGH - LOW) * (track - 1))
        line, knob = ("-", "o") if ink.ascii else ("─", "●")
        pieces: list[Piece] = [
            (label, ink.muted),
            (line * at, ink.line),
            (knob, ink.point),
            (line * (track - 1 - at), ink.rule),
            (value, ink.strong),
        ]
        return [row(width, [*pieces, *others])]

    async def on_mouse_down(self, event: events.MouseDown) -> None:
        """Takes the knob, or puts it there."""
        if event.x in self._track:
            self.capture_mouse()
            await self._put(event.x)

    async def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draws the knob along."""
        if self.app.mouse_captured is self:
            await self._put(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Lets go of the knob."""
        self.release_mouse()

    async def _put(self, x: int) -> None:
        share = (x - self._track.start) / max(1, len(self._track) - 1)
        value = LOW + min(1.0, max(0.0, share)) * (HIGH - LOW)
        value = round(value / STEP) * STEP
        if self.look is not None and value != self.look.start.forget_bias:
            await self.app.run_action(f"screen.bias({value})")
