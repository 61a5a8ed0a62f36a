"""Learning by hand on the Step screen: Enter makes the update that the walk ends with."""

from __future__ import annotations

from itertools import pairwise

import pytest
from app.stepping import LARGE, SMALL, walking, words
from screen import drawn, until

from lstm_ext.explain.update import LEARNING_RATE, learn
from lstm_ext.explain.walk import spelling_model
from lstm_lab.app.screens.subject import Subject
from lstm_lab.app.widgets.stage_detail import StageDetail
from lstm_lab.app.widgets.stage_list import StageList
from lstm_lab.app.widgets.text_ribbon import TextRibbon
from lstm_lab.text.formulas import format_number
from lstm_lab.text.step import weight_name


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_walk_ends_with_old_and_new_weights_of_the_chosen_unit(size: tuple[int, int]) -> None:
    async with walking(size) as here:
        await here.go("update", 0, "step")
        for unit in (0, 1):
            changes = here.place.walk.updated.changes(unit)
            assert [change.array for change in changes][-2:] == ["W_y", "b_y"] and len(changes) == 14
            for change in changes:
                shown = here.row(StageDetail, weight_name(here.place.walk, change).ljust(8))
                numbers = [format_number(n) for n in (change.old, change.step, change.new)]
                assert shown.split()[-3:] == numbers
            await here.press("down")
        assert "η = 1" in here.panel(StageList)[0]


async def test_enter_learns_hello_by_hand() -> None:
    async with walking() as here:
        await here.press("end")
        model, vocabulary = spelling_model("hello")
        expected = learn(model, "hello", vocabulary, [LEARNING_RATE] * 13)
        for count in range(13):
            await until(here.pilot, lambda: here.place.losses == pytest.approx(expected[:count], abs=1e-12))  # noqa: B023
            assert here.at == ("update", 0, "after")
            assert here.place.walk.loss == pytest.approx(expected[count], abs=1e-12)
            await here.press("enter")
        await until(here.pilot, lambda: len(here.place.losses) == 13)
        assert all(after < before for before, after in pairwise(expected))
        shown = [line for line in here.panel(StageList) if "━" in line]
        after = here.place.walk.updated.loss_after
        assert shown[-1].split()[:3] == ["▸", "14", format_number(after)]
        assert shown[-2].split()[:2] == ["13", format_number(here.place.walk.loss)]
        assert "13 updates" in drawn(here.app)
        odds = [f"{100 * p:.3g}%" for p in here.place.walk.updated.odds]
        assert [share for share in here.panel(TextRibbon)[1].split() if "%" in share] == odds


async def test_predictions_change_where_the_walker_stands() -> None:
    async with walking(LARGE) as here:
        await here.go("forward", 3, "p")
        before = words(here.panel(StageDetail))
        await here.press("enter", "enter")
        await until(here.pilot, lambda: len(here.place.losses) == 2)
        assert here.at == ("forward", 3, "p") and words(here.panel(StageDetail)) != before


async def test_w_goes_back_to_the_beginning() -> None:
    async with walking(LARGE) as here:
        await here.press("end")
        untrained = here.place.walk.loss
        await here.press("enter", "enter")
        await until(here.pilot, lambda: len(here.place.losses) == 2)
        await until(here.pilot, lambda: "w untrain" in drawn(here.app).split("\n")[-1])
        await here.press("w")
        await here.walks(Subject())
        assert here.place.losses == () and here.place.walk.loss == untrained


async def test_the_learning_rate_changes_the_next_update_only() -> None:
    async with walking() as here:
        await here.press("end", "enter")
        await until(here.pilot, lambda: len(here.place.losses) == 1)
        first = here.place.walk.loss
        await here.press("full_stop")
        await until(here.pilot, lambda: here.place.walk.updated.learning_rate == 2.0)
        assert here.place.walk.loss == first and "η = 2" in drawn(here.app)
        await here.press("enter")
        await until(here.pilot, lambda: here.screen.subject.updates == (1.0, 2.0) and len(here.place.losses) == 2)
        await here.press("comma", "comma", "comma")
        await until(here.pilot, lambda: here.place.walk.updated.learning_rate == 0.2)
        for _ in range(20):
            await here.press("less_than_sign")
        await until(here.pilot, lambda: here.place.walk.updated.learning_rate == 1e-4)


async def test_updates_are_made_of_a_trained_network_too_and_another_cell_begins_anew() -> None:
    async with walking() as here:
        await here.press("w", "end", "enter")
        await until(here.pilot, lambda: len(here.place.losses) == 1)
        assert here.place.walk.loss < 0.1 and "trained + 1 update ·" in drawn(here.app)
        await here.press("c")
        await here.walks(Subject(cell="gru", trained=True))
        assert here.place.losses == ()


async def test_weights_that_explode_go_back_to_the_beginning() -> None:
    async with walking() as here:
        here.screen._walk(Subject(cell="mingru", updates=(1e307,) * 3))
        await until(here.pilot, lambda: "infinite" in drawn(here.app))
        await until(here.pilot, lambda: here.screen.subject.updates == () and here.place.losses == ())


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_numbers_that_are_not_finite_are_shown_as_such(size: tuple[int, int]) -> None:
    async with walking(size) as here:
        subject = Subject(updates=(1.7e308,) * 3, learning_rate=1.7e308)
        here.screen._walk(subject)
        await here.walks(subject)
        for number in range(0, len(here.place.walk.moments)):
            here.screen.action_go(number)
            await here.pilot.pause()
        assert "inf" in drawn(here.app)


async def test_in_ascii() -> None:
    async with walking(ascii_only=True) as here:
        await here.press("end", "enter", "left")
        await until(here.pilot, lambda: len(here.place.losses) == 1)
        assert drawn(here.app).isascii() and "W <- W - eta*scale*dW" in drawn(here.app)
        assert "eta = 1" in drawn(here.app) and "untrained + 1 update" in drawn(here.app)
