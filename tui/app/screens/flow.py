"""The Flow screen: how far back a loss reaches, in the network in training and in untrained LSTMs, GRUs and RNNs."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import WorkerError

from lstm_ext.cells import CELLS, CellName
from lstm_ext.data import Vocabulary
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import DataError
from lstm_ext.explain.flow import Flow, Start, flow
from lstm_ext.files import write_atomically

from ...text import flow as words
from ...text.visible import visible
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, NETWORK, bind
from ..session import Session
from ..shown import State, flag, real, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.flow_bars import FlowBars
from ..widgets.flow_decay import FlowDecay
from ..widgets.flow_start import HIGH, LOW, STEP, FlowStart
from ..widgets.flow_view import FlowLook, FlowView
from .files import FILE_ERRORS, SaveFile, one_line
from .source import AskText, Loaded, Source, ask_file, choose_checkpoint, current, kept_apart

#: Characters that are predicted, in networks for which that takes no time.
LENGTH = 80
#: Untrained networks of each cell.
SEEDS = 8
#: What measuring one network may cost, in additions and multiplications.
_WORK = 1.2e10
#: Seconds between two measurements of a network that is being trained, and in how many times as long as it takes.
_REST, _SPARE = 1.0, 10.0
_INITS = ("uniform", "xavier", "orthogonal")
_MAX_SCALE = 3.0


@dataclass(frozen=True)
class Subject:
    """What the untrained networks have in common with the one that is measured beside them."""

    config: ModelConfig
    vocabulary: Vocabulary
    symbols: bytes

    @property
    def array(self) -> np.ndarray:
        """(T+1,) symbols."""
        return np.frombuffer(self.symbols, dtype=np.int32)


@dataclass(frozen=True)
class Seen:
    """What was measured in the network, and when."""

    flow: Flow
    subject: Subject
    source: Source
    step: int


@dataclass
class Draws:
    """Untrained networks of one cell; ``of`` is what decides their gradients."""

    of: tuple[Subject, Start] | None
    flows: list[Flow]


class FlowScreen(Screen[None]):
    """How far back the loss reaches: gradients along the text, for each kind of cell."""

    CSS_PATH = "flow.tcss"
    HELP_TITLE = "Flow"
    HELP = (
        "Learning needs a gradient where the cause was. Above: how much the states at earlier characters could still "
        "change the loss at the lit one, in the network in training and in untrained LSTMs, GRUs and RNNs of its size, "
        "on the same text, which nobody learns from. Below: what is left of that gradient with distance. All of it is "
        "measured, by backpropagation in float64; nothing is simulated."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("flow.bias_down", "minus", "bias_by(-0.25)", "bias", "A lower forget bias", NETWORK, on_bar=True),
        bind("flow.bias_up", "plus,equals_sign", "bias_by(0.25)", "bias", "A higher forget bias", NETWORK, on_bar=True),
        bind("flow.init", "i", "init", "weights", "Other initial weights", NETWORK, on_bar=True),
        bind("flow.c", "c", "state('c')", "cell", "The gradient of an LSTM's cell, ∂L/∂C", LOOKING, on_bar=True),
        bind("flow.h", "h", "state('h')", "hidden", "The gradient of the hidden state, ∂L/∂h", LOOKING, on_bar=True),
        bind("flow.decades", "v", "decades", "decades", "Bars on a logarithmic scale", LOOKING, on_bar=True),
        bind("flow.linear", "v", "linear", "linear", "Bars as shares of the largest", LOOKING, on_bar=True),
        bind("flow.mean", "m", "mean", "mean", "The mean loss of all characters, or that of one", LOOKING, on_bar=True),
        bind("flow.freeze", "space", "freeze", "freeze", "Keep the view while training runs on", LOOKING, on_bar=True),
        bind("flow.live", "space", "live", "live", "Follow the training again", LOOKING, on_bar=True),
        bind("flow.left", "left", "move(-1)", "earlier", "The loss at the character before", LOOKING, on_bar=True),
        bind("flow.right", "right", "move(1)", "later", "The loss at the character after", LOOKING, on_bar=True),
        bind("flow.text", "t", "type_text", "text", "Type a text to read", NETWORK, on_bar=True),
        bind("flow.export", "e", "export", "export", "Write the figures or a picture", NETWORK, on_bar=True),
        bind("flow.file", "d", "choose_text", "file", "Choose a text to read", NETWORK),
        bind("flow.load", "l", "load", "load", "The network of a checkpoint", NETWORK, on_bar=True),
        bind("flow.training", "n", "training", "training", "The network in training again", NETWORK, on_bar=True),
        bind("flow.scale_down", "less_than_sign", "scale_by(-0.1)", "less", "Smaller recurrent weights", NETWORK),
        bind("flow.scale_up", "greater_than_sign", "scale_by(0.1)", "more", "Larger recurrent weights", NETWORK),
        bind("flow.first", "home", "character(1)", "first", "The loss at the first character predicted", LOOKING),
        bind("flow.last", "end", "last", "last", "The loss at the last character", LOOKING),
        bind("flow.layer_down", "left_square_bracket", "layer(-1)", "layer down", "The layer below", LOOKING),
        bind("flow.layer_up", "right_square_bracket", "layer(1)", "layer up", "The layer above", LOOKING),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        #: What is on the screen.
        self.look: FlowLook | None = None
        self.start = Start()
        self.frozen = False
        self._state, self._layer, self._decades = "h", 0, False
        #: −1: the last one; None: the mean of all.
        self._character: int | None = -1
        self._loaded: Loaded | None = None
        self._now: Seen | None = None
        #: What could not be measured; nobody hears of it again and again.
        self._failed: Source | None = None
        self._fresh = {cell: Draws(None, []) for cell in words.CELL_NAMES}
        #: A text of the user's; "": what was kept apart from training.
        self._text = ""
        self._measuring = self._drawing = False
        self._next = 0.0

    def compose(self) -> ComposeResult:
        """Bars above, how the untrained networks start, what is left below."""
        yield TitleBar(id="title")
        yield FlowBars(id="bars")
        yield FlowStart(id="start")
        yield FlowDecay(id="decay")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Measure, and measure again while the network learns."""
        self._tick()
        self.set_interval(0.25, self._tick)

    def on_screen_resume(self) -> None:
        """The network has learned meanwhile."""
        self._tick()

    # Measuring.

    @property
    def _source(self) -> Source | None:
        """Whose network is measured."""
        return self._loaded or self.session.trainer

    def _tick(self) -> None:
        trainer, now = self.session.trainer, self._now
        if not self.is_current or self._measuring or self._loaded is not None or trainer in (None, self._failed):
            return
        due = not self.frozen and time.monotonic() >= self._next
        if now is None or now.source is not trainer or (due and now.step != trainer.snapshot().step):
            self.measure()

    @work(group="measure")
    async def measure(self) -> None:
        """Measure the network in the background, and show it."""
        source, text = self._source, self._text
        if self._measuring or source is None:
            return
        self._measuring = True
        began = time.monotonic()
        try:
            model, step = await current(source)
            subject = self._subject(source, model.config)
            one = await asyncio.wrap_future(in_background(partial(flow, model, subject.array, subject.vocabulary)))
        except FILE_ERRORS as error:
            self._failed = source
            self.app.notify(one_line(error), severity="error")
            return
        finally:
            self._measuring = False
        if source is not self._source or text != self._text:
            self.measure()  # something else was asked for meanwhile
            return
        self._next = time.monotonic() + max(_REST, _SPARE * (time.monotonic() - began))
        self._now = Seen(one, subject, source, step)
        self._show()
        self._draw()

    def _subject(self, source: Source, config: ModelConfig) -> Subject:
        """What is read: a text of the user's if the network knows its characters, else what was kept apart."""
        each = 24 * config.num_layers * config.hidden_size**2
        length = max(16, min(LENGTH, int((_WORK / each) ** 0.5))) + 1
        symbols = None
        if self._text:
            try:
                symbols = source.vocabulary.encode(self._text)[:length]
            except DataError as error:
                self._text = ""
                self.app.notify(one_line(error), severity="warning")
        if symbols is None:
            symbols = kept_apart(source, self.session.trainer, length)
        sizes = {name: getattr(config, name) for name in ("input_size", "hidden_size", "output_size", "num_layers")}
        return Subject(ModelConfig(**sizes), source.vocabulary, symbols.astype(np.int32).tobytes())

    @work(group="draw")
    async def _draw(self) -> None:
        """Measure the untrained networks that are missing in the background, one by one."""
        if self._drawing:
            return
        self._drawing = True
        try:
            while (wanted := self._missing()) is not None:
                cell, of, seed = wanted
                one = await asyncio.wrap_future(in_background(partial(_untrained, cell, of, seed)))
                if self._wanted(cell) != of:
                    continue  # something else was asked for meanwhile
                draws = self._fresh[cell]
                if draws.of != of:
                    draws.of, draws.flows = of, []
                draws.flows.append(one)
                self._show()
        finally:
            self._drawing = False

    def _wanted(self, cell: CellName) -> tuple[Subject, Start] | None:
        if self._now is None:
            return None
        start = self.start if CELLS[cell].forget_block else replace(self.start, forget_bias=0.0)
        return self._now.subject, start

    def _missing(self) -> tuple[CellName, tuple[Subject, Start], int] | None:
        """The next one to measure: of each cell the first, then the second, …"""
        missing: list[tuple[int, CellName]] = []
        for cell, draws in self._fresh.items():
            done = len(draws.flows) if draws.of == self._wanted(cell) else 0
            if done < SEEDS:
                missing.append((done, cell))
        if not missing or not self.is_attached:
            return None
        seed, cell = min(missing, key=lambda pair: pair[0])
        of = self._wanted(cell)
        return None if of is None else (cell, of, seed)

    # Showing.

    def _show(self) -> None:
        now = self._now
        if now is None:
            return
        one = now.flow
        whose = "trained" if isinstance(now.source, Loaded) else f"step {now.step:,}"
        nets = [words.Net("network", f"{CELLS[one.cell].title}, {whose}", [one])]
        for cell, draws in self._fresh.items():
            if draws.of is not None and draws.of[0] == now.subject:
                nets.append(words.fresh_net(cell, tuple(draws.flows)))
        self._layer = min(self._layer, now.subject.config.num_layers - 1)
        character = self._character
        if character is not None:
            character = one.steps if character == -1 else min(character, one.steps)
        self.look = FlowLook(nets, one.text, self._state, self._layer, character, self.start, self._decades, SEEDS)
        with self.app.batch_update():
            for view in self.query(FlowView):
                view.show(self.look)
            self.query_one(TitleBar).show(self._title(now))
        self.refresh_bindings()

    def _title(self, now: Seen) -> str:
        config = now.subject.config
        size = f"{config.hidden_size}×{config.num_layers}" if config.num_layers > 1 else f"{config.hidden_size}"
        layer = f" · layer {self._layer + 1}" if config.num_layers > 1 else ""
        whose = f"{visible(os.path.basename(now.source.path))} · " if isinstance(now.source, Loaded) else ""
        cell = CELLS[now.flow.cell].title
        return f"{'frozen · ' * self.frozen}{whose}{cell} {size}{layer} · step {now.step:,}"

    # For recordings.

    def state(self) -> State:
        """The text, what is looked at, and how the untrained networks start."""
        start = self.start
        return {
            "gradient": self._state,
            "layer": self._layer,
            "character": self._character,
            "decades": self._decades,
            "text": self._text,
            "frozen": self.frozen,
            "forget_bias": start.forget_bias,
            "init": start.init,
            "recurrent_scale": start.recurrent_scale,
        }

    async def restore(self, state: State) -> None:
        """Measure the session's network on the same text, and untrained ones that start in the same way."""
        self._state = word(state, "gradient", self._state, ("h", "c"))
        self._layer = whole(state, "layer", self._layer)
        self._decades, self.frozen = flag(state, "decades"), flag(state, "frozen")
        everything = "character" in state and state["character"] is None
        self._character = None if everything else whole(state, "character", -1, -1)
        init = next((init for init in _INITS if init == state.get("init")), self.start.init)
        bias = real(state, "forget_bias", self.start.forget_bias, LOW, HIGH)
        scale = real(state, "recurrent_scale", self.start.recurrent_scale, 0.0, _MAX_SCALE)
        start = Start(init=init, forget_bias=bias, recurrent_scale=scale)
        text, now, trainer = word(state, "text", ""), self._now, self.session.trainer
        step = None if trainer is None else trainer.snapshot().step
        stale = now is None or now.source is not trainer or now.step != step
        if stale or text != self._text:
            self._text, self._loaded = text, None
            with suppress(WorkerError):
                await self.measure().wait()
        self._begin(start)

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        match action:
            case "freeze" | "live":
                return self._loaded is None and (action == "live") == self.frozen
            case "state":
                return parameters[0] != self._state
            case "decades" | "linear":
                return (action == "linear") == self._decades
            case "layer":
                return self._now is not None and self._now.subject.config.num_layers > 1
            case "training":
                return self._loaded is not None
        return True

    def action_bias(self, value: float) -> None:
        """Another forget bias of the untrained LSTMs."""
        self._begin(replace(self.start, forget_bias=float(min(HIGH, max(LOW, value)))))

    def action_bias_by(self, step: float) -> None:
        """A higher or lower one."""
        self.action_bias(round((self.start.forget_bias + step) / STEP) * STEP)

    def action_scale_by(self, step: float) -> None:
        """Larger or smaller recurrent weights of the untrained networks."""
        scale = round(self.start.recurrent_scale + step, 1)
        self._begin(replace(self.start, recurrent_scale=min(_MAX_SCALE, max(0.0, scale))))

    def action_init(self) -> None:
        """The next way to draw their weights."""
        self._begin(replace(self.start, init=_INITS[(_INITS.index(self.start.init) + 1) % len(_INITS)]))

    def _begin(self, start: Start) -> None:
        self.start = start
        self._show()
        self._draw()

    def action_character(self, character: int) -> None:
        """The loss at this character, counted from 0; the first one is not predicted."""
        if self._now is not None:
            self._character = min(max(1, character), self._now.flow.steps)
            self._show()

    def action_move(self, by: int) -> None:
        """The loss at a character further on."""
        if self.look is not None and self._now is not None:
            chosen = self.look.character
            self.action_character(self._now.flow.steps if chosen is None else chosen + by)

    def action_last(self) -> None:
        """The loss at the last character."""
        self._character = -1
        self._show()

    def action_mean(self) -> None:
        """The mean of all losses, or again that of one."""
        self._character = None if self._character is not None else -1
        self._show()

    def action_state(self, state: str) -> None:
        """The gradient of h or of C."""
        self._state = state
        self._show()

    def action_decades(self) -> None:
        """Bars on a logarithmic scale."""
        self._decades = True
        self._show()

    def action_linear(self) -> None:
        """Bars as shares of each row's largest."""
        self._decades = False
        self._show()

    def action_layer(self, by: int) -> None:
        """Another layer."""
        if self._now is not None:
            self._layer = (self._layer + by) % self._now.subject.config.num_layers
            self._show()

    def action_freeze(self) -> None:
        """The view stays as it is."""
        self._freeze(True)

    def action_live(self) -> None:
        """The view follows the training."""
        self._freeze(False)

    def _freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        self._show()
        self._tick()

    def action_training(self) -> None:
        """The network that is being trained."""
        self._loaded = None
        self.refresh_bindings()
        self.measure()

    def action_text(self, text: str) -> None:
        """Read this; "": what was kept apart from training."""
        self._text, self._character = text, -1 if self._character is not None else None
        self.measure()

    @work(exclusive=True, group="dialog")
    async def action_type_text(self) -> None:
        """Another text."""
        if (source := self._source) is not None:
            text = await self.app.push_screen_wait(AskText(partial(_check_text, source.vocabulary), LENGTH + 1))
            if text is not None:
                await self.run_action(f"text({text!r})")

    @work(exclusive=True, group="dialog")
    async def action_choose_text(self) -> None:
        """A text from a file."""
        if (source := self._source) is not None:
            text = await self.app.push_screen_wait(ask_file(source, LENGTH + 1))
            if text is not None:
                await self.run_action(f"text({text!r})")

    @work(exclusive=True, group="dialog")
    async def action_load(self, path: str = "") -> None:
        """The network of the checkpoint at ``path``; without a path, ask for it."""
        loaded = await choose_checkpoint(self.app, path, "" if self.look is None else self.look.text)
        if loaded is not None:
            self._loaded = loaded
            self.refresh_bindings()
            self.measure()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the figures shown or a picture."""
        look, now = self.look, self._now
        if look is None or now is None:
            return
        picture = self.app.export_screenshot()

        def write(path: str) -> None:
            is_picture = export_path(path).lower().endswith(".svg")
            figures = "" if is_picture else words.values_file(path, look.text, look.nets, look.layer, look.character)
            write_atomically(path, picture if is_picture else figures)

        name = file_name("flow", now.flow.cell, now.subject.config.hidden_size, ".csv")
        note = "the suffix decides: .csv or .json for the figures, .svg for a picture of the screen"
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=export_path, note=note))
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)


def _check_text(vocabulary: Vocabulary, text: str) -> None:
    """Raises DataError for a text that cannot be read, or has nothing to predict."""
    if len(text) == 1:
        raise DataError("a text needs at least two characters, so that there is one to predict")
    vocabulary.encode(text)


def _untrained(cell: CellName, of: tuple[Subject, Start], seed: int) -> Flow:
    subject, start = of
    return flow(start.model(subject.config, cell, seed), subject.array, subject.vocabulary)
