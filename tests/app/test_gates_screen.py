"""The Gates screen, driven by keys and mouse, judged by what it draws: its numbers are the network's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app.laboratory import LARGE, SMALL, TINY, Lab, lab
from screen import strips, until
from textual import events
from textual.widgets import Input

from lstm_ext.explain.reading import Reading, read
from lstm_ext.explain.units import Units
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.gates import GatesScreen
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.source import AskText
from lstm_lab.app.widgets.gate_view import Look
from lstm_lab.app.widgets.unit_map import UnitMap, window
from lstm_lab.app.widgets.unit_text import UnitText

DEEP = RunConfig.from_options({"hidden_size": 6, "num_layers": 2, "seq_length": 9, "batch_size": 3})


class Gates:
    """The lab at its Gates screen, training paused."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> GatesScreen:
        assert isinstance(self.here.app.screen, GatesScreen)
        return self.here.app.screen

    @property
    def look(self) -> Look:
        assert self.screen.look is not None
        return self.screen.look

    def reading(self, text: str = "") -> Reading:
        """What the network does on the text now."""
        trainer = self.here.trainer
        assert trainer.split.validation is not None
        symbols = trainer.vocabulary.encode(text) if text else trainer.split.validation
        model = trainer.submit(lambda model: model.copy()).result()
        return read(model, symbols, trainer.vocabulary)

    def units(self, name: str, layer: int = 0) -> Units:
        return self.reading().units(layer, name)

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()

    async def until(self, condition: Any) -> None:
        await self.here.until(condition)
        await self.here.pilot.pause()

    async def current(self) -> None:
        """Waits until the screen shows what the network is now."""
        await self.until(lambda: f"step {self.here.step:,}" in self.here.text)


@asynccontextmanager
async def gates(
    size: tuple[int, int] = SMALL, config: RunConfig = TINY, *, ascii_only: bool = False
) -> AsyncIterator[Gates]:
    async with lab(size, config, ascii_only=ascii_only) as here:
        await here.paused()
        await here.press("4")
        await here.until(lambda: isinstance(here.app.screen, GatesScreen) and here.app.screen.look is not None)
        found = Gates(here)
        await found.current()
        yield found


