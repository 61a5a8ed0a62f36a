"""The Surgery screen: hold a gate or a unit, scale a matrix, and see what becomes of the loss and the samples."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Label
from textual.worker import WorkerError

from lstm_ext.cells import CELLS
from lstm_ext.data import Vocabulary
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.surgery import (
    Condition,
    Edit,
    Sampling,
    apply,
    check,
    condition,
    held,
    importance,
    matrices,
    operate,
    parse,
)
from lstm_ext.files import write_atomically
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.nn.saving import save
from lstm_ext.tensors import SUFFIX
from lstm_ext.train.evaluation import evaluate
from lstm_ext.train.trainer import Trainer

from ...text.surgery import Worth
from ...text.visible import visible
from ..background import in_background
from ..export import export_path, file_name
from ..keys import LOOKING, MEASURING, NETWORK, TRAINING, bind
from ..session import Session
from ..shown import State, whole
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.surgery_operations import SurgeryOperations
from ..widgets.surgery_samples import SurgerySamples
from ..widgets.surgery_units import SurgeryUnits
from ..widgets.surgery_view import SurgeryLook, SurgeryView
from .dialog import Ask, Dialog
from .files import FILE_ERRORS, SaveFile, one_line
from .source import Loaded, Source, choose_checkpoint, current, kept_apart

#: Characters that the loss is measured on, and that the network writes.
MEASURED, WRITTEN = 16_384, 1200
#: Of a large network, fewer are enough to see a difference.
_MIN_MEASURED = 4096
_WORK = 3e9


@dataclass(frozen=True)
class Patient:
    """A copy of a network, and what it is measured with."""

    model: LanguageModel
    vocabulary: Vocabulary
    symbols: np.ndarray
    prime: str
    source: Source
    step: int


@dataclass(frozen=True)
class Put:
    """Operations that were done to the running network, and its weights before them."""

    trainer: Trainer
    edits: tuple[Edit, ...]
    step: int
    #: Of the network and of the average, if there is one.
    before: list[np.ndarray]


class AskOperation(Dialog[str]):
    """Asks for an operation as text; ``check`` raises where it cannot be done."""

    TITLE_TEXT = "An operation"
    HINT = "enter do it · esc cancel"

    def __init__(self, check: Callable[[str], object]) -> None:
        super().__init__()
        self._check = check

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input("", max_length=60, placeholder="f[3]=0.5", id="operation")
        yield Label("", classes="dialog--error", markup=False)
        note = "f=1 (gate), f[3]=0.5 (of unit 3), h[3]=0 (unit), W_hh*0.9, W_fh*0, W_y*2; 2:f=1 in the second layer"
        yield Label(note, classes="dialog--note", markup=False)

    def on_mount(self) -> None:
        """An error takes room only when there is one."""
        self.show_error("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes it if it can be done."""
        try:
            self._check(event.value)
        except ArgumentError as error:
            self.show_error(one_line(error))
        else:
            self.dismiss(event.value)


