"""What a network wrote after a prompt, what it expected next, and one line of each step of a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from lstm_ext.visualization.drawing import draw_bar, visible_character

from ...text.timeline import Told, line
from ...text.visible import visible
from .canvas import Canvas, Piece, clickable, heading, row


class WrittenText(Canvas):
    """The prompt, and how the network continued it."""

    HELP_TITLE = "The text"
    HELP = (
        "What the network of that step writes after the prompt. The prompt, the temperature and the random numbers are "
        "the same at every step: whatever changes, changes because of what was learned."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompt, self._told, self._note = "", None, ""

    _told: Told | None

    def show(self, prompt: str, told: Told | None, note: str) -> None:
        """Draw this; None: it is still being written."""
        self._prompt, self._told, self._note = prompt, told, note
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading, and the text, a line's end where one was written."""
        ink = self.ink
        rows = [heading(ink, width, "Written", (), [(self._note, ink.muted)])]
        if self._told is None:
            return [*rows, row(width, [("…" if not ink.ascii else "...", ink.faint)])]
        pieces = [(self._prompt.lstrip("\n"), ink.key), (self._told.text, ink.text)]
        return [*rows, *(row(width, line) for line in _lines(pieces, width, height - 1))]


def _lines(pieces: Sequence[Piece], width: int, height: int) -> list[list[Piece]]:
    """At most ``height`` lines of ``width`` cells."""
    lines: list[list[Piece]] = [[]]
    used = 0
    for text, style in pieces:
        for character in text:
            shown = visible(character)
            if character == "\n" or used + cell_len(shown) > width:
                if len(lines) == height:
                    return lines
                lines.append([])
                used = 0
                if character == "\n":
                    continue
            lines[-1].append((shown, style))
            used += cell_len(shown)
    return lines[:height]


class NextBars(Canvas):
    """How likely the network thought each character right after the prompt."""

    HELP_TITLE = "Next character"
    HELP = "The probabilities of the likeliest characters right after the prompt, at temperature 1."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: Told | None = None

    def show(self, told: Told | None) -> None:
        """Draw this."""
        self._told = told
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """A row for each of the likeliest."""
        ink, told = self.ink, self._told
        rows = [heading(ink, width, "Next character")]
        if told is None:
            return rows
        for character, probability in told.expected[: height - 1]:
            shown = visible_character(character, 2, ascii_only=ink.ascii)
            bar = draw_bar(probability, max(1, width - 9), "ascii" if ink.ascii else "line")
            rows.append(row(width, [(f"{shown:<3}", ink.text), (f"{probability:4.0%} ", ink.muted), (bar, ink.line)]))
        return rows


class FilmStrip(Canvas):
    """A line for each step: the loss, and the beginning of what was written."""

    HELP_TITLE = "All steps"
    HELP = "The beginning of what each step's network writes; a click goes there."

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: Sequence[Told | None] = ()
        self._index = 0

    def show(self, told: Sequence[Told | None], index: int) -> None:
        """Draw these; None: not written yet."""
        self._told, self._index = told, index
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The heading, and as many steps as fit around the one that is looked at."""
        ink = self.ink
        rows = [heading(ink, width, "All steps")]
        room = max(1, height - 1)
        first = max(0, min(self._index - room // 2, len(self._told) - room))
        for index in range(first, min(first + room, len(self._told))):
            told, here = self._told[index], index == self._index
            style: Style = ink.chosen if here else ink.text
            mark = (">" if ink.ascii else "›") if here else " "
            said = "…" if told is None else line(told, width - 2)
            rows.append(row(width, [(f"{mark} ", ink.key), (said, clickable(style, f"screen.go({index})"))]))
        return rows[:height]
