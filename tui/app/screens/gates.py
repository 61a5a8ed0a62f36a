"""The Gates screen: every unit of a network on a text, as a map, one by one, and beside an earlier time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.worker import WorkerError

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import DataError
from lstm_ext.explain.reading import Reading, read, views
from lstm_ext.explain.units import ORDERS, Order
from lstm_ext.files import write_atomically

from ...text import gates
from ...text.visible import visible
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..session import Session
from ..shown import State, flag, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.gate_heatmap import VIEW_KEYS
from ..widgets.gate_view import GateView, Look
from ..widgets.saturation_scatter import SaturationScatter
from ..widgets.unit_facts import UnitFacts, UnitFollows
from ..widgets.unit_map import UnitMap
from ..widgets.unit_text import UnitText
from .files import FILE_ERRORS, SaveFile, one_line
from .source import AskText, Loaded, Source, ask_file, choose_checkpoint, current, kept_apart

#: Characters that are read: enough to tell what a unit follows.
LENGTH = 2000
#: Numbers that a reading of a large network may have; its text is shorter then.
_NUMBERS = 20_000_000
#: Seconds between two readings of a network that is being trained.
_REST = 1.0


@dataclass(frozen=True)
class Seen:
    """What a network did on the text, and when."""

    reading: Reading
    config: ModelConfig
    #: Whose network it was: the trainer, or what was loaded.
    source: Source
    step: int

    @property
    def when(self) -> str:
        """In words."""
        return f"step {self.step:,}"


@dataclass(frozen=True)
class Choice:
    """What the user wants to see."""

    name: str = "h"
    layer: int = 0
    sort: Order = "number"
    deviation: bool = False
    unit: int = 0
    position: int = 0

    def fitted(self, now: Seen) -> Choice:
        """The same as far as another network has it."""
        known = views(now.config.cell)
        keeps = CELLS[now.config.cell].retention(now.reading.layers[0]) is not None
        return replace(
            self,
            name=self.name if self.name in known else "h",
            layer=self.layer % now.config.num_layers,
            sort=self.sort if keeps or self.sort != "memory" else "number",
            unit=min(self.unit, now.config.hidden_size - 1),
            position=min(self.position, len(now.reading.text) - 1),
        )

    def look(self, now: Seen, kept: Seen | None, order: Sequence[int] = ()) -> Look:
        """The units that are to be seen, in ``order`` or, without one, sorted. That takes a moment for many."""
        units = now.reading.units(self.layer, self.name)
        span = views(now.config.cell)[self.name].span
        low, high = gates.around_zero(units.deviation) if self.deviation else gates.limits(units.values, span)
        return Look(
            units,
            order or units.order(self.sort).tolist(),
            self.sort,
            now.config.cell,
            self.name,
            self.layer,
            now.config.num_layers,
            self.deviation,
            low,
            high,
            self.unit,
            self.position,
            now.when,
            None if kept is None else kept.reading.units(self.layer, self.name),
            "" if kept is None else kept.when,
        )


class GatesScreen(Screen[None]):
    """Reads the text again while the network learns, and shows what its units did."""

    CSS_PATH = "gates.tcss"
    HELP_TITLE = "Gates"
    HELP = (
        "A text that the network does not learn from is read again and again while it trains. Above: every unit at "
        "every character. Below: how often the units saturate, and what is known of the one under the cursor. Enter "
        "shows the text coloured by that unit, and what it follows."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("gates.open", "enter", "open", "unit", "The text, coloured by this unit", LOOKING, on_bar=True),
        bind("gates.close", "escape", "close", "all units", "Back to all units", LOOKING, on_bar=True),
        bind("gates.freeze", "space", "freeze", "freeze", "Keep the view while training runs on", LOOKING, on_bar=True),
        bind("gates.live", "space", "live", "live", "Follow the training again", LOOKING, on_bar=True),
        bind("gates.sort", "s", "sort", "sort", "Another order of the units", LOOKING, on_bar=True),
        bind("gates.deviation", "v", "deviation", "deviation", "Distance from the mean", LOOKING, on_bar=True),
        bind("gates.absolute", "v", "absolute", "absolute", "The values themselves", LOOKING, on_bar=True),
        bind("gates.keep", "k", "keep", "keep", "Keep this to compare with later", LOOKING, on_bar=True),
        bind("gates.drop", "k", "drop", "drop", "Without the comparison", LOOKING, on_bar=True),
        bind("gates.text", "t", "type_text", "text", "Type a text to read", NETWORK, on_bar=True),
        bind("gates.file", "d", "choose_text", "file", "Choose a text to read", NETWORK),
        bind("gates.load", "l", "load", "load", "The network of a checkpoint", NETWORK, on_bar=True),
        bind("gates.training", "n", "training", "training", "The network in training again", NETWORK, on_bar=True),
        bind("gates.export", "e", "export", "export", "Write the values or a picture", NETWORK, on_bar=True),
        bind("gates.up", "up", "move(-1)", "up", "The unit above", LOOKING),
        bind("gates.down", "down", "move(1)", "down", "The unit below", LOOKING),
        bind("gates.left", "left", "walk(-1)", "left", "The character before", LOOKING),
        bind("gates.right", "right", "walk(1)", "right", "The character after", LOOKING),
        bind("gates.pageup", "pageup", "page(-1)", "page up", "Units further up; of a text, a page back", LOOKING),
        bind("gates.pagedown", "pagedown", "page(1)", "page down", "Units further down; of a text, a page on", LOOKING),
        bind("gates.before", "comma", "screenful(-1)", "back", "Characters further left", LOOKING),
        bind("gates.after", "full_stop", "screenful(1)", "on", "Characters further right", LOOKING),
        bind("gates.first", "home", "jump('first')", "begin", "The first character", LOOKING),
        bind("gates.last", "end", "jump('last')", "end", "The last character", LOOKING),
        *(
            bind(f"gates.show.{key}", key, f"gate('{key}')", name, f"Show every unit's {name}", LOOKING)
            for key, name in VIEW_KEYS.items()
        ),
        bind("gates.layer_down", "left_square_bracket", "layer(-1)", "layer down", "The layer below", LOOKING),
        bind("gates.layer_up", "right_square_bracket", "layer(1)", "layer up", "The layer above", LOOKING),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.choice = Choice()
        #: What is on the screen.
        self.look: Look | None = None
        self.frozen = False
        self._loaded: Loaded | None = None
        self._now: Seen | None = None
        self._kept: Seen | None = None
        #: A text of the user's; "": what was kept apart from training.
        self._text = ""
        self._reading = self._counting = False

    def compose(self) -> ComposeResult:
        """The map or a unit's text above; figures below."""
        yield TitleBar(id="title")
        with Vertical(id="upper"):
            yield UnitMap(id="map")
            yield UnitText(id="text")
        with Horizontal(id="lower"):
            yield SaturationScatter(id="saturation")
            yield UnitFacts(id="facts")
            yield UnitFollows(id="follows")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Read, and read again while the network learns."""
        self._tick()
        self.set_interval(_REST, self._tick)

    def on_screen_resume(self) -> None:
        """The network has learned meanwhile."""
        self._tick()

    # Reading.

    @property
    def _source(self) -> Source | None:
        """Whose network is read."""
        return self._loaded or self.session.trainer

    def _tick(self) -> None:
        trainer = self.session.trainer
        if not self.is_current or self._reading or self._loaded is not None or trainer is None:
            return
        now = self._now
        if now is None or now.source is not trainer or (not self.frozen and now.step != trainer.snapshot().step):
            self.read()

    @work(group="read")
    async def read(self) -> None:
        """Let the network read the text in the background, and show what it did."""
        source, text = self._source, self._text
        if self._reading or source is None:
            return
        self._reading = True
        try:
            now = await self._read(source)
        except FILE_ERRORS as error:
            self.app.notify(one_line(error), severity="error")
            return
        finally:
            self._reading = False
        if source is not self._source or text != self._text:
            self.read()  # something else was asked for meanwhile
            return
        self._now = now
        kept = self._kept
        same = kept is not None and (kept.reading.text, kept.config) == (now.reading.text, now.config)
        self._kept = kept if same else None
        self.choice = self.choice.fitted(now)
        self._arrange()

    async def _read(self, source: Source) -> Seen:
        model, step = await current(source)
        symbols = self._symbols(source, model.config)
        reading = await asyncio.wrap_future(in_background(partial(read, model, symbols, source.vocabulary)))
        return Seen(reading, model.config, source, step)

    def _symbols(self, source: Source, config: ModelConfig) -> np.ndarray:
        """What is read: a text of the user's if the network knows its characters, else what was kept apart."""
        room = max(200, _NUMBERS // (6 * config.hidden_size * config.num_layers))
        if self._text:
            try:
                return source.vocabulary.encode(self._text)[:room]
            except DataError as error:
                self._text = ""
                self.app.notify(one_line(error), severity="warning")
        return kept_apart(source, self.session.trainer, min(LENGTH, room))

    @work(exclusive=True, group="look")
    async def _arrange(self, *, at_top: bool = False) -> None:
        """Show the chosen units in their order, which is found in the background; ``at_top``: go to the first."""
        now, choice = self._now, self.choice
        if now is None:
            return
        look = await asyncio.wrap_future(in_background(partial(choice.look, now, self._kept, self._order(now))))
        if at_top:
            self.choice = replace(self.choice, unit=look.order[0])
        here = self.choice.fitted(now)  # the cursor may have moved on
        self._show(replace(look, unit=here.unit, position=here.position))
        self.refresh_bindings()

    def _order(self, now: Seen) -> Sequence[int]:
        """The order on the screen, if it is the one wanted: it stands while the network learns."""
        look, choice = self.look, self.choice
        if look is None or len(look.order) != now.config.hidden_size or look.cell != now.config.cell:
            return ()
        same = (look.sort, look.name, look.layer) == (choice.sort, choice.name, choice.layer)
        return look.order if same else ()

    def _show(self, look: Look) -> None:
        self.look = look
        with self.app.batch_update():
            for view in self.query(GateView):
                view.show(look)
            self.query_one(TitleBar).show(self._subject())
        self._count()

    def _subject(self) -> str:
        now = self._now
        if now is None:
            return ""
        config = now.config
        size = f"{config.hidden_size}×{config.num_layers}" if config.num_layers > 1 else f"{config.hidden_size}"
        whose = f"{visible(os.path.basename(now.source.path))} · " if isinstance(now.source, Loaded) else ""
        held = "typed" if self._text else f"{len(now.reading.text):,} characters"
        return f"{'frozen · ' * self.frozen}{whose}{CELLS[config.cell].title} {size} · {now.when} · {held}"

    @work(group="follows")
    async def _count(self) -> None:
        """Find in the background what the unit follows; one at a time, the last one asked for last."""
        if self._counting:
            return
        self._counting = True
        try:
            follows = self.query_one(UnitFollows)
            while follows.display and (look := self.look) is not None and look.followed is None:
                count = partial(gates.followed, look.units, look.unit, look.character)
                found = await asyncio.wrap_future(in_background(count))
                if self.look is look:
                    self.look = replace(look, followed=found)
                    follows.show(self.look)
        finally:
            self._counting = False

    # For recordings.

    def state(self) -> State:
        """The text, and what is looked at in it."""
        return {
            **vars(self.choice),
            "text": self._text,
            "frozen": self.frozen,
            "open": self.has_class("-unit"),
        }

    async def restore(self, state: State) -> None:
        """Read the same text with the session's network, and look at the same place."""
        choice, trainer = self.choice, self.session.trainer
        self.choice = Choice(
            word(state, "name", choice.name),
            whole(state, "layer", choice.layer),
            cast(Order, word(state, "sort", choice.sort, ORDERS)),
            flag(state, "deviation", choice.deviation),
            whole(state, "unit", choice.unit),
            whole(state, "position", choice.position),
        )
        if flag(state, "open") != self.has_class("-unit"):
            self._open(flag(state, "open"))
        text, now = word(state, "text", ""), self._now
        step = None if trainer is None else trainer.snapshot().step
        stale = now is None or now.source is not trainer or now.step != step
        if (stale and not self.frozen) or text != self._text:
            self._text, self._loaded = text, None
            with suppress(WorkerError):
                await self.read().wait()
        self.frozen = flag(state, "frozen")
        if self._now is not None:
            self.choice = self.choice.fitted(self._now)
            with suppress(WorkerError):  # cancelled: something else was chosen meanwhile
                await self._arrange().wait()

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        look = self.look
        match action:
            case "gate":
                return look is not None and any(view.key == parameters[0] for view in views(look.cell).values())
            case "layer":
                return look is not None and look.num_layers > 1
            case "open" | "close":
                return (action == "close") == self.has_class("-unit")
            case "freeze" | "live":
                return self._loaded is None and (action == "live") == self.frozen
            case "deviation" | "absolute":
                return (action == "absolute") == self.choice.deviation
            case "keep" | "drop":
                return (action == "drop") == (self._kept is not None)
            case "training":
                return self._loaded is not None
        return True

    def _choose(self, *, at_top: bool = False, **changes: Any) -> None:
        self.choice = replace(self.choice, **changes)
        self._arrange(at_top=at_top)
        self.refresh_bindings()

    def _point(self, unit: int, position: int) -> None:
        """Moves the cursor, at once."""
        look = self.look
        if look is None:
            return
        position = min(max(0, position), len(look.units.text) - 1)
        self.choice = replace(self.choice, unit=unit, position=position)
        if (unit, position) != (look.unit, look.position):
            same = unit == look.unit and look.followed is not None and look.units.text[position] == look.character
            self._show(replace(look, unit=unit, position=position, followed=look.followed if same else None))

    def action_move(self, by: int) -> None:
        """To another unit, in the order shown."""
        look = self.look
        if look is not None:
            self._point(look.order[min(max(0, look.row + by), len(look.order) - 1)], look.position)

    def action_walk(self, by: int) -> None:
        """To another character."""
        if self.look is not None:
            self._point(self.look.unit, self.look.position + by)

    def action_page(self, by: int) -> None:
        """By a page of units, or of the text."""
        if self.has_class("-unit"):
            self.action_walk(by * self.query_one(UnitText).page)
        else:
            self.action_move(by * self.query_one(UnitMap).page[0])

    def action_screenful(self, by: int) -> None:
        """By as many characters as the map shows."""
        if self.has_class("-unit"):
            self.action_page(by)
        else:
            self.action_walk(by * self.query_one(UnitMap).page[1])

    def action_jump(self, end: str) -> None:
        """To the first or the last character."""
        if self.look is not None:
            self._point(self.look.unit, 0 if end == "first" else len(self.look.units.text) - 1)

    def on_unit_map_pointed(self, event: UnitMap.Pointed) -> None:
        """Moves the cursor to a cell."""
        self._point(event.unit, event.position)

    def on_unit_text_pointed(self, event: UnitText.Pointed) -> None:
        """Moves the cursor to a character."""
        if self.look is not None:
            self._point(self.look.unit, event.position)

    def on_mouse_scroll_down(self) -> None:
        """Units further down."""
        self.action_move(2)

    def on_mouse_scroll_up(self) -> None:
        """Units further up."""
        self.action_move(-2)

    def action_open(self) -> None:
        """The text, coloured by the unit."""
        self._open(True)

    def action_close(self) -> None:
        """All units again."""
        self._open(False)

    def _open(self, unit: bool) -> None:
        self.set_class(unit, "-unit")
        self.refresh_bindings()
        self.call_after_refresh(self._count)

    def on_resize(self) -> None:
        """More may be seen than before."""
        self.call_after_refresh(self._count)

    def action_gate(self, key: str) -> None:
        """Another gate or state."""
        if self.look is not None:
            self._choose(name=next(name for name, view in views(self.look.cell).items() if view.key == key))

    def action_layer(self, by: int) -> None:
        """Another layer."""
        if self.look is not None:
            self._choose(layer=(self.choice.layer + by) % self.look.num_layers)

    def action_sort(self) -> None:
        """The next order that the cell has, from its beginning."""
        if self.look is not None:
            known = [order for order in ORDERS if order != "memory" or self.look.units.kept is not None]
            self._choose(at_top=True, sort=known[(known.index(self.choice.sort) + 1) % len(known)])

    def action_deviation(self) -> None:
        """Distances from each unit's mean."""
        self._choose(deviation=True)

    def action_absolute(self) -> None:
        """The values themselves."""
        self._choose(deviation=False)

    def action_freeze(self) -> None:
        """The view stays as it is."""
        self._freeze(True)

    def action_live(self) -> None:
        """The view follows the training."""
        self._freeze(False)

    def _freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        self.query_one(TitleBar).show(self._subject())
        self.refresh_bindings()
        self._tick()

    def action_keep(self) -> None:
        """What is shown now stands beside what comes."""
        self._kept = self._now
        self._choose()

    def action_drop(self) -> None:
        """No comparison any more."""
        self._kept = None
        self._choose()

    def action_training(self) -> None:
        """The network that is being trained."""
        self._loaded = None
        self.refresh_bindings()
        self.read()

    @work(exclusive=True, group="dialog")
    async def action_type_text(self) -> None:
        """Another text."""
        if (source := self._source) is not None:
            text = await self.app.push_screen_wait(AskText(source.vocabulary.encode, LENGTH))
            if text is not None:
                self._text = text
                self.read()

    @work(exclusive=True, group="dialog")
    async def action_choose_text(self) -> None:
        """A text from a file."""
        source = self._source
        if source is None:
            return
        text = await self.app.push_screen_wait(ask_file(source, LENGTH))
        if text is not None:
            self._text = text
            self.read()

    @work(exclusive=True, group="dialog")
    async def action_load(self, path: str = "") -> None:
        """The network of the checkpoint at ``path``; without a path, ask for it."""
        loaded: Loaded | None
        loaded = await choose_checkpoint(self.app, path, "" if self._now is None else self._now.reading.text)
        if loaded is not None:
            self._loaded = loaded
            self.refresh_bindings()
            self.read()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the values shown or a picture."""
        now, look = self._now, self.look
        if now is None or look is None:
            return
        picture = self.app.export_screenshot()

        def write(path: str) -> None:
            is_picture = export_path(path).lower().endswith(".svg")
            write_atomically(path, picture if is_picture else gates.values_file(path, look.units))

        name = file_name(f"gates-{look.name}{look.layer + 1}", now.config.cell, now.config.hidden_size, ".csv")
        note = "the suffix decides: .csv or .json for this gate's values, .svg for a picture of the screen"
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=export_path, note=note))
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)
