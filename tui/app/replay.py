"""Replays a lesson on the lab's own screens."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from time import monotonic
from typing import Any, ClassVar

from textual.actions import parse
from textual.app import ScreenStackError
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from lstm_ext.errors import LabError
from lstm_ext.train.checkpoint import Checkpoint
from lstm_ext.train.trainer import Trainer

from ..lessons.log import Lesson, Moment
from ..settings import Settings
from .background import in_background
from .keys import bind
from .lab import LabApp, check_terminal, run_in_terminal
from .pacing import frames_per_second
from .played import PlayedTrainer, recorded, text_of
from .recovery import Recovery
from .session import Session
from .widgets.bars import KeyBar
from .widgets.replay_bar import Playing, ReplayBar

REPLAY = Binding.Group("Replay")
#: Seconds that left and right go.
STRIDE = 5.0
SPEEDS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0)
#: Seconds between two hints that the screens take no keys.
_HINT = 4.0


class ReplaySession(Session):
    """Its runs are those that were recorded; nothing is kept of them."""

    def __init__(self, lesson: Lesson) -> None:
        super().__init__()
        self._lesson = lesson
        self._played: tuple[int, PlayedTrainer] | None = None
        self._checkpoint = lru_cache(maxsize=6)(self._load)

    def _load(self, index: int) -> Checkpoint:
        return recorded(self._lesson.tracks["net"].values[index])

    def _state_of(self, net: Mapping[str, Any]) -> Checkpoint:
        """A network's checkpoint; a copy, because training changes it. Raises LabError."""
        values = self._lesson.tracks["net"].values
        return copy.deepcopy(self._checkpoint(next(k for k, value in enumerate(values) if value is net)))

    def open(self) -> Trainer:
        """The recorded run."""
        if self.trainer is None:
            raise LabError("this lesson has no network")
        return self.trainer

    def left_behind(self) -> list[Recovery]:
        """Nothing: that is for the lab."""
        return []

    def release(self) -> None:
        """The run is the user's."""
        if isinstance(self.trainer, PlayedTrainer):
            self.trainer.release()
            self._mark_saved()

    def unsaved(self) -> bool:
        """Nobody loses a run that was only watched."""
        watched = isinstance(self.trainer, PlayedTrainer) and not self.trainer.released
        return not watched and super().unsaved()

    def prepare(self, moment: Moment, before: Moment) -> PlayedTrainer:
        """The run as it was at ``moment``; a new one if it is another run than ``before``. May take a while.

        Raises LabError.
        """
        net = moment.net or next(iter(self._lesson.tracks["net"].values), None)
        if net is None:
            raise LabError("this lesson has no network")
        known = self._played
        if known is not None and known[0] == net["run"] and self.trainer is known[1] and not known[1].released:
            played = known[1]
            if net is not before.net:
                played.turn_to(self._state_of(net))
        else:
            checkpoint = self._state_of(net)
            played = PlayedTrainer(checkpoint, text_of(checkpoint, self._lesson.folder))
            self._played = net["run"], played
        played.show(moment.train, None if moment.ahead is None else self._state_of(moment.ahead))
        return played

    def use(self, trainer: Trainer, recovery: Recovery | None = None) -> None:
        """Make it the current run; the one before was perhaps the same one at another moment."""
        super().use(trainer, recovery)
        self.clear_overlays()


