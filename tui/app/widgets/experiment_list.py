"""The experiments as a list: what each asks, how long it takes, and whether it was measured here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from lstm_ext.experiments import Experiment
from lstm_ext.experiments.records import Record

from ...text.experiments import when
from ...text.learn import cut
from ..keys import LOOKING, bind
from ..measuring import Progress
from .canvas import Canvas, Piece, clickable, row

#: What a row says on the right.
_RIGHT = 9


@dataclass(frozen=True)
class Entry:
    """An experiment, and its outcomes: this user's, the newest first, then the one that comes with the lab."""

    experiment: Experiment
    subject: str
    outcomes: Sequence[Record] = field(default=())

    @property
    def name(self) -> str:
        """The experiment's."""
        return self.experiment.name

    @property
    def own(self) -> Record | None:
        """The newest that was measured here."""
        return next((record for record in self.outcomes if record.when), None)

    @property
    def quick_seconds(self) -> float | None:
        """What a quick measurement took the last time, in one process."""
        return next((record.seconds for record in self.outcomes if record.results.quick and record.seconds > 0), None)

    def about(self, words: str) -> bool:
        """Whether all of ``words`` are in what is known of it."""
        experiment = self.experiment
        text = f"{self.name} {self.subject} {experiment.question} {experiment.method}".lower()
        return all(word in text for word in words.lower().split())


class ExperimentList(Canvas, can_focus=True):
    """A row for each experiment under its subject, the chosen one marked."""

    WHEEL = ("move(-1)", "move(1)")

    HELP_TITLE = "The list"
    HELP = (
        "Every experiment under what it is about. On the right: how long its quick form takes in one process, or "
        "when you measured it (✓), or how far the measuring is (>)."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("experiment_list.up", "up", "move(-1)", "up", "The experiment above", LOOKING),
        bind("experiment_list.down", "down", "move(1)", "down", "The experiment below", LOOKING),
        bind("experiment_list.first", "home,pageup", "move(-100)", "first", "The first experiment", LOOKING),
        bind("experiment_list.last", "end,pagedown", "move(100)", "last", "The last experiment", LOOKING),
    ]

    class Chosen(Message):
        """Another experiment is marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: Sequence[Entry] = ()
        self._progress: Progress | None = None
        self._chosen = ""
        self._top = 0

    @property
    def chosen(self) -> str:
        """The name of the one that is marked; empty if there is none."""
        return self._chosen

    def show(self, entries: Sequence[Entry], progress: Progress | None) -> None:
        """Show these."""
        self._entries, self._progress = entries, progress
        names = [entry.name for entry in entries]
        if self._chosen not in names:
            self.choose(names[0] if names else "")
        self.redraw()

    def choose(self, name: str) -> None:
        """Mark an experiment."""
        self._chosen = name
        self.redraw()
        self.post_message(self.Chosen())

    def action_move(self, by: int) -> None:
        """Marks an experiment further down, or up."""
        names = [entry.name for entry in self._entries]
        if names:
            self.choose(names[max(0, min(len(names) - 1, names.index(self._chosen) + by))])

    def draw(self, width: int, height: int) -> list[Strip]:
        """As many rows as fit, with the chosen one among them."""
        ink = self.ink
        if not self._entries:
            return [row(width, [("No experiment is about that. Esc shows all again.", ink.muted)])]
        subjects: dict[str, list[Entry]] = {}
        for entry in self._entries:
            subjects.setdefault(entry.subject, []).append(entry)
        spaced = height >= len(self._entries) + 2 * len(subjects)
        names = max(len(entry.name) for entry in self._entries)
        rows: list[Strip] = []
        here = first = 0
        for subject, entries in subjects.items():
            if rows and spaced:
                rows.append(self._blank(width))
            rows.append(row(width, [(subject, ink.key)]))
            for entry in entries:
                if entry.name == self._chosen:
                    here = len(rows)
                    first = here - 1 if entry is entries[0] else here
                rows.append(self._row(width, names, entry))
        self._top = max(0, min(max(min(self._top, first), here - height + 1), len(rows) - height))
        return rows[self._top : self._top + height]

    def _row(self, width: int, names: int, entry: Entry) -> Strip:
        ink, progress, own = self.ink, self._progress, entry.own
        mark, side, right = " ", ink.text, ""
        if progress is not None and progress.running and progress.name == entry.name:
            mark, side = ">", ink.point
            right = f"{len(progress.done)}/{len(progress.planned)}" if progress.planned else "starting"
        elif own is not None:
            mark, side, right = "✓", ink.good, when(own)
        elif entry.quick_seconds is not None:
            right = f"{max(1.0, entry.quick_seconds):.0f} s"
        style, faint = ink.text, ink.muted
        if entry.name == self._chosen:
            style = side = faint = ink.chosen
        room = max(0, width - names - 5 - _RIGHT - 2)
        question = cut(entry.experiment.question, room)
        click = f"screen.open('{entry.name}')"
        pieces: list[Piece] = [
            (f" {mark} ", clickable(side, click)),
            (f"{entry.name:<{names}}  ", clickable(style, click)),
            (question + " " * (room - cell_len(question)), clickable(faint, click)),
            (f" {right[:_RIGHT]:>{_RIGHT}} ", clickable(faint, click)),
        ]
        return row(width, pieces)
