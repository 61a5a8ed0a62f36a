"""The Train screen: a network learning a text, live."""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from lstm_ext.data import Text
from lstm_ext.data.ngram import ngram_losses
from lstm_ext.engine.backend import available_backends
from lstm_ext.errors import LabError
from lstm_ext.explain.reading import views
from lstm_ext.tensors import SUFFIX, checkpoint_path
from lstm_ext.train.diagnosis import diagnose
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer
from lstm_lab.runs.known import network_name

from ...text.run_end import seconds_left
from ...text.visible import visible
from ..background import in_background
from ..export import export, export_path, file_name
from ..keys import LAB, LOOKING, NETWORK, TRAINING, bind
from ..overlay import Overlay
from ..pacing import frames_per_second, output_waits
from ..recovery import Recovery
from ..session import Session
from ..shown import LONGEST, State, flag, real, whole, word
from ..widgets.bars import KeyBar, TitleBar
from ..widgets.gate_heatmap import VIEW_KEYS, GateHeatmap
from ..widgets.loss_curve import LossCurve
from ..widgets.sample_stream import SampleStream
from ..widgets.status_panel import StatusPanel
from .dialog import Ask
from .files import FILE_ERRORS, OpenFile, OpenText, SaveFile, one_line
from .model_form import ModelForm
from .recover import Recover
from .timeline import TimelineScreen
from .typist import Typist

#: Learning rates that + and - step through, times powers of ten.
_RATES = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


