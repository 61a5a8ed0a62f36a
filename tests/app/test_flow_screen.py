"""The Flow screen, driven by keys and mouse: its numbers are those of the networks."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app.laboratory import LARGE, SMALL, TINY, Lab, lab
from screen import strips
from textual.widgets import Input

from lstm_ext.cells import CellName
from lstm_ext.explain.flow import Decay, Flow, Start, flow
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens import flow as flow_screen
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.flow import FlowScreen
from lstm_lab.app.screens.source import AskText
from lstm_lab.app.widgets.flow_bars import MARGIN, FlowBars
from lstm_lab.app.widgets.flow_start import FlowStart
from lstm_lab.app.widgets.flow_view import FlowLook

SEEDS = 3
DEEP = RunConfig.from_options({"hidden_size": 6, "num_layers": 2, "cell": "gru", "seq_length": 9, "batch_size": 3})


@pytest.fixture(autouse=True)
def few_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_screen, "SEEDS", SEEDS)


class Flows:
    """The lab at its Flow screen, training paused."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> FlowScreen:
        assert isinstance(self.here.app.screen, FlowScreen)
        return self.here.app.screen

    @property
    def look(self) -> FlowLook:
        assert self.screen.look is not None
        return self.screen.look

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()

    async def whole(self) -> None:
        """Waits until every network has been measured, as chosen now."""

        def done() -> bool:
            look = self.screen.look
            counts = [] if look is None else [len(net.flows) for net in look.nets]
            return counts == [1, SEEDS, SEEDS, SEEDS] and self.screen._missing() is None

        await self.here.until(done)
        await self.here.pilot.pause()

    def network(self) -> Flow:
        trainer = self.here.trainer
        model = trainer.submit(lambda model: model.copy()).result()
        return flow(model, trainer.vocabulary.encode(self.look.text), trainer.vocabulary)

    def untrained(self, cell: CellName, start: Start) -> list[Flow]:
        trainer = self.here.trainer
        symbols = trainer.vocabulary.encode(self.look.text)
        models = [start.model(trainer.model.config, cell, seed) for seed in range(SEEDS)]
        return [flow(model, symbols, trainer.vocabulary) for model in models]


