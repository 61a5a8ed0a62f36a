"""The lab: a Textual app with one screen for training and one for stepping through a network."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

from textual import events, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import WorkerFailed

from lstm_ext.data import DEFAULT_TEXT, load_text
from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.train.trainer import Trainer

from ..errors import UsageError
from .keys import LAB, bind, commands
from .screens.dialog import Ask
from .screens.help import Help
from .screens.too_small import LEAST, TooSmall
from .screens.train import TrainScreen
from .session import Settings, make_trainer, resume_trainer
from .theme import DARK, LIGHT, ThemedApp

#: Seconds of training that may be lost without asking.
TRIVIAL_SECONDS = 60.0


def _step_screen() -> Screen[Any]:
    from .screens.step import StepScreen

    return StepScreen()


class LabApp(ThemedApp):
    """Owns the trainer, which outlives any screen, and what can be done everywhere."""

    TITLE = "lstm-lab"
    # Textual declares these two as instance variables.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {"train": TrainScreen, "step": _step_screen}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("lab.train", "1", "switch_mode('train')", "train", "The Train screen", LAB),
        bind("lab.step", "2", "switch_mode('step')", "step", "The Step screen", LAB),
        bind("lab.light", "f2", "toggle_light", "light", "Dark or light colours", LAB),
        bind("lab.help", "question_mark,f1", "help", "help", "Help for what you see", LAB, on_bar=True),
        bind("lab.quit", "q", "quit", "quit", "Quit the lab", LAB, on_bar=True),
        Binding("ctrl+c", "quit", show=False, system=True, priority=True),
        Binding("ctrl+q", "quit", show=False, system=True, priority=True),
    ]

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        data: str = DEFAULT_TEXT,
        encoding: str = "utf-8",
        checkpoint: str | None = None,
        ascii_only: bool = False,
    ) -> None:
        super().__init__(ascii_only=ascii_only)
        self.settings = settings or Settings()
        self.trainer: Trainer | None = None
        self.failure = ""
        self.crash: BaseException | None = None
        self._data, self._encoding, self._checkpoint = data, encoding, checkpoint
        self._saved_seconds = 0.0

    def on_mount(self) -> None:
        """Opens the Train screen, and restores the terminal even when it is asked to end from outside."""
        self.switch_mode("train")
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._end, 128 + number)

    # The trainer.

    def first_trainer(self) -> Trainer:
        """The trainer that the lab opens with. Raises ``DataError``, ``CheckpointError``, ``ArgumentError``."""
        if self._checkpoint is None:
            return make_trainer(self.settings, load_text(self._data, self._encoding))
        trainer = resume_trainer(self.settings, self._checkpoint)
        self.settings = Settings.of(trainer)
        return trainer

    def use(self, trainer: Trainer) -> None:
        """Makes ``trainer`` the present one and ends the one before."""
        if self.trainer is not None:
            self.trainer.stop()
        self.trainer = trainer
        self.mark_saved()

    def mark_saved(self) -> None:
        """What has been learned up to now need not be asked about."""
        if self.trainer is not None:
            self._saved_seconds = self.trainer.snapshot().seconds

    def unsaved(self) -> bool:
        """Whether more than a minute of training would be lost."""
        return self.trainer is not None and self.trainer.snapshot().seconds - self._saved_seconds > TRIVIAL_SECONDS

    def unsaved_steps(self) -> int:
        """Steps since the last checkpoint."""
        if self.trainer is None:
            return 0
        snapshot = self.trainer.snapshot()
        return snapshot.step - (snapshot.saved_step or 0)

    # What can be done everywhere.

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette: everything that keys do on this screen."""
        for command in commands(screen):
            if command.target not in (screen, self):
                continue  # moving about within a widget
            keys = " ".join(command.keys)
            yield SystemCommand(f"{command.name.capitalize()} ({keys})", command.what, command.run)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)

    async def action_command(self, id: str) -> None:
        """Runs a command of the present screen by its id (for the key bar)."""
        for command in commands(self.screen):
            if command.id == id:
                await command.run()
                return

    def action_help(self) -> None:
        """Shows help on the present screen."""
        self.push_screen(Help(self.screen))

    def action_toggle_light(self) -> None:
        """Changes between dark and light."""
        if not self.no_color:
            self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    async def action_quit(self) -> None:
        """Quits; asks first if training would be lost. Asked again while asking, quits at once."""
        if isinstance(self.screen, Ask) or not self.unsaved():
            self._end(0)
        else:
            self._ask_before_quitting()

    @work(exclusive=True, group="quit")
    async def _ask_before_quitting(self) -> None:
        question = f"The last {self.unsaved_steps():,} steps of training are not saved."
        answers = [("save", "Save and quit", "s"), ("quit", "Quit", "q"), ("cancel", "Cancel", "c")]
        answer = await self.push_screen_wait(Ask("Quit", question, answers))
        if answer == "quit":
            self._end(0)
        elif answer == "save":
            self.switch_mode("train")
            if await cast(TrainScreen, self.screen).save():
                self._end(0)

    def fail(self, message: str) -> None:
        """Ends with a message for the command line."""
        self.failure = message
        self._end(1)

    def _handle_exception(self, error: Exception) -> None:
        """A crash ends the lab without a screenful of traceback: `run_lab` raises it once the terminal is restored."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.crash = self.crash or cause
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def _end(self, code: int) -> None:
        if self.trainer is not None:
            self.trainer.stop()
        self.exit(code, return_code=code)

    def on_resize(self, event: events.Resize) -> None:
        """Says so where the terminal is too small for any screen."""
        fits = event.size.width >= LEAST.width and event.size.height >= LEAST.height
        if fits and isinstance(self.screen, TooSmall):
            self.pop_screen()
        elif not fits and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())


def run_lab(
    *,
    data: str | None = None,
    cell: str | None = None,
    checkpoint: str | None = None,
    ascii_only: bool = False,
    encoding: str = "utf-8",
    **options: object,
) -> int:
    """Opens the lab and returns its exit code. ``options`` are fields of :class:`Settings`; None: the default.

    Raises ``UsageError`` for a wrong option or where there is no terminal, ``LabError`` for a
    text or checkpoint that cannot be used, and, once the terminal is restored, whatever made the app crash.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("the lab needs a terminal; `lstm-lab train` and `lstm-lab step` work without one")
    try:
        settings = Settings.parse({"cell": cell, **options})
    except ArgumentError as error:
        raise UsageError(str(error)) from None
    app = LabApp(
        settings=settings,
        data=data or DEFAULT_TEXT,
        encoding=encoding,
        checkpoint=checkpoint,
        ascii_only=ascii_only,
    )
    code = app.run()
    if app.crash is not None:
        raise app.crash
    if app.failure:
        raise LabError(app.failure)
    return code if code is not None else app.return_code or 0
