"""The status panel: the state of training in numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from lstm_ext.train.diagnosis import Diagnosis
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.visualization.drawing import draw_bar

from ...text.run_end import share_done
from ...text.units import clock, number, rate
from .canvas import Canvas, Piece, clickable, heading, row

#: Numbers that stay when a diagnosis needs the room: step, loss, validation, bits, learning rate.
_ALWAYS = 5


class StatusPanel(Canvas):
    """Names and numbers in rows, the most important first, as many as fit; below them what is wrong, and the fix."""

    HELP_TITLE = "Status"
    HELP = (
        "Loss is in nats per character; smoothed, it is that of the last steps' training. Bits per character are "
        "loss / ln 2, of the validation loss once there is one. An epoch is one pass over the text. "
        "The gradient's norm is taken before clipping. Speed counts characters trained on per second. "
        "Where the run has an end, a bar shows how much of it is done. "
        "Where the losses show one of the usual troubles, its name stands at the top and what to do about it below."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._engine = ""
        self._diagnosis: Diagnosis | None = None
        self._left: float | None = None
        self._frozen = False

    def show(
        self, snapshot: Snapshot, engine: str, diagnosis: Diagnosis | None = None, left: float | None = None
    ) -> None:
        """Shows the state of a run, what computes it, what is wrong with it, and how many seconds are left."""
        self._snapshot, self._engine, self._diagnosis, self._left = snapshot, engine, diagnosis, left
        self.redraw()

    @property
    def diagnosis(self) -> Diagnosis | None:
        """What is wrong with the run that is shown."""
        return self._diagnosis

    def freeze(self, frozen: bool) -> None:
        """Says that what is shown stands still, or no longer."""
        self._frozen = frozen
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading with the run's state, and its numbers."""
        snapshot = self._snapshot
        if snapshot is None:
            return [heading(self.ink, width, "Status", right=[("starting", self.ink.muted)])]
        state = self._state(snapshot)
        freeze = [("v", clickable(self.ink.key, "screen.freeze")), (" freeze  ", self.ink.muted)]
        if not self._frozen and sum(len(text) for text, _ in [*freeze, *state]) + len("Status  ") < width:
            state = [*freeze, *state]
        strips = [heading(self.ink, width, "Status", right=state)]
        share = share_done(snapshot)
        if share is not None and height > _ALWAYS:
            strips.append(self._progress(share, width))
        advice = self._advice(width)[: max(0, height - len(strips) - _ALWAYS)]
        for name, value in self._numbers(snapshot)[: height - len(strips) - len(advice)]:
            label: list[Piece] = [(name, self.ink.muted)]
            if name == "learning rate":
                label += [
                    (" +", clickable(self.ink.key, "screen.faster")),
                    ("/", self.ink.faint),
                    ("-", clickable(self.ink.key, "screen.slower")),
                ]
            strips.append(row(width, label, [(value, self._value_style(name))]))
        return [*strips, *advice]

    def _progress(self, share: float, width: int) -> Strip:
        """How much of the run is done, as a bar, and the time left."""
        ink = self.ink
        before, after = f"{math.floor(min(share, 1.0) * 100)}% ", " done" if share >= 1 else ""
        if share < 1 and self._left is not None:
            after = f" {clock(self._left)} left"
        room = max(0, width - len(before) - len(after))
        bar = draw_bar(share, room, "ascii" if ink.ascii else "line")
        rest = (". " if ink.ascii else "─ ")[0] * (room - len(bar))
        return row(width, [(before, ink.text), (bar, ink.line), (rest, ink.rule), (after, ink.muted)])

    def _advice(self, width: int) -> list[Strip]:
        """What is seen and what to do, in lines."""
        if self._diagnosis is None:
            return []
        mark = "> " if self.ink.ascii else "→ "
        seen = textwrap.wrap(self._diagnosis.message, width)
        fix = textwrap.wrap(self._diagnosis.fix, width, initial_indent=mark, subsequent_indent="  ")
        return [
            *(row(width, [(line, self.ink.warning)]) for line in seen),
            *(row(width, [(line, self.ink.text)]) for line in fix),
        ]

    def _value_style(self, name: str) -> Style:
        styles = {"loss, smoothed": self.ink.line, "validation": self.ink.point}
        return styles.get(name, self.ink.text)

    def _state(self, snapshot: Snapshot) -> list[Piece]:
        ink = self.ink
        glyphs = "*=.x" if ink.ascii else "●■○✗"
        states = {
            "running": (glyphs[0], "learning", ink.good),
            "paused": (glyphs[1], "paused", ink.warning),
            "failed": (glyphs[3], "failed", ink.bad),
        }
        if self._frozen:
            return [("v ", clickable(ink.key, "screen.thaw")), ("view frozen", clickable(ink.warning, "screen.thaw"))]
        if self._diagnosis is not None and snapshot.status == "running":
            return [(f"! {self._diagnosis.name}", ink.warning)]
        glyph, word, style = states.get(snapshot.status, (glyphs[2], snapshot.status, ink.muted))
        action = "screen.pause" if snapshot.status == "running" else "screen.resume"
        return [(f"{glyph} {word}", clickable(style, action))]

    def _numbers(self, snapshot: Snapshot) -> Sequence[tuple[str, str]]:
        return (
            ("step", f"{snapshot.step:,}"),
            ("loss, smoothed", number(snapshot.smoothed)),
            ("validation", number(snapshot.val_loss)),
            ("bits/char, " + ("train" if snapshot.val_loss is None else "val"), number(snapshot.bits_per_char)),
            ("learning rate", f"{snapshot.lr:.2g}"),
            ("gradient norm", number(snapshot.grad_norm)),
            ("speed", f"{rate(snapshot.chars_per_second)} chars/s"),
            ("epoch", f"{snapshot.epoch:.2f}"),
            ("time", clock(snapshot.seconds)),
            ("engine", self._engine),
            ("best validation", number(snapshot.best_val)),
        )
