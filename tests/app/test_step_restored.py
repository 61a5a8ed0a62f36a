"""What the Step screen says about itself for recordings is enough to come back to it."""

from __future__ import annotations

import json

from app.laboratory import lab
from app.stepping import walking
from screen import until

from lstm_lab.app.screens.step import StepScreen


async def test_updates_rate_and_code_come_back() -> None:
    async with walking() as here:
        await here.press("end", "enter", "enter", "full_stop")
        await until(here.pilot, lambda: here.place.walk.updated.learning_rate == 2.0 and len(here.place.losses) == 2)
        await here.press("v", "down")
        state, loss = json.loads(json.dumps(here.screen.state())), here.place.walk.loss
        assert (state["updates"], state["learning_rate"], state["code"]) == ([1.0, 1.0], 2.0, True)
    async with walking((120, 40)) as there:
        plain = there.screen.state()
        assert (plain["updates"], plain["learning_rate"], plain["taken"]) == ([], 1.0, False) and "code" not in plain
        await there.screen.restore(state)
        assert there.place.walk.loss == loss and there.screen.state() == state
        await there.screen.restore({**state, "updates": ["x", None, 1e999], "learning_rate": "fast"})
        assert there.screen.subject.updates == (50.0,) and there.screen.subject.learning_rate == 1.0
        await there.screen.restore(plain)
        assert there.screen.state() == plain


async def test_the_network_in_training_comes_back() -> None:
    async with lab() as here:
        await here.paused()
        await here.press("2")
        await here.until(lambda: isinstance(here.app.screen, StepScreen) and here.app.screen.place is not None)
        screen = here.app.screen
        assert isinstance(screen, StepScreen)
        await here.press("n")
        await here.until(lambda: screen.place is not None and screen.place.sort)
        state = json.loads(json.dumps(screen.state()))
        assert state["taken"]
        await here.press("s")
        await here.until(lambda: screen.place is not None and not screen.place.sort)
        await screen.restore(state)
        assert screen.place is not None and screen.place.sort and screen.state() == state
