"""The Train screen's view: frozen while training runs on, and the bar of a run that has an end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from app.laboratory import LARGE, SMALL, TINY, Lab, lab
from app.test_widgets import Bench
from screen import drawn

from lstm_ext.data import load_text
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.session import Opening, Session
from lstm_lab.app.widgets.loss_curve import LossCurve
from lstm_lab.app.widgets.status_panel import StatusPanel
from lstm_lab.text.run_end import seconds_left, share_done

# Freezing.


async def test_the_view_stands_still_while_training_runs_on() -> None:
    async with lab(LARGE) as here:
        await here.press("v")
        await here.shows("v view frozen")
        before, step = here.text, here.step
        await here.until(lambda: here.step > step + 50)
        for _ in range(15):  # more than a frame
            await here.pilot.pause(0.02)
        assert here.text == before
        await here.press("v")
        await here.until(lambda: "view frozen" not in here.text and f"{step:,} " not in here.text)
        await here.shows("learning")


async def test_a_frozen_curve_can_be_looked_at_and_training_paused() -> None:
    async with lab(LARGE) as here:
        await here.press("v")
        here.app.screen.query_one(LossCurve).focus()
        await here.press("left")
        await here.shows("Loss at step", "view frozen")
        await here.press("space")
        await here.shows("space resume", "view frozen")
        assert here.trainer.paused
        ids = {command.id for command in commands(here.app.screen)}
        assert "train.thaw" in ids and "train.freeze" not in ids


async def test_a_failure_is_told_and_a_new_run_thaws(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab(LARGE) as here:
        await here.press("v")
        here.trainer._loop.model.parameters[:] = np.nan
        await here.shows("Training failed", "view frozen")
        await here.press("R")
        await here.until(lambda: "view frozen" not in here.text)
        await here.shows("learning")


async def test_a_click_thaws_and_pauses() -> None:
    async with lab(LARGE) as here:
        panel = here.app.screen.query_one(StatusPanel)
        await here.press("v")
        await here.pilot.click(panel, offset=(panel.size.width - 3, 0))
        await here.until(lambda: "view frozen" not in here.text)
        await here.shows("● learning")
        await here.pilot.click(panel, offset=(panel.size.width - 3, 0))
        await here.shows("■ paused")


# The end.


def test_share_and_time_left() -> None:
    trainer = Session(TINY).make(TINY, load_text("hamlet"))
    first = replace(trainer.snapshot(), step=100, seconds=10.0)
    now = replace(first, step=300, seconds=20.0)
    assert share_done(now) is seconds_left(first, now) is None
    steps = replace(now, total_steps=400)
    assert share_done(steps) == 0.75 and seconds_left(first, steps) == pytest.approx(5.0)
    both = replace(steps, total_seconds=22.0)
    assert share_done(both) == 20 / 22 and seconds_left(first, both) == 2.0


@pytest.mark.parametrize("ascii_only, bar", [(False, "━━━━━━╸─────"), (True, "#######.....")])
async def test_the_bar_shows_what_is_done_and_left(ascii_only: bool, bar: str) -> None:
    trainer = Session(TINY).make(TINY, load_text("hamlet"))
    panel = StatusPanel()
    app = Bench(panel, ascii_only=ascii_only)
    async with app.run_test(size=(26, 11)) as pilot:
        snapshot = replace(trainer.snapshot(), step=55, total_steps=100)
        panel.show(snapshot, "C", None, 83.0)
        await pilot.pause()
        assert drawn(app).split("\n")[1] == f"55% {bar} 1:23 left"
        panel.show(replace(snapshot, step=100), "C", None, 0.0)
        await pilot.pause()
        line = drawn(app).split("\n")[1]
        assert line.startswith("100% ") and line.endswith(" done")
        panel.show(replace(snapshot, total_steps=None), "C")
        await pilot.pause()
        assert drawn(app).split("\n")[1].startswith("step")


async def test_a_lab_with_an_end_finishes_and_space_goes_past_it() -> None:
    app = LabApp(Session(TINY, Opening("hamlet", steps=150)))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        here = Lab(app, pilot)
        await here.until(lambda: app.session.trainer is not None and here.step == 150)
        await here.shows("finished", "100%", "done")
        assert isinstance(app.screen, TrainScreen)
        await here.press("space")
        await here.until(lambda: here.step > 150)
        await here.until(lambda: "100%" not in here.text)
        await here.press("R")
        await here.until(lambda: here.step < 150 or here.trainer.snapshot().total_steps == 150)
        await here.shows("finished")
        assert here.step == 150


def test_seconds_count_from_where_a_run_is_continued() -> None:
    session = Session(TINY, Opening("hamlet", seconds=2.5))
    trainer = session.make(TINY, load_text("hamlet"))
    trainer._loop.state.seconds = 100.0
    session.start(trainer)
    assert trainer.snapshot().total_seconds == 102.5
    trainer.stop(wait=True)
