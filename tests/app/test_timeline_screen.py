"""The timeline: what the network of each kept step writes, moved through by keys and mouse."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app.laboratory import LARGE, SMALL, Lab, lab
from screen import strips
from textual.widgets import Input

from lstm_ext.train.timeline import Timeline, load_timeline, save_timeline
from lstm_lab.app.screens import timeline as timeline_module
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.runs import RunsScreen
from lstm_lab.app.screens.timeline import AskPrompt, TimelineScreen
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.widgets.timeline_slider import TimelineSlider


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(timeline_module, "LENGTH", 60)
    return here


class Way:
    """The lab at its timeline, training paused."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> TimelineScreen:
        assert isinstance(self.here.app.screen, TimelineScreen)
        return self.here.app.screen

    @property
    def step(self) -> int:
        return self.screen.place.frame.step

    @property
    def timeline(self) -> Timeline:
        return self.screen.timeline

    async def complete(self) -> None:
        """Every step has been written for."""
        await self.here.until(lambda: len(self.screen._told) == len(self.timeline.frames))
        await self.here.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()


@asynccontextmanager
async def way(size: tuple[int, int] = SMALL, *, ascii_only: bool = False) -> AsyncIterator[Way]:
    async with lab(size, ascii_only=ascii_only) as here:
        await here.until(lambda: here.step > 30)
        await here.paused()
        await here.press("W")
        await here.until(lambda: isinstance(here.app.screen, TimelineScreen))
        found = Way(here)
        await found.complete()
        yield found


def written(timeline: Timeline, index: int, prompt: str, **options: float) -> str:
    found = timeline.write(timeline.model(), timeline.frames[index], prompt, 60, **options)  # type: ignore[arg-type]
    return timeline.vocabulary.decode(found.symbols)


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 55), (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_is_filled_and_ascii_is_ascii(size: tuple[int, int], ascii_only: bool) -> None:
    async with way(size, ascii_only=ascii_only) as here:
        for keys in ((), ("home",), ("right",)):
            await here.press(*keys)
            assert {sum(segment.cell_length for segment in line) for line in strips(here.here.app)} == {size[0]}
            assert here.here.text.isascii() or not ascii_only


async def test_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with way(LARGE) as here:
        await here.press("home")
        assert "Timeline step 0 · loss -" in here.here.text and "›       0" in here.here.text


async def test_keys_go_through_the_training() -> None:
    async with way() as here:
        steps = [frame.step for frame in here.timeline.frames]
        assert steps[:6] == [0, 1, 2, 3, 4, 5] and here.step == steps[-1]
        for key, index in (("home", 0), ("right", 1), ("down", 2), ("left", 1), ("up", 0), ("left", 0), ("end", -1)):
            await here.press(key)
            assert here.step == steps[index], key
        for index in (0, 7, -1):
            here.screen.action_go(index)
            await here.here.pilot.pause()
            frame = here.timeline.frames[index]
            text = written(here.timeline, index, "\n").split("\n")[0].rstrip()
            assert f"step {frame.step:,}" in here.here.text and text[:40] in here.here.text


async def test_the_mouse_goes_through_the_training() -> None:
    async with way() as here:
        line = next(y for y, line in enumerate(here.here.line) if "┼─" in line or "┼┼" in line)
        await here.here.pilot.click(offset=(1, line))
        await here.here.until(lambda: here.step == 0)
        await here.here.pilot.click(offset=(78, line - 1))
        await here.here.until(lambda: here.step == here.timeline.frames[-1].step)
        slider = here.screen.query_one(TimelineSlider)
        slider.on_mouse_scroll_up(_Scroll())  # type: ignore[arg-type]
        await here.here.until(lambda: here.step == here.timeline.frames[-2].step)
        slider.on_mouse_scroll_down(_Scroll())  # type: ignore[arg-type]
        await here.here.until(lambda: here.step == here.timeline.frames[-1].step)


class _Scroll:
    def stop(self) -> None:
        pass


async def test_all_steps_are_listed_where_there_is_room_and_clicked() -> None:
    async with way(LARGE) as here:
        await here.press("home")
        line = next(y for y, line in enumerate(here.here.line) if line.strip().startswith("4  "))
        await here.here.pilot.click(offset=(30, line))
        await here.here.until(lambda: here.step == 4)


async def test_the_next_characters_are_the_networks() -> None:
    async with way() as here:
        frame = here.timeline.frames[-1]
        probabilities = here.timeline.write(here.timeline.model(), frame, "\n", 1).probabilities
        symbol = here.timeline.vocabulary.symbols[int(probabilities.argmax())].replace(" ", "␣").replace("\n", "↵")
        line = next(line for line in here.here.line if "Next character" in line)
        first = here.here.line[here.here.line.index(line) + 1]
        assert f"  {symbol}  {probabilities.max():4.0%} " in first


async def test_playing_runs_to_the_end_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_module, "_PLAY", 0.01)
    async with way() as here:
        await here.press("space")
        assert here.screen.playing and "playing" in here.here.text
        await here.here.until(lambda: not here.screen.playing)
        assert here.step == here.timeline.frames[-1].step
        await here.press("space")
        await here.press("left")
        assert not here.screen.playing  # who looks at one step wants to stay there
        await here.press("space", "space")
        assert not here.screen.playing


