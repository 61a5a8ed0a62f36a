"""A topic of the handbook: its text, whose links can be followed by key and by mouse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rich.style import Style
from rich.text import Text

from lstm_lab.handbook.facts import Sizes
from lstm_lab.handbook.topics import Topic

from ...text.handbook import topic_lines
from ...text.markdown import HEADING, target_of
from .canvas import clickable
from .page import MEASURE, Lines, Page, Tab


@dataclass(frozen=True)
class Link:
    """A link, and the rows that its label takes."""

    target: str
    first: int
    last: int


class Place(NamedTuple):
    """A row of a topic, at whatever width it is set: so many rows below a heading, or from the beginning."""

    heading: str = ""
    below: int = 0


class HandbookPage(Page):
    """Shows a topic; keeps its rows, because a long one takes a while to be set."""

    HELP_TITLE = "The topic"
    HELP = (
        "Up and down scroll. n and p go to the next and the previous link, Enter follows it; the mouse does as well. "
        "Links lead to other topics, to an exercise, and to the screen of the lab that shows what is meant."
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._topic: Topic | None = None
        self._sizes = Sizes()
        #: The rows, and what they were set for.
        self._set: list[Text] = []
        self._set_for: object = None
        #: The links in their order, and which of them is chosen; −1: none.
        self.links: list[Link] = []
        self.link = -1

    def open(self, topic: Topic, sizes: Sizes) -> None:
        """Show ``topic`` from its beginning; ``see_place`` goes on from there."""
        if topic is not self._topic:
            self.link = -1
        self._topic, self._sizes, self._top = topic, sizes, 0
        lines: Lines = lambda width: topic_lines(  # noqa: E731
            topic, min(width, MEASURE), sizes, ascii_only=self.ink.ascii
        )
        self.show(lines, tabs=[Tab(topic.title, "screen.focus('#page')", True)])

    @property
    def place(self) -> Place:
        """Where the first row in view is."""
        heading, row = next(((text, row) for row, text in reversed(self._headings()) if row <= self._top), ("", 0))
        return Place(heading, self._top - row)

    def see_place(self, place: Place) -> None:
        """Scroll there."""
        list(self.folded(self._lines(self.size.width), self.size.width))
        rows = {text: row for row, text in self._headings()}
        self._top = rows.get(place.heading, 0) + place.below
        self.redraw()

    def _headings(self) -> list[tuple[int, str]]:
        return [(row, line.plain.strip()) for row, line in enumerate(self._set) if line.style == HEADING]

    def folded(self, lines: Iterable[Text], width: int) -> Iterator[Text]:
        """The rows of the topic, its links marked."""
        wanted = (self._topic, self._sizes, width, self.ink)
        if self._set_for != wanted:
            self._set, self._set_for = [self._clickable(line) for line in super().folded(lines, width)], wanted
            self.links = list(self._found())
            self.link = min(self.link, len(self.links) - 1)
        chosen = self.links[self.link] if self.link >= 0 else None
        for row, line in enumerate(self._set):
            yield self._marked(line, chosen) if chosen and chosen.first <= row <= chosen.last else line

    def _clickable(self, line: Text) -> Text:
        for span in list(line.spans):
            if target := target_of(span.style):
                style = clickable(self.ink.line, f"screen.go({target!r})")
                line.stylize(style + Style(bold=False), span.start, span.end)
        return line

    def _found(self) -> Iterator[Link]:
        """Where links are; one that was folded continues at the beginning of the next row."""
        link: Link | None = None
        for row, line in enumerate(self._set):
            indent = len(line.plain) - len(line.plain.lstrip())
            for span in line.spans:
                if not (target := target_of(span.style)):
                    continue
                if link and (link.target, link.last) == (target, row - 1) and span.start <= indent:
                    link = Link(target, link.first, row)
                    continue
                if link:
                    yield link
                link = Link(target, row, row)
        if link:
            yield link

    def _marked(self, line: Text, chosen: Link) -> Text:
        line = line.copy()
        for span in list(line.spans):
            if target_of(span.style) == chosen.target:
                line.stylize(self.ink.chosen, span.start, span.end)
        return line

    def choose(self, by: int) -> None:
        """Choose a link further on, or back; from none, one that is in view."""
        if not self.links:
            return
        if self.link < 0:
            seen = [index for index, link in enumerate(self.links) if link.last >= self._top]
            self.link = seen[0] if by > 0 and seen else len(self.links) - 1
        else:
            self.link = (self.link + by) % len(self.links)
        self.see(self.links[self.link].first, self.links[self.link].last)
