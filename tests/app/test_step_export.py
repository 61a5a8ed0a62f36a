"""The Step screen's numbers and its picture in files; the mouse wheel in its list."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from app.stepping import walking
from screen import drawn, until
from textual import events
from textual.widgets import Input

from lstm_lab.app.screens.files import SaveFile
from lstm_lab.app.widgets.stage_list import StageList


@pytest.mark.parametrize("suffix", [".csv", ".json", ".svg"])
async def test_e_writes_the_walk(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"hello{suffix}"
    async with walking() as here:
        await here.go("forward", 2, "f")
        await here.press("e")
        await until(here.pilot, lambda: isinstance(here.app.screen, SaveFile) and here.app.screen.is_mounted)
        here.app.screen.query_one(Input).value = str(path)
        await here.pilot.press("enter")
        await until(here.pilot, lambda: "Wrote" in drawn(here.app))
        walk = here.place.walk
    text = path.read_text(encoding="utf-8")
    if suffix == ".svg":
        assert text.startswith("<svg") and "forget" in text
    elif suffix == ".json":
        assert json.loads(text) == walk.as_dict()
    else:
        rows = list(csv.DictReader(text.splitlines()))
        kept = [row for row in rows if (row["phase"], row["t"], row["stage"]) == ("forward", "2", "f")]
        assert [row["index"] for row in kept] == ["0", "1", "2"]
        assert (kept[0]["character"], kept[0]["target"]) == ("e", "l")
        np.testing.assert_array_equal([float(row["value"]) for row in kept], walk.steps[1].values["f"])
        weights = [float(row["value"]) for row in rows if row["stage"] == "dW" and row["index"] == "5 1"]
        assert sum(weights) == pytest.approx(walk.gradients["W"][5, 1], abs=1e-14)


async def test_the_wheel_walks_through_the_list() -> None:
    async with walking() as here:
        await here.pilot._post_mouse_events([events.MouseScrollDown], StageList)
        await here.pilot._post_mouse_events([events.MouseScrollDown], StageList)
        await here.pilot.pause()
        assert here.at == ("forward", 1, "c_prev")
        await here.pilot._post_mouse_events([events.MouseScrollUp], StageList)
        await here.pilot.pause()
        assert here.at == ("forward", 1, "h_prev")
