"""A lab that is at its Step screen, and what stands there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from screen import drawn, until
from textual import events
from textual.pilot import Pilot

from lstm_ext.cells import CELLS
from lstm_ext.explain.walk import Moment
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.subject import Subject
from lstm_lab.app.widgets.place import Place

SMALL, LARGE = (80, 24), (120, 40)
SUBJECTS = [*(Subject(cell=name) for name in CELLS), Subject(cell="gru", reset_after=True)]


class StepLab(LabApp):
    """The lab, opened at its Step screen: nothing trains, so that the pilot need not wait for a busy processor."""

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()
        self.switch_mode("step")


class Walker:
    """The lab at its Step screen, and what stands there."""

    def __init__(self, app: LabApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> StepScreen:
        assert isinstance(self.app.screen, StepScreen)
        return self.app.screen

    @property
    def place(self) -> Place:
        assert self.screen.place is not None
        return self.screen.place

    @property
    def moment(self) -> Moment:
        return self.place.moment

    @property
    def at(self) -> tuple[str, int, str]:
        return self.moment.phase, self.moment.step.t, self.moment.stage.id

    def panel(self, kind: type) -> list[str]:
        """The lines of one widget."""
        region = self.app.screen.query_one(kind).region
        lines = drawn(self.app).split("\n")[region.y : region.bottom]
        return [line[region.x : region.right].rstrip() for line in lines]

    def row(self, kind: type, text: str) -> str:
        """The first line of a widget that has ``text``."""
        return next(line for line in self.panel(kind) if text in line)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def walks(self, subject: Subject) -> None:
        """Waits until ``subject`` has been walked through."""
        title = subject.describe(subject.walk().walk)
        await until(
            self.pilot,
            # The title does not have the text.
            lambda: (
                self.screen.subject == subject and self.place.walk.text == subject.text and title in drawn(self.app)
            ),
        )
        await self.pilot.pause()

    async def go(self, phase: str, t: int, stage: str) -> None:
        number = next(
            k for k, m in enumerate(self.place.walk.moments) if (m.phase, m.step.t, m.stage.id) == (phase, t, stage)
        )
        self.screen.action_go(number)
        await self.pilot.pause()

    async def click(self, kind: type, text: str) -> None:
        lines = self.panel(kind)
        y = next(k for k, line in enumerate(lines) if text in line)
        await self.pilot.click(kind, offset=(lines[y].index(text), y))
        await self.pilot.pause()


@asynccontextmanager
async def walking(size: tuple[int, int] = SMALL, **options: Any) -> AsyncIterator[Walker]:
    app = StepLab(**options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, StepScreen) and app.screen.place is not None)
        await pilot.pause()
        yield Walker(app, pilot)


def words(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
