"""The Step screen: a small network reads a text, one character and one gate at a time, and learns from it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.worker import Worker, WorkerError

from lstm_ext.cells import CELLS
from lstm_ext.errors import LabError, NonFiniteError
from lstm_ext.explain.engines import Both, both
from lstm_ext.explain.walk import Walk
from lstm_ext.files import write_atomically
from lstm_ext.tensors import SUFFIX

from ...exercises.debugger.comparison import Comparison
from ...text.step import values_file
from ...text.visible import visible
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..session import Session
from ..shown import State, flag, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.cell_diagram import CellDiagram
from ..widgets.next_character import NextCharacter
from ..widgets.place import Place
from ..widgets.stage_code import StageCode
from ..widgets.stage_detail import StageDetail
from ..widgets.stage_list import StageList
from ..widgets.text_ribbon import TextRibbon
from ..widgets.walk_view import WalkView
from .files import FILE_ERRORS, OpenFile, SaveFile, one_line
from .source import load
from .subject import BEGINNING, MAX_UNITS, AskText, Network, Subject, Walked, taken

WALKING = Binding.Group("Walking")
#: How often the learner's file is looked at, in seconds.
WATCH_SECONDS = 0.5
#: Lines of a terminal in which there is no room for a drawing of the cell.
SHORT = 22
#: Columns of a terminal in which the lines of code have room beside the stage.
BROAD = 170


class StepScreen(Screen[None]):
    """Holds the walk and the place in it, which its widgets draw."""

    CSS_PATH = "step.tcss"
    HELP_TITLE = "Step"
    HELP = (
        "A small network reads a short text. Right and left go from stage to stage: forward through every gate to the "
        "prediction of the next character and its loss, then backward to the gradient of every weight, and to the "
        "update that this gradient makes. Enter makes the update and reads the text again: so the text is learned by "
        "hand. All numbers are what the engine computed, in float64; the gradients shown add up to the engine's own.\n"
        "n takes the network that is in training, with its most telling units first. o takes a Python file with an "
        "LSTM, GRU or RNN of your own, follows it beside the lab's, and shows the first number that differs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("step.on", "right,space", "move(1)", "on", "The next stage", WALKING, on_bar=True),
        bind("step.back", "left", "move(-1)", "back", "The stage before", WALKING),
        bind("step.update", "enter", "update", "update", "One update of the weights", WALKING, on_bar=True),
        bind("step.rate_up", "full_stop,greater_than_sign", "rate(1)", "rate up", "Higher learning rate", WALKING),
        bind("step.rate_down", "comma,less_than_sign", "rate(-1)", "rate down", "Lower learning rate", WALKING),
        bind(
            *("step.next", "right_square_bracket,pagedown", "character(1)", "char", "To the next character", WALKING),
            on_bar=True,
        ),
        bind(
            *("step.previous", "left_square_bracket,pageup", "character(-1)", "char before"),
            *("Back to the character before", WALKING),
        ),
        bind("step.unit_down", "down", "unit(1)", "unit", "The next unit", LOOKING),
        bind("step.unit_up", "up", "unit(-1)", "unit up", "The unit before", LOOKING),
        bind("step.backward", "b", "turn", "backward", "The same gate on the way backward", WALKING, on_bar=True),
        bind("step.forward", "b", "turn_back", "forward", "The same gate going forward", WALKING, on_bar=True),
        bind("step.cell", "c", "cell", "cell", "Another kind of cell", NETWORK, on_bar=True),
        bind("step.train", "w", "train", "train", "Weights that have learned this text", NETWORK, on_bar=True),
        bind("step.untrain", "w", "untrain", "untrain", "Weights as they start", NETWORK, on_bar=True),
        bind("step.difference", "d", "difference", "difference", "The first number that differs", WALKING, on_bar=True),
        bind("step.text", "t", "edit", "text", "Another text", NETWORK, on_bar=True),
        bind("step.small", "s", "small", "small", "A small network for this text again", NETWORK, on_bar=True),
        bind("step.code", "v", "code", "code", "The lines of C and NumPy that compute it", LOOKING, on_bar=True),
        bind("step.no_code", "v", "no_code", "no code", "Without the lines of code", LOOKING, on_bar=True),
        bind("step.take", "n", "take", "network", "The network in training, as it is now", NETWORK, on_bar=True),
        bind("step.load", "l", "load", "load", "The network of a checkpoint", NETWORK),
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
        self._walked: Walked | None = None
        #: Whether the lines of the engines are shown, and the walk by both of them.
        self._code = False
        self._repeated: Walk | None = None
        self._both: Both | None = None
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
            yield StageCode(id="code")
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

    def _walk(self, subject: Subject) -> Worker[None]:
        """Walks through ``subject``, in the background."""
        self.subject = subject
        return self._compute(subject)

    @work(exclusive=True, group="walk")
    async def _compute(self, subject: Subject) -> None:
        """Walks through ``subject``, then goes to the stage most like the current one."""
        if subject.trained and not subject.updates:
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
            if comparison.problem:
                self.app.notify(comparison.problem, severity="warning", timeout=15)
            config = comparison.walk.config
            subject = self.subject = replace(subject, cell=config.cell, hidden_size=config.hidden_size)
            walked = Walked(subject, comparison.walk)
        else:
            try:
                walked = await asyncio.wrap_future(in_background(partial(subject.walk, self._walked)))
            except NonFiniteError:
                self.app.notify("The weights became infinite. Here they are as before; try a lower learning rate.")
                self._walk(subject.fresh())
                return
        self._walked = walked
        place = Place(walked.walk, 0, 0, comparison, walked.losses, subject.network is not None)
        place = place.like(self.place).different()
        if comparison is not None or not subject.against:
            self.query_one(TitleBar).show(subject.describe(walked.walk, comparison))
        self._fit_diagram()
        self._show(place)

    def _fit_diagram(self) -> None:
        """The large drawing of the cell where it leaves room for the stage, else the small one; none if it is short."""
        if self._walked is None:
            return
        layer = self._walked.walk.layer
        circuit = CELLS[layer.cell].circuit(layer)
        small = circuit.small
        large = small is None or (self.has_class("-wide") and self.has_class("-tall"))
        rows = len(circuit.lines) + 1 if large or small is None else len(small.lines)
        self.set_class(self.size.height < SHORT, "-flat")
        self.set_class(self.size.width >= BROAD, "-broad")
        self.query_one(CellDiagram).rows = rows

    def on_resize(self) -> None:
        """Another drawing of the cell may fit, and the lines of code beside the stage."""
        self.call_after_refresh(self._fit_diagram)
        self.call_after_refresh(self._to, lambda place: place)

    async def walk_through(self, subject: Subject, *, backward: bool = False) -> None:
        """Walk through another subject, ``backward`` from the first moment of its way back."""
        with contextlib.suppress(WorkerError):  # cancelled: something else was chosen meanwhile
            await self._walk(subject).wait()
            if backward and self.place is not None and self.place.moment.phase == "forward":
                self.action_go([moment.phase for moment in self.place.walk.moments].index("backward"))

    def _show(self, place: Place) -> None:
        wanted = self._code or self.has_class("-broad")
        if wanted and self._repeated is not place.walk:
            self._repeated, self._both = place.walk, None
            self._repeat(place.walk)
        both = self._both if self._repeated is place.walk else None
        self.place = place = replace(place, code=self._code and not self.has_class("-broad"), both=both)
        self.set_class(place.moment.phase == "update", "-update")
        self.set_class(place.code, "-code")
        with self.app.batch_update():
            for view in self.query(WalkView):
                view.show(place)
        self.refresh_bindings()

    # For recordings.

    def state(self) -> State:
        """What is walked through, and the place in it."""
        state, place = self.subject.state(), self.place
        if self._code:
            state["code"] = True
        if place is not None:
            here = place.moment
            state |= {"t": here.step.t, "stage": here.stage.id, "phase": here.phase, "index": place.index}
            state["unit"] = place.unit
        return state

    async def restore(self, state: State) -> None:
        """The same walk, computed here, and the same place in it."""
        try:
            subject = await self.subject.restored(state, self.session.trainer)
        except LabError:
            return
        if self.place is None or subject != self.subject:
            await self.walk_through(subject)
        place = self.place
        if place is not None:
            code, self._code = self._code, flag(state, "code")
            index = place.find(whole(state, "t", 0), word(state, "stage", ""))
            unit = whole(state, "unit", place.unit, 0, place.walk.config.hidden_size - 1)
            if index is None:
                index = whole(state, "index", place.index, 0, len(place.walk.moments) - 1)
            if (index, unit, code) != (place.index, place.unit, self._code):
                self._show(replace(place, index=index, unit=unit))

    @work(exclusive=True, group="engines")
    async def _repeat(self, walked: Walk) -> None:
        """Walks with both engines, and shows what they say."""
        self._both = await asyncio.wrap_future(in_background(partial(both, walked)))
        self._to(lambda place: place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        forward = self.place is None or self.place.moment.phase == "forward"
        taken = bool(self.subject.against or self.subject.network)
        match action:
            case "turn":
                return forward
            case "turn_back":
                return not forward
            case "train":
                return not (taken or self.subject.trained or self.subject.updates)
            case "untrain":
                return not self.subject.against and bool(self.subject.updates or (self.subject.trained and not taken))
            case "update" | "rate":
                return not self.subject.against
            case "cell":
                return not taken
            case "units":
                return self.subject.network is None
            case "take":
                return self.session.trainer is not None
            case "code" | "no_code":
                return not self.has_class("-broad") and (action == "no_code") == self._code
            case "small":
                return self.subject.network is not None
            case "leave":
                return bool(self.subject.against)
            case "difference":
                return self.place is not None and self.place.first is not None
            case "reset_after":
                return "reset_after" in CELLS[self.subject.cell].options and not taken
        return True

    # Walking.

    def _to(self, move: Callable[[Place], Place]) -> None:
        """To another place, if there is a walk."""
        if self.place is not None:
            self._show(move(self.place))

    def action_go(self, index: int) -> None:
        """To a moment of the walk."""
        self._to(lambda place: place.at(index))

    def action_move(self, by: int) -> None:
        """By stages."""
        self._to(lambda place: place.at(place.index + by))

    def action_character(self, by: int) -> None:
        """By characters."""
        self._to(lambda place: place.character(by))

    def action_jump(self, end: str) -> None:
        """To the first or the last stage of all."""
        self._to(lambda place: place.at(0 if end == "first" else len(place.walk.moments) - 1))

    def action_turn(self) -> None:
        """To the same gate of the same character on the way backward."""
        self._to(Place.turned)

    def action_turn_back(self) -> None:
        """To the same gate of the same character going forward."""
        self._to(Place.turned)

    def action_unit(self, by: int) -> None:
        """Another unit's numbers."""
        self._to(lambda place: place.next_unit(by))

    def action_choose(self, unit: int) -> None:
        """A unit's numbers."""
        self._to(lambda place: replace(place, unit=unit))

    def action_difference(self) -> None:
        """To the first number that differs."""
        self._to(Place.different)

    def action_code(self) -> None:
        """The lines that compute the number, and both engines' numbers."""
        self._code = True
        self._to(lambda place: place)

    def action_no_code(self) -> None:
        """Without them."""
        self._code = False
        self._to(lambda place: place)

    # What is walked through.

    def action_cell(self) -> None:
        """The next kind of cell."""
        cells = list(CELLS)
        self._walk(replace(self.subject.fresh(), cell=cells[(cells.index(self.subject.cell) + 1) % len(cells)]))

    def action_reset_after(self) -> None:
        """The other kind of GRU."""
        self._walk(replace(self.subject.fresh(), reset_after=not self.subject.reset_after))

    def action_train(self) -> None:
        """Weights that have learned the text."""
        self._walk(replace(self.subject, trained=True))

    def action_untrain(self) -> None:
        """Weights as they start, or as they were taken."""
        self._walk(replace(self.subject.fresh(), trained=False))

    def action_update(self) -> None:
        """One update of the weights."""
        self._walk(self.subject.updated())

    def action_rate(self, by: int) -> None:
        """The next higher or lower learning rate of the ladder."""
        self._walk(self.subject.at_rate(by))

    @work(exclusive=True, group="take")
    async def action_take(self) -> None:
        """The network in training, as it is at this moment."""
        trainer = self.session.trainer
        if trainer is None:
            return
        self._take(await taken(trainer))

    def _take(self, network: Network) -> None:
        try:
            self._walk(self.subject.of(network))
        except LabError as error:
            self.app.notify(one_line(error), severity="error")

    @work(exclusive=True, group="dialog")
    async def action_load(self, path: str = "") -> None:
        """The network of the checkpoint at ``path``; without a path, ask for it."""

        def open_checkpoint(path: str) -> Subject:
            loaded, name = load(path), visible(os.path.basename(path))
            own = "" if loaded.held is None else loaded.vocabulary.decode(loaded.held[:BEGINNING])
            return self.subject.of(Network(loaded.model, loaded.vocabulary, name, own))

        subject: Subject | None
        if path:
            try:
                subject = await asyncio.wrap_future(in_background(lambda: open_checkpoint(path)))
            except FILE_ERRORS as error:
                self.app.notify(one_line(error), severity="error")
                return
        else:
            dialog = OpenFile("A network to walk through", open_checkpoint, suffix=SUFFIX)
            subject = await self.app.push_screen_wait(dialog)
        if subject is not None:
            self._walk(subject)

    def action_small(self) -> None:
        """A small network for just this text again."""
        self._walk(Subject(self.subject.text))

    def action_units(self, by: int) -> None:
        """A larger or smaller network."""
        size = min(MAX_UNITS, max(1, self.subject.hidden_size + by))
        if self.subject.against and size == len(set(self.subject.text)):
            size = min(MAX_UNITS, max(1, size + by))
        if size != self.subject.hidden_size:
            self._walk(replace(self.subject.fresh(), hidden_size=size))

    def action_leave(self) -> None:
        """Without the learner's file."""
        self._walk(replace(self.subject, against=""))

    @work(exclusive=True, group="dialog")
    async def action_follow(self) -> None:
        """A file of the learner's beside the walk."""

        def load(path: str) -> Subject:
            subject = Subject(self.subject.text, self.subject.cell, hidden_size=self.subject.hidden_size, against=path)
            subject = replace(subject, hidden_size=min(MAX_UNITS, subject.hidden_size))
            subject.compare()
            return subject

        subject = await self.app.push_screen_wait(OpenFile("A file of yours to follow", load, suffix=".py"))
        if subject is not None:
            self._stamp = _stamp(subject.against)
            self._walk(subject)

    @work(exclusive=True, group="dialog")
    async def action_edit(self) -> None:
        """Another text."""
        network = self.subject.network
        check = str if network is None else network.vocabulary.encode
        text = await self.app.push_screen_wait(AskText(self.subject.text, check))
        if text is not None:
            self._walk(replace(self.subject.fresh(), text=text))

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


def _stamp(path: str) -> tuple[int, int] | None:
    """What changes when a file is saved; None while there is no file."""
    try:
        status = Path(path).stat() if path else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size)
