"""The Step screen: a small network reads a text, one character and one gate at a time, and learns from it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.worker import WorkerError

from lstm_ext.cells import CELLS, CellName
from lstm_ext.errors import LabError
from lstm_ext.files import write_atomically

from ...exercises.debugger.comparison import Comparison
from ...text.step import values_file
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..session import Session
from ..shown import State, flag, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.cell_diagram import CellDiagram
from ..widgets.next_character import NextCharacter
from ..widgets.stage_detail import StageDetail
from ..widgets.stage_list import StageList
from ..widgets.text_ribbon import TextRibbon
from ..widgets.walk_view import Place, WalkView
from .files import OpenFile, SaveFile
from .subject import MAX_TEXT, MIN_TEXT, AskText, Subject

WALKING = Binding.Group("Walking")
MAX_UNITS = 16
#: How often the learner's file is looked at, in seconds.
WATCH_SECONDS = 0.5
#: A drawing of the cell with fewer lines leaves its room to the stage below.
LOW = 7


class StepScreen(Screen[None]):
    """Holds the walk and the place in it, which its widgets draw."""

    CSS_PATH = "step.tcss"
    HELP_TITLE = "Step"
    HELP = (
        "A small network reads a short text. Right and left go from stage to stage: forward through every gate to the "
        "prediction of the next character and its loss, then backward to the gradient of every weight. All numbers "
        "are what the engine computed, in float64; the gradients shown add up to the engine's own.\n"
        "o takes a Python file with an LSTM, GRU or RNN of your own, follows it beside the lab's, and shows the first "
        "number that differs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("step.on", "right,space", "move(1)", "on", "The next stage", WALKING, on_bar=True),
        bind("step.back", "left", "move(-1)", "back", "The stage before", WALKING),
        bind(
            *("step.next", "right_square_bracket,pagedown", "character(1)", "char", "To the next character", WALKING),
            on_bar=True,
        ),
        bind(
            *("step.previous", "left_square_bracket,pageup", "character(-1)", "char before"),
            *("Back to the character before", WALKING),
        ),
        bind("step.unit_down", "down", "unit(1)", "unit", "The next unit", LOOKING, on_bar=True),
        bind("step.unit_up", "up", "unit(-1)", "unit up", "The unit before", LOOKING),
        bind("step.backward", "b", "turn", "backward", "The same gate on the way backward", WALKING, on_bar=True),
        bind("step.forward", "b", "turn_back", "forward", "The same gate going forward", WALKING, on_bar=True),
        bind("step.cell", "c", "cell", "cell", "Another kind of cell", NETWORK, on_bar=True),
        bind("step.train", "w", "train", "train", "Weights that have learned this text", NETWORK, on_bar=True),
        bind("step.untrain", "w", "untrain", "untrain", "Weights as they start", NETWORK, on_bar=True),
        bind("step.difference", "d", "difference", "difference", "The first number that differs", WALKING, on_bar=True),
        bind("step.text", "t", "edit", "text", "Another text", NETWORK, on_bar=True),
        bind("step.follow", "o", "follow", "yours", "A Python file of yours beside it", NETWORK, on_bar=True),
        bind("step.leave", "x", "leave", "leave yours", "Without your file again", NETWORK, on_bar=True),
        bind("step.export", "e", "export", "export", "Write the walk's numbers or a picture", NETWORK, on_bar=True),
        bind("step.reset_after", "a", "reset_after", "reset", "GRU: reset before or after the product", NETWORK),
        bind("step.more", "plus,equals_sign", "units(1)", "more", "One unit more", NETWORK),
        bind("step.less", "minus,underscore", "units(-1)", "less", "One unit less", NETWORK),
        bind("step.first", "home", "jump('first')", "begin", "To the beginning", WALKING),
        bind("step.last", "end", "jump('last')", "end", "To the update", WALKING),
    ]

    def __init__(self, session: Session, *, against: str = "") -> None:
        """``against``: a Python file of the learner's, to follow."""
        super().__init__()
        self.session = session
        self.subject = Subject(against=against)
        #: Where the walker is; None until the first walk has been computed.
        self.place: Place | None = None
        #: When the learner's file was changed last.
        self._stamp = _stamp(self.subject.against)

    def compose(self) -> ComposeResult:
        """The text above; its stages on the left, the current one on the right."""
        yield TitleBar(id="title")
        yield TextRibbon(id="ribbon")
        with Horizontal(id="walk"):
            with Vertical(id="left"):
                yield StageList(id="stages")
                yield NextCharacter(id="next")
            with Vertical(id="right"):
                yield CellDiagram(id="cell")
                yield StageDetail(id="detail")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Walks through the text that the screen opens with."""
        self._walk(self.subject)
        self.set_interval(WATCH_SECONDS, self._watch)

    def _watch(self) -> None:
        """Follows the learner's file again once it was saved."""
        stamp = _stamp(self.subject.against)
        if stamp != self._stamp:
            self._stamp = stamp
            if stamp:
                self._walk(self.subject)

    @work(exclusive=True, group="walk")
    async def _walk(self, subject: Subject) -> None:
        """Walks through ``subject`` in the background, then goes to the stage most like the current one."""
        self.subject = subject
        if subject.trained:
            self.query_one(TitleBar).show(f"learning {subject.text!r} …")
        comparison: Comparison | None = None
        if subject.against:
            self.query_one(TitleBar).show(f"following {Path(subject.against).name} …")
            try:
                comparison = await asyncio.wrap_future(in_background(subject.compare))
            except LabError as error:
                self.query_one(TitleBar).show(f"{Path(subject.against).name}: cannot be followed")
                self.app.notify(str(error), severity="error", timeout=15)
                if self.place is not None:
                    return  # until it is saved again
        if comparison is not None and comparison.walk is not None:
            walked = comparison.walk
            if comparison.problem:
                self.app.notify(comparison.problem, severity="warning", timeout=15)
            subject = replace(subject, cell=walked.config.cell, hidden_size=walked.config.hidden_size)
            self.subject = subject
        else:
            walked = await asyncio.wrap_future(in_background(subject.walk))
        unit = min(self.place.unit, subject.hidden_size - 1) if self.place else 0
        place = Place(walked, 0, unit, comparison)
        if self.place is not None and self.place.walk.text == walked.text:
            here = self.place.moment
            group = [k for k, m in enumerate(walked.moments) if (m.phase, m.step.t) == (here.phase, here.step.t)]
            same = [k for k in group if walked.moments[k].stage.id == here.stage.id]
            place = replace(place, index=(same or group or [0])[0])
        if place.first is not None:
            place = _at_difference(place)
        if comparison is not None or not subject.against:
            self.query_one(TitleBar).show(subject.describe(walked, comparison))
        self.set_class(len(CELLS[subject.cell].circuit(walked.layer).lines) < LOW, "-low")
        self._show(place)

    async def walk_through(self, subject: Subject, *, backward: bool = False) -> None:
        """Walk through another subject, ``backward`` from the first moment of its way back."""
        with contextlib.suppress(WorkerError):  # cancelled: something else was chosen meanwhile
            await self._walk(subject).wait()
            if backward and self.place is not None and self.place.moment.phase == "forward":
                self.action_go([moment.phase for moment in self.place.walk.moments].index("backward"))

    def _show(self, place: Place) -> None:
        self.place = place
        with self.app.batch_update():
            for view in self.query(WalkView):
                view.show(place)
        self.refresh_bindings()

    # For recordings.

    def state(self) -> State:
        """What is walked through, and the place in it."""
        subject, place = self.subject, self.place
        state: State = {
            name: getattr(subject, name) for name in ("text", "cell", "reset_after", "hidden_size", "trained")
        }
        if place is not None:
            here = place.moment
            state |= {"t": here.step.t, "stage": here.stage.id, "phase": here.phase, "index": place.index}
            state["unit"] = place.unit
        return state

    async def restore(self, state: State) -> None:
        """The same walk, computed here, and the same place in it."""
        text = word(state, "text", self.subject.text)
        subject = Subject(
            text if MIN_TEXT <= len(text) <= MAX_TEXT and text.isprintable() else self.subject.text,
            cast(CellName, word(state, "cell", self.subject.cell, CELLS)),
            flag(state, "reset_after"),
            whole(state, "hidden_size", self.subject.hidden_size, 1, MAX_UNITS),
            flag(state, "trained"),
        )
        if self.place is None or subject != self.subject:
            await self.walk_through(subject)
        place = self.place
        if place is not None:
            index = place.find(whole(state, "t", 0), word(state, "stage", ""))
            unit = whole(state, "unit", place.unit, 0, subject.hidden_size - 1)
            if index is None:
                index = whole(state, "index", place.index, 0, len(place.walk.moments) - 1)
            if (index, unit) != (place.index, place.unit):
                self._show(replace(place, index=index, unit=unit))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        forward = self.place is None or self.place.moment.phase == "forward"
        match action:
            case "turn":
                return forward
            case "turn_back":
                return not forward
            case "train":
                return not self.subject.trained and not self.subject.against
            case "untrain":
                return self.subject.trained and not self.subject.against
            case "cell":
                return not self.subject.against
            case "leave":
                return bool(self.subject.against)
            case "difference":
                return self.place is not None and self.place.first is not None
            case "reset_after":
                return "reset_after" in CELLS[self.subject.cell].options and not self.subject.against
        return True

    # Walking.

    def action_go(self, index: int) -> None:
        """To a moment of the walk."""
        if self.place is not None:
            self._show(replace(self.place, index=min(max(0, index), len(self.place.walk.moments) - 1)))

    def action_move(self, by: int) -> None:
        """By stages."""
        if self.place is not None:
            self.action_go(self.place.index + by)

    def action_character(self, by: int) -> None:
        """To the next character's first stage, or back to this one's or, from there, to the one before."""
        if self.place is None:
            return
        group = self.place.group
        if by > 0:
            if group.stop < len(self.place.walk.moments):
                self.action_go(group.stop)
        elif self.place.index > group.start:
            self.action_go(group.start)
        elif group.start > 0:
            self.action_go(replace(self.place, index=group.start - 1).group.start)

    def action_jump(self, end: str) -> None:
        """To the first or the last stage of all."""
        if self.place is not None:
            self.action_go(0 if end == "first" else len(self.place.walk.moments) - 1)

    def action_turn(self) -> None:
        """To the same gate of the same character on the way backward."""
        if self.place is not None:
            here = self.place.moment
            names = (f"d{here.stage.id}", {"p": "dy", "loss": "dy", "tanh_c": "dc", "x": "dW"}.get(here.stage.id, "dy"))
            self._turn(here.step.t, names)

    def action_turn_back(self) -> None:
        """To the same gate of the same character going forward."""
        if self.place is not None:
            here = self.place.moment
            names = (here.stage.id.removeprefix("d"), {"dW": "x", "dW_y": "y"}.get(here.stage.id, "loss"))
            self._turn(here.step.t or 1, names)

    def _turn(self, t: int, stages: tuple[str, ...]) -> None:
        place = self.place
        assert place is not None
        self.action_go(next(number for stage in stages if (number := place.find(t, stage)) is not None))

    def action_unit(self, by: int) -> None:
        """Another unit's numbers."""
        if self.place is not None:
            self.action_choose((self.place.unit + by) % self.subject.hidden_size)

    def action_choose(self, unit: int) -> None:
        """A unit's numbers."""
        if self.place is not None:
            self._show(replace(self.place, unit=unit))

    # What is walked through.

    def action_cell(self) -> None:
        """The next kind of cell."""
        cells = list(CELLS)
        self._walk(replace(self.subject, cell=cells[(cells.index(self.subject.cell) + 1) % len(cells)]))

    def action_reset_after(self) -> None:
        """The other kind of GRU."""
        self._walk(replace(self.subject, reset_after=not self.subject.reset_after))

    def action_train(self) -> None:
        """Weights that have learned the text."""
        self._walk(replace(self.subject, trained=True))

    def action_untrain(self) -> None:
        """Weights as they start."""
        self._walk(replace(self.subject, trained=False))

    def action_units(self, by: int) -> None:
        """A larger or smaller network."""
        size = min(MAX_UNITS, max(1, self.subject.hidden_size + by))
        if self.subject.against and size == len(set(self.subject.text)):
            size = min(MAX_UNITS, max(1, size + by))
        if size != self.subject.hidden_size:
            self._walk(replace(self.subject, hidden_size=size))

    def action_difference(self) -> None:
        """To the first number that differs."""
        if self.place is not None and self.place.first is not None:
            self._show(_at_difference(self.place))

    def action_leave(self) -> None:
        """Without the learner's file."""
        self._walk(replace(self.subject, against=""))

    @work(exclusive=True, group="dialog")
    async def action_follow(self) -> None:
        """A file of the learner's beside the walk."""

        def load(path: str) -> Subject:
            subject = replace(self.subject, against=path, trained=False)
            subject.compare()
            return subject

        subject = await self.app.push_screen_wait(OpenFile("A file of yours to follow", load, suffix=".py"))
        if subject is not None:
            self._stamp = _stamp(subject.against)
            self._walk(subject)

    @work(exclusive=True, group="dialog")
    async def action_edit(self) -> None:
        """Another text."""
        text = await self.app.push_screen_wait(AskText(self.subject.text))
        if text is not None:
            self._walk(replace(self.subject, text=text))

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the walk's numbers or a picture."""
        if self.place is None:
            return
        walked, picture = self.place.walk, self.app.export_screenshot()

        def write(path: str) -> None:
            is_picture = export_path(path).lower().endswith(".svg")
            write_atomically(path, picture if is_picture else values_file(path, walked))

        name = file_name("walk", walked.config.cell, walked.config.hidden_size, ".csv")
        note = "the suffix decides: .csv or .json for the walk's numbers, .svg for a picture of the screen"
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=export_path, note=note))
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)


def _at_difference(place: Place) -> Place:
    """The first number that differs, of the unit that differs most."""
    assert place.comparison is not None and place.comparison.first is not None and place.first is not None
    difference = place.comparison.first
    axis = place.walk.moments[place.first].stage.axis
    return replace(place, index=place.first, unit=difference.index[0] if axis == "unit" else place.unit)


def _stamp(path: str) -> tuple[int, int] | None:
    """What changes when a file is saved; None while there is no file."""
    try:
        status = Path(path).stat() if path else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size)