class SurgeryScreen(Screen[None]):
    """Change a part of the network, and see what becomes of its loss and its samples."""

    CSS_PATH = "surgery.tcss"
    HELP_TITLE = "Surgery"
    HELP = (
        "The patient is a copy of the network, taken when the screen was opened or when n took it again. Choose a "
        "gate, a unit or a matrix and do something to it: the loss and a sample of the same seed show what it was "
        "good for. Nothing happens to the network in training unless w does the same to it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("surgery.do", "enter", "do", "do", "Do the operation that is chosen", NETWORK, on_bar=True),
        bind("surgery.undo", "u", "undo", "undo", "Take the last operation back", NETWORK, on_bar=True),
        bind("surgery.redo", "y", "redo", "redo", "Do it again", NETWORK, on_bar=True),
        bind("surgery.zero", "z", "zero", "zero", "Hold the unit under the cursor at 0", NETWORK, on_bar=True),
        bind("surgery.rank", "k", "rank", "rank", "What each unit is worth", MEASURING, on_bar=True),
        bind("surgery.stop", "k", "stop_ranking", "stop", "Stop ranking", MEASURING, on_bar=True),
        bind(
            "surgery.put", "w", "put", "put in", "Do the operations to the network in training", TRAINING, on_bar=True
        ),
        bind("surgery.out", "w", "take_out", "take out", "Undo that in the network in training", TRAINING, on_bar=True),
        bind("surgery.take", "n", "take", "new", "Take the network as it is now", NETWORK, on_bar=True),
        bind("surgery.sample", "s", "sample", "sample", "Samples of another seed", LOOKING, on_bar=True),
        bind("surgery.type", "x", "type_operation", "type", "Type an operation", NETWORK, on_bar=True),
        bind("surgery.load", "l", "load", "load", "The network of a checkpoint", NETWORK, on_bar=True),
        bind("surgery.export", "e", "export", "export", "Save the network, figures or a picture", NETWORK, on_bar=True),
        bind("surgery.pause", "space", "pause", "pause", "Pause training", TRAINING, on_bar=True),
        bind("surgery.resume", "space", "resume", "resume", "Continue training", TRAINING, on_bar=True),
        bind("surgery.left", "left", "target(-1)", "left", "The gate or matrix before", NETWORK),
        bind("surgery.right", "right", "target(1)", "right", "The gate or matrix after", NETWORK),
        bind("surgery.scope", "a", "scope", "all", "Every unit, or the one under the cursor", NETWORK),
        bind("surgery.less", "minus", "value(-1)", "less", "A smaller value", NETWORK),
        bind("surgery.more", "plus,equals_sign", "value(1)", "more", "A larger value", NETWORK),
        bind("surgery.up", "up", "move(-1)", "up", "The unit above", LOOKING),
        bind("surgery.down", "down", "move(1)", "down", "The unit below", LOOKING),
        bind("surgery.pageup", "pageup", "page(-1)", "page up", "Units further up", LOOKING),
        bind("surgery.pagedown", "pagedown", "page(1)", "page down", "Units further down", LOOKING),
        bind("surgery.first", "home", "end(0)", "first", "The first unit", LOOKING),
        bind("surgery.last", "end", "end(-1)", "last", "The last unit", LOOKING),
        bind("surgery.layer_down", "left_square_bracket", "layer(-1)", "layer down", "The layer below", LOOKING),
        bind("surgery.layer_up", "right_square_bracket", "layer(1)", "layer up", "The layer above", LOOKING),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        #: What is on the screen.
        self.look: SurgeryLook | None = None
        self.edits: list[Edit] = []
        self._undone: list[Edit] = []
        self._conditions: list[Condition] = []
        self._patient: Patient | None = None
        self._loaded: Loaded | None = None
        #: What could not be taken; nobody hears of it again and again.
        self._failed: Source | None = None
        self._seed = 0
        self._chosen = Edit("h", 0.0, 0)
        #: The last value of each kind of target.
        self._values: dict[str, float] = {"h": 0.0, "σ": 1.0, "tanh": 0.0, "": 0.0, "W": 0.5}
        self._unit = self._layer = 0
        self._worth: Worth | None = None
        self._worth_after = 0
        self._put: Put | None = None
        #: The step of the patient that was restored.
        self._restored: Any = None
        self._taking = self._examining = self._ranking = False

    def compose(self) -> ComposeResult:
        """Operations and units above, samples below."""
        yield TitleBar(id="title")
        with Horizontal(id="upper"):
            yield SurgeryOperations(id="operations")
            yield SurgeryUnits(id="units")
        yield SurgerySamples(id="samples")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Take the network, as soon as there is one."""
        self._tick()
        self.set_interval(0.5, self._tick)

    def on_screen_resume(self) -> None:
        """There may be another network."""
        self._tick()

    def on_unmount(self) -> None:
        """Nobody waits for the ranking any more."""
        self._ranking = False

    # The patient.

    @property
    def _source(self) -> Source | None:
        return self._loaded or self.session.trainer

    def _tick(self) -> None:
        source, patient = self._source, self._patient
        if source in (None, self._failed) or not self.is_current:
            return
        if patient is None or patient.source is not source:
            self.take()
        self.refresh_bindings()

    @work(group="take")
    async def take(self) -> None:
        """Take the network as it is now; the operations are done to it, as far as it allows them."""
        source = self._source
        if self._taking or source is None:
            return
        self._taking = True
        try:
            model, step = await current(source)
            config = model.config
            each = config.num_layers * config.hidden_size**2
            length = max(_MIN_MEASURED, min(MEASURED, int(_WORK / each)))
            symbols = kept_apart(source, self.session.trainer, length)
        except FILE_ERRORS as error:
            self._failed = source
            self.app.notify(one_line(error), severity="error")
            return
        finally:
            self._taking = False
        vocabulary = source.vocabulary
        prime = "\n" if "\n" in vocabulary.symbols else vocabulary.symbols[0]
        before = self._patient
        self._patient = Patient(model, vocabulary, symbols, prime, source, step)
        if before is None or before.model.config != config:
            self._unit = self._layer = 0
            self._chosen = Edit("h", 0.0, 0)
        if self._put is not None and self._put.trainer is not self.session.trainer:
            self._put = None
        self.edits = [edit for edit in self.edits if _allowed(model, edit)]
        self._undone = []
        self._ranking, self._worth = False, None
        self._forget(0)

    def _forget(self, kept: int, seed: int | None = None) -> None:
        """Measure again all conditions but the first ``kept`` ones, with samples of another seed if it is given."""
        self._seed = self._seed if seed is None else seed
        del self._conditions[kept:]
        self._show()
        self._examine()

    @work(group="examine")
    async def _examine(self) -> None:
        """Measure in the background what has not been measured."""
        if self._examining:
            return
        self._examining = True
        try:
            while (patient := self._patient) is not None and len(self._conditions) <= len(self.edits):
                done, seed = len(self._conditions), self._seed
                edits = self.edits[:done]
                found = await asyncio.wrap_future(in_background(partial(_measure, patient, edits, seed)))
                now = (self._patient, self._seed, self.edits[:done], len(self._conditions))
                if now == (patient, seed, edits, done):
                    self._conditions.append(found)
                    self._show()
        finally:
            self._examining = False

    # What the screen shows.

    def _show(self) -> None:
        patient = self._patient
        if patient is None:
            return
        chosen = self._chosen
        layer = 0 if chosen.target == "W_y" else self._layer
        unit = None if chosen.scales or chosen.unit is None else self._unit
        self._chosen = replace(chosen, layer=layer, unit=unit)
        put = self._put
        same = 0 if put is None else _shared(put.edits, self.edits)
        worth = self._worth if self._worth is not None and self._worth.layer == self._layer else None
        self.look = SurgeryLook(
            patient.model.config,
            tuple(self.edits),
            tuple(self._conditions),
            patient.prime,
            self._chosen,
            self._unit,
            self._layer,
            worth,
            self._worth_after,
            self._ranking,
            same,
            0 if put is None else put.step,
        )
        with self.app.batch_update():
            for view in self.query(SurgeryView):
                view.show(self.look)
            self.query_one(TitleBar).show(self._title(patient))
        self.refresh_bindings()

    def _title(self, patient: Patient) -> str:
        config = patient.model.config
        size = f"{config.hidden_size}×{config.num_layers}" if config.num_layers > 1 else f"{config.hidden_size}"
        loaded = isinstance(patient.source, Loaded)
        whose = f"{visible(os.path.basename(patient.source.path))} · " if isinstance(patient.source, Loaded) else ""
        put = "" if self._put is None or loaded else f" · put in at {self._put.step:,}"
        return f"{whose}{CELLS[config.cell].title} {size} · step {patient.step:,}{put}"

    def state(self) -> State:
        """The patient's step, what was done to it, and what is chosen."""
        patient = self._patient
        return {
            "step": None if patient is None else patient.step,
            "operations": [str(edit) for edit in self.edits],
            "chosen": str(self._chosen),
            "unit": self._unit,
            "layer": self._layer,
            "seed": self._seed,
            "ranked": None if self._worth is None else self._worth_after,
        }

    async def restore(self, state: State) -> None:
        """Do the same to a copy of the session's network; nothing is done to that network itself."""
        patient, step = self._patient, state.get("step")
        fresh = patient is None or isinstance(patient.source, Loaded) or patient.source is not self.session.trainer
        if fresh or step != self._restored:
            self._loaded, self._restored = None, step
            with suppress(WorkerError):
                await self.take().wait()
        if (patient := self._patient) is None:
            return
        operations = state.get("operations")
        edits = (
            [edit for text in operations if (edit := _read(patient.model, text))]
            if isinstance(operations, list)
            else []
        )
        same, seed = _shared(tuple(self.edits), edits), whole(state, "seed", self._seed)
        config = patient.model.config
        self._chosen = _read(patient.model, state.get("chosen")) or self._chosen
        self._layer = whole(state, "layer", self._layer, high=config.num_layers - 1)
        self._unit = whole(state, "unit", self._unit, high=config.hidden_size - 1)
        self.edits, self._undone = edits, []
        self._forget(1 + same if seed == self._seed else 0, seed)
        ranked = state.get("ranked")
        if ranked is None:
            self._ranking, self._worth = False, None
            self._show()
        elif self._worth is None or self._worth.layer != self._layer or self._worth_after != ranked:
            self._rank(whole(state, "ranked", 0, high=len(edits)), follow=False)

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now."""
        trainer, patient = self.session.trainer, self._patient
        match action:
            case "do" | "zero" | "rank" | "stop_ranking" if patient is None:
                return False
            case "undo":
                return bool(self.edits)
            case "redo":
                return bool(self._undone)
            case "rank" | "stop_ranking":
                return (action == "stop_ranking") == self._ranking
            case "put":
                return self._put is None and bool(self.edits) and self._loaded is None and trainer is not None
            case "take_out":
                return self._put is not None and self._put.trainer is trainer
            case "pause" | "resume":
                return trainer is not None and (action == "pause") == (trainer.snapshot().status == "running")
            case "layer":
                return patient is not None and patient.model.config.num_layers > 1
        return True

    async def action_do(self) -> None:
        """The operation that is chosen."""
        await self.run_action(f"operate({str(self._chosen)!r})")

    async def action_zero(self) -> None:
        """Hold the unit under the cursor at 0."""
        await self.run_action(f"operate({str(Edit('h', 0.0, self._unit, self._layer))!r})")

    def action_operate(self, operation: str) -> None:
        """Do an operation, as ``parse`` reads it."""
        if self._patient is None:
            return
        try:
            edit = parse(operation)
            check(self._patient.model.config, edit)
        except ArgumentError as error:
            self.app.notify(one_line(error), severity="error")
            return
        self._undone = []
        self.edits.append(edit)
        self._forget(len(self.edits))

    def action_undo(self) -> None:
        """Take the last operation back."""
        if self.edits:
            self._undone.append(self.edits.pop())
            self._forget(len(self.edits) + 1)

    def action_redo(self) -> None:
        """Do it again."""
        if self._undone:
            self.edits.append(self._undone.pop())
            self._forget(len(self.edits))

    def _targets(self, patient: Patient) -> list[str]:
        config = patient.model.config
        return ["h", *(block.name for block in held(config)), *matrices(config)]

    def action_target(self, by: int) -> None:
        """Another gate, the unit itself, or a matrix."""
        if (patient := self._patient) is not None:
            targets = self._targets(patient)
            target = targets[(targets.index(self._chosen.target) + by) % len(targets)]
            every = self._chosen.unit is None and not self._chosen.scales and self._chosen.target != "h"
            unit = None if target.startswith("W") or (every and target != "h") else self._unit
            self._chosen = Edit(target, self._values[self._kind(target)], unit, self._layer)
            self._show()

    def _kind(self, target: str) -> str:
        if target == "h" or target.startswith("W"):
            return target[0]
        assert self._patient is not None
        return next(block.squash for block in held(self._patient.model.config) if block.name == target)

    def action_scope(self) -> None:
        """Every unit, or the one under the cursor."""
        if not self._chosen.scales:
            self._chosen = replace(self._chosen, unit=self._unit if self._chosen.unit is None else None)
            self._show()

    def action_value(self, by: int) -> None:
        """A larger or smaller value, within what the target can be."""
        if self._patient is not None:
            kind = self._kind(self._chosen.target)
            low, high, step = {"σ": (0.0, 1.0, 0.25), "W": (-4.0, 4.0, 0.1)}.get(kind, (-1.0, 1.0, 0.25))
            value = min(high, max(low, round((self._chosen.value + by * step) / step) * step))
            self._values[kind] = round(value, 2)
            self._chosen = replace(self._chosen, value=self._values[kind])
            self._show()

    def action_unit(self, unit: int) -> None:
        """Put the cursor on a unit."""
        if self._patient is not None:
            self._unit = min(max(0, unit), self._patient.model.config.hidden_size - 1)
            self._show()

    def action_move(self, by: int) -> None:
        """To another unit, in the order shown."""
        if self.look is not None:
            order = self.look.order
            self.action_unit(order[min(max(0, order.index(self._unit) + by), len(order) - 1)])

    def action_page(self, by: int) -> None:
        """By as many units as are on the screen."""
        self.action_move(by * self.query_one(SurgeryUnits).page)

    def action_end(self, index: int) -> None:
        """To the first or the last unit."""
        if self.look is not None:
            self.action_unit(self.look.order[index])

    def action_layer(self, by: int) -> None:
        """Another layer."""
        if self._patient is not None:
            self._layer = (self._layer + by) % self._patient.model.config.num_layers
            self._show()

    def action_sample(self) -> None:
        """Samples of another seed."""
        self._forget(0, self._seed + 1)

    def action_take(self) -> None:
        """The network in training as it is now; after a checkpoint, that one again."""
        self._loaded = None
        self.take()

    # Ranking.

    def action_rank(self) -> None:
        """Measure what each unit is worth."""
        self._rank(len(self.edits))

    def action_stop_ranking(self) -> None:
        """Keep what has been measured."""
        self._ranking = False
        self._show()

    @work(exclusive=True, group="rank")
    async def _rank(self, done: int, *, follow: bool = True) -> None:
        """Measure the units of the layer after the first ``done`` operations; then ``follow``: go to the first one."""
        patient, edits, layer = self._patient, self.edits[:done], self._layer
        if patient is None:
            return
        units = patient.model.config.hidden_size
        self._ranking, self._worth_after = True, len(edits)
        self._worth = Worth(layer, (), units)
        self._show()
        try:
            losses = await asyncio.wrap_future(in_background(partial(_losses, patient, edits, layer)))
            whole = await asyncio.wrap_future(in_background(partial(next, losses)))
            for _ in range(units):
                loss = await asyncio.wrap_future(in_background(partial(next, losses)))
                if not self._ranking or self._patient is not patient or self._worth is None:
                    return
                self._worth = Worth(layer, (*self._worth.rises, loss - whole), units)
                self._show()
            self._ranking = False
            if follow and layer == self._layer:
                self._unit = self._worth.order[0]
        finally:
            self._ranking = False
            self._show()

    # The network in training.

    @work(exclusive=True, group="put")
    async def action_put(self) -> None:
        """Do the operations to the network in training."""
        trainer, edits = self.session.trainer, tuple(self.edits)
        if trainer is None or not edits:
            return
        before: list[np.ndarray] = []

        def change(model: LanguageModel) -> None:
            before.append(model.parameters.copy())
            for edit in edits:
                apply(model, edit)

        await asyncio.wrap_future(trainer.change_weights(change))
        self._put = Put(trainer, edits, trainer.snapshot().step, before)
        self.app.notify("The network in training has them, too; training may change those weights again.", timeout=5)
        self._show()

    @work(exclusive=True, group="put")
    async def action_take_out(self) -> None:
        """The weights of before the operations."""
        put = self._put
        if put is None:
            return
        since = put.trainer.snapshot().step - put.step
        if since:
            steps = "1 step has" if since == 1 else f"{since:,} steps have"
            question = f"The weights of step {put.step:,} come back; what {steps} learned since is lost."
            answers = [("cancel", "Cancel", "c"), ("out", "Take out", "t")]
            if await self.app.push_screen_wait(Ask("Take the operations out", question, answers)) != "out":
                return
        await self.run_action("restore")

    @work(exclusive=True, group="restore")
    async def action_restore(self) -> None:
        """Put the weights of before the operations back, without a question."""
        put, self._put = self._put, None
        if put is not None:
            weights = iter(put.before)
            await asyncio.wrap_future(put.trainer.change_weights(lambda model: model.load(next(weights))))
            self._show()

    def action_pause(self) -> None:
        """Training pauses."""
        if self.session.trainer is not None:
            self.session.trainer.pause()
            self.refresh_bindings()

    def action_resume(self) -> None:
        """Training continues."""
        trainer = self.session.trainer
        if trainer is not None and trainer.paused:
            trainer.resume_run()
            self.refresh_bindings()

    # Dialogs.

    @work(exclusive=True, group="dialog")
    async def action_type_operation(self) -> None:
        """An operation as text."""
        if (patient := self._patient) is not None:
            read = partial(_check_text, patient.model)
            operation = await self.app.push_screen_wait(AskOperation(read))
            if operation is not None:
                await self.run_action(f"operate({operation!r})")

    @work(exclusive=True, group="dialog")
    async def action_load(self, path: str = "") -> None:
        """The network of the checkpoint at ``path``; without a path, ask for it."""
        loaded = await choose_checkpoint(self.app, path)
        if loaded is not None:
            self._loaded = loaded
            self.take()

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the changed network, the figures, or a picture."""
        patient, look = self._patient, self.look
        if patient is None or look is None:
            return
        picture = self.app.export_screenshot()

        def rule(path: str) -> str:
            return path if path.lower().endswith(SUFFIX) else export_path(path)

        def write(path: str) -> None:
            suffix = os.path.splitext(rule(path))[1].lower()
            if suffix == SUFFIX:
                save(path, operate(patient.model, look.edits), vocabulary=patient.vocabulary)
            else:
                writers = {".svg": lambda: picture, ".csv": lambda: _csv(look), ".json": lambda: _json(look)}
                write_atomically(path, writers[suffix]())

        name = file_name("surgery", patient.model.config.cell, patient.model.config.hidden_size, SUFFIX)
        note = (
            f"the suffix decides: {SUFFIX} for the changed network, .csv or .json for the figures, .svg for a picture"
        )
        path = await self.app.push_screen_wait(SaveFile("Export", name, write, rule=rule, note=note))
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)