async def test_another_prompt_temperature_and_seed() -> None:
    async with way() as here:
        await here.press("p")
        await here.here.asked(AskPrompt)
        await here.here.type_into("Input", "~")
        await here.press("enter")
        await here.here.shows("is not among")
        await here.here.type_into("Input", "")
        await here.press("enter")
        await here.here.shows("got nothing")
        await here.here.type_into("Input", "To be")
        await here.press("enter")
        await here.here.until(lambda: isinstance(here.here.app.screen, TimelineScreen))
        await here.complete()
        assert "To be" in here.here.text
        for keys, options in (
            ((), {"temperature": 0.8, "seed": 1}),
            (("n",), {"temperature": 0.8, "seed": 2}),
            (("t",), {"temperature": 0.9, "seed": 2}),
            (("T", "T"), {"temperature": 0.7, "seed": 2}),
        ):
            await here.press(*keys)
            await here.complete()
            assert f"temperature {options['temperature']} · seed {options['seed']}" in here.here.text
            assert here.screen._told[here.step].text == written(here.timeline, -1, "To be", **options)


async def test_new_steps_are_added_while_the_network_learns() -> None:
    async with way() as here:
        before = here.step
        here.here.trainer.resume_run()
        await here.here.until(lambda: here.step > before)
        here.here.trainer.pause()
        await here.press("home")
        assert here.step == 0


async def test_escape_leads_back() -> None:
    async with way() as here:
        await here.press("escape")
        await here.here.until(lambda: isinstance(here.here.app.screen, TrainScreen))


async def test_saved_and_opened_from_runs(folder: Path) -> None:
    async with way() as here:
        app = here.here.app
        kept = [frame.step for frame in here.timeline.frames]
        here.here.trainer.save("book.safetensors")
        await here.press("w")
        await here.here.asked(SaveFile)
        assert app.screen.query_one(Input).value == "hamlet-lstm-6-timeline.safetensors"
        await here.here.type_into("Input", "book-timeline")
        await here.press("enter")
        await here.here.until(lambda: os.path.exists("book-timeline.safetensors"))
        await here.here.until(lambda: isinstance(app.screen, TimelineScreen))
        assert [frame.step for frame in load_timeline("book-timeline.safetensors").frames] == kept
        await here.press("9")
        await here.here.until(lambda: isinstance(app.screen, RunsScreen))
        await here.here.shows("book-timeline.safetensors")
        await here.press("t")
        await here.here.until(lambda: isinstance(app.screen, TimelineScreen))
        assert [frame.step for frame in here.timeline.frames] == kept
        await here.press("escape")
        await here.here.until(lambda: isinstance(app.screen, RunsScreen))
        await here.press("enter")  # what stands above Train gives way
        await here.here.until(lambda: isinstance(app.screen, TrainScreen))


async def test_any_timeline_is_opened_from_runs(folder: Path) -> None:
    async with lab() as here:
        await here.until(lambda: here.step > 5)
        timeline = here.trainer.timeline
        assert timeline is not None
        save_timeline(timeline, "way.safetensors")
        await here.press("9", "t")
        await here.asked(OpenFile)
        await here.type_into("Input", "none")
        await here.press("enter")
        await here.shows("no such timeline")
        await here.type_into("Input", "way.safetensors")
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, TimelineScreen))


@pytest.mark.parametrize("name", ["way.csv", "way.json", "way.svg"])
async def test_exporting(name: str) -> None:
    async with way() as here:
        await here.press("e")
        await here.here.asked(SaveFile)
        await here.here.type_into("Input", name)
        await here.press("enter")
        await here.here.until(lambda: os.path.exists(name) and isinstance(here.here.app.screen, TimelineScreen))
        expected = [(frame.step, written(here.timeline, i, "\n")) for i, frame in enumerate(here.timeline.frames)]
        if name.endswith(".json"):
            found = json.loads(Path(name).read_text())
            assert [(entry["step"], entry["text"]) for entry in found["steps"]] == expected
            assert (found["prompt"], found["steps"][0]["loss"]) == ("\n", None)
        elif name.endswith(".csv"):
            with open(name, newline="") as file:
                assert [(int(entry["step"]), entry["text"]) for entry in csv.DictReader(file)] == expected
        else:
            assert Path(name).read_text().startswith("<svg")


async def test_a_network_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_ext.train.timeline.FEWEST", 10**9)
    async with lab() as here:
        await here.press("W")
        await here.shows("no timeline of this run: the network is too large")
