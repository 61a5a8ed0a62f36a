"""What the lab shows as plain values, and its recording: see ``lessons/log.py`` for the format."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from textual import work
from textual.actions import parse
from textual.app import ComposeResult, ScreenStackError
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input, Label

from lstm_ext.errors import CheckpointError, DataError, LabError
from lstm_ext.train.trainer import Trainer

from ..lessons.log import MAX_NOTE
from ..text.units import clock
from .background import in_background
from .keys import LAB, Command, bind, commands
from .modes import MODES
from .recorder import LOOK, Recorder, network_bytes, network_size
from .screens.dialog import Dialog
from .session import Session
from .shown import Shown, State
from .theme import ThemedApp
from .widgets.bars import TitleBar

#: The screens that show the network in training.
_NETWORK = ("train", "gates", "flow", "surgery")
#: Commands that are not part of what is shown.
_APART = ("lab.record", "lab.note", "lab.help", "lab.quit", "lab.suspend")


class AskNote(Dialog[str]):
    """Asks for a note to the viewer of a recording."""

    TITLE_TEXT = "A note to the viewer"
    HINT = "enter show · esc cancel"

    def compose_body(self) -> ComposeResult:
        """One line."""
        yield Input("", max_length=MAX_NOTE, id="note")
        note = "It stands below the screen until the next one. An empty note ends it."
        yield Label(note, classes="dialog--note", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes it as it is."""
        self.dismiss(event.value)


class RecordingApp(ThemedApp):
    """Says and restores what is shown, and records it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("lab.record", "ctrl+r", "record", "record", "Start or end a recording", LAB),
        bind("lab.note", "ctrl+n", "note", "note", "Say something to the viewer of the recording", LAB),
    ]
    session: Session

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.recorder: Recorder | None = None

    # What is shown.

    @property
    def base(self) -> Screen[Any]:
        """The current mode's screen, below any dialog. Raises ScreenStackError at the end of the lab."""
        if not self.screen_stack:
            raise ScreenStackError("the lab has ended")
        return self.screen_stack[0]

    def shown(self) -> State:
        """The screen, its subject in words, and where one is on it; for another lab to show as well."""
        screen = self.base
        bars = screen.query(TitleBar)
        state: State = {"screen": self.current_mode, "subject": bars.first().subject if bars else ""}
        return {**state, **(screen.state() if isinstance(screen, Shown) and screen.is_mounted else {})}

    async def show(self, state: State) -> None:
        """Show what another lab has shown. The same state again changes nothing."""
        if state.get("screen") not in {mode.id for mode in MODES}:
            return
        if self.current_mode != state["screen"]:
            await self.switch_mode(state["screen"])
        screen = self.base
        if isinstance(screen, Shown):
            await screen.restore(state)

    # Recording.

    def record(self, recorder: Recorder) -> None:
        """Record until ``end_recording``."""
        self.recorder = recorder
        self._look_on(recorder)
        self._recording_changed()

    async def end_recording(self) -> None:
        """Nothing more is recorded."""
        recorder, trainer = self.recorder, self.session.trainer
        if recorder is None:
            return
        self.recorder = None
        self._recording_changed()
        problem = ""
        try:
            if trainer is not None and recorder.knows_older(trainer):
                await self._record_network(recorder, trainer)
            recorder.close()
        except (OSError, DataError) as error:
            problem = f", cut short: {error}"
        self.notify(f"Recorded {clock(recorder.seconds)} in {recorder.path}{problem}")

    def close_recording(self) -> None:
        """The lab has ended, and so has training. The last network has the curve to its end."""
        recorder, trainer = self.recorder, self.session.trainer
        if recorder is not None:
            with suppress(OSError, LabError):
                if trainer is not None and recorder.knows_older(trainer):
                    recorder.network(trainer, *network_bytes(trainer))
            with suppress(OSError):
                recorder.close()

    def _recording_changed(self) -> None:
        if self.is_running:
            self.refresh_bindings()
            for bar in self.base.query(TitleBar):
                bar.redraw()

    @work(exclusive=True, group="recording")
    async def _look_on(self, recorder: Recorder) -> None:
        """Look again and again at what is shown."""
        while self.recorder is recorder:
            try:
                with suppress(ScreenStackError):  # the lab has ended
                    await self.look(recorder)
            except (OSError, DataError) as error:  # a full disk, a network that is too large
                self.recorder = None
                self._recording_changed()
                why = error.strerror if isinstance(error, OSError) else error
                self.notify(f"The recording has ended: {why}", severity="error", timeout=15)
                return
            if recorder.full:
                await self.end_recording()
            await asyncio.sleep(LOOK)

    async def look(self, recorder: Recorder) -> None:
        """Record what is new. Raises OSError, DataError."""
        trainer = self.session.trainer
        if trainer is None:
            return
        seen = self.current_mode in _NETWORK or trainer is not recorder.trainer
        if seen and recorder.wants_network(trainer, network_size(trainer), self.current_mode):
            await self._record_network(recorder, trainer)
        if self.current_mode == "train":
            recorder.progress(trainer)
        recorder.state(self.shown())

    async def _record_network(self, recorder: Recorder, trainer: Trainer) -> None:
        screen = self.current_mode
        try:
            found = await asyncio.wrap_future(in_background(partial(network_bytes, trainer)))
        except CheckpointError:  # weights that are no numbers: what was before is shown on
            return
        recorder.network(trainer, *found, screen)

    async def action_record(self) -> None:
        """Start a recording in the current folder, or end it."""
        if self.recorder is not None:
            await self.end_recording()
            return
        number = next(k for k in range(1, 10_000) if not os.path.lexists(f"lesson-{k}.jsonl"))
        try:
            recorder = Recorder(f"lesson-{number}.jsonl")
        except (LabError, OSError) as error:
            self.notify(str(error), severity="error")
            return
        self.record(recorder)
        self.notify(f"Recording into {recorder.path}; ctrl+n writes a note, ctrl+r ends it")

    @work(exclusive=True, group="note")
    async def action_note(self) -> None:
        """Say something to the viewer."""
        text = await self.push_screen_wait(AskNote())
        if text is not None and self.recorder is not None:
            self.recorder.note(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A note needs a recording."""
        return self.recorder is not None if action == "note" else True

    async def run_action(
        self, action: Any, default_namespace: DOMNode | None = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """Run an action; a recording notes which command it was."""
        command = None if self.recorder is None or not isinstance(action, str) else self._command(action)
        done = await super().run_action(action, default_namespace, namespaces)
        if done and command is not None and self.recorder is not None and command.id not in _APART:
            self.recorder.did(command.id, command.name, command.keys[0], self.current_mode)
        return done

    def _command(self, action: str) -> Command | None:
        """The command of the current screen that an action is, by key or by click."""
        _, name, parameters = parse(action)
        found = (each for each in commands(self.screen) if parse(each.action)[1:] == (name, parameters))
        return next(found, None)
