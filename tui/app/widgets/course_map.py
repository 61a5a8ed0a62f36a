"""The course as a map: its chapters and exercises, and how far the learner is with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from lstm_lab.exercises.catalogue import Chapter, Exercise
from lstm_lab.exercises.course import Standing
from lstm_lab.exercises.progress import Record

from ...text.learn import STANDINGS, count, cut, spent
from ..keys import LOOKING, bind
from .canvas import Canvas, Piece, clickable, row

_BAR = 20
#: What an exercise's row says on the right.
_RIGHT = 19


class CourseMap(Canvas, can_focus=True):
    """A row for each exercise, the chosen one marked, under how much is passed."""

    WHEEL = ("move(-1)", "move(1)")

    HELP_TITLE = "The map"
    HELP = (
        "Every exercise of the course. ✓ is passed, > is started, · builds on something that you have not passed yet; "
        "nothing keeps you from starting there all the same. On the right: how long it takes, or your tries and time."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("map.up", "up", "move(-1)", "up", "The exercise above", LOOKING),
        bind("map.down", "down", "move(1)", "down", "The exercise below", LOOKING),
        bind("map.pageup", "pageup", "move(-10)", "page up", "Ten exercises up", LOOKING),
        bind("map.pagedown", "pagedown", "move(10)", "page down", "Ten exercises down", LOOKING),
        bind("map.first", "home", "move(-1000)", "first", "The first exercise", LOOKING),
        bind("map.last", "end", "move(1000)", "last", "The last exercise", LOOKING),
    ]

    class Chosen(Message):
        """Another exercise is marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chapters: Sequence[Chapter] = ()
        self._exercises: list[Exercise] = []
        self._standings: Mapping[str, Standing] = {}
        self._records: Mapping[str, Record] = {}
        self._index = self._top = 0
        #: The exercise to be marked as soon as there are any.
        self._wanted = ""

    @property
    def chosen(self) -> Exercise | None:
        """The exercise that is marked."""
        return self._exercises[self._index] if self._exercises else None

    def show(
        self, chapters: Sequence[Chapter], standings: Mapping[str, Standing], records: Mapping[str, Record]
    ) -> None:
        """Show how far the learner is."""
        self._chapters, self._standings, self._records = chapters, standings, records
        self._exercises = [exercise for chapter in chapters for exercise in chapter.exercises]
        if self._wanted:
            self.choose(self._wanted)
        self.redraw()

    def choose(self, identifier: str) -> None:
        """Mark an exercise, before they are shown or after."""
        self._wanted = "" if self._exercises else identifier
        if self._exercises:
            self.action_move([exercise.id for exercise in self._exercises].index(identifier) - self._index)

    def action_move(self, by: int) -> None:
        """Marks an exercise further down, or up."""
        self._index = max(0, min(len(self._exercises) - 1, self._index + by))
        self.redraw()
        self.post_message(self.Chosen())

    def draw(self, width: int, height: int) -> list[Strip]:
        """The progress, and as many rows as fit, with the chosen one among them."""
        if not self._exercises:
            return []
        rows: list[Strip] = []
        places: list[int] = []
        number = 0
        for chapter in self._chapters:
            if rows:
                rows.append(self._blank(width))
            rows.append(row(width, [(cut(chapter.title, width), self.ink.key)]))
            for exercise in chapter.exercises:
                places.append(len(rows))
                rows.append(self._row(width, number, exercise))
                number += 1
        here, room = places[self._index], height - 2
        # The chapter's title stays in view with its first exercise.
        first = here - 1 if any(self.chosen is chapter.exercises[0] for chapter in self._chapters) else here
        self._top = max(0, min(max(min(self._top, first), here - room + 1), len(rows) - room))
        below = sum(place >= self._top + room for place in places)
        return [self._progress(width, below), self._blank(width), *rows[self._top : self._top + room]]

    def _progress(self, width: int, below: int) -> Strip:
        ink = self.ink
        passed = sum(standing == "passed" for standing in self._standings.values())
        full = round(_BAR * passed / max(1, len(self._standings)))
        seconds = sum(record.seconds for record in self._records.values())
        done, rest = ("#", ".") if ink.ascii else ("━", "─")
        left: list[Piece] = [(done * full, ink.good), (rest * (_BAR - full), ink.faint)]
        left.append((f"  {passed} of {len(self._standings)} passed", ink.strong))
        if self._records:
            left.append((f", {spent(seconds)}", ink.muted))
        return row(width, left, [(f"{below} more below", ink.muted)] if below > 0 else [])

    def _row(self, width: int, number: int, exercise: Exercise) -> Strip:
        ink, standing = self.ink, self._standings[exercise.id]
        record = self._records.get(exercise.id)
        style, side = {
            "passed": (ink.text, ink.good),
            "started": (ink.strong, ink.key),
            "open": (ink.text, ink.text),
            "later": (ink.muted, ink.muted),
        }[standing]
        right = f"{exercise.minutes} min"
        if record and record.attempts:
            right = count(len(record.attempts), "try", "tries")
            if record.seconds >= 60:
                right += f", {spent(record.seconds).removeprefix('about ').replace('minute', 'min').rstrip('s')}"
        room = width - 7 - _RIGHT - 1
        title = cut(exercise.title, room)
        faint = ink.muted
        if number == self._index:
            style = side = faint = ink.chosen if self.has_focus else ink.strong + Style(reverse=True)
        click = f"screen.open('{exercise.id}')"
        mark = STANDINGS[standing][0]
        pieces = [
            (f" {mark} ", clickable(side, click)),
            (f"{number + 1:>2}  {title}{' ' * (room - cell_len(title))}", clickable(style, click)),
            (f"{right[:_RIGHT]:>{_RIGHT}} ", clickable(faint, click)),
        ]
        return row(width, pieces)
