"""The Surgery screen, driven by keys and mouse: its losses are those of networks that were really changed."""

from __future__ import annotations

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

from lstm_ext.explain.surgery import Edit, importance, operate, parse
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.nn.saving import load
from lstm_ext.train.evaluation import evaluate
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.surgery import AskOperation, SurgeryScreen
from lstm_lab.app.widgets.surgery_operations import SurgeryOperations
from lstm_lab.app.widgets.surgery_units import SurgeryUnits
from lstm_lab.app.widgets.surgery_view import SurgeryLook

DEEP = RunConfig.from_options({"hidden_size": 6, "num_layers": 2, "cell": "gru", "seq_length": 9, "batch_size": 3})


class Theatre:
    """The lab at its Surgery screen, training paused."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> SurgeryScreen:
        assert isinstance(self.here.app.screen, SurgeryScreen)
        return self.here.app.screen

    @property
    def look(self) -> SurgeryLook:
        assert self.screen.look is not None
        return self.screen.look

    @property
    def names(self) -> set[str]:
        return {command.id.removeprefix("surgery.") for command in commands(self.screen)}

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()

    async def measured(self) -> None:
        await self.here.until(
            lambda: (
                isinstance(self.here.app.screen, SurgeryScreen)
                and self.screen.look is not None
                and self.look.measured
                and len(self.look.edits) == len(self.screen.edits)
            )
        )
        await self.here.pilot.pause()

    def model(self) -> LanguageModel:
        return self.here.trainer.submit(lambda model: model.copy()).result()

    def loss(self, *operations: str, worth: int | None = None) -> float:
        patient = self.screen._patient
        assert patient is not None
        edits = [parse(text) for text in operations]
        return evaluate(operate(self.model(), edits), patient.symbols).nats

    async def operated(self, *operations: str) -> None:
        """Waits for these operations, and compares every loss."""
        await self.measured()
        assert [str(edit) for edit in self.look.edits] == list(operations)
        for done, found in enumerate(self.look.conditions):
            assert found.evaluation.nats == self.loss(*operations[:done])
            assert f"{found.evaluation.nats:.4f}" in self.here.text


@asynccontextmanager
async def theatre(
    size: tuple[int, int] = SMALL, config: RunConfig = TINY, *, ascii_only: bool = False
) -> AsyncIterator[Theatre]:
    async with lab(size, config, ascii_only=ascii_only) as here:
        await here.paused()
        await here.press("6")
        await here.until(lambda: isinstance(here.app.screen, SurgeryScreen) and here.app.screen.look is not None)
        found = Theatre(here)
        await found.measured()
        yield found


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 55), (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_is_filled_and_ascii_is_ascii(size: tuple[int, int], ascii_only: bool) -> None:
    async with theatre(size, ascii_only=ascii_only) as here:
        assert "Operations" in here.here.text and "Units" in here.here.text and "Before" in here.here.text
        for keys in ((), ("z",), ("right", "enter")):
            await here.press(*keys)
            await here.measured()
            assert {sum(segment.cell_length for segment in line) for line in strips(here.here.app)} == {size[0]}
            assert here.here.text.isascii() or not ascii_only


@pytest.mark.parametrize("colors", [None, "standard", "truecolor"])
async def test_every_depth_of_colour(colors: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if colors is None:
        monkeypatch.setenv("NO_COLOR", "1")
    original = LabApp.__init__

    def colored(self: LabApp, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if colors is not None:
            self.console._color_system = {"standard": 1, "truecolor": 3}[colors]  # type: ignore[assignment]

    monkeypatch.setattr(LabApp, "__init__", colored)
    async with theatre() as here:
        await here.press("z")
        await here.operated("h[0]=0")


async def test_operations_undo_and_redo() -> None:
    async with theatre() as here:
        assert {"undo", "redo", "put", "out"} & here.names == set()
        await here.press("z")
        await here.operated("h[0]=0")
        await here.press("down", "down", "right", "right", "minus", "enter")
        await here.operated("h[0]=0", "f[2]=0.75")
        await here.press("a", "plus", "enter")
        await here.operated("h[0]=0", "f[2]=0.75", "f=1")
        await here.press("u", "u")
        await here.operated("h[0]=0")
        assert "redo" in here.names
        await here.press("y")
        await here.operated("h[0]=0", "f[2]=0.75")
        await here.press("z")
        await here.operated("h[0]=0", "f[2]=0.75", "h[2]=0")
        assert "redo" not in here.names  # something else was done
        await here.press("u", "u", "u")
        await here.operated()
        assert "undo" not in here.names


async def test_matrices_are_scaled() -> None:
    async with theatre() as here:
        await here.press("left", "minus", "enter")  # the last one
        await here.operated("W_y*0.4")
        await here.press("right", "left", "left", "plus", "plus", "enter")
        assert here.look.edits[-1].target == "W_ox"
        await here.operated("W_y*0.4", "W_ox*0.6")


async def test_values_stay_within_what_the_target_can_be() -> None:
    async with theatre() as here:
        await here.press("right", *["plus"] * 3)
        assert (here.look.chosen.target, here.look.chosen.value) == ("i", 1.0)
        await here.press(*["minus"] * 6)
        assert here.look.chosen.value == 0.0
        await here.press("left", *["minus"] * 6)
        assert (here.look.chosen.target, here.look.chosen.value) == ("h", -1.0)
        await here.press("enter")
        await here.operated("h[0]=-1")


async def test_layers_and_what_a_network_does_not_allow() -> None:
    async with theatre(config=DEEP) as here:
        await here.press("right_square_bracket", "z")
        await here.operated("2:h[0]=0")
        await here.press("plus", "enter")  # a GRU that resets before the product
        await here.here.shows("expected 0:")
        here.here.app.clear_notifications()
        await here.operated("2:h[0]=0")
        await here.press("left_square_bracket", "right", "right", "enter")
        await here.operated("2:h[0]=0", "z[0]=1")


async def test_the_samples_are_those_of_one_seed() -> None:
    async with theatre() as here:
        before = here.look.conditions[0].written
        await here.press("z")
        await here.measured()
        assert here.look.conditions[0].written == before != here.look.conditions[1].written
        line = before.split("\n")[0][:30]
        assert line in here.here.text
        await here.press("s")
        await here.measured()
        assert here.look.conditions[0].written != before


async def test_units_are_ranked_by_what_they_are_worth() -> None:
    async with theatre() as here:
        assert "k ranks them" in here.here.text
        await here.press("k")
        await here.here.until(lambda: here.look.worth is not None and not here.look.ranking)
        patient = here.screen._patient
        assert patient is not None and here.look.worth is not None
        expected = [loss - here.loss() for loss in importance(here.model(), patient.symbols)]
        np.testing.assert_array_equal(here.look.worth.rises, expected)
        order = np.argsort(-np.array(expected), kind="stable").tolist()
        assert here.look.order == order and here.look.unit == order[0]
        assert f"{max(expected):+.4f}" in here.here.text
        await here.press("down", "z")
        await here.operated(f"h[{order[1]}]=0")
        assert "ranked earlier" in here.here.text
        await here.press("end")
        assert here.look.unit == order[-1]
        await here.press("home", "pagedown")
        assert here.look.unit == order[-1]  # all six are on the screen
        await here.press("pageup")
        assert here.look.unit == order[0]


async def test_ranking_can_be_stopped() -> None:
    config = RunConfig.from_options({"hidden_size": 48, "seq_length": 9, "batch_size": 3})
    async with theatre(config=config) as here:
        await here.press("k")
        await here.here.until(lambda: here.look.ranking and "stop" in here.names)
        await here.press("k")
        await here.here.until(lambda: not here.look.ranking and "rank" in here.names)
        assert here.look.worth is not None and len(here.look.worth.rises) < 48


async def test_the_mouse_does_what_keys_do() -> None:
    async with theatre() as here:
        units, operations = here.screen.query_one(SurgeryUnits), here.screen.query_one(SurgeryOperations)
        await here.here.pilot.click(units, offset=(2, 4))
        await here.here.until(lambda: here.look.unit == 3)
        last = operations.size.height - 1
        await here.here.pilot.click(operations, offset=(8, last))  # the next target
        await here.here.until(lambda: here.look.chosen.target == "i")
        await here.here.pilot.click(operations, offset=(operations.size.width - 5, last))
        await here.operated("i[3]=1")


async def test_an_operation_as_text() -> None:
    async with theatre() as here:
        await here.press("x")
        await here.here.asked(AskOperation)
        await here.here.type_into("#operation", "f=2")
        await here.press("enter")
        assert "expected a value of 0 to 1" in here.here.text
        await here.here.type_into("#operation", "W_fh*0.5")
        await here.press("enter")
        await here.operated("W_fh*0.5")


async def test_the_running_network_gets_the_operations_and_its_weights_back() -> None:
    async with theatre() as here:
        before = here.model().parameters.copy()
        await here.press("z", "w")
        await here.here.until(lambda: "out" in here.names)
        expected = operate(here.screen._patient.model, [Edit("h", 0.0, 0)])  # type: ignore[union-attr]
        np.testing.assert_array_equal(here.model().parameters, expected.parameters)
        assert "put in at" in here.here.text and "●" in here.here.text
        await here.press("w")  # nothing was learned since
        await here.here.until(lambda: "put" in here.names)
        np.testing.assert_array_equal(here.model().parameters, before)

        await here.press("w")
        await here.here.until(lambda: "out" in here.names)
        step = here.here.step
        here.here.trainer.single_step()
        await here.here.until(lambda: here.here.step > step)
        here.here.app.clear_notifications()
        await here.press("w")
        await here.here.asked(Ask)
        await here.here.shows("what 1 step has")
        await here.press("c")
        await here.here.until(lambda: isinstance(here.here.app.screen, SurgeryScreen))
        assert "out" in here.names
        await here.press("w")
        await here.here.asked(Ask)
        await here.press("t")
        await here.here.until(lambda: isinstance(here.here.app.screen, SurgeryScreen) and "put" in here.names)
        np.testing.assert_array_equal(here.model().parameters, before)


async def test_the_network_is_taken_again_and_training_goes_on() -> None:
    async with theatre() as here:
        first = here.here.step
        await here.press("z")
        await here.measured()
        await here.press("space")
        await here.here.until(lambda: here.here.step > first and "pause" in here.names)
        await here.press("space")
        await here.here.until(lambda: "resume" in here.names)
        await here.press("n")
        await here.here.until(lambda: f"step {here.here.step:,}" in here.here.line[0])
        await here.operated("h[0]=0")


async def test_export_and_a_checkpoint(tmp_path: Path) -> None:
    async with theatre() as here:
        await here.press("z")
        await here.measured()
        for name in ("s.safetensors", "s.csv", "s.json", "s.svg"):
            await here.press("e")
            await here.here.asked(SaveFile)
            here.here.app.screen.query_one(Input).value = str(tmp_path / name)
            await here.press("enter")
            await here.here.until(lambda: isinstance(here.here.app.screen, SurgeryScreen))
        changed = load(tmp_path / "s.safetensors")
        np.testing.assert_array_equal(changed.parameters, operate(here.model(), [Edit("h", 0.0, 0)]).parameters)
        rows = (tmp_path / "s.csv").read_text().splitlines()
        assert rows[0] == "what,nats,change" and rows[2].startswith("h[0]=0,")
        assert len(json.loads((tmp_path / "s.json").read_text())["samples"]) == 2
        assert "<svg" in (tmp_path / "s.svg").read_text()

        here.here.app.clear_notifications()
        path = str(tmp_path / "net.safetensors")
        here.here.trainer.save(path)
        await here.press("l")
        await here.here.asked(OpenFile)
        here.here.app.screen.query_one(Input).value = path
        here.here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await here.here.shows("net.safetensors")
        await here.measured()
        assert "put" not in here.names
        await here.press("n")
        await here.here.until(lambda: "net.safetensors" not in here.here.line[0])