@asynccontextmanager
async def flows(
    size: tuple[int, int] = SMALL, config: RunConfig = TINY, *, ascii_only: bool = False, checkpoint: str | None = None
) -> AsyncIterator[Flows]:
    async with lab(size, config, ascii_only=ascii_only, checkpoint=checkpoint) as here:
        await here.paused()
        await here.press("5")
        await here.until(lambda: isinstance(here.app.screen, FlowScreen) and here.app.screen.look is not None)
        found = Flows(here)
        await found.whole()
        await here.shows(f"step {here.step:,}")
        yield found


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 55), (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_is_filled_and_ascii_is_ascii(size: tuple[int, int], ascii_only: bool) -> None:
    async with flows(size, ascii_only=ascii_only) as here:
        assert ("What is left" in here.here.text and "forget bias" in here.here.text) or "b_f" in here.here.text
        for keys in ((), ("c",), ("v",), ("m",)):
            await here.press(*keys)
            assert {sum(segment.cell_length for segment in line) for line in strips(here.here.app)} == {size[0]}
            assert here.here.text.isascii() or not ascii_only


@pytest.mark.parametrize("colors", [None, "standard", "256", "truecolor"])
async def test_without_colours_curves_are_letters(colors: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if colors is None:
        monkeypatch.setenv("NO_COLOR", "1")
    original = LabApp.__init__

    def colored(self: LabApp, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if colors is not None:
            self.console._color_system = {"standard": 1, "256": 2, "truecolor": 3}[colors]  # type: ignore[assignment]

    monkeypatch.setattr(LabApp, "__init__", colored)
    async with flows() as here:
        assert ("L LSTM" in here.here.text) == (colors in (None, "standard"))
        assert ("━ LSTM" in here.here.text) == (colors in ("256", "truecolor"))


async def test_the_numbers_are_the_networks() -> None:
    async with flows() as here:
        nets = {net.name: net for net in here.look.nets}
        np.testing.assert_array_equal(nets["network"].flows[0].norms["h"], here.network().norms["h"])
        for name, cell in (("LSTM", "lstm"), ("GRU", "gru"), ("RNN", "rnn")):
            expected = here.untrained(cell, Start())  # type: ignore[arg-type]
            for ours, theirs in zip(nets[name].flows, expected, strict=True):
                np.testing.assert_array_equal(ours.norms["h"], theirs.norms["h"])
            decay = Decay.of(expected, "h", 0)
            assert f"{decay.per_step:+.3f}" in here.here.text and f"{decay.half_life:.1f}" in here.here.text
        assert here.look.character == here.network().steps == 80
        assert f"{SEEDS} random starts each" in here.here.text


async def test_the_forget_bias_is_a_slider_for_keys_wheel_and_mouse() -> None:
    async with flows() as here:
        before = {net.name: net.flows for net in here.look.nets}
        await here.press("plus", "equals_sign", "minus", "plus")
        await here.whole()
        assert here.screen.start.forget_bias == 1.5 and "+1.50" in here.here.text
        nets = {net.name: net for net in here.look.nets}
        assert nets["GRU"].flows == before["GRU"] and nets["network"].flows == before["network"]
        expected = here.untrained("lstm", Start(forget_bias=1.5))
        np.testing.assert_array_equal(nets["LSTM"].flows[2].norms["c"], expected[2].norms["c"])
        slider = here.screen.query_one(FlowStart)
        track = slider._track
        await here.here.pilot.mouse_down(slider, offset=(track.stop - 1, 0))
        assert here.screen.start.forget_bias == 6.0
        await here.here.pilot.hover(slider, offset=(track.start, 0))
        await here.here.pilot.mouse_up(slider, offset=(track.start, 0))
        await here.here.until(lambda: here.screen.start.forget_bias == -2.0)
        await here.press("minus")
        assert here.screen.start.forget_bias == -2.0  # its lower end
        await slider.run_action("screen.bias(0.5)")
        await here.whole()
        assert "+0.50" in here.here.text


async def test_weights_start_otherwise() -> None:
    async with flows() as here:
        await here.press("i")
        await here.whole()
        assert "xavier" in here.here.text
        await here.press("i", "i", "less_than_sign", "less_than_sign", "greater_than_sign")
        await here.whole()
        assert here.screen.start == Start("uniform", 1.0, 0.9) and "×0.9" in here.here.text
        nets = {net.name: net for net in here.look.nets}
        expected = here.untrained("rnn", Start(recurrent_scale=0.9))
        np.testing.assert_array_equal(nets["RNN"].flows[-1].norms["h"], expected[-1].norms["h"])


async def test_the_character_whose_loss_it_is() -> None:
    async with flows() as here:
        await here.press("left", "left")
        assert here.look.character == 78
        assert "character 78" in here.here.text
        np.testing.assert_array_equal(here.look.bars[0], here.network().bars("h", 0, 78))
        await here.press("right")
        assert here.look.character == 79
        await here.press("home")
        assert here.look.character == 1
        await here.press("left")
        assert here.look.character == 1
        await here.press("end", "right")
        assert here.look.character == 80
        await here.press("m")
        assert here.look.character is None and "mean loss of all characters" in here.here.text
        np.testing.assert_array_equal(here.look.bars[0], here.network().bars("h", 0, None))
        await here.press("m")
        assert here.look.character == 80
        bars = here.screen.query_one(FlowBars)
        first = bars._shown.start
        await here.here.pilot.click(bars, offset=(MARGIN + 20, bars.size.height - 1))
        await here.here.until(lambda: here.look.character == first + 20)


async def test_hidden_or_cell_and_how_bars_are_scaled() -> None:
    async with flows() as here:
        names = {command.name for command in commands(here.screen)}
        assert "cell" in names and "hidden" not in names and "decades" in names and "linear" not in names
        await here.press("c", "v")
        assert "∂L/∂C (no C: ∂L/∂h)" in here.here.line[1] and " to 1e" in here.here.line[1]
        np.testing.assert_array_equal(here.look.bars[0], here.network().bars("c", 0, 80))
        await here.press("h", "v")
        assert "∂L/∂C" not in here.here.text and "each row's largest" in here.here.text


async def test_layers() -> None:
    async with flows(config=DEEP) as here:
        assert "layer 1" in here.here.text
        await here.press("right_square_bracket")
        assert "layer 2" in here.here.text
        np.testing.assert_array_equal(here.look.bars[0], here.network().bars("h", 1, 80))
        await here.press("left_square_bracket")
        assert here.look.layer == 0


async def test_it_follows_the_training_unless_frozen() -> None:
    async with flows() as here:
        await here.press("space")
        assert "frozen" in here.here.text and here.screen.frozen
        before = here.here.step
        here.here.trainer.single_step()
        await here.here.until(lambda: here.here.step > before)
        here.screen._next = 0.0
        here.screen._tick()
        assert not here.screen._measuring
        await here.press("space")
        await here.here.shows(f"step {before + 1:,}")
        assert "frozen" not in here.here.text
        np.testing.assert_array_equal(here.look.nets[0].flows[0].norms["h"], here.network().norms["h"])


async def test_a_text_that_is_typed_or_from_a_file() -> None:
    async with flows() as here:
        await here.press("t")
        await here.here.asked(AskText)
        await here.here.type_into("#text", "x")
        await here.press("enter")
        assert "at least two characters" in here.here.text
        await here.here.type_into("#text", "to be or not")
        await here.press("enter")
        await here.here.until(lambda: isinstance(here.here.app.screen, FlowScreen) and here.look.text == "to be or not")
        await here.whole()
        assert here.look.character == 11 and here.look.nets[1].flows[0].text == "to be or not"
        await here.press("d")
        await here.here.asked(OpenFile)
        await here.press("escape")
        await here.here.until(lambda: isinstance(here.here.app.screen, FlowScreen))
        await here.screen.run_action("text('')")
        await here.here.until(lambda: len(here.look.text) == 81)


async def test_export_and_a_checkpoint(tmp_path: Path) -> None:
    async with flows() as here:
        for name in ("f.csv", "f.json", "f.svg"):
            await here.press("e")
            await here.here.asked(SaveFile)
            here.here.app.screen.query_one(Input).value = str(tmp_path / name)
            await here.press("enter")
            await here.here.until(lambda: isinstance(here.here.app.screen, FlowScreen))
        with open(tmp_path / "f.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["network"] for row in rows} == {"network", "LSTM", "GRU", "RNN"}
        assert json.loads((tmp_path / "f.json").read_text())["text"] == here.look.text
        assert "<svg" in (tmp_path / "f.svg").read_text()

        path = str(tmp_path / "net.safetensors")
        here.here.trainer.save(path)
        expected = here.look.nets[0].flows[0]
        await here.press("l")
        await here.here.asked(OpenFile)
        here.here.app.screen.query_one(Input).value = path
        here.here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await here.here.shows("net.safetensors")
        assert here.look.nets[0].flows[0].text == expected.text
        assert {command.name for command in commands(here.screen)} >= {"training"}
        await here.press("n")
        await here.here.until(lambda: "net.safetensors" not in here.here.line[0])
