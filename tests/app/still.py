"""The lab standing still: a network that has learned a fixed number of steps; no clock, speed or processor is seen.

What it shows is the same on every machine: for snapshots in text, and for the pictures in the documentation.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from app.laboratory import Lab
from screen import drawn

from lstm_ext.data import load_text
from lstm_ext.engine import core
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.experiments import ExperimentsScreen
from lstm_lab.app.screens.flow import FlowScreen
from lstm_lab.app.screens.gates import GatesScreen
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.surgery import SurgeryScreen
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.session import Opening, Session
from lstm_lab.text import runs

#: 2026-11-21 12:00 UTC.
NOW = 1795262400.0
#: Frames of the same text after which nothing more is expected.
_STILL = 5


class StillSession(Session):
    """A session whose run has learned ``steps`` steps and is paused, with clocks that stand still."""

    def __init__(self, config: RunConfig, text: str, steps: int) -> None:
        super().__init__(config, Opening(text))
        self._still = trainer = learned(config.trainer(load_text(text)), steps)
        seen, start = trainer.snapshot, trainer.start

        def snapshot() -> Snapshot:
            now = seen()  # its loss is that of as many steps as came in a twentieth of a second
            return replace(now, loss=float(now.history.loss[-1]), seconds=12.0, chars_per_second=100_000.0)

        cast(Any, trainer).snapshot = snapshot
        cast(Any, trainer).start = partial(start, paused=True)

    def open(self) -> Trainer:
        """The run."""
        return self._still


@contextmanager
def same_everywhere() -> Iterator[None]:
    """One kernel, whatever the processor has, and the same time of the same day, in the same place."""
    clock = SimpleNamespace(**{**vars(time), "time": lambda: NOW})
    try:
        with (
            patch.object(core, "default_kernel", lambda: "portable"),
            patch.object(runs, "time", clock),
            patch.dict(os.environ, {"TZ": "UTC"}),
        ):
            time.tzset()
            yield
    finally:
        time.tzset()


def learned(trainer: Trainer, steps: int) -> Trainer:
    """``trainer`` after so many steps, as if they had taken 12 seconds."""
    trainer.run(steps=steps)
    trainer._loop.state.seconds = 12.0
    return trainer


def save_runs(checkpoints: Mapping[str, tuple[RunConfig, int]], text: str = "hamlet") -> None:
    """Checkpoints in the current folder, each an hour older than the one before."""
    with same_everywhere():
        for hours, (name, (config, steps)) in enumerate(checkpoints.items(), 1):
            learned(config.trainer(load_text(text)), steps).save(name)
            os.utime(name, (NOW - 3600 * hours, NOW - 3600 * hours))


@asynccontextmanager
async def still_lab(
    size: tuple[int, int], config: RunConfig, text: str = "hamlet", steps: int = 60, *, ascii_only: bool = False
) -> AsyncIterator[Lab]:
    """The lab at its Train screen."""
    with same_everywhere():
        session = StillSession(config, text, steps)
        app = LabApp(session, ascii_only=ascii_only)
        async with app.run_test(size=size) as pilot:
            here = Lab(app, pilot)
            await here.until(lambda: app.session.trainer is not None and "paused" in here.text)
            yield here
            here.trainer.stop(wait=True)
            session.close(keep=False)


@dataclass(frozen=True)
class View:
    """Something to look at: the key of its screen, keys that are pressed there, and whether all has come."""

    name: str
    key: str
    keys: tuple[str, ...] = ()
    ready: Callable[[Any], object] = lambda screen: True


def _sampled(screen: TrainScreen) -> bool:
    typist = screen.typist
    return typist is not None and typist.sample is not None and typist.typed == len(typist.sample.reading.text)


def _flowed(screen: FlowScreen) -> bool:
    return screen.look is not None and len(screen.look.nets) == 4 and screen._missing() is None


def _ranked(screen: SurgeryScreen) -> bool:
    look = screen.look
    return look is not None and look.measured and look.worth is not None and not look.ranking


#: In the order of the keys.
VIEWS = (
    View("train", "1", ("s",), _sampled),
    View("step", "2", ("right", "right", "right")),
    View("step-update", "2", ("end", "enter", "enter"), lambda screen: len(cast(StepScreen, screen).place.losses) == 2),
    View("learn", "3"),
    View("gates", "4", ("f",), lambda screen: cast(GatesScreen, screen).look is not None),
    View("flow", "5", (), _flowed),
    View("surgery", "6", ("z", "right", "right", "a", "enter", "k"), _ranked),
    View("experiments", "7", (), lambda screen: cast(ExperimentsScreen, screen).report is not None),
    View("experiment", "7", ("down", "enter"), lambda screen: cast(ExperimentsScreen, screen).report is not None),
    View("experiment-answer", "7", ("a",)),
    View("handbook", "8", ("down",)),
    View("runs", "9"),
    View("help", "4", ("question_mark",)),
)


async def look(here: Lab, view: View) -> str:
    """Go there, and wait until everything has come and nothing changes any more. Returns what is drawn."""
    await here.press(view.key)
    for key in view.keys:
        await _settled(here)
        await here.press(key)
    await here.until(lambda: view.ready(here.app.screen))
    return await _settled(here)


async def _settled(here: Lab) -> str:
    """What is drawn once it stays the same."""
    before, same = "", 0
    while same < _STILL:
        await here.pilot.pause(0.03)
        now = drawn(here.app)
        before, same = now, same + 1 if now == before else 0
    return before
