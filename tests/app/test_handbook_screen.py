"""The Handbook screen: choosing, reading, searching, links out and back, the valve, sizes, at every size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app.laboratory import LARGE, SMALL, Lab
from screen import segments, until
from textual import events
from textual.widgets import Input

from lstm_ext.engine.config import ModelConfig
from lstm_lab.app.keymap import table
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.experiments import ExperimentsScreen
from lstm_lab.app.screens.files import SaveFile
from lstm_lab.app.screens.handbook import AskSizes, HandbookScreen
from lstm_lab.app.screens.learn import LearnScreen
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.widgets.handbook_contents import HandbookContents
from lstm_lab.app.widgets.handbook_page import HandbookPage, Place
from lstm_lab.app.widgets.valve import Valve
from lstm_lab.handbook.facts import half_life, share, sigmoid
from lstm_lab.handbook.topics import topics


class AtHandbook(LabApp):
    """The lab, opened at the handbook: nothing trains."""

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()
        self.switch_mode("handbook")


class Handbook(Lab):
    """A lab at its handbook."""

    @property
    def screen(self) -> HandbookScreen:
        screen = self.app.screen
        assert isinstance(screen, HandbookScreen)
        return screen

    @property
    def page(self) -> HandbookPage:
        return self.screen.query_one(HandbookPage)

    @property
    def at(self) -> str:
        return self.screen.topic.id

    async def go(self, target: str) -> None:
        await self.screen.run_action(f"go({target!r})")
        await self.pilot.pause()


@asynccontextmanager
async def handbook(size: tuple[int, int] = SMALL, *, ascii_only: bool = False) -> AsyncIterator[Handbook]:
    app = AtHandbook(ascii_only=ascii_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        here = Handbook(app, pilot)
        await here.until(lambda: isinstance(app.screen, HandbookScreen) and app.screen.is_mounted)
        await here.shows("Contents", "Recurrent networks")
        yield here


# Looks.


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("size", [(60, 16), SMALL, LARGE, (200, 55)])
async def test_every_topic_fits_every_size(size: tuple[int, int], ascii_only: bool) -> None:
    async with handbook(size, ascii_only=ascii_only) as here:
        for topic in ("gates", "lstm", "parameters", "glossary"):
            await here.go(topic)
            await here.press("enter")
            assert topics()[topic].title in here.line[0]
            assert all(len(line) == size[0] for line in here.line)
            assert not ascii_only or here.text.isascii()


async def test_without_colours_the_curves_have_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with handbook() as here:
        await here.go("gates")
        await here.shows("* σ", "o tanh", "ooo")
        colours = {str(color.name) for s in segments(here.app) if s.style and (color := s.style.color)}
        assert colours <= {"default"}


async def test_terms_of_the_topic_stand_beside_it_where_there_is_room() -> None:
    async with handbook((200, 55)) as here:
        await here.go("biases")
        await here.shows("Terms on this page", "input gate (i)", "Units are counted from 0.")


async def test_in_ascii_formulas_are_spelled() -> None:
    async with handbook(LARGE, ascii_only=True) as here:
        await here.go("lstm")
        await here.shows("C_t = f_t*C_{t-1} + i_t*g_t      memory", "h_t = o_t*tanh(C_t)              output")
        await here.go("gates")
        await here.shows("* sigmoid", "sigmoid 0.7311", "half after 2.2 steps")
        assert "?" not in "".join(here.line[:-1])


@pytest.mark.parametrize(
    ("topic", "id", "key", "said"),
    [
        ("sampling", "train.warmer", "t", "`t` and `T` change the temperature"),
        ("sampling", "train.colder", "T", "`t` and `T` change the temperature"),
        ("parameters", "handbook.sizes", "t", "press t and type V, H"),
        ("gates", "handbook.widen", "right", "left and right move x"),
        ("step", "step.update", "enter", "Enter repeats it"),
        ("step", "step.rate_down", "comma,less_than_sign", "comma and full stop change it"),
        ("step", "step.follow", "o", "`o` opens it"),
        ("experiments", "experiments.measure", "m", "`m` measures"),
    ],
)
def test_keys_that_texts_name_are_those_of_the_commands(topic: str, id: str, key: str, said: str) -> None:
    assert key in ",".join(table(LabApp)[id].keys)
    assert said in " ".join(topics()[topic].markdown().split())


# Choosing and reading.


async def test_choosing_shows_the_topic_at_once() -> None:
    async with handbook() as here:
        await here.press("down")
        assert here.at == "gates" and "A gate is a vector" in here.text
        await here.press("end")
        assert here.at == "references"
        await here.press("home", "pagedown")
        assert here.at == list(topics())[8]
        await here.press("pageup", "up")
        assert here.at == "recurrence"


async def test_the_mouse_chooses_and_scrolls() -> None:
    async with handbook() as here:
        y = next(y for y, line in enumerate(here.line) if line.startswith("  GRU"))
        await here.pilot.click(offset=(4, y))
        await here.until(lambda: here.at == "gru")
        await here.pilot._post_mouse_events([events.MouseScrollDown], HandbookContents)
        await here.until(lambda: here.at == "rnn")
        await here.go("lstm")
        await here.pilot._post_mouse_events([events.MouseScrollDown], HandbookPage)
        await here.until(lambda: here.page.place.below > 0)


async def test_enter_leads_to_the_text_and_escape_back() -> None:
    async with handbook() as here:
        await here.press("down", "down", "enter")
        await here.until(lambda: here.page.has_focus)
        await here.press("down", "down")
        assert here.page.place == Place("", 2)
        await here.press("escape")
        await here.until(lambda: here.screen.query_one(HandbookContents).has_focus)
        assert here.at == "gradients"


async def test_the_contents_can_be_hidden() -> None:
    async with handbook() as here:
        await here.press("c")
        await here.until(lambda: "Contents" not in here.text)
        await here.press("c")
        await here.shows("Contents")


async def test_narrow_terminals_show_contents_or_text() -> None:
    async with handbook((60, 16)) as here:
        assert "A recurrent network reads" not in here.text
        await here.press("enter")
        await here.shows("A recurrent network reads")
        assert "Contents" not in here.text
        await here.press("escape")
        await here.shows("Contents")
        await here.press("c")
        await here.shows("A recurrent network reads")
        await here.press("c")
        await here.shows("Contents")


# Links.


async def test_links_are_chosen_and_followed_and_one_comes_back() -> None:
    async with handbook() as here:
        await here.go("lstm")
        await here.press("n")
        first = here.page.links[0]
        assert first.target == "step:lstm" and here.page.link == 0
        await here.press("p")
        assert here.page.links[here.page.link].target == "exercise:build_lstm"
        await here.press("p")
        assert here.page.links[here.page.link].target == "biases"
        place = here.page.place
        assert place.heading
        await here.press("enter")
        assert here.at == "biases" and here.page.place == Place()
        await here.press("escape")
        await here.until(lambda: here.at == "lstm" and here.page.place == place)


async def test_a_link_to_a_heading_scrolls_there() -> None:
    async with handbook() as here:
        await here.go("symptoms#Memorizing")
        await here.until(lambda: here.page.place == Place("Memorizing"))
        assert "Memorizing" in here.line[3]


async def test_links_can_be_clicked() -> None:
    async with handbook() as here:
        await here.go("mingru")
        y = next(y for y, line in enumerate(here.line) if "Walk through it" in line)
        await here.pilot.click(offset=(here.line[y].index("Walk"), y))
        await here.until(lambda: isinstance(here.app.screen, StepScreen))
        await here.until(lambda: here.app.screen.subject.cell == "mingru")


async def test_links_lead_into_the_lab() -> None:
    async with handbook() as here:
        await here.go("step:gru reset_after")
        await here.until(lambda: isinstance(here.app.screen, StepScreen))
        step = here.app.screen
        await here.until(lambda: (step.subject.cell, step.subject.reset_after) == ("gru", True))
        await here.press("8")
        await here.go("exercise:forget_bias")
        await here.until(lambda: isinstance(here.app.screen, LearnScreen) and here.app.screen.desk is not None)
        assert here.app.screen.desk.exercise.id == "forget_bias"
        await here.press("8")
        await here.go("screen:gates")
        await here.until(lambda: here.app.current_mode == "gates")
        await here.press("8")
        await here.go("experiment:memory")
        await here.until(lambda: isinstance(here.app.screen, ExperimentsScreen))
        experiments = here.app.screen
        await here.until(lambda: experiments.opened == "memory")


# Searching.


async def test_search_while_typing_and_back() -> None:
    async with handbook() as here:
        await here.go("rnn")
        await here.press("slash", *"peep")
        await here.shows("6 found")
        assert here.at == "lstm"
        await here.until(lambda: "Peepholes" in here.line[3 - 1] or "Peepholes" in here.line[3])
        await here.press("down")
        assert here.at == "glossary"
        await here.press("up", "enter")
        await here.until(lambda: here.page.has_focus)
        assert here.at == "lstm"
        await here.press("escape")
        await here.shows("Contents")
        assert here.at == "rnn" and here.screen.query_one("#search", Input).value == ""


async def test_what_is_found_can_be_clicked() -> None:
    async with handbook() as here:
        await here.press("slash", *"saturation")
        await here.shows("found")
        y = next(y for y, line in enumerate(here.line) if y > 2 and line.strip().startswith("saturation"))
        await here.pilot.click(offset=(4, y))
        await here.until(lambda: here.at == "glossary")


async def test_nothing_found_is_said() -> None:
    async with handbook() as here:
        await here.press("slash", *"zyzzyva")
        await here.shows("0 found")
        await here.press("down", "enter", "escape")
        await here.shows("Contents")


async def test_a_quote_and_a_bracket_can_be_searched_for() -> None:
    async with handbook() as here:
        await here.press("slash")
        for typed in ("'", '"', ")", "\\", "a','b"):
            here.screen.query_one("#search", Input).value = typed
            await here.pilot.pause()
        assert "found" in here.text


# The valve.


async def test_the_valve_moves_and_says_what_is_left() -> None:
    async with handbook() as here:
        await here.go("gates")
        valve = here.screen.query_one(Valve)
        await here.shows("σ 0.7311", "half is left after 2.2 steps")
        await here.press("right", "full_stop", "full_stop")
        assert valve.x == 3.1
        gate = sigmoid(3.1)
        await here.shows("x = +3.1", f"σ {gate:.4f}", f"half is left after {half_life(gate):.1f} steps")
        for steps in (1, 10, 100):
            line = next(line for line in here.line if f"after {steps:>3} step" in line)
            assert line.strip().endswith(share(gate**steps))
        await here.press("comma", "left")
        assert valve.x == 2.0
        await here.press(*["full_stop"] * 9)
        assert valve.x == 8.0


@pytest.mark.parametrize("size", [SMALL, LARGE, (100, 30), (90, 33)])
async def test_zero_is_where_the_curves_have_it(size: tuple[int, int]) -> None:
    async with handbook(size) as here:
        await here.go("gates")
        valve = here.screen.query_one(Valve)
        await here.until(lambda: valve.size.width)
        rows = [strip.text for strip in valve.draw(*valve.size)][1:-5]
        assert rows[[row.startswith("*") for row in rows].index(True)].rstrip().endswith("┄")


async def test_the_valve_takes_the_mouse() -> None:
    async with handbook() as here:
        await here.go("gates")
        valve = here.screen.query_one(Valve)
        await here.shows("half is left")
        width = valve.size.width
        await here.pilot.click(Valve, offset=(width - 1, 3))
        await here.until(lambda: valve.x == 8.0)
        await here.pilot._post_mouse_events([events.MouseScrollDown], Valve)
        await here.until(lambda: valve.x == 7.9)


async def test_the_valve_is_only_there_with_its_topic() -> None:
    async with handbook() as here:
        assert not here.screen.query_one(Valve).display
        await here.press("right")
        assert here.screen.query_one(Valve).x == 1.0


# Sizes, files.


async def test_parameters_are_counted_for_sizes_typed_in() -> None:
    async with handbook() as here:
        await here.go("parameters")
        await here.shows("107,713")
        await here.press("t")
        await here.asked(AskSizes)
        await here.type_into("#sizes", "30 0 2")
        await here.press("enter")
        await here.shows("expected V, H and layers")
        await here.type_into("#sizes", "30 8 2")
        await here.press("enter")
        count = ModelConfig(input_size=30, hidden_size=8, output_size=30, num_layers=2).num_parameters
        await here.shows("V = 30 characters, H = 8 units, 2 layers", f"{count:,}")


@pytest.mark.parametrize("suffix", [".md", ".svg"])
async def test_export(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"topic{suffix}"
    async with handbook() as here:
        await here.go("gru")
        await here.press("e")
        await here.asked(SaveFile)
        await here.type_into("Input", "topic.txt")
        await here.press("enter")
        await here.shows("expected a name that ends in .md or .svg")
        await here.type_into("Input", str(path))
        await here.press("enter")
        await until(here.pilot, path.exists)
    written = path.read_text(encoding="utf-8")
    assert written.startswith("# GRU\n\nThe gated recurrent unit" if suffix == ".md" else "<svg")


# Recordings.


async def test_what_is_shown_can_be_shown_again() -> None:
    async with handbook() as here:
        await here.press("slash", *"gate")
        await here.press("down", "down", "enter")
        await here.until(lambda: here.page.has_focus)
        await here.screen.run_action("sizes('30 8 2')")
        await here.screen.run_action("valve(2.5)")
        await here.until(lambda: here.page.place == Place("Held gates"))
        state, seen = here.screen.state(), here.text
        await here.press("escape", "home")
        await here.shows("Contents")
        await here.screen.restore(state)
        await here.until(lambda: here.text.split("\n")[1:-1] == seen.split("\n")[1:-1])
        assert here.screen.state() == state
    async with handbook(LARGE) as here:
        await here.screen.restore(state)
        await here.shows("60 found", "Any gate can be held")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"topic": "nowhere", "below": -5, "valve": "wide"},
        {"sizes": "0 0", "words": 3, "heading": "x", "valve": 1e300},
    ],
)
async def test_a_state_that_does_not_fit_is_left(state: dict[str, object]) -> None:
    async with handbook() as here:
        await here.screen.restore(state)
        await here.shows("Recurrent networks")
        assert abs(here.screen.query_one(Valve).x) <= 8.0
