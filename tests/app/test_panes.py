"""What can be done with the panes of every screen: jump to one, see it alone, copy it."""

from __future__ import annotations

import pytest
from app.laboratory import LARGE, SMALL, lab

from lstm_lab.app.keys import commands
from lstm_lab.app.modes import MODES
from lstm_lab.app.panes import panes
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.jump import LETTERS, Jump


async def test_a_letter_goes_to_its_pane() -> None:
    async with lab(LARGE) as here:
        chain = here.app.screen.focus_chain
        for letter, pane in zip(LETTERS, chain, strict=False):
            await here.press("ctrl+o")
            await here.asked(Jump)
            for other, _ in zip(LETTERS, chain, strict=False):
                assert f"[{other}]" in here.text
            await here.press(letter)
            await here.until(lambda pane=pane: here.app.screen.focused is pane)


async def test_escape_jumps_nowhere() -> None:
    async with lab() as here:
        before = here.app.screen.focused
        await here.press("ctrl+o")
        await here.asked(Jump)
        await here.press("escape")
        await here.until(lambda: not here.app.screen.is_modal)
        assert here.app.screen.focused is before


async def test_a_click_into_a_pane_jumps_there() -> None:
    async with lab(LARGE) as here:
        pane = here.app.screen.query_one("#samples")
        x, y = pane.region.offset
        await here.press("ctrl+o")
        await here.asked(Jump)
        await here.pilot.click(offset=(x + 1, y + 1))
        await here.until(lambda: not here.app.screen.is_modal and here.app.screen.focused is pane)


async def test_a_pane_takes_the_whole_screen_and_gives_it_back() -> None:
    async with lab() as here:
        samples = here.app.screen.query_one("#samples")
        samples.focus()
        await here.pilot.pause()
        before = samples.region
        for back in ("f3", "escape"):
            await here.press("f3")
            await here.until(lambda: samples.size.width > 70 and samples.size.height == SMALL[1] - 2)
            assert here.line[0].startswith(" lstm-lab") and "quit" in here.line[-1]
            assert "Loss" not in here.text
            await here.press(back)
            await here.until(lambda: samples.region == before)


async def test_where_nothing_is_focused_one_chooses_the_pane_to_see_alone() -> None:
    async with lab() as here:
        here.app.screen.set_focus(None)
        status = here.app.screen.query_one("#status")
        letter = LETTERS[[pane.id for pane in panes(here.app.screen)].index("status")]
        await here.press("f3")
        await here.asked(Jump)
        await here.press(letter)
        await here.until(lambda: status.size.width > 70)


async def test_a_pane_is_copied_without_its_surroundings() -> None:
    async with lab() as here:
        await here.paused()
        here.app.screen.query_one("#samples").focus()
        await here.pilot.pause()
        await here.press("f4")
        await here.shows("Copied Samples,")
        text = here.app.clipboard
        assert text.startswith("Samples ") and "Loss" not in text and "temp" in text.split("\n")[0]
        assert all(line == line.rstrip() for line in text.split("\n"))


async def test_the_screen_is_copied_where_no_pane_is_focused() -> None:
    async with lab() as here:
        here.app.screen.set_focus(None)
        await here.press("f4")
        await here.shows("Copied the screen, 24 lines")
        lines = here.app.clipboard.split("\n")
        assert lines[0].startswith(" lstm-lab") and "quit" in lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
async def test_every_pane_of_every_screen_can_be_seen_alone(size: tuple[int, int]) -> None:
    async with lab(size) as here:
        for mode in MODES:
            here.app.switch_mode(mode.id)
            await here.until(lambda mode=mode: here.app.current_mode == mode.id and here.app.screen.is_mounted)
            await here.pilot.pause()
            for pane in panes(here.app.screen):
                before = pane.size.height
                assert here.app.screen.maximize(pane, container=False)
                await here.until(lambda pane=pane: pane.size.height == size[1] - 2)
                here.app.screen.minimize()
                await here.until(
                    lambda pane=pane, before=before: pane.size.height < size[1] - 2 or before == size[1] - 2
                )


@pytest.mark.slow
async def test_the_mouse_reaches_help_and_with_it_every_command() -> None:
    async with lab((60, 16)) as here:
        for mode in MODES:
            here.app.switch_mode(mode.id)
            await here.until(lambda mode=mode: here.app.current_mode == mode.id and " help " in here.line[-1])
            every = {command.id for command in commands(here.app.screen)}
            await here.pilot.click(offset=(here.line[-1].index(" help ") + 2, 15))
            await here.asked(Help)
            assert {command.id for command in here.app.screen.listed} >= every, mode.id
            await here.press("escape")
            await here.until(lambda: not here.app.screen.is_modal)
