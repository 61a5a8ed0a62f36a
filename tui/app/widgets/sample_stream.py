"""The sample stream: what the network is writing, and what it wrote before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from ..keys import LOOKING, bind
from .canvas import Canvas, clickable, heading, row

#: How many samples are kept.
_MEMORY = 200


@dataclass
class _Sample:
    stamp: str
    text: str = ""
    #: Lines of the text, wrapped for ``width``.
    lines: list[str] = field(default_factory=list)
    width: int = 0

    def wrap(self, width: int) -> list[str]:
        if width != self.width:
            self.lines, self.width = wrap(self.text, width), width
        return self.lines

    def add(self, text: str) -> None:
        self.text += text
        self.width = 0


class SampleStream(Canvas, can_focus=True):
    """Samples from oldest to newest, each under a stamp; follows the newest unless scrolled away."""

    HELP_TITLE = "Samples"
    HELP = (
        "Text that the network made up just now, character by character: each one is drawn from its prediction "
        "and fed back in. It writes with the weights after the last step, not with their average. The stamp says "
        "after how many steps, and at which loss. Temperature 0 always takes the likeliest character, 1 draws as "
        "the network predicts, more is wilder. Scroll up to read older samples."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("samples.up", "up", "scroll_rows(-1)", "up", "Earlier samples", LOOKING),
        bind("samples.down", "down", "scroll_rows(1)", "down", "Later samples", LOOKING),
        bind("samples.pageup", "pageup", "page(-1)", "page up", "A page of samples up", LOOKING),
        bind("samples.pagedown", "pagedown", "page(1)", "page down", "A page of samples down", LOOKING),
        bind("samples.oldest", "home", "oldest", "oldest", "The oldest sample", LOOKING),
        bind("samples.newest", "end", "newest", "newest", "The newest sample", LOOKING),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: deque[_Sample] = deque(maxlen=_MEMORY)
        self._temperature = 0.0
        #: Rows scrolled up from the newest one; 0 follows it.
        self._up = 0

    def clear(self) -> None:
        """Forgets all samples."""
        self._samples.clear()
        self._up = 0
        self.redraw()

    def show_temperature(self, temperature: float) -> None:
        """Shows the temperature of the samples to come."""
        self._temperature = temperature
        self.redraw()

    def begin(self, stamp: str) -> None:
        """Starts a new sample under ``stamp``."""
        before = len(self._all_rows())
        self._samples.append(_Sample(stamp))
        self._stay(before)

    def type(self, text: str) -> None:
        """Adds to the newest sample."""
        before = len(self._all_rows())
        self._samples[-1].add(printable(text))
        self._stay(before)

    def _stay(self, before: int) -> None:
        """Keep the rows in view that were scrolled to while new ones arrive below."""
        if self._up:
            self._up += len(self._all_rows()) - before
        self.redraw()

    def _all_rows(self) -> list[tuple[str, bool]]:
        """Every row from oldest to newest, and whether it is a stamp."""
        rows: list[tuple[str, bool]] = []
        for sample in self._samples:
            rows.append((sample.stamp, True))
            rows += [(line, False) for line in sample.wrap(max(1, self.size.width))]
        return rows

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading with the temperature, and as many rows as fit."""
        ink = self.ink
        rows, visible = self._all_rows(), max(0, height - 1)
        self._up = max(0, min(self._up, len(rows) - visible))
        end = len(rows) - self._up
        shown = rows[max(0, end - visible) : end]
        note = f"{self._up} below  " if self._up else ""
        right = [
            (note, ink.warning),
            ("t", clickable(ink.key, "screen.warmer")),
            ("/", ink.faint),
            ("T ", clickable(ink.key, "screen.colder")),
            (f"temperature {self._temperature:.1f}", ink.muted),
        ]
        if width < 34 + len(note):
            right[-1] = (f"temp {self._temperature:.1f}", ink.muted)
        strips = [heading(ink, width, "Samples", (), right, focus=self.has_focus)]
        for line, is_stamp in shown:
            strips.append(row(width, [(line, ink.muted if is_stamp else ink.text)]))
        if self._samples and not self._up and shown and not shown[-1][1] and cell_len(shown[-1][0]) < width:
            strips[-1] = row(width, [(shown[-1][0], ink.text), (" ", ink.line + Style(reverse=True))])
        return strips

    def action_scroll_rows(self, rows: int) -> None:
        """Scrolls by rows: below zero to earlier ones."""
        self._up = max(0, self._up - rows)
        self.redraw()

    def action_page(self, pages: int) -> None:
        """Scrolls by pages."""
        self.action_scroll_rows(pages * max(1, self.size.height - 2))

    def action_oldest(self) -> None:
        """Scrolls to the first row."""
        self.action_scroll_rows(-len(self._all_rows()))

    def action_newest(self) -> None:
        """Follows the newest sample."""
        self._up = 0
        self.redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scrolls to earlier rows."""
        event.stop()
        self.action_scroll_rows(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scrolls to later rows."""
        event.stop()
        self.action_scroll_rows(3)


def printable(text: str) -> str:
    """``text`` with tabs as spaces and without control characters, which would move the cursor."""
    return "".join(
        letter if letter == "\n" or letter.isprintable() else "�"
        for letter in text.replace("\t", "    ").replace("\r\n", "\n")
    )


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells, broken after spaces where a word fits, otherwise inside it."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line, cells, last_space = "", 0, 0
        for letter in paragraph:
            size = cell_len(letter)
            if cells + size > width:
                if letter == " ":
                    lines.append(line)
                    line, cells, last_space = "", 0, 0
                    continue
                cut = last_space if last_space > 0 else len(line)
                lines.append(line[:cut].rstrip() if cut == last_space else line)
                line = line[cut:]
                cells, last_space = cell_len(line), 0
            line += letter
            cells += size
            if letter == " " and line.strip():
                last_space = len(line)
        lines.append(line)
    return lines