def _measure(patient: Patient, edits: list[Edit], seed: int) -> Condition:
    sampling = Sampling(patient.prime, WRITTEN, seed=seed)
    return condition(operate(patient.model, edits), patient.symbols, patient.vocabulary, sampling)


def _losses(patient: Patient, edits: list[Edit], layer: int) -> Iterator[float]:
    """The loss of the whole network after the operations, then without each unit of the layer."""
    model = operate(patient.model, edits)

    def losses() -> Iterator[float]:
        yield evaluate(model, patient.symbols).nats
        yield from importance(model, patient.symbols, layer)

    return losses()


def _allowed(model: LanguageModel, edit: Edit) -> bool:
    try:
        check(model.config, edit)
    except ArgumentError:
        return False
    return True


def _check_text(model: LanguageModel, text: str) -> None:
    """Raises ArgumentError."""
    check(model.config, parse(text))


def _read(model: LanguageModel, text: object) -> Edit | None:
    """The operation that a state holds, if it is one, and the network allows it."""
    if not isinstance(text, str):
        return None
    try:
        edit = parse(text)
    except ArgumentError:
        return None
    return edit if _allowed(model, edit) else None


def _shared(one: tuple[Edit, ...], other: list[Edit]) -> int:
    """How many operations both begin with."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


def _rows(look: SurgeryLook) -> Iterator[tuple[str, Any, Any]]:
    """What was done or measured, the loss in nats, and its change."""
    before = look.conditions[0].evaluation.nats if look.conditions else math.nan
    names = ["before", *map(str, look.edits)]
    for name, found in zip(names, look.conditions, strict=False):
        yield name, found.evaluation.nats, found.evaluation.nats - before
    if look.worth is not None:
        whole = look.conditions[min(look.worth_after, len(look.conditions) - 1)].evaluation.nats
        for unit, rise in enumerate(look.worth.rises):
            yield f"without unit {unit} of layer {look.worth.layer + 1}", whole + rise, rise


def _csv(look: SurgeryLook) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["what", "nats", "change"])
    writer.writerows(_rows(look))
    return out.getvalue()


def _json(look: SurgeryLook) -> str:
    def plain(value: float) -> float | None:
        return value if math.isfinite(value) else None

    rows = [{"what": what, "nats": plain(nats), "change": plain(change)} for what, nats, change in _rows(look)]
    samples = [found.written for found in look.conditions]
    return json.dumps({"measured": rows, "samples": samples}) + "\n"