class TrainScreen(Screen[None]):
    """Pulls a snapshot of the trainer ten times a second and paints what has changed."""

    CSS_PATH = "train.tcss"
    AUTO_FOCUS = "#gates"
    HELP_TITLE = "Train"
    HELP = (
        "A network reads a text character by character and learns to predict the next one. Above: its loss, and "
        "where training is. Below: what its gates do while it reads what it has just written, and what it writes. "
        "Training continues by itself; nothing you do here waits for it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("train.pause", "space", "pause", "pause", "Pause training", TRAINING, on_bar=True),
        bind("train.resume", "space", "resume", "resume", "Continue training", TRAINING, on_bar=True),
        bind("train.step", "n", "single_step", "step", "One training step, then pause", TRAINING, on_bar=True),
        bind("train.sample", "s", "sample", "sample", "Let the network write now", TRAINING, on_bar=True),
        bind("train.faster", "plus,equals_sign", "faster", "rate up", "Higher learning rate", TRAINING),
        bind("train.slower", "minus,underscore", "slower", "rate down", "Lower learning rate", TRAINING),
        bind("train.warmer", "t", "warmer", "warmer", "Higher temperature: wilder samples", TRAINING),
        bind("train.colder", "T", "colder", "colder", "Lower temperature: tamer samples", TRAINING),
        bind("train.text", "d", "choose_text", "text", "Choose a text to learn", NETWORK, on_bar=True),
        bind("train.model", "m", "choose_model", "model", "Make another network", NETWORK, on_bar=True),
        bind("train.save", "w", "save", "save", "Save a checkpoint", NETWORK, on_bar=True),
        bind("train.load", "l", "load", "load", "Load a checkpoint", NETWORK, on_bar=True),
        bind("train.restart", "R", "restart", "restart", "Begin again, untrained", NETWORK, on_bar=True),
        bind("train.overlay", "a", "overlay", "overlay", "Lay a kept run behind this one", NETWORK),
        bind("train.alone", "A", "clear_overlays", "alone", "Take away the runs behind this one", NETWORK),
        bind("train.timeline", "W", "timeline", "timeline", "What it wrote along its training", NETWORK),
        bind("train.export", "e", "export", "export", "Write the curve or a picture", NETWORK, on_bar=True),
        *(
            bind(f"train.gate.{key}", key, f"gate('{key}')", name, f"Show every unit's {name}", LOOKING)
            for key, name in VIEW_KEYS.items()
        ),
        bind("train.freeze", "v", "freeze", "freeze", "Freeze the view; training runs on", LOOKING),
        bind("train.thaw", "v", "thaw", "thaw", "Show what happens again", LOOKING),
        bind("train.surprise", "u", "surprise", "surprise", "Colour samples by the network's surprise", LOOKING),
        bind("train.scale", "L", "scale", "scale", "Linear or logarithmic loss and steps", LOOKING),
        bind("train.layer_down", "left_square_bracket", "layer(-1)", "layer down", "The layer below", LOOKING),
        bind("train.layer_up", "right_square_bracket", "layer(1)", "layer up", "The layer above", LOOKING),
        bind("train.notice", "x", "hide_notice", "hide notice", "Hide the notice", LAB),
    ]

    class Failed(Message):
        """There is nothing to train, so the lab cannot open."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.temperature = 0.8
        self._fps = frames_per_second()
        #: Why training stopped, and why it cannot be kept, as shown.
        self._failure = self._problem = ""
        #: What the panels show, to leave out frames that would change nothing.
        self._shown: tuple[object, ...] = ()
        #: Shows the samples of the current run.
        self.typist: Typist | None = None
        #: The run when it was adopted, to tell how fast it is since then.
        self._first: Snapshot | None = None
        #: Training runs on, but what is shown stands still.
        self._frozen = False

    def compose(self) -> ComposeResult:
        """Loss and status above, gates and samples below."""
        yield TitleBar(id="title")
        yield Static(id="banner", markup=False)
        with Horizontal(id="upper"):
            yield LossCurve(id="loss")
            yield StatusPanel(id="status")
        with Horizontal(id="lower"):
            yield GateHeatmap(id="gates")
            yield SampleStream(id="samples")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Watch the trainer, and start training once the screen has been painted."""
        self.query_one(SampleStream).show_temperature(self.temperature)
        self.set_interval(1 / self._fps, self._tick)
        self.call_after_refresh(self._begin)

    def on_screen_resume(self) -> None:
        """Shows the runs that another screen has laid behind this one."""
        self.query_one(LossCurve).show_overlays(self.session.overlays)

    # Beginning with a trainer.

    @work(exclusive=True)
    async def _begin(self) -> None:
        chosen: tuple[Trainer, Recovery] | None = None
        left = await asyncio.wrap_future(in_background(self.session.left_behind))
        try:
            if left:
                chosen = await self.app.push_screen_wait(Recover(left, self.session.resume))
        finally:
            for recovery in left:
                if chosen is None or recovery is not chosen[1]:
                    recovery.release()
        if chosen is not None:
            self.adopt(*chosen)
            return
        try:
            trainer = await asyncio.wrap_future(in_background(self.session.open))
        except FILE_ERRORS as error:
            self.post_message(self.Failed(one_line(error)))
            return
        if self.typist is not None and self.typist.trainer is trainer:
            return  # it was shown meanwhile
        self.adopt(trainer)
        if self.session.unfulfilled:
            self.notify(self.session.unfulfilled, severity="warning", timeout=15)
        if trainer.model.backend == "numpy" and "c" not in available_backends():
            self._notice(
                "The C core was not built, so NumPy does the work: the same results, slower. "
                "Install a C compiler and reinstall lstm-lab. (x hides this)"
            )

    def adopt(self, trainer: Trainer, recovery: Recovery | None = None) -> None:
        """Replace the current trainer by another, perhaps resumed from ``recovery``, and start it."""
        self.session.use(trainer, recovery)
        gates, stream = self.query_one(GateHeatmap), self.query_one(SampleStream)
        self.typist, self._shown = Typist(trainer, gates, stream, fps=self._fps), ()
        config = trainer.model.config
        self.query_one(TitleBar).show(
            f"{visible(os.path.basename(trainer.text.name))[-24:]} · {network_name(config)}"
            f" · {config.num_parameters:,} parameters"
        )
        gates.clear(config.cell, config.num_layers)
        stream.clear()
        self.query_one(LossCurve).show(None)
        self.query_one(LossCurve).show_baselines({})
        self.query_one(LossCurve).show_overlays(self.session.overlays)
        self._failure = ""
        self._notice(trainer.snapshot().message)
        self._first = trainer.snapshot()
        self.action_thaw()
        self.session.start(trainer)
        self._count_ngrams(trainer)

    @work(exclusive=True, group="ngrams", exit_on_error=False)
    async def _count_ngrams(self, trainer: Trainer) -> None:
        """Count n-grams in the background, because it is slow."""
        split = trainer.split
        if split.validation is None:
            return
        count = partial(ngram_losses, split.train, split.validation, len(trainer.vocabulary))
        baselines = await asyncio.wrap_future(in_background(count))
        if self.session.trainer is trainer:
            self.query_one(LossCurve).show_baselines(baselines)

    # One frame.

    def _tick(self) -> None:
        trainer = self.session.trainer
        if trainer is None or not self.is_current or output_waits(self.app):
            return
        with self.app.batch_update():
            snapshot = trainer.snapshot()
            self._tell_failure(trainer, snapshot)
            self._warn(self.session.problem)
            if not self._frozen:
                self._show(trainer, snapshot)
                self._advance_sample(snapshot)

    def _show(self, trainer: Trainer, snapshot: Snapshot) -> None:
        now = (snapshot.status, snapshot.step, snapshot.lr, snapshot.val_loss, snapshot.message, trainer)
        if now == self._shown:
            return
        if self._shown[:1] != now[:1]:
            self.refresh_bindings()
        self._shown = now
        self.query_one(LossCurve).show(snapshot.history, snapshot.loss)
        diagnosis = diagnose(snapshot, trainer.config) or (None if self.typist is None else self.typist.repetition)
        left = None if self._first is None else seconds_left(self._first, snapshot)
        self.query_one(StatusPanel).show(snapshot, engine_name(trainer), diagnosis, left)

    @property
    def help_topic(self) -> str:
        """What the handbook says of the trouble that is shown, if there is one."""
        diagnosis = self.query_one(StatusPanel).diagnosis
        return f"symptoms#{diagnosis.name.capitalize()}" if diagnosis else ""

    def _tell_failure(self, trainer: Trainer, snapshot: Snapshot) -> None:
        """Say once why training ended before its time."""
        failure = snapshot.message if snapshot.status == "failed" else ""
        if failure != self._failure:
            self._failure = failure
            if trainer.error is not None:
                failure = f"Training ended: {one_line(trainer.error)}"
            elif failure:
                failure = failure_text(failure)
            self._notice(failure, failure=True)

    def _warn(self, problem: str) -> None:
        """Say once that an interruption would cost more than it should."""
        if problem != self._problem:
            self._problem = problem
            if problem:
                self.notify(f"If the lab is cut off, training is lost: {problem}", severity="warning", timeout=10)

    def _advance_sample(self, snapshot: Snapshot) -> None:
        """Show more of what the network writes; a failed sample does not end the lab."""
        try:
            if self.typist is not None:
                self.typist.advance(snapshot, self.temperature)
        except Exception as error:
            self._notice(f"The network could not write: {one_line(error)}", failure=True)

    def _notice(self, message: str, *, failure: bool = False) -> None:
        banner = self.query_one("#banner", Static)
        banner.update(visible(message))
        banner.display = bool(message)
        banner.set_class(failure, "-failure")

    # For recordings.

    def state(self) -> State:
        """The last sample, and what is looked at."""
        gates, typist = self.query_one(GateHeatmap), self.typist
        state: State = {"gate": gates.view, "layer": gates.chosen_layer, "temperature": self.temperature}
        state["surprise"] = self.query_one(SampleStream).surprise
        state.update(self.query_one(LossCurve).state())
        if typist is not None and (sample := typist.sample) is not None:
            first = typist.trainer.vocabulary.symbols[sample.first]
            state["sample"] = [sample.step, sample.loss, sample.temperature, first + sample.reading.text]
        return state

    async def restore(self, state: State) -> None:
        """Show the session's run with the sample that was recorded."""
        trainer, gates = self.session.trainer, self.query_one(GateHeatmap)
        if trainer is None:
            return
        if self.typist is None or self.typist.trainer is not trainer:
            self.adopt(trainer)
        known = views(trainer.model.config.cell)
        gates.show(known[word(state, "gate", gates.view, known)].key)
        gates.show_layer(whole(state, "layer", 0))
        stream = self.query_one(SampleStream)
        if flag(state, "surprise", stream.surprise) != stream.surprise:
            stream.toggle_surprise()
        self.query_one(LossCurve).restore(state)
        self._set_temperature(real(state, "temperature", self.temperature, 0.0, 2.0))
        match state.get("sample"):
            case [int(step), float(loss), float(temperature), str(text)] if len(text) > 1:
                with suppress(LabError):  # characters that the network does not know
                    if self.typist is not None and self.typist.give(step, loss, temperature, text[:LONGEST]):
                        self._tick()

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which commands make sense now: pause or resume, and the gates that this cell has."""
        trainer = self.session.trainer
        if action in ("pause", "resume"):
            return (action == "pause") == (trainer is None or trainer.snapshot().status == "running")
        if action in ("freeze", "thaw"):
            return (action == "thaw") == self._frozen
        if action == "gate":
            cell = trainer.model.config.cell if trainer else self.session.config.network.cell
            return any(view.key == parameters[0] for view in views(cell).values())
        if action == "layer":
            return trainer is not None and trainer.model.config.num_layers > 1
        if action == "clear_overlays":
            return bool(self.session.overlays)
        if action == "hide_notice":
            return bool(self.query_one("#banner").display)
        return True

    def action_pause(self) -> None:
        """Pause."""
        if self.session.trainer is not None:
            self.session.trainer.pause()
            self.refresh_bindings()

    def action_resume(self) -> None:
        """Continue after a pause, after a failure, or past the end."""
        trainer = self.session.trainer
        if trainer is not None:
            if trainer.paused:
                trainer.resume_run()
            elif not trainer.running:
                trainer.start()
            self.refresh_bindings()

    def action_single_step(self) -> None:
        """One step, then pause."""
        if self.session.trainer is not None:
            self.session.trainer.single_step()

    def action_faster(self) -> None:
        """The next higher learning rate."""
        if self.session.trainer is not None:
            self.session.trainer.lr = next_rate(self.session.trainer.lr, 1)

    def action_slower(self) -> None:
        """The next lower learning rate."""
        if self.session.trainer is not None:
            self.session.trainer.lr = next_rate(self.session.trainer.lr, -1)

    def action_warmer(self) -> None:
        """Samples draw more boldly."""
        self._set_temperature(self.temperature + 0.1)

    def action_colder(self) -> None:
        """Samples draw more carefully."""
        self._set_temperature(self.temperature - 0.1)

    def _set_temperature(self, temperature: float) -> None:
        self.temperature = min(2.0, max(0.0, round(temperature, 1)))
        self.query_one(SampleStream).show_temperature(self.temperature)

    def action_sample(self) -> None:
        """Show the rest of the current sample at once and ask for the next."""
        if self.typist is not None:
            self.typist.want()

    def action_gate(self, key: str) -> None:
        """Show another gate or state."""
        self.query_one(GateHeatmap).show(key)

    def action_layer(self, step: int) -> None:
        """Show another layer."""
        gates = self.query_one(GateHeatmap)
        gates.show_layer(gates.chosen_layer + step)

    def action_freeze(self) -> None:
        """Keeps what is shown, while training runs on."""
        self._freeze(True)

    def action_thaw(self) -> None:
        """Shows again what happens."""
        self._freeze(False)

    def _freeze(self, frozen: bool) -> None:
        self._frozen = frozen
        self.query_one(StatusPanel).freeze(frozen)
        self.refresh_bindings()

    def action_surprise(self) -> None:
        """Shows how much the samples surprise the network, or just the text."""
        self.query_one(SampleStream).toggle_surprise()

    def action_scale(self) -> None:
        """The curve's next scale."""
        self.query_one(LossCurve).next_scale()

    def action_hide_notice(self) -> None:
        """Hide the notice."""
        self._notice("")

    @work(exclusive=True, group="dialog")
    async def action_choose_text(self) -> None:
        """Learn another text with a new network of the same form."""
        text = await self.app.push_screen_wait(OpenText("A text to learn", self.session.read))
        if text is not None:
            await self._learn(self.session.config, text)

    @work(exclusive=True, group="dialog")
    async def action_choose_model(self) -> None:
        """Make another network for the same text."""
        trainer = self.session.trainer
        if trainer is not None:
            config = await self.app.push_screen_wait(ModelForm(RunConfig.of(trainer), trainer.text))
            if config is not None:
                await self._learn(config, trainer.text)

    @work(exclusive=True, group="dialog")
    async def action_restart(self) -> None:
        """Start the same network again, untrained."""
        if self.session.trainer is not None:
            await self._learn(self.session.config, self.session.trainer.text)

    async def _learn(self, config: RunConfig, text: Text) -> None:
        """Train a new network."""
        if not await self._may_forget():
            return
        try:
            trainer = await asyncio.wrap_future(in_background(partial(self.session.make, config, text)))
        except FILE_ERRORS as error:
            self._notice(one_line(error), failure=True)
        else:
            self.adopt(trainer)

    async def _may_forget(self) -> bool:
        """Whether the current network may be replaced; asks if more than a little training would be lost."""
        if not self.session.unsaved():
            return True
        question = f"The last {self.session.unsaved_steps():,} steps of the current network are not saved."
        answers = [("save", "Save first", "s"), ("forget", "Go ahead", "g"), ("cancel", "Cancel", "c")]
        answer = await self.app.push_screen_wait(Ask("Another network", question, answers))
        return answer == "forget" or (answer == "save" and await self.save())

    @work(exclusive=True, group="dialog")
    async def action_save(self) -> None:
        """Write a checkpoint."""
        await self.save()

    async def save(self) -> bool:
        """Ask for a path and write a checkpoint there; returns whether it was written. Call it in a worker."""
        trainer = self.session.trainer
        if trainer is None:
            return False
        name = self._file_name(trainer, SUFFIX)
        dialog = SaveFile("Save a checkpoint", name, self.session.save, rule=checkpoint_path)
        path = await self.app.push_screen_wait(dialog)
        if path is None:
            return False
        self.notify(f"Saved {path}", timeout=3)
        return True

    @work(exclusive=True, group="dialog")
    async def action_load(self, path: str = "") -> None:
        """Continue the run saved at ``path``; without a path, ask for it."""
        if path:
            try:
                trainer: Trainer | None = await asyncio.wrap_future(in_background(partial(self.session.load, path)))
            except FILE_ERRORS as error:
                self._notice(one_line(error), failure=True)
                return
        else:
            dialog = OpenFile[Trainer]("Load a checkpoint", self.session.load, suffix=SUFFIX)
            trainer = await self.app.push_screen_wait(dialog)
        if trainer is not None and await self._may_forget():
            self.adopt(trainer)

    @work(exclusive=True, group="dialog")
    async def action_recover(self, path: str) -> None:
        """Continue what a lab kept at ``path`` that was left without saving."""
        recovery: Recovery | None = None
        try:
            recovery = Recovery(Path(path))
            trainer = await asyncio.wrap_future(in_background(partial(self.session.resume, recovery)))
        except FILE_ERRORS as error:
            self._notice(one_line(error), failure=True)
        else:
            if await self._may_forget():
                self.adopt(trainer, recovery)
                return
        if recovery is not None:
            recovery.release()

    @work(exclusive=True, group="dialog")
    async def action_overlay(self, path: str = "") -> None:
        """Lay the run kept at ``path`` behind the current one; without a path, ask for it."""
        if not path:
            dialog = OpenFile[Overlay]("A run to lay behind this one", Overlay.read, suffix=SUFFIX)
            overlay = await self.app.push_screen_wait(dialog)
        else:
            try:
                overlay = await asyncio.wrap_future(in_background(partial(Overlay.read, path)))
            except FILE_ERRORS as error:
                self._notice(one_line(error), failure=True)
                return
        if overlay is not None:
            self.session.lay_over(overlay)
            self.query_one(LossCurve).show_overlays(self.session.overlays)

    def action_timeline(self) -> None:
        """What the network would have written at each step of its training."""
        timeline = None if self.session.trainer is None else self.session.trainer.timeline
        if timeline is not None and timeline.frames:
            self.app.push_screen(TimelineScreen(timeline))
        elif self.session.trainer is not None:
            why = "the network is too large" if timeline is not None else "it is a recorded one"
            self._notice(f"There is no timeline of this run: {why}. (x hides this)")

    def action_clear_overlays(self) -> None:
        """Show the current run alone."""
        self.session.clear_overlays()
        self.query_one(LossCurve).show_overlays(())

    @work(exclusive=True, group="dialog")
    async def action_export(self) -> None:
        """Write the curve or a picture of the screen."""
        trainer = self.session.trainer
        if trainer is None:
            return
        picture = self.app.export_screenshot()
        write = partial(export, snapshot=trainer.snapshot(), picture=picture)
        note = "the suffix decides: .csv or .json for the curve, .svg for a picture of the screen"
        dialog = SaveFile("Export", self._file_name(trainer, ".csv"), write, rule=export_path, note=note)
        path = await self.app.push_screen_wait(dialog)
        if path is not None:
            self.notify(f"Wrote {path}", timeout=3)

    @staticmethod
    def _file_name(trainer: Trainer, suffix: str) -> str:
        config = trainer.model.config
        return file_name(trainer.text.name, config.cell, config.hidden_size, suffix)


def next_rate(rate: float, direction: int) -> float:
    """The next higher (1) or lower (−1) of the learning rates 1, 1.5, 2, 3, 5, 7 times powers of ten."""
    power = math.floor(math.log10(rate))
    ladder = sorted(step * 10.0**exponent for exponent in (power - 1, power, power + 1) for step in _RATES)
    if direction > 0:
        chosen = next(step for step in ladder if step > rate * 1.001)
    else:
        chosen = next(step for step in reversed(ladder) if step < rate * 0.999)
    return float(f"{min(10.0, max(1e-7, chosen)):.3g}")


def engine_name(trainer: Trainer) -> str:
    """The engine, with the kernel that the C core chose and the threads it was given."""
    if trainer.model.backend != "c":
        return "NumPy"
    threads = trainer.model.threads
    return f"C · {trainer.model.kernel}" + (f" · {threads} threads" if threads > 1 else "")


def failure_text(reason: str) -> str:
    """Why training stopped, and which keys help."""
    what = f"{reason[:1].upper()}{reason[1:]}"
    return f"{what}. Press - for a lower learning rate and space to continue, or R to start again."
