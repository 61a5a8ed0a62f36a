"""Earlier runs behind the current one: which there are, and what is drawn of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from app.laboratory import LARGE, TINY, lab

from lstm_ext.data import load_text
from lstm_lab.app.overlay import Overlay
from lstm_lab.app.screens.files import OpenFile
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.session import Session


def test_the_run_before_stays_behind_the_new_one() -> None:
    session, text = Session(TINY), load_text("hamlet")
    first, second = session.make(TINY, text), session.make(TINY.with_options({"cell": "gru", "num_layers": 2}), text)
    session.use(first)
    assert session.overlays == ()
    first.run(steps=120)
    session.use(second)
    (last,) = session.overlays
    assert last.name == "LSTM 6 hamlet"
    assert last.best_val == first.snapshot().best_val is not None
    np.testing.assert_array_equal(last.history.smoothed, first.snapshot().history.smoothed)
    session.use(session.make(TINY, text))
    assert session.overlays == (last,)  # the second had not begun


def test_kept_runs_are_laid_over_once(tmp_path: Path) -> None:
    session, text = Session(TINY), load_text("hamlet")
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("one", "two")]
    for steps, path in zip((3, 5), paths, strict=True):
        trainer = session.make(TINY, text)
        trainer.run(steps=steps)
        trainer.save(path)
    for path in (*paths, paths[0]):
        session.lay_over(Overlay.read(path))
    assert [run.name for run in session.overlays] == ["LSTM 6 two.safetensors", "LSTM 6 one.safetensors"]
    assert [run.history.steps[-1] for run in session.overlays] == [5, 3]
    session.clear_overlays()
    assert session.overlays == ()


async def test_an_action_takes_a_path_and_a_key_asks_for_it(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.safetensors")
    async with lab(LARGE) as here:
        await here.paused()
        here.trainer.save(path)
        screen = here.app.screen
        assert isinstance(screen, TrainScreen)
        screen.action_overlay(path)
        await here.until(lambda: [run.name for run in here.app.session.overlays] == ["LSTM 6 kept.safetensors"])
        await here.press("A")
        assert here.app.session.overlays == ()
        screen.action_overlay(str(tmp_path / "none.safetensors"))
        await here.shows("none.safetensors")
        await here.press("a")
        await here.asked(OpenFile)
        await here.type_into("Input", path)
        await here.press("enter")
        await here.until(lambda: here.app.session.overlays)
