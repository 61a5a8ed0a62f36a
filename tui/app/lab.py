"""The lab: a Textual app, and what can be done on all of its screens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, cast

from textual import events, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerFailed

from lstm_ext import __version__
from lstm_ext.errors import ArgumentError, LabError
from lstm_ext.train.run_config import RunConfig

from ..errors import UsageError
from ..log import LOG, begin_log, end_log
from ..settings import Settings
from .ending import Ending
from .heartbeat import SECONDS as HEARTBEAT_SECONDS
from .heartbeat import Heartbeat
from .keys import LAB, bind, commands
from .modes import MODES, Mode
from .panes import panes, places, text_of
from .recorder import Recorder
from .recording import RecordingApp
from .recovery import recovery_folder
from .screens.dialog import Ask
from .screens.palette import Palette
from .screens.too_small import MIN_SIZE, TooSmall
from .screens.train import TrainScreen
from .session import Opening, Session
from .theme import DARK, LIGHT
from .widgets.bars import KeyBar


class AskToQuit(Ask):
    """Asks what becomes of the last ``steps`` of training; if the lab ``keeps`` them, the next start offers them."""

    def __init__(self, steps: int, *, keeps: bool) -> None:
        question = f"The last {steps:,} steps of training are not saved."
        answers = [("save", "Save and quit", "s"), ("quit", "Quit", "q"), ("cancel", "Cancel", "c")]
        if keeps:
            question += " Quit keeps them for the next start of the lab."
            answers.insert(2, ("discard", "Discard", "d"))
        super().__init__("Quit", question, answers)


class LabApp(RecordingApp):
    """Owns the session, which outlives any screen, and what can be done everywhere."""

    TITLE = "lstm-lab"
    LEAST_SIZE = MIN_SIZE
    ALLOW_IN_MAXIMIZED_VIEW = "TitleBar, KeyBar"
    # Textual declares these two as instance variables.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            bind(f"lab.{mode.id}", mode.key, f"switch_mode('{mode.id}')", mode.id, f"The {mode.title} screen", LAB)
            for mode in MODES
        ),
        bind("lab.jump", "ctrl+o", "jump", "jump", "Jump to a pane by its letter; tab goes to the next", LAB),
        bind("lab.maximize", "f3", "maximize_pane", "one pane", "Give a pane the whole screen, and back", LAB),
        bind("lab.copy", "f4", "copy", "copy", "Copy the text of the pane, or of the screen", LAB),
        bind("lab.light", "f2", "toggle_light", "light", "Dark or light colours", LAB),
        bind("lab.palette", "ctrl+p", "command_palette", "palette", "Every command, by its name", LAB, on_bar=True),
        bind("lab.help", "question_mark,f1", "help", "help", "Help for what you see", LAB, on_bar=True),
        bind("lab.quit", "q", "quit", "quit", "Quit the lab", LAB, on_bar=True),
        Binding(
            "ctrl+z",
            "suspend_process",
            "suspend",
            id="lab.suspend",
            tooltip="Back to the shell; fg continues the lab",
            group=LAB,
            show=False,
            priority=True,
        ),
        Binding("ctrl+c", "quit", show=False, system=True, priority=True),
        Binding("ctrl+q", "quit", show=False, system=True, priority=True),
    ]

    def __init__(
        self,
        session: Session | None = None,
        opening: Opening | None = None,
        *,
        ascii_only: bool = False,
        settings: Settings | None = None,
    ) -> None:
        """``opening`` says at which screen the lab opens, with which files of the learner's."""
        super().__init__(ascii_only=ascii_only)
        self.settings = settings or Settings()
        self._opening = opening or Opening()
        self.session = session or Session()
        for mode in MODES:
            self.add_mode(mode.id, partial(self._make_screen, mode))
        self.failure = ""
        self.crash: BaseException | None = None
        #: Whether what is not saved is kept for the next start; not if the user has quit without it.
        self.keeps = True
        self._event_loop: asyncio.AbstractEventLoop | None = None

    def on_mount(self) -> None:
        """Begin."""
        self._event_loop = asyncio.get_running_loop()
        heartbeat = Heartbeat()
        self.set_interval(HEARTBEAT_SECONDS, lambda: heartbeat.beat(self.current_mode))
        problems = self.follow_settings()
        self.open_first()
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            notice = f"config.toml: {problems[0]}{more}; see `lstm-lab config validate`"
            self.notify(notice, severity="warning", timeout=15)
        if self.recorder is not None:
            self.record(self.recorder)

    def open_first(self) -> None:
        """Open the first screen."""
        self.switch_mode("step" if self._opening.against else "learn" if self._opening.learn else "train")

    def follow_settings(self) -> list[str]:
        """Take theme and keys from config.toml; returns all that is wrong with it."""
        problems, theme = list(self.settings.problems), self.settings.theme
        if theme is not None and not self.no_color:
            try:
                self.theme = self.theme_named(theme)
            except ArgumentError as error:
                problems.append(f"theme: {error}")
        if self.settings.keys:
            from .keymap import LESSON, key_problems, keymap, table  # which imports every screen

            rows = table(type(self))
            keys = {id: keys for id, keys in self.settings.keys.items() if id in rows or not id.startswith(LESSON)}
            problems += key_problems(keys, rows)
            self.set_keymap(keymap(self.settings.keys, rows))
        return problems

    def _make_screen(self, mode: Mode) -> Screen[Any]:
        """The screen of a mode; its module is imported when it is first opened."""
        module = import_module(f"{__package__}.screens.{mode.id}")
        screen = getattr(module, f"{mode.title}Screen")
        if mode.id == "step":
            return cast(Screen[Any], screen(self.session, against=self._opening.against))
        return cast(Screen[Any], screen(self._opening.folder if mode.id == "learn" else self.session))

    def line_changed(self, slow: bool) -> None:
        """Say that the line to the terminal is slow, or no more."""
        for bar in self.screen.query(KeyBar):
            bar.show_slow(slow)

    # What can be done everywhere.

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette: everything that keys do on this screen."""
        for command in commands(screen):
            if command.target not in (screen, self) or command.id == "lab.palette":
                continue  # moves within a widget
            keys = " ".join(command.keys)
            yield SystemCommand(f"{command.name.capitalize()} ({keys})", command.what, command.run)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)

    async def action_command(self, id: str) -> None:
        """Run a command of the current screen by its id (for the key bar)."""
        for command in commands(self.screen):
            if command.id == id:
                await command.run()
                return

    def action_help(self) -> None:
        """Show help on the current screen; a command that is chosen there is run."""
        from .screens.help import Help

        topic = next((mode.topic for mode in MODES if mode.id == self.current_mode), MODES[0].topic)
        topic = getattr(self.screen, "help_topic", "") or topic
        self.push_screen(Help(self.screen, topic), self._after_help)

    async def _after_help(self, result: str | None) -> None:
        kind, _, topic = (result or "").partition(":")
        if topic:
            await self.run_action(f"app.{kind}({topic!r})")
        elif result:
            await self.action_command(result)

    async def action_handbook(self, topic: str) -> None:
        """Open the handbook at a topic, or a heading of it; Escape leads back to this screen."""
        from .screens.handbook import HandbookScreen

        before = self.current_mode
        await self.switch_mode("handbook")
        if isinstance(self.screen, HandbookScreen):
            self.screen.open_topic(topic, coming_from=before if before != "handbook" else "")

    def action_toggle_light(self) -> None:
        """Switch between dark and light."""
        if not self.no_color:
            self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    @work(exclusive=True, group="panes")
    async def action_jump(self) -> None:
        """Let the user choose the pane that the arrow keys move in."""
        from .screens.jump import Jump

        screen = self.screen
        if not screen.focus_chain:
            self.notify("Every key works at once here: no pane has keys of its own", timeout=3)
            return
        chosen = await self.push_screen_wait(Jump(places(screen.focus_chain)))
        if chosen is not None:
            screen.query_one(f"#{chosen}").focus()

    @work(exclusive=True, group="panes")
    async def action_maximize_pane(self) -> None:
        """Give the focused pane, or one that is chosen, the whole screen; or each its own place again."""
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
            return
        shown = panes(screen)
        pane = screen.focused if screen.focused in shown else shown[0] if len(shown) == 1 else None
        if pane is None and shown:
            from .screens.jump import Jump

            chosen = await self.push_screen_wait(Jump(places(shown)))
            pane = next((widget for widget in shown if widget.id == chosen), None)
        if pane is not None:
            screen.maximize(pane, container=False)

    def action_copy(self) -> None:
        """Hand the text of the focused pane, or else of the screen, to the terminal (OSC 52)."""
        screen = self.screen
        pane = screen.focused if screen.focused in panes(screen) else None
        text = text_of(screen, pane.region if pane else screen.region)
        self.copy_to_clipboard(text)
        name = (getattr(pane, "HELP_TITLE", "") or "the pane") if pane else "the screen"
        lines = text.count("\n") + 1
        self.notify(f"Copied {name}, {lines} line{'s' * (lines != 1)}, where the terminal allows it", timeout=3)

    async def action_quit(self) -> None:
        """Quits; asks first about training that is not saved. Asked again while asking, quits at once and keeps it."""
        if isinstance(self.screen, AskToQuit):
            self._end(0)
        elif self.session.unsaved():
            self._ask_before_quitting()
        else:
            self._forget_and_end()

    @work(exclusive=True, group="quit")
    async def _ask_before_quitting(self) -> None:
        answer = await self.push_screen_wait(AskToQuit(self.session.unsaved_steps(), keeps=self.session.keeps))
        if answer == "quit":
            self._end(0)
        elif answer == "discard" or (answer == "save" and await cast(TrainScreen, await self.bring("train")).save()):
            self._forget_and_end()

    async def bring(self, mode: str) -> Screen[Any]:
        """Switch to the screen of a mode, also from what was opened above it; returns that screen."""
        await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        return self.screen

    def on_train_screen_failed(self, event: TrainScreen.Failed) -> None:
        """Ends with a message for the command line."""
        self.failure = event.reason
        self._end(1)

    def _handle_exception(self, error: Exception) -> None:
        """End the lab without a screenful of traceback: `run_lab` raises the error once the terminal is restored."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, NoMatches) and (self._closing or not self.is_running):
            return  # at the end, a screen loses its widgets one by one, and its workers after them
        self.crash = self.crash or cause
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def leave(self, code: int) -> None:
        """End with ``code``; from any thread, at once, and without waiting for it."""
        if self._event_loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._event_loop.call_soon_threadsafe(self._end, code)

    def _forget_and_end(self) -> None:
        self.keeps = False
        self._end(0)

    def _end(self, code: int) -> None:
        self.session.stop()
        self.exit(code, return_code=code)

    def action_command_palette(self) -> None:
        """Every command, by its name."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def on_resize(self, event: events.Resize) -> None:
        """Say so if the terminal is too small for any screen."""
        fits = event.size.width >= MIN_SIZE.width and event.size.height >= MIN_SIZE.height
        if fits and isinstance(self.screen, TooSmall):
            self.pop_screen()
        elif not fits and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())


def run_lab(
    config: RunConfig | None = None,
    opening: Opening | None = None,
    *,
    ascii_only: bool = False,
    record: str | None = None,
    settings: Settings | None = None,
) -> int:
    """Opens the lab and returns its exit code. ``config`` is what networks are made of; None: the defaults.
    ``record``: a file that does not exist yet, into which everything is recorded as a lesson.

    Raises ``UsageError`` where there is no terminal, ``LabError`` for a text or checkpoint that cannot
    be used, and, once the terminal is restored, whatever made the app crash.
    """
    check_terminal()
    session = Session(config, opening, folder=recovery_folder())
    app = LabApp(session, opening, ascii_only=ascii_only, settings=settings)
    if record is not None:
        app.recorder = Recorder(record)
    try:
        return run_in_terminal(app)
    finally:
        if app.settings.remember:
            session.remembered("" if app.no_color else app.theme).write()


def check_terminal(instead: str = "") -> None:
    """Raises ``UsageError`` where there is no terminal; it says what to do ``instead``, or each screen's command."""
    if not instead:
        *first, last = (mode.command for mode in MODES)
        instead = f"`lstm-lab {'`, `'.join(first)}` and `{last}` work without one"
    terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))  # Textual draws on the last
    if not terminal or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(f"the lab needs a terminal, on standard input, output and error; {instead}")


def run_in_terminal(app: LabApp) -> int:
    """Runs a lab to its end, however that comes. Raises as ``run_lab`` does."""
    session = app.session
    ending = Ending(app.leave, partial(session.close, keep=True))
    ending.watch()
    if app.settings.log:
        begin_log()
    LOG.info("start: lstm-lab %s, Python %s, %s colors", __version__, platform.python_version(), app.color_depth)
    try:
        code = app.run(mouse=app.settings.mouse)
    finally:
        ending.left()
        problem = session.close(keep=app.keeps)
        app.close_recording()
        LOG.info("end: code %s%s", app.return_code, f", {type(app.crash).__name__}" if app.crash else "")
        end_log()
    if app.crash is not None:
        raise app.crash
    if app.failure or problem:
        raise LabError(app.failure or f"training is lost, because it could not be kept: {problem}")
    return code if code is not None else app.return_code or 0