class ReplayApp(LabApp):
    """Shows the moments of a lesson one after the other; its keys go to the lesson until the user takes over."""

    # They come before those of the screens.
    BINDINGS: ClassVar[list[BindingType]] = [
        replace(binding, priority=True)
        for binding in (
            bind("replay.pause", "space", "play_pause", "pause", "Pause, or play on", REPLAY),
            bind("replay.back", "left", "seek(-1)", "back", "Five seconds back", REPLAY),
            bind("replay.on", "right", "seek(1)", "on", "Five seconds on", REPLAY),
            bind("replay.caption_back", "left_square_bracket", "caption(-1)", "caption back", "Caption before", REPLAY),
            bind("replay.caption", "right_square_bracket", "caption(1)", "caption", "The next caption", REPLAY),
            bind("replay.begin", "home", "seek_to(0)", "begin", "To the beginning", REPLAY),
            bind("replay.end", "end", "seek_to(1e9)", "end", "To the end", REPLAY),
            bind("replay.faster", "plus,equals_sign", "speed(1)", "faster", "Play faster", REPLAY),
            bind("replay.slower", "minus,underscore", "speed(-1)", "slower", "Play slower", REPLAY),
            bind("replay.take_over", "t", "take_over", "take over", "Go on by yourself from here", REPLAY),
            bind("replay.return", "ctrl+t", "return", "lesson", "Back to the lesson", REPLAY, on_bar=True),
        )
    ]
    #: What keys do while a lesson is watched.
    _WATCHING = ("play_pause", "seek", "caption", "seek_to", "speed", "take_over")

    def __init__(self, lesson: Lesson, *, ascii_only: bool = False, settings: Settings | None = None) -> None:
        super().__init__(session := ReplaySession(lesson), ascii_only=ascii_only, settings=settings)
        self.replayed = session
        self.lesson = lesson
        #: Where one is, in seconds.
        self.time = 0.0
        self.speed = 1.0
        self.paused = False
        self.taken = False
        self._moment = Moment()
        self._notes = [time for time, _ in lesson.notes()]
        self._hinted = -_HINT
        #: The screens that have a bar.
        self._dressed: list[Screen[Any]] = []
        self._changed = asyncio.Event()
        self._going = asyncio.Lock()

    def open_first(self) -> None:
        """Begin the lesson."""
        self.run_worker(self._play(), exclusive=True, group="replay")

    async def _play(self) -> None:
        before = monotonic()
        while True:
            now = monotonic()
            if not self.paused and not self.taken:
                self.time = min(self.lesson.seconds, self.time + (now - before) * self.speed)
                self.paused = self.paused or self.time >= self.lesson.seconds
            before = now
            if not self.taken:
                await self.go(self.time)
            self._changed.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 1 / frames_per_second())

    async def go(self, time: float) -> None:
        """Show the lesson as it is ``time`` seconds after its beginning."""
        async with self._going:
            with suppress(ScreenStackError):  # the lab has ended meanwhile
                await self._go(time)

    async def _go(self, time: float) -> None:
        moment, before = self.lesson.at(time), self._moment
        if moment.net is not before.net or moment.train is not before.train or before.state is None:
            played = await asyncio.wrap_future(in_background(partial(self.replayed.prepare, moment, before)))
            if played is not self.session.trainer:
                self.replayed.use(played)
        self._moment = moment
        if moment.state is not None and (moment.state is not before.state or moment.net is not before.net):
            await self.show(moment.state)
        screen = self.base
        await self._dress(screen)
        self._show_bar(screen)

    async def _dress(self, screen: Screen[Any]) -> None:
        """The lesson's bar in the place of the key bar."""
        if screen not in self._dressed:
            self._dressed.append(screen)
            await screen.mount(ReplayBar())
        for each in self._dressed:
            for bar in each.query(ReplayBar):
                bar.display = not self.taken
            for keys in each.query(KeyBar):
                keys.display = self.taken

    def _show_bar(self, screen: Screen[Any]) -> None:
        moment = self._moment
        did = None if moment.did is None else (moment.did["key"], moment.did["name"])
        playing = Playing(self.time, self.lesson.seconds, self.speed, self.paused, moment.note, did, tuple(self._notes))
        for bar in screen.query(ReplayBar):
            bar.show(playing)

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The lesson's keys, or the way back to it."""
        if action in self._WATCHING:
            return not self.taken
        if action == "return":
            return self.taken
        return super().check_action(action, parameters)

    async def run_action(
        self, action: Any, default_namespace: DOMNode | None = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """Run an action, unless it is a screen's while the lesson is watched."""
        if not self.taken and isinstance(action, str) and not isinstance(self.screen, ModalScreen):
            namespace, name, _ = parse(action)
            of_screen = default_namespace is not None and default_namespace is not self and namespace != "app"
            if of_screen or name == "switch_mode":
                self._hint()
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def _hint(self) -> None:
        if monotonic() - self._hinted > _HINT:
            self._hinted = monotonic()
            self.notify("This is a lesson: t takes over, and then the keys are yours", timeout=3)

    def action_play_pause(self) -> None:
        """Pause or play; from the beginning, if it has ended."""
        if self.paused and self.time >= self.lesson.seconds:
            self.time = 0.0
        self.paused = not self.paused
        self._changed.set()

    def action_seek(self, direction: int) -> None:
        """Some seconds on or back."""
        self.action_seek_to(self.time + direction * STRIDE)

    def action_seek_to(self, seconds: float) -> None:
        """To a moment."""
        self.time = min(max(0.0, seconds), self.lesson.seconds)
        self._changed.set()

    def action_caption(self, direction: int) -> None:
        """To the next caption, or the one before."""
        if direction > 0:
            others: Iterable[float] = (time for time in self._notes if time > self.time + 0.05)
        else:
            others = (time for time in reversed(self._notes) if time < self.time - 1.0)
        self.action_seek_to(next(iter(others), self.lesson.seconds if direction > 0 else 0.0))

    def action_speed(self, direction: int) -> None:
        """Faster or slower."""
        place = min(range(len(SPEEDS)), key=lambda k: abs(SPEEDS[k] - self.speed)) + direction
        self.speed = SPEEDS[min(max(0, place), len(SPEEDS) - 1)]
        self._changed.set()

    def on_replay_bar_sought(self, event: ReplayBar.Sought) -> None:
        """To where the bar was clicked."""
        self.action_seek_to(event.seconds)

    async def action_take_over(self) -> None:
        """The lab is the user's, from this moment on; its network is the last one that was recorded."""
        self.taken = True
        shown = self.session.trainer.snapshot().step if self.session.trainer else 0
        self.replayed.release()
        await self._dress(self.base)
        self.refresh_bindings()
        step = self.session.trainer.snapshot().step if self.session.trainer else 0
        network = "" if step == shown else f" The network is that of step {step:,}, the last one recorded."
        self.notify(f"The lab is yours from here; ctrl+t goes back to the lesson.{network}", timeout=5)

    async def action_return(self) -> None:
        """The lesson goes on where it was left."""
        self.session.stop()
        self.taken = False
        self._moment = Moment()
        self.refresh_bindings()
        self._changed.set()


def run_replay(lesson: Lesson, *, ascii_only: bool = False, settings: Settings | None = None) -> int:
    """Replay a lesson in the terminal; returns the exit code. Raises as ``run_lab`` does."""
    check_terminal("`lstm-lab replay NAME --plain` works without one")
    return run_in_terminal(ReplayApp(lesson, ascii_only=ascii_only, settings=settings))
