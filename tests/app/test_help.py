"""Help: keys that can be filtered and run, what is seen, and the way to the handbook; the palette on the key bar."""

from __future__ import annotations

import pytest
from app.laboratory import SMALL, Lab
from textual import events
from textual.widgets import Input

from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.modes import MODES
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.handbook import HandbookScreen
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.palette import Palette
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.widgets.help_list import HelpList
from lstm_lab.handbook.topics import topics


class AtStep(LabApp):
    """The lab, opened at the Step screen: nothing trains."""

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()
        self.switch_mode("step")


async def helped(lab: Lab) -> Help:
    await lab.until(lambda: isinstance(lab.app.screen, StepScreen) and lab.app.screen.place is not None)
    await lab.press("question_mark")
    await lab.asked(Help)
    assert isinstance(lab.app.screen, Help)
    return lab.app.screen


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("size", [(60, 16), SMALL, (120, 40), (200, 55)])
async def test_both_pages_at_every_size(size: tuple[int, int], ascii_only: bool) -> None:
    app = AtStep(ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        lab = Lab(app, pilot)
        await helped(lab)
        await lab.shows("Help: Step", " Keys ", "Walking", "esc close")
        await lab.press("tab")
        await lab.shows("A small network reads")
        assert all(len(line) == size[0] for line in lab.line)
        assert not ascii_only or lab.text.isascii()


async def test_keys_are_named_in_ascii() -> None:
    app = AtStep(ascii_only=True)
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        await lab.shows(" right on  enter update ")
        await helped(lab)
        await lab.shows(" right space ", " enter ", " left ")


async def test_typing_filters_by_every_word() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        help = await helped(lab)
        everything = len(help.listed)
        await lab.press(*"same gate")
        (command,) = help.listed
        assert command.id == "step.backward" and everything > 20
        await lab.shows("The same gate on the way backward")
        await lab.press(*"zz")
        await lab.shows("No command has all of these words.")
        await lab.press("enter")
        assert app.screen is help


async def test_enter_runs_the_chosen_command() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        help = await helped(lab)
        step = help._of
        assert isinstance(step, StepScreen)
        index = next(index for index, command in enumerate(help.listed) if command.id == "step.on")
        await lab.press(*["down"] * index)
        before = step.place
        await lab.press("enter")
        await lab.until(lambda: app.screen is step and step.place != before)


async def test_a_click_runs_a_command_and_the_wheel_moves() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        help = await helped(lab)
        await pilot._post_mouse_events([events.MouseScrollDown], HelpList)
        await lab.until(lambda: help._index == 3)
        await lab.press(*"the gates screen")
        y = next(y for y, line in enumerate(lab.line) if "The Gates screen" in line)
        await pilot.click(offset=(20, y))
        await lab.until(lambda: app.current_mode == "gates")


async def test_pages_can_be_clicked_and_scrolled() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        await helped(lab)
        y = next(y for y, line in enumerate(lab.line) if "What you see" in line)
        await pilot.click(offset=(lab.line[y].index("What"), y))
        await lab.shows("The stages")
        before = lab.text
        await pilot._post_mouse_events([events.MouseScrollDown], HelpList)
        await lab.until(lambda: lab.text != before)
        await lab.press("pageup", "tab")
        await lab.shows("Walking")


async def test_the_filter_finds_what_is_seen_and_places_of_the_handbook() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        await helped(lab)
        await lab.press("tab", *"peephole")
        await lab.shows("Handbook: LSTM: Peepholes")
        y = next(y for y, line in enumerate(lab.line) if "Handbook: LSTM: Peepholes" in line)
        await pilot.click(offset=(lab.line[y].index("LSTM"), y))
        await lab.until(lambda: isinstance(app.screen, HandbookScreen) and app.screen.topic.id == "lstm")


async def test_a_question_mark_closes_it_as_it_opened_it() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        help = await helped(lab)
        await lab.press("q")
        assert app.screen is help and help.query_one(Input).value == "q"
        await lab.press("question_mark")
        await lab.until(lambda: isinstance(app.screen, StepScreen))


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.id not in ("train", "handbook")], ids=lambda m: m.id)
async def test_every_screens_help_leads_to_its_topic_and_escape_back(mode: object) -> None:
    id, topic = mode.id, mode.topic  # type: ignore[attr-defined]
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        await app.switch_mode(id)
        await pilot.pause()
        await lab.press("question_mark")
        await lab.asked(Help)
        await lab.press("f1")
        await lab.until(lambda: isinstance(app.screen, HandbookScreen) and app.screen.topic.id == topic)
        await lab.shows(topics()[topic].title)
        await lab.press("escape")
        await lab.until(lambda: app.current_mode == id)


# The key bar.


@pytest.mark.parametrize(("width", "named"), [(60, False), (80, True), (120, True)])
async def test_the_key_bar_names_the_palette_where_it_has_room(width: int, named: bool) -> None:
    app = AtStep()
    async with app.run_test(size=(width, 24)) as pilot:
        lab = Lab(app, pilot)
        await lab.shows("? help", "q quit")
        assert ("^p palette" in lab.line[-1]) is named
        palette = next(command for command in commands(app.screen) if command.id == "lab.palette")
        assert palette.keys == ("^p",)
        if named:
            await pilot.click(offset=(lab.line[-1].index("palette"), 23))
            await lab.shows("Search for commands")


# Dialogs.


async def test_work_that_ends_after_its_dialog_was_closed_closes_nothing() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        help = await helped(lab)
        above = Ask("Over it", "Something was asked meanwhile.", [("yes", "Yes", "y")])
        app.push_screen(above)
        await lab.asked(Ask)
        help.dismiss("step.on")
        assert app.screen is above
        await lab.press("escape", "escape")
        await lab.until(lambda: isinstance(app.screen, StepScreen))
        help.dismiss("step.on")
        assert isinstance(app.screen, StepScreen)


async def test_a_palette_that_is_closed_closes_nothing_more() -> None:
    app = AtStep()
    async with app.run_test(size=SMALL) as pilot:
        lab = Lab(app, pilot)
        await lab.press("ctrl+p")
        await lab.until(lambda: isinstance(app.screen, Palette))
        palette = app.screen
        palette.dismiss()
        await lab.until(lambda: app.screen is not palette)
        palette.dismiss()
        await lab.shows("Forward")
