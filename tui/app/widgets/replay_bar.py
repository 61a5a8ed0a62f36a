"""The bar below a lesson that is replayed: what its author says, and where one is in it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.message import Message
from textual.strip import Strip

from ...text.units import clock
from ...text.visible import visible
from .canvas import Canvas, Piece, row

#: The widest that a caption is written, and how many lines of it there are.
_CAPTION, LINES = 110, 2


@dataclass(frozen=True)
class Playing:
    """Where one is in a lesson."""

    seconds: float = 0.0
    total: float = 0.0
    speed: float = 1.0
    paused: bool = False
    note: str = ""
    #: The command that was just run: its key and its name.
    did: tuple[str, str] | None = None
    #: Where notes begin, in seconds.
    notes: Sequence[float] = ()


class ReplayBar(Canvas):
    """Two lines of caption, and a bar that shows the time; a click on it goes there."""

    HELP_TITLE = "The lesson"
    HELP = (
        "The lab shows a lesson that was recorded. Space pauses it, left and right go five seconds back and on, "
        "[ and ] from caption to caption, + and - change the speed, and a click on the bar goes to that moment. "
        "t takes over: the lab is then yours, as the lesson has it at that moment; ctrl+t goes back to the lesson."
    )
    DEFAULT_CSS = """
    ReplayBar { dock: bottom; height: 3; background: $panel; }
    """

    class Sought(Message):
        """The user wants to see another moment, in seconds."""

        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

    def __init__(self) -> None:
        super().__init__(id="replay")
        self._playing = Playing()
        self._span = (0, 1)

    def show(self, playing: Playing) -> None:
        """Show another moment."""
        playing = replace(playing, seconds=round(playing.seconds, 1))
        if playing != self._playing:
            self._playing = playing
            self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The caption above, the bar below."""
        ink = self.ink
        wide = min(_CAPTION, width - 2)
        lines = textwrap.wrap(visible(self._playing.note), wide, max_lines=LINES, placeholder=" …")
        lines += [""] * (LINES - len(lines))
        return [*(row(width, [(" " + line, ink.strong)]) for line in lines), self._bar(width)]

    def _bar(self, width: int) -> Strip:
        ink, now = self.ink, self._playing
        states = ("||", ">") if ink.ascii else ("‖", "▶")
        left: list[Piece] = [(f" {states[not now.paused]} ", ink.key), (f"{clock(now.seconds)} ", ink.text)]
        speed = "" if now.speed == 1.0 else f" {now.speed:g}x"
        right: list[Piece] = [(f" {clock(now.total)}{speed} ", ink.muted)]
        did = "" if now.did is None else f"  {now.did[0]} {now.did[1]}"
        keys = [("space", "play" if now.paused else "pause"), ("t", "take over")]
        keys += [("←→" if not ink.ascii else "</>", "seek"), ("?", "help"), ("q", "quit")]
        room = width - sum(len(text) for text, _ in left + right) - 20 - 16 * (width >= 70)
        for key, name in keys:
            if len(key) + len(name) + 3 <= room:
                right += [(f" {key} ", ink.key), (name, ink.muted)]
                room -= len(key) + len(name) + 3
        if width >= 70:
            right.insert(1, (did[:16].ljust(16), ink.good))
        size = max(1, width - sum(len(text) for text, _ in left + right))
        start = sum(len(text) for text, _ in left)
        self._span = start, size
        return row(width, [*left, *self._track(size), *right])

    def _track(self, size: int) -> list[Piece]:
        """The time as a line, with a mark where a caption begins."""
        ink, now = self.ink, self._playing
        total = max(now.total, 1e-9)
        done = min(size - 1, int(size * now.seconds / total))
        marks = {min(size - 1, int(size * time / total)) for time in now.notes if 3 * len(now.notes) <= size}
        line, mark, here = "-+O" if ink.ascii else "─┼●"
        return [
            (here, ink.key) if x == done else (mark if x in marks else line, ink.line if x < done else ink.faint)
            for x in range(size)
        ]

    def on_click(self, event: events.Click) -> None:
        """To the moment below the pointer."""
        start, size = self._span
        if event.y == self.size.height - 1 and start <= event.x < start + size:
            self.post_message(self.Sought((event.x - start + 0.5) / size * self._playing.total))
