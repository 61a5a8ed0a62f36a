"""Writes lessons: a script acts in a lab without a terminal, in time of its own, and everything is recorded.

What a caption says of numbers is taken from the screens while the lesson is made, so it is always what the viewer sees.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from lstm_ext.data import Text
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.app.lab import LabApp
from lstm_lab.app.recorder import Recorder, network_bytes
from lstm_lab.app.session import Opening, Session

SHIPPED = Path(__file__).parent.parent / "tui" / "lessons"
#: The terminal in which lessons are made; they are shown in any other.
SIZE = (120, 40)
#: Seconds for reading a caption: at least, and for each word, since the eye is also on the screen.
READING, PER_WORD = 1.5, 0.36
#: Two lines of a caption on 80 columns.
LONGEST = 150
#: Seconds between two points of a curve that grows.
FRAME = 0.6
_PATIENCE = 60.0


class PausedSession(Session):
    """Its run waits at step 0 until the script lets it train."""

    def make(self, config: RunConfig, text: Text) -> Trainer:
        """The network, and a trainer that starts paused."""
        made = super().make(config, text)
        return PausedTrainer(made.model, made.text, made.config)


class PausedTrainer(Trainer):
    """Starts paused."""

    def start(self, **limits: Any) -> None:
        """Wait for the first step."""
        super().start(**{**limits, "paused": True})


class Author:
    """A lab and what is done in it; time passes only where the script says so."""

    def __init__(self, app: LabApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot
        self.now = 0.0
        self.recorder: Recorder | None = None

    @property
    def trainer(self) -> Trainer:
        """The run."""
        assert self.app.session.trainer is not None
        return self.app.session.trainer

    @property
    def screen(self) -> Any:
        """The screen that is shown."""
        return self.app.base

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait, in no time of the lesson, until something has been computed."""
        for _ in range(int(_PATIENCE / 0.01)):
            if condition():
                return
            await self.pilot.pause(0.01)
        raise TimeoutError(f"waited in vain on the {self.app.current_mode} screen")

    async def settle(self) -> None:
        """Wait until the screen has nothing more to compute."""
        same = 0
        before = ""
        while same < 8:
            await self.pilot.pause(0.02)
            now = json.dumps(self.app.shown(), sort_keys=True, default=str)
            same, before = (same + 1 if now == before else 0), now

    async def wait(self, seconds: float) -> None:
        """Let the viewer look."""
        await self._look()
        self.now += seconds

    async def say(self, text: str, *, more: float = 0.0) -> None:
        """A caption, and the time to read it; ``more`` seconds to look besides."""
        assert len(text) <= LONGEST, f"{len(text)} characters: {text}"
        assert self.recorder is not None
        await self.settle()
        self.recorder.note(text)
        await self.wait(READING + PER_WORD * len(text.split()) + more)

    async def press(self, *keys: str, every: float = 0.6) -> None:
        """Keys, one after the other."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()
            await self.wait(every)

    async def run(self, action: str, *, then: float = 0.6) -> None:
        """An action of the screen, where a key would need a dialog."""
        await self.app.run_action(action, self.screen)
        await self.settle()
        await self.wait(then)

    async def train(self, steps: int, seconds: float, *, networks: int = 1) -> None:
        """Train up to a step, and show that over ``seconds``, with the last of some networks at the end."""
        assert self.recorder is not None
        first, frames = self.trainer.snapshot().step, max(1, int(seconds / FRAME))
        for frame in range(1, frames + 1):
            goal = first + (steps - first) * frame // frames
            while self.trainer.snapshot().step < goal:
                before = self.trainer.snapshot().step
                self.trainer.single_step()
                while self.trainer.snapshot().step == before:
                    await asyncio.sleep(0.0005)
            self.now += seconds / frames
            self.recorder.progress(self.trainer, "running")
            if frame * networks % frames < networks:
                await self.network()
                await self.sample()
        await self.network()
        await self._look()

    async def sample(self) -> None:
        """Let the network write, and show it."""
        before = self.screen.state().get("sample")
        await self.pilot.press("s")
        await self.until(lambda: self.screen.state().get("sample") != before)
        await self._look()

    async def network(self) -> None:
        """Record the network as it is."""
        assert self.recorder is not None
        if self.recorder.trainer is not self.trainer or self.recorder.knows_older(self.trainer):
            self.recorder.network(self.trainer, *network_bytes(self.trainer))

    async def _look(self) -> None:
        assert self.recorder is not None
        if self.recorder.trainer is not self.trainer:
            await self.network()
        self.recorder.state(self.app.shown())


@asynccontextmanager
async def lesson(name: str, title: str, text: str, settings: dict[str, object]) -> AsyncIterator[Author]:
    """A lab that learns ``text`` with ``settings`` and waits at step 0; at the end the lesson is in the package."""
    app = LabApp(PausedSession(RunConfig.from_options(settings), Opening(text)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.jsonl"
        async with app.run_test(size=SIZE) as pilot:
            author = Author(app, pilot)
            await author.until(lambda: app.session.trainer is not None)
            author.recorder = app.recorder = Recorder(str(path), title, lambda: author.now)
            yield author
            author.recorder.note("")
            author.recorder.close()
            app.recorder = None
            author.trainer.stop(wait=True)
        packed = gzip.compress(path.read_bytes(), 9, mtime=0)
    (SHIPPED / f"{name}.jsonl.gz").write_bytes(packed)
    print(f"{name}: {author.now:.0f} seconds, {len(packed) / 1024:.0f} KiB")
