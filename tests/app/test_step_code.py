"""The lines of C and NumPy beside a number on the Step screen, and what both engines say about it."""

from __future__ import annotations

import pytest
from app.stepping import LARGE, SMALL, walking, words
from screen import drawn, until

from lstm_ext.engine.backend import available_backends
from lstm_ext.explain.engines import both
from lstm_lab.app.widgets.stage_code import StageCode
from lstm_lab.app.widgets.stage_detail import StageDetail

needs_core = pytest.mark.skipif("c" not in available_backends(), reason="needs the C core")


@needs_core
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_v_shows_lines_and_both_numbers(size: tuple[int, int]) -> None:
    async with walking(size) as here:
        await here.go("forward", 3, "f")
        await here.press("v")
        await until(here.pilot, lambda: "core - twin" in drawn(here.app))
        text = words(here.panel(StageDetail))
        assert "C in csrc/kernel/lstm.inc.c" in text and "vec f = vsigmoid(af);" in text
        assert "NumPy in lstm_ext/cells/lstm.py" in text and "sigmoid(a[:, :2], out=a[:, :2])" in text
        for phase, t, stage in (("forward", 2, "c"), ("backward", 2, "da_f"), ("backward", 1, "dc_prev")):
            await here.go(phase, t, stage)
            core, twin = both(here.place.walk).numbers(here.place.index, 0)
            text = words(here.panel(StageDetail))
            assert core is not None and twin is not None
            assert f"core {core:.17g}" in text and f"twin {twin:.17g}" in text
            assert f"core - twin = {core - twin:.1e}" in text or (core == twin and "core - twin = 0" in text)
        await here.press("v")
        assert "core - twin" not in drawn(here.app)


@needs_core
async def test_a_wide_terminal_has_the_lines_beside_the_stage() -> None:
    async with walking((200, 55)) as here:
        await here.go("forward", 3, "f")
        await until(here.pilot, lambda: "core - twin" in drawn(here.app))
        panel = words(here.panel(StageCode))
        assert "vec f = vsigmoid(af);" in panel and "core - twin" in panel
        assert "vsigmoid" not in words(here.panel(StageDetail))
        await here.press("enter")
        await until(here.pilot, lambda: len(here.place.losses) == 1 and here.place.both is not None)
        await here.pilot.resize_terminal(120, 40)
        await until(here.pilot, lambda: not here.screen.query_one(StageCode).display)
        await here.press("v")
        await until(here.pilot, lambda: "core - twin" in words(here.panel(StageDetail)))


@needs_core
async def test_the_lines_stay_through_an_update() -> None:
    async with walking(LARGE) as here:
        await here.go("forward", 3, "h")
        await here.press("v", "enter")
        await until(here.pilot, lambda: len(here.place.losses) == 1 and here.place.both is not None)
        core, _ = both(here.place.walk).numbers(here.place.index, 0)
        assert core == here.place.walk.steps[2].values["h"][0]
        assert f"core  {core:.17g}" in drawn(here.app)


@needs_core
async def test_every_stage_has_its_lines_on_the_screen() -> None:
    async with walking(SMALL, ascii_only=True) as here:
        await here.press("v")
        await until(here.pilot, lambda: here.place.both is not None)
        for number in range(0, len(here.place.walk.moments)):
            here.screen.action_go(number)
            await here.pilot.pause()
            text = words(here.panel(StageDetail))
            assert "C in csrc/kernel/" in text and "NumPy in lstm_ext/" in text, here.at


async def test_without_c_sources_and_core_the_twin_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_ext.explain import engines
    from lstm_lab.app.widgets import stage_code

    every = stage_code.lines
    monkeypatch.setattr(
        stage_code, "lines", lambda *a, **k: [line for line in every(*a, **k) if line.engine == "NumPy"]
    )
    monkeypatch.setattr(engines, "available_backends", lambda: ("numpy",))
    async with walking() as here:
        await here.go("forward", 3, "f")
        await here.press("v")
        await until(here.pilot, lambda: "the C core is not installed" in drawn(here.app))
        assert "the C sources are not installed" in drawn(here.app)
        assert "sigmoid(a[:, :2]" in drawn(here.app)
