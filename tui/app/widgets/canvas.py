"""What the lab's drawings share: a widget that is a list of ready rows and repaints only those that changed.

Textual sends a widget's whole region again after ``refresh()``; a live screen at ten frames a
second must not. A ``Canvas`` compares its new rows with the old ones and refreshes just what
differs: of a heatmap that grows by a column, a column. (No padding, no border: rows are lines
of the widget.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import ClassVar, cast

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ..theme import Ink, ThemedApp

Piece = tuple[str, Style]


class Canvas(Widget):
    """A widget drawn by :meth:`draw`; call :meth:`redraw` when what it shows has changed."""

    #: What the help screen says about it.
    HELP_TITLE = ""
    HELP = ""
    ALLOW_MAXIMIZE = True
    #: The actions that the wheel runs, upward and downward: those of keys.
    WHEEL: ClassVar[tuple[str, str] | None] = None

    DEFAULT_CSS = """
    Canvas { background: $background; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Strip] = []
        #: What size they were drawn for
        self._drawn = Size()

    def draw(self, width: int, height: int) -> list[Strip]:
        """At most ``height`` rows of ``width`` cells each, every segment with a style."""
        raise NotImplementedError

    @property
    def ink(self) -> Ink:
        """The styles of the current theme."""
        return cast(ThemedApp, self.app).ink

    def redraw(self) -> None:
        """Draw again and repaint the rows that differ."""
        width, height = self.size
        if not (width and height and self.is_attached):
            self._drawn = Size()
            return
        old, self._rows, self._drawn = self._rows, self._draw(), self.size
        blank = self._blank(width)
        for y in range(height):
            before = old[y] if y < len(old) else blank
            after = self._rows[y] if y < len(self._rows) else blank
            if before != after:
                start, end = _difference(before, after, width)
                self.refresh(Region(start, y, end - start, 1))

    def _draw(self) -> list[Strip]:
        """The rows; none where the terminal is smaller than drawings have to reckon with."""
        here, least = self.app.size, cast(ThemedApp, self.app).LEAST_SIZE
        return [] if here.width < least.width or here.height < least.height else self.draw(*self.size)

    def render_line(self, y: int) -> Strip:
        """One row, ready to send, on the widget's background."""
        if self._drawn != self.size:  # Textual sends no Resize where a widget's region was asked for before the layout
            self._rows, self._drawn = self._draw(), self.size
        strip = self._rows[y] if y < len(self._rows) else self._blank(self.size.width)
        return strip.apply_style(Style(bgcolor=self.background_colors[1].rich_color))

    def on_resize(self, event: events.Resize) -> None:
        """Draws for the new size."""
        self.redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Runs the wheel's first action, if there is one."""
        if self.WHEEL is not None:
            event.stop()
            self.call_later(self.run_action, self.WHEEL[0])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Runs the wheel's second action, if there is one."""
        if self.WHEEL is not None:
            event.stop()
            self.call_later(self.run_action, self.WHEEL[1])

    def watch_has_focus(self, has_focus: bool) -> None:
        """Marks the panel that the arrow keys move in."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def notify_style_update(self) -> None:
        """Draws in the new theme's colours."""
        super().notify_style_update()
        if self.is_mounted:
            self.redraw()

    @staticmethod
    def _blank(width: int) -> Strip:
        return Strip.blank(width, Style.null())


def row(width: int, left: Iterable[Piece], right: Iterable[Piece] = (), *, fill: Piece | None = None) -> Strip:
    """One row: ``left`` pieces, ``fill`` repeated in between (spaces by default), ``right`` pieces.

    What does not fit is cut: first ``right`` goes as a whole, then the end of ``left``.
    """
    segments = [Segment(text, style) for text, style in left if text]
    tail = [Segment(text, style) for text, style in right if text]
    gap = width - _cells(segments) - _cells(tail)
    if gap < 0:
        tail, gap = [], width - _cells(segments)
    if gap > 0:
        glyph, style = fill or (" ", Style.null())
        segments.append(Segment(glyph * gap, style))
    return Strip([*segments, *tail]).crop(0, width)


def heading(
    ink: Ink,
    width: int,
    title: str,
    left: Iterable[Piece] = (),
    right: Iterable[Piece] = (),
    *,
    focus: bool = False,
) -> Strip:
    """A panel's first row: its title, a note, and a rule up to the text on the right."""
    rule = ("-" if ink.ascii else "─", ink.rule)
    pieces = [(title, ink.key + Style(underline=True) if focus else ink.strong), *left, (" ", ink.text)]
    tail = list(right)
    return row(width, pieces, [(" ", ink.text), *tail] if tail else [], fill=rule)


def join(cells: Iterable[Piece]) -> Iterator[Segment]:
    """Cells as segments; neighbours with the same style become one."""
    for _, group in groupby(cells, key=lambda cell: id(cell[1])):
        run = list(group)
        yield Segment("".join(glyph for glyph, _ in run), run[0][1])


def clickable(style: Style, action: str) -> Style:
    """``style`` with an action that a mouse click runs."""
    return style + Style.from_meta({"@click": action})


def _difference(before: Strip, after: Strip, width: int) -> tuple[int, int]:
    """The range of cells in which two rows differ: all but the segments that they share at both ends."""
    old, new = list(before), list(after)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return _cells(new[:start]), width - _cells(new[len(new) - end :])


def _cells(segments: Iterable[Segment]) -> int:
    return sum(cell_len(segment.text) for segment in segments)
