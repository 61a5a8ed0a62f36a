"""A lab under test: what it shows, and its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from screen import drawn, until
from textual.pilot import Pilot
from textual.widgets import Input

from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.app.lab import LabApp
from lstm_lab.app.session import Opening, Session
from lstm_lab.settings import Settings

SMALL, LARGE = (80, 24), (120, 40)
TINY = RunConfig.from_options({"hidden_size": 6, "seq_length": 9, "batch_size": 3})


class Lab:
    """A running lab, and its pilot."""

    def __init__(self, app: LabApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def trainer(self) -> Trainer:
        assert self.app.session.trainer is not None
        return self.app.session.trainer

    @property
    def step(self) -> int:
        return self.trainer.snapshot().step

    @property
    def text(self) -> str:
        return drawn(self.app)

    @property
    def line(self) -> list[str]:
        return self.text.split("\n")

    async def until(self, condition: Callable[[], object]) -> None:
        await until(self.pilot, condition)

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text for text in texts))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def paused(self) -> None:
        """Pauses, and waits until that is on the screen."""
        await self.press("space")
        await self.shows("paused")

    async def asked(self, dialog: type) -> None:
        await self.until(lambda: isinstance(self.app.screen, dialog) and self.app.screen.is_mounted)
        await self.pilot.pause()

    async def type_into(self, selector: str, text: str) -> None:
        field = self.app.screen.query_one(selector, Input)
        field.focus()
        field.value = text
        await self.pilot.pause()


@asynccontextmanager
async def lab(
    size: tuple[int, int] = SMALL,
    config: RunConfig = TINY,
    *,
    checkpoint: str | None = None,
    ascii_only: bool = False,
    folder: Path | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[Lab]:
    """The lab, once it has learned a few steps and shows them; ``folder`` has its recovery checkpoints."""
    session = Session(config, Opening("hamlet", checkpoint=checkpoint), folder=folder)
    app = LabApp(session, ascii_only=ascii_only, settings=settings)
    async with app.run_test(size=size, notifications=True) as pilot:
        here = Lab(app, pilot)
        await here.until(lambda: app.session.trainer is not None and here.step > 0)
        await here.shows("learning", "1 ")
        yield here
        if app.session.trainer is not None:
            app.session.trainer.stop(wait=True)
        app.session.close(keep=app.keeps)