# What it shows.


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 55), (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_is_filled_and_ascii_is_ascii(size: tuple[int, int], ascii_only: bool) -> None:
    async with gates(size, ascii_only=ascii_only) as here:
        assert "units 0" in here.here.text and "of 6" in here.here.text
        for keys in ((), ("k",), ("enter",), ("v",)):
            await here.press(*keys)
            assert {sum(segment.cell_length for segment in line) for line in strips(here.here.app)} == {size[0]}
            assert here.here.text.isascii() or not ascii_only


@pytest.mark.parametrize("colors", [None, "standard", "256", "truecolor"])
async def test_every_depth_of_colour(colors: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if colors is None:
        monkeypatch.setenv("NO_COLOR", "1")
    original = LabApp.__init__

    def colored(self: LabApp, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        if colors is not None:
            self.console._color_system = {"standard": 1, "256": 2, "truecolor": 3}[colors]  # type: ignore[assignment]

    monkeypatch.setattr(LabApp, "__init__", colored)
    async with gates() as here:
        await here.press("f", "right")
        assert "unit 0 at" in here.here.text
        await here.press("enter")
        assert "Unit 0" in here.here.text


@pytest.mark.parametrize("key, name", [("i", "i"), ("f", "f"), ("g", "g"), ("o", "o"), ("c", "c"), ("h", "h")])
async def test_the_value_under_the_cursor_is_the_networks(key: str, name: str) -> None:
    async with gates() as here:
        await here.press(key, "right", "right", "right", "down", "down")
        await here.until(lambda: here.look.name == name)
        expected = here.units(name).values[3, 2]
        shown = f"{expected:.3f}" if name in "ifo" else f"{expected:+.3f}"
        assert "unit 2 at" in here.here.text and f"3 of {len(here.look.units.text)}" in here.here.text
        assert shown in here.here.text


async def test_the_text_was_kept_apart_from_training() -> None:
    async with gates() as here:
        trainer = here.here.trainer
        assert trainer.split.validation is not None
        assert here.look.units.text == trainer.vocabulary.decode(trainer.split.validation)


async def test_facts_of_a_unit() -> None:
    async with gates() as here:
        await here.press("f", "down")
        await here.until(lambda: here.look.name == "f")
        units = here.units("f")
        assert units.half_life is not None
        left, right = units.saturation
        for fact in (
            f"mean {units.mean[1]:.3f}",
            f"spread {units.spread[1]:.3f}",
            f"closed {left[1]:.0%}",
            f"open {right[1]:.0%}",
            f"half-life {units.half_life[1]:.1f}",
        ):
            assert fact in here.here.text


async def test_deviation_shows_the_distance_from_each_units_mean() -> None:
    async with gates() as here:
        await here.press("f", "v")
        await here.until(lambda: here.look.deviation and here.look.name == "f")
        assert "deviation" in here.here.line[1]
        np.testing.assert_allclose(here.look.values(here.look.units), here.units("f").deviation)
        await here.press("v")
        await here.until(lambda: not here.look.deviation)
        assert "deviation" not in here.here.line[1]


async def test_orders_one_after_the_other() -> None:
    async with gates() as here:
        await here.press("f")
        for order in ("variance", "memory", "saturation", "similarity", "number"):
            await here.press("s")
            await here.until(lambda order=order: here.look.sort == order)
            assert list(here.look.order) == here.units("f").order(order).tolist()
            assert here.look.unit == here.look.order[0]
            assert order == "number" or f"by {order}" in here.here.text


async def test_an_order_stands_while_the_network_learns() -> None:
    async with gates() as here:
        await here.press("s")
        await here.until(lambda: here.look.sort == "variance")
        order, when = list(here.look.order), here.look.when
        here.here.trainer.resume_run()
        await here.until(lambda: here.look.when != when)
        assert list(here.look.order) == order


async def test_an_rnn_has_no_order_by_memory() -> None:
    config = RunConfig.from_options({"cell": "rnn", "hidden_size": 6, "seq_length": 9, "batch_size": 3})
    async with gates(config=config) as here:
        seen = set()
        for _ in range(4):
            before = here.look.sort
            await here.press("s")
            await here.until(lambda before=before: here.look.sort != before)
            seen.add(here.look.sort)
        assert seen == {"variance", "saturation", "similarity", "number"}
        assert "half-life" not in here.here.text


async def test_layers() -> None:
    async with gates(config=DEEP) as here:
        assert "layer 1/2" in here.here.text
        await here.press("right_square_bracket", "c")
        await here.until(lambda: (here.look.layer, here.look.name) == (1, "c"))
        np.testing.assert_array_equal(here.look.units.values, here.units("c", 1).values)
        await here.press("left_square_bracket")
        await here.until(lambda: here.look.layer == 0)


# Moving about.


def test_a_window_moves_as_little_as_it_must() -> None:
    assert window(100, 5, 0, 10) == range(10)
    assert window(100, 12, 0, 10) == range(3, 13)
    assert window(100, 4, 20, 10) == range(4, 14)
    assert window(100, 99, 95, 10) == range(90, 100)
    assert window(4, 3, 0, 10) == range(4)


async def test_moving_through_units_and_characters() -> None:
    async with gates() as here:
        last = len(here.look.units.text) - 1
        await here.press("up", "left")
        assert (here.look.unit, here.look.position) == (0, 0)
        await here.press("end", "pagedown")
        assert (here.look.unit, here.look.position) == (5, last)
        await here.press("right", "down")
        assert (here.look.unit, here.look.position) == (5, last)
        page = here.screen.query_one(UnitMap).page[1]
        await here.press("comma")
        assert here.look.position == last - page
        await here.press("full_stop", "home", "pageup")
        assert (here.look.unit, here.look.position) == (0, 0)


async def test_the_mouse_points_and_the_wheel_scrolls() -> None:
    async with gates() as here:
        await here.here.pilot.click(UnitMap, offset=(2 + 7, 1 + 4))
        await here.here.pilot.pause()
        assert (here.look.unit, here.look.position) == (4, 7)
        await here.press("enter")
        await here.here.pilot.click(UnitText, offset=(3, 1))
        await here.here.pilot.pause()
        assert here.look.position == 3


async def test_many_units_share_rows_and_stay_reachable() -> None:
    config = RunConfig.from_options({"hidden_size": 61, "seq_length": 9, "batch_size": 3})
    async with gates(config=config) as here:
        await here.press(*["pagedown"] * 8)
        assert here.look.unit == 60 and "–60 of 61" in here.here.text and "unit 60 at" in here.here.text


# One unit.


async def test_a_units_text_and_what_it_follows() -> None:
    async with gates() as here:
        await here.press("c", "down", "enter")
        await here.until(lambda: here.look.name == "c" and here.look.followed is not None)
        assert "Unit 1" in here.here.line[1] and "cell state of layer 1" in here.here.line[1]
        assert here.look.units.text.split("\n")[0] in here.here.text
        expected = here.units("c").follows(1, character=here.look.character)
        assert list(here.look.followed or ()) == expected
        best = expected[0]
        line = next(line for line in here.here.line if best.signal.removeprefix("the character ") in line[38:])
        assert f"{best.held_out:+.2f}" in line and f"{best.chosen_on:+.2f}" in line
        await here.press("down")
        await here.until(lambda: here.look.followed is not None)
        assert list(here.look.followed or ()) == here.units("c").follows(2, character=here.look.character)
        await here.press("escape")
        assert "Saturation" in here.here.text


async def test_nothing_is_counted_that_is_not_seen() -> None:
    async with gates() as here:
        await here.press("down")
        assert here.look.followed is None
        await here.press("enter")
        await here.until(lambda: here.look.followed is not None)


async def test_only_the_cursor_is_drawn_again_where_only_that_moves() -> None:
    async with gates() as here:
        await here.press("f")
        await here.until(lambda: here.look.name == "f")
        units = here.screen.query_one(UnitMap)
        before = units.draw(*units.size)
        await here.press("down")
        after = units.draw(*units.size)
        assert [y for y in range(1, 7) if before[y] is not after[y]] == [1, 2]
        await here.press("v")
        await here.until(lambda: here.look.deviation)
        assert units.draw(*units.size)[4] is not after[4]


async def test_the_chosen_character_is_correlated_too() -> None:
    async with gates() as here:
        position = here.look.units.text.index("h")
        await here.press("enter", *["right"] * position)
        await here.until(lambda: here.look.followed is not None)
        assert any(one.signal == "the character 'h'" for one in here.look.followed or ())


async def test_a_short_text_is_too_short_to_tell() -> None:
    async with gates() as here:
        await here.press("t")
        await here.here.asked(AskText)
        await here.here.type_into("#text", "the the")
        await here.press("enter")
        await here.until(lambda: here.look.units.text == "the the")
        await here.press("enter")
        assert "too little text to tell" in here.here.text


# Time.


async def test_what_was_kept_stands_beside_what_came_later() -> None:
    async with gates() as here:
        first, step = here.units("h").values, here.here.step
        await here.press("k", "1", "n", "n", "n")
        await here.until(lambda: here.here.step == step + 3)
        await here.press("4")
        await here.current()
        await here.until(lambda: here.look.kept is not None)
        kept = here.look.kept
        assert kept is not None
        np.testing.assert_array_equal(kept.values, first)
        assert f"step {step:,} {first[0, 0]:+.3f}" in here.here.text
        assert f"step {step + 3:,} {here.units('h').values[0, 0]:+.3f}" in here.here.text
        await here.press("k")
        await here.until(lambda: here.look.kept is None)


async def test_a_frozen_view_stays_while_training_runs_on() -> None:
    async with gates() as here:
        step, shown = here.here.step, here.look
        await here.press("space")
        assert "frozen" in here.here.line[0]
        here.here.trainer.resume_run()
        await here.until(lambda: here.here.step > step + 5)
        here.screen._tick()
        await here.here.pilot.pause()
        assert here.look.when == shown.when
        await here.press("space")
        await here.until(lambda: here.look.when != shown.when)


async def test_another_network_in_training_takes_over() -> None:
    async with gates(config=DEEP) as here:
        await here.press("f", "right_square_bracket", *["down"] * 5)
        await here.until(lambda: here.look.layer == 1)
        config = RunConfig.from_options({"cell": "gru", "hidden_size": 4, "seq_length": 9, "batch_size": 3})
        session = here.here.app.session
        session.use(session.make(config, here.here.trainer.text))
        await here.until(lambda: here.look.cell == "gru")
        assert (here.look.name, here.look.layer, here.look.unit) == ("h", 0, 3)


# Other texts and networks.


async def test_any_text_can_be_typed() -> None:
    async with gates() as here:
        kept_apart = here.look.units.text
        await here.press("t")
        await here.here.asked(AskText)
        await here.here.type_into("#text", "to be§")
        await here.press("enter")
        assert "'§'" in here.here.text
        await here.here.type_into("#text", "to be\\nor")
        await here.press("enter")
        await here.until(lambda: here.look.units.text == "to be\nor")
        expected = here.reading("to be\nor").units(0, "h")
        np.testing.assert_array_equal(here.look.units.values, expected.values)
        await here.press("t")
        await here.here.asked(AskText)
        await here.press("enter")
        await here.until(lambda: here.look.units.text == kept_apart)


async def test_a_text_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("and the\n" * 400)
    async with gates() as here:
        await here.press("d")
        await here.here.asked(OpenFile)
        await here.here.type_into("Input", str(tmp_path / "other.txt"))
        here.here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await here.until(lambda: isinstance(here.here.app.screen, GatesScreen) and "and the" in here.look.units.text)
        assert len(here.look.units.text) == 2000


async def test_a_checkpoint_and_back(tmp_path: Path) -> None:
    async with gates() as here:
        path = tmp_path / "kept.safetensors"
        here.here.trainer.save(str(path))
        await here.press("l")
        await here.here.asked(OpenFile)
        await here.here.type_into("Input", str(path))
        here.here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await here.until(lambda: "kept.safetensors" in here.here.line[0])
        assert not any(command.id == "gates.freeze" for command in commands(here.screen))
        await here.press("n")
        await here.until(lambda: "kept.safetensors" not in here.here.line[0])


@pytest.mark.parametrize("suffix", [".csv", ".json", ".svg"])
async def test_export(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"values{suffix}"
    async with gates() as here:
        await here.press("f")
        await here.until(lambda: here.look.name == "f")
        expected = here.units("f")
        await here.press("e")
        await here.here.asked(SaveFile)
        await here.here.type_into("Input", str(path))
        here.here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await until(here.here.pilot, path.exists)
    written = path.read_text()
    if suffix == ".json":
        np.testing.assert_array_equal(json.loads(written)["values"], expected.values)
    elif suffix == ".csv":
        assert written.splitlines()[1].split(",")[2:] == [str(value) for value in expected.values[0].tolist()]
    else:
        assert written.startswith("<svg")


# Help.


async def test_help_names_every_key_of_the_screen() -> None:
    async with gates() as here:
        known = {command.id for command in commands(here.screen) if command.target is here.screen}
        assert {"gates.open", "gates.sort", "gates.deviation", "gates.keep", "gates.text", "gates.file"} <= known
        await here.press("question_mark")
        await here.here.asked(Help)
        assert "Gates" in here.here.text


class Alone(LabApp):
    """The lab, opened at its Gates screen: nothing trains."""

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()
        self.switch_mode("gates")


async def test_nothing_to_read_is_said() -> None:
    app = Alone()
    async with app.run_test(size=SMALL) as pilot:
        here = Lab(app, pilot)
        await here.shows("no network has been read yet")
        for key in (
            "f",
            "s",
            "v",
            "v",
            "k",
            "k",
            "enter",
            "down",
            "escape",
            "e",
            "t",
            "d",
            "space",
            "full_stop",
            "end",
        ):
            await here.press(key)
        await here.shows("no network has been read yet")
