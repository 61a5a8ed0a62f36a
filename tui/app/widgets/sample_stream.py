"""The sample stream: what the network is writing, how much that surprises it, and what it wrote before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from ...text.visible import hidden
from ..keys import LOOKING, bind
from .canvas import Canvas, Piece, clickable, heading, join, row

#: How many samples are kept.
_MEMORY = 200
#: The least probabilities of the first degrees of surprise, and those in nats; the last degree is beyond.
_DEGREES = (0.5, 0.1, 0.01)
_NATS = tuple(-math.log(least) for least in _DEGREES)
#: From this height on there is a legend.
_LEGEND_FROM = 7


@dataclass
class _Sample:
    stamp: str
    text: str = ""
    #: For each character of the text its degree of surprise.
    degrees: list[int] = field(default_factory=list)
    #: The text as it is shown, with the degree of each of its characters, and its lines, wrapped for ``width``.
    shown: str = ""
    shown_degrees: list[int] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    width: int = 0

    def wrap(self, width: int) -> list[tuple[int, int]]:
        if width != self.width:
            glyphs = _glyphs(self.text)
            self.shown = "".join(glyphs)
            pairs = zip(glyphs, self.degrees, strict=True)
            self.shown_degrees = [degree for glyph, degree in pairs for _ in glyph]
            self.lines, self.width = wrap(self.shown, width), width
        return self.lines

    def add(self, text: str, surprise: Iterable[float]) -> None:
        self.text += text
        self.degrees += [sum(nats > limit for limit in _NATS) for nats in surprise]
        self.degrees += [0] * (len(self.text) - len(self.degrees))
        self.width = 0


class SampleStream(Canvas, can_focus=True):
    """Samples from oldest to newest, each under a stamp; follows the newest unless scrolled away."""

    WHEEL = ("scroll_rows(-3)", "scroll_rows(3)")

    HELP_TITLE = "Samples"
    HELP = (
        "Text that the network made up just now, character by character: each one is drawn from its prediction "
        "and fed back in. It writes with the weights after the last step, not with their average. The stamp says "
        "after how many steps, and at which loss. Temperature 0 always takes the likeliest character, 1 draws as "
        "the network predicts, more is wilder. Scroll up to read older samples. "
        "Colours say how much a character surprised the network itself: the probability that it gave what was drawn, "
        "before the temperature changed it. Underlined and coloured are the unlikely ones."
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
        self.surprise = True
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

    def type(self, text: str, surprise: Iterable[float] = ()) -> None:
        """Adds to the newest sample; ``surprise``: of each character, in nats."""
        before = len(self._all_rows())
        self._samples[-1].add(text, surprise)
        self._stay(before)

    def read_again(self, surprise: Iterable[float]) -> None:
        """Shows by how much the characters of the newest sample surprise a network that has changed since."""
        if self._samples:
            sample, text = self._samples[-1], self._samples[-1].text
            sample.text, sample.degrees = "", []
            sample.add(text, list(surprise)[: len(text)])
            self.redraw()

    def toggle_surprise(self) -> None:
        """Shows surprise, or just the text."""
        self.surprise = not self.surprise
        self.redraw()

    def _stay(self, before: int) -> None:
        """Keep the rows in view that were scrolled to while new ones arrive below."""
        if self._up:
            self._up += len(self._all_rows()) - before
        self.redraw()

    def _all_rows(self) -> list[tuple[_Sample, tuple[int, int] | None]]:
        """Every row from oldest to newest: a part of a sample's text, or None for its stamp."""
        rows: list[tuple[_Sample, tuple[int, int] | None]] = []
        for sample in self._samples:
            rows.append((sample, None))
            rows += [(sample, line) for line in sample.wrap(max(1, self.size.width))]
        return rows

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading with the temperature, as many rows as fit, and what their colours mean."""
        ink = self.ink
        legend = [self._legend(width)] if self.surprise and height >= _LEGEND_FROM else []
        rows, visible = self._all_rows(), max(0, height - 1 - len(legend))
        self._up = max(0, min(self._up, len(rows) - visible))
        end = len(rows) - self._up
        shown = rows[max(0, end - visible) : end]
        strips = [self._heading(width)]
        strips += [
            row(width, [(sample.stamp, ink.muted)] if line is None else self._line(sample, line))
            for sample, line in shown
        ]
        if shown and not self._up and shown[-1][1] is not None:
            pieces = self._line(*shown[-1])
            if sum(cell_len(text) for text, _ in pieces) < width:
                strips[-1] = row(width, [*pieces, (" ", ink.line + Style(reverse=True))])
        strips += [row(width, [])] * (height - len(strips) - len(legend))
        return strips + legend

    def _heading(self, width: int) -> Strip:
        ink = self.ink
        note = f"{self._up} below  " if self._up else ""
        right: list[Piece] = [
            (note, ink.warning),
            ("u", clickable(ink.key, "screen.surprise")),
            (" surprise  ", clickable(ink.muted, "screen.surprise")),
            ("t", clickable(ink.key, "screen.warmer")),
            ("/", ink.faint),
            ("T ", clickable(ink.key, "screen.colder")),
            (f"temperature {self._temperature:.1f}", ink.muted),
        ]
        if width < 34 + len(note) + 12:
            del right[1:3]
        if width < 34 + len(note):
            right[-1] = (f"temp {self._temperature:.1f}", ink.muted)
        return heading(ink, width, "Samples", (), right, focus=self.has_focus)

    def _line(self, sample: _Sample, line: tuple[int, int] | None) -> list[Piece]:
        """A part of a sample's text, in the styles of its degrees of surprise."""
        start, end = line or (0, 0)
        if not self.surprise:
            return [(sample.shown[start:end], self.ink.text)]
        styles = self._styles()
        cells = zip(sample.shown[start:end], sample.shown_degrees[start:end], strict=True)
        return [(piece.text, piece.style or Style.null()) for piece in join((glyph, styles[n]) for glyph, n in cells)]

    def _styles(self) -> list[Style]:
        """Of the degrees of surprise, from none on; they differ without colours, too."""
        ink = self.ink
        last = Style(reverse=True) if ink.mono else Style(underline=True)
        return [ink.muted, ink.text, ink.warning + Style(underline=True), ink.bad + last]

    def _legend(self, width: int) -> Strip:
        """What the styles stand for."""
        ink = self.ink
        at_least = ">" if ink.ascii else "≥"
        names = [*(f"{at_least}{least:.0%}" for least in _DEGREES), f"<{_DEGREES[-1]:.0%}"]
        word = " probability" if width >= 34 else ""
        pieces: list[Piece] = [("u", clickable(ink.key, "screen.surprise")), (word, ink.muted)]
        for name, style in zip(names, self._styles(), strict=True):
            pieces += [(" ", ink.text), (name, style)]
        return row(width, pieces)

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


def _glyphs(text: str) -> list[str]:
    """How each character is shown: tabs as spaces, and nothing that the terminal would obey."""
    return [_glyph(letter, after) for letter, after in zip(text, [*text[1:], ""], strict=False)]


def _glyph(letter: str, after: str) -> str:
    if letter == "\r" and after == "\n":
        return ""
    if letter == "\t":
        return "    "
    return "\ufffd" if hidden(letter) and letter != "\n" else letter


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Where lines of at most ``width`` cells start and end, broken after spaces where a word fits, otherwise inside
    it."""
    lines: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n"):
        stop = start + len(paragraph)
        first, cells, after_space = start, 0, 0
        for index in range(start, stop):
            size = cell_len(text[index])
            if cells + size > width:
                if text[index] == " ":
                    lines.append((first, index))
                    first, cells, after_space = index + 1, 0, 0
                    continue
                if after_space > first:
                    lines.append((first, first + len(text[first:after_space].rstrip())))
                    first = after_space
                else:
                    lines.append((first, index))
                    first = index
                cells = cell_len(text[first:index])
                after_space = 0
            cells += size
            if text[index] == " " and text[first : index + 1].strip():
                after_space = index + 1
        lines.append((first, stop))
        start = stop + 1
    return lines
