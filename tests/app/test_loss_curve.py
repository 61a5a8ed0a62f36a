"""The loss curve as an instrument: zoom, scales, exact values, other runs, and what the updates were."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from app.laboratory import LARGE, lab
from app.test_widgets import Bench
from screen import drawn
from textual.pilot import Pilot

from lstm_ext.train.history import History
from lstm_lab.app.overlay import Overlay
from lstm_lab.app.theme import ThemedApp
from lstm_lab.app.widgets.curve_window import MIN_SPAN, Window
from lstm_lab.app.widgets.loss_curve import LossCurve, between
from lstm_lab.app.widgets.plot import Scale, log_axis, log_ticks, loss_axis, row_of

# Which steps are shown.


def test_the_whole_run_then_its_last_steps_then_some_of_them() -> None:
    whole = Window()
    assert whole.ends(950.0) == (0.0, 1000.0)
    tail = whole.zoomed(0.5, 950.0)
    assert tail == Window(500.0) and tail.ends(950.0) == (500.0, 1000.0)
    assert tail.ends(1001.0) == (562.5, 1062.5)  # it follows, in strides of an eighth
    still = tail.zoomed(0.5, 950.0, at=600.0)
    assert still == Window(250.0, 550.0) and still.ends(5000.0) == (550.0, 800.0)
    assert (600 - 550) / 250 == (600 - 500) / 500  # the step stays in its place
    assert still.zoomed(4.0, 950.0) == Window()
    assert still.zoomed(1e-6, 950.0).span == MIN_SPAN


def test_moving_ends_at_both_ends_of_the_run() -> None:
    still = Window(100.0, 300.0)
    assert still.moved(0.5, 950.0) == Window(100.0, 350.0)
    assert still.moved(-5.0, 950.0) == Window(100.0, 0.0)
    assert still.moved(20.0, 950.0) == Window(100.0)  # the tail again
    assert Window().moved(-1.0, 950.0) == Window()


def test_only_what_is_shown_is_drawn_and_scaled() -> None:
    kept = History()
    kept.add(1, np.linspace(5.0, 1.0, 100))
    for step in (20, 40, 60, 80):
        kept.add_validation(step, 1.0 + step)
    part = between(kept.view(), 30.0, 50.0)
    assert (part.steps[0], part.steps[-1]) == (29, 50) and len(part.norm) == len(part.steps)
    assert part.val_steps.tolist() == [20, 40, 60]


# Logarithmic scales.


@pytest.mark.parametrize("low, high", [(1.32, 4.57), (1.0, 1.01), (0.003, 4.2), (0.0, 5.0), (1e-9, 400.0), (2.0, 2.0)])
@pytest.mark.parametrize("height", [3, 8, 30])
def test_a_logarithmic_axis_holds_the_losses_and_labels_their_rows(low: float, high: float, height: int) -> None:
    scale, labels = loss_axis(low, high, height, log=True, dots=4)
    assert scale.low <= max(low, high / 1e5) * (1 + 1e-9) and high <= scale.high * (1 + 1e-9)
    for y, label in labels.items():
        assert row_of(float(scale(float(label))), scale.ends, height) == y
    assert len(labels) >= 1 or height < 8


def test_logarithmic_ticks_are_round_and_apart() -> None:
    scale = log_axis(1.3, 4.1)
    assert scale == Scale(1.0, 5.0, log=True)
    assert log_ticks(scale, 0.3) == [1, 2, 5]
    for distance in (0.02, 0.1, 0.5):
        shares = [scale.share(tick) for tick in log_ticks(scale, distance)]
        assert all(after - before >= distance for before, after in pairwise(shares))
    assert log_ticks(Scale(1e-3, 1e6, log=True), 0.2) == pytest.approx([1e-3, 1e-1, 1e1, 1e3, 1e5])
    assert scale.at(scale.share(2.5)) == pytest.approx(2.5)


# On screen.


@asynccontextmanager
async def shown(
    size: tuple[int, int] = (100, 16), *, ascii_only: bool = False
) -> AsyncIterator[tuple[LossCurve, Pilot[Any], ThemedApp]]:
    """A run of 1,000 steps: from 4 to 1, with validation at 500 and 1,000, and clipped before step 250."""
    kept = History()
    norms = np.where(np.arange(1, 1001) < 250, 2.0, 0.5)
    kept.add(1, np.linspace(4.0, 1.0, 1000), norms, np.full(1000, 4e-3), 1.0)
    kept.add_lr(1, 4e-3)
    kept.add_validation(500, 2.75)
    kept.add_validation(1000, 1.25)
    curve = LossCurve()
    app = Bench(curve, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        curve.show(kept.view(), 1.0)
        curve.focus()
        await pilot.pause()
        yield curve, pilot, app


def other(steps: int, loss: float, best: float | None = None, name: str = "GRU 9 abc") -> Overlay:
    kept = History()
    kept.add(1, np.full(steps, loss))
    return Overlay(name, kept.view(), best)


async def test_exact_values_where_the_keys_point() -> None:
    async with shown() as (curve, pilot, app):
        view = curve._history
        assert view is not None
        await pilot.press("left")  # at first to the last step
        assert "at step 1,000" in drawn(app)
        await pilot.press(*["left"] * 40)
        assert curve._cursor is not None
        at = int(view.steps.searchsorted(curve._cursor))
        text = drawn(app)
        assert f"at step {view.steps[at]:,.0f}" in text
        assert f"smoothed {view.smoothed[at]:.3f}" in text
        assert f"{view.low[at]:.3f}-{view.high[at]:.3f}" in text
        assert ("validation 2.750" in text) == (view.steps[at] >= 500)
        assert "norm 0.500" in text and "lr 0.004" in text and "clipped" not in text
        await pilot.press(*["left"] * 200)
        text = drawn(app)
        assert "at step 1 " in text and "validation" not in text and "clipped 100%" in text
        await pilot.press("escape")
        assert "at step" not in drawn(app) and "200" in drawn(app).split("\n")[-1]


async def test_exact_values_where_the_mouse_points_and_a_click_holds_them() -> None:
    async with shown() as (curve, pilot, app):
        await pilot.hover(offset=(60, 5))
        assert "at step" in drawn(app)
        pointed = curve._cursor
        await pilot.hover(offset=(60, 0))
        assert "at step" not in drawn(app)
        await pilot.click(offset=(60, 5))
        await pilot.hover(offset=(20, 5))
        assert curve._cursor == pointed
        await pilot.click(offset=(60, 5))  # and lets go
        await pilot.hover(offset=(20, 5))
        assert curve._cursor != pointed


async def test_zoom_by_keys() -> None:
    async with shown() as (curve, pilot, app):
        await pilot.press("up")
        assert "last steps" in drawn(app) and curve._window == Window(500.0)
        assert drawn(app).split("\n")[-1].split()[0] == "500"
        await pilot.press("pageup")
        assert "zoomed" in drawn(app) and curve._window == Window(500.0, 250.0)
        await pilot.press("home")
        assert curve._window == Window(500.0, 0.0)
        await pilot.press("end")
        assert curve._window == Window(500.0)
        await pilot.press("up", "down", "down")
        assert curve._window == Window() and "last steps" not in drawn(app)
        await pilot.press("up", "up", "0")
        assert curve._window == Window()


async def test_the_wheel_zooms_at_the_mouse_and_dragging_moves() -> None:
    async with shown() as (curve, pilot, _):
        await pilot.hover(offset=(30, 5))
        step = curve._cursor
        await pilot._post_mouse_events([_scroll("up")], offset=(30, 5))
        assert curve._window.span == 500.0 and curve._step_at(30) == pytest.approx(step)
        await pilot.mouse_down(offset=(60, 5))
        await pilot.hover(offset=(70, 5))
        await pilot.mouse_up(offset=(70, 5))
        assert curve._window.start is not None
        assert curve._step_at(40) == pytest.approx(step, abs=1.0)  # ten columns further right
        await pilot._post_mouse_events([_scroll("down")], offset=(30, 5))
        assert curve._window == Window()


def _scroll(direction: str) -> Any:
    from textual import events

    return {"up": events.MouseScrollUp, "down": events.MouseScrollDown}[direction]


async def test_scales_follow_one_another() -> None:
    async with shown() as (curve, _, app):
        for words in ((" log ",), (" log-log",), ()):
            curve.next_scale()
            text = drawn(app)
            assert all(word in text.split("\n")[0] for word in words)
            if not words:
                assert "log" not in text
        curve.next_scale()
        curve.next_scale()
        axis = drawn(app).split("\n")[-1].split()
        assert axis[:1] == ["1"] and "10" in axis and "100" in axis


@pytest.mark.parametrize("ascii_only, sign", [(False, "┄"), (True, "+")])
async def test_other_runs_are_numbered_and_named_with_their_best(ascii_only: bool, sign: str) -> None:
    async with shown(ascii_only=ascii_only) as (curve, pilot, app):
        curve.show_overlays([other(300, 3.5, 1.5), other(5000, 2.5, None, "RNN 7 hello")])
        await pilot.pause()
        lines = drawn(app).split("\n")
        assert f"1{sign} GRU 9 abc best 1.500" in lines[1] and f"2{sign} RNN 7 hello not evaluated" in lines[1]
        body = "\n".join(line[7:] for line in lines[2:-4])
        assert body.count("1") == 1 and body.count("2") == 1
        await pilot.press("left")
        assert "RNN 7 hello 2.500" in drawn(app) and "GRU 9 abc best 1.500" in drawn(app)  # that one ended before
        await pilot.press(*["left"] * 80)
        assert "GRU 9 abc 3.500" in drawn(app)


async def test_another_runs_losses_are_within_the_picture() -> None:
    async with shown() as (curve, pilot, _):
        curve.show_overlays([other(1000, 6.0)])
        await pilot.pause()
        assert curve._plot is not None and curve._plot.y.high >= 6.0


@pytest.mark.parametrize("ascii_only, heavy", [(False, "━"), (True, "=")])
async def test_the_axis_is_heavy_where_gradients_were_clipped(ascii_only: bool, heavy: str) -> None:
    async with shown((100, 12), ascii_only=ascii_only) as (curve, _, app):
        axis = drawn(app).split("\n")[-2]
        assert curve._plot is not None
        clipped = [x - (100 - curve._plot.width) for x, glyph in enumerate(axis) if glyph == heavy]
        assert clipped and max(clipped) == curve._plot.column(249.0)
        assert len(clipped) >= max(clipped) - 2  # but for the ticks


async def test_strips_stand_where_there_is_room() -> None:
    async with shown((100, 13)) as (_, _, app):
        assert "norm │" not in drawn(app)
    async with shown((100, 14)) as (_, _, app):
        (strip,) = (line for line in drawn(app).split("\n") if line.startswith("norm │"))
        bars = strip.split("│")[1].rstrip()
        assert bars[0] == "█" and bars[-1] < "▅"  # from 2 to 0.5
        assert any(line.startswith("  lr │") for line in drawn(app).split("\n"))
    async with shown((100, 30)) as (_, _, app):
        lines = drawn(app).split("\n")
        norm = next(y for y, line in enumerate(lines) if line.startswith("norm │"))
        assert lines[norm + 2].startswith("  lr │")


async def test_without_colours_the_curves_have_different_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown() as (curve, pilot, app):
        curve.show_overlays([other(1000, 3.5, 1.5)])
        await pilot.pause()
        lines = drawn(app).split("\n")
        assert "• smoothed" in lines[0] and "◇ validation" in lines[0] and "1+ GRU" in lines[1]
        body = "".join(line[7:] for line in lines[2:-4])
        assert {"•", "◇", "+"} <= set(body)


@pytest.mark.parametrize("size", [(20, 4), (30, 2), (12, 5), (8, 3), (3, 9), (200, 60)])
@pytest.mark.parametrize("scales", range(3))
async def test_any_size_any_scale(size: tuple[int, int], scales: int) -> None:
    async with shown() as (curve, pilot, _):
        curve.show_overlays([other(10, 3.5, 1.5), other(4000, 0.0)])
        for _ in range(scales):
            curve.next_scale()
        for keys in ((), ("left",), ("up", "up", "up", "up", "up", "up"), ("home",), ("escape",)):
            await pilot.press(*keys)
            rows = curve.draw(*size)
            assert len(rows) <= size[1] and all(strip.cell_length == size[0] for strip in rows)


async def test_what_is_looked_at_is_recorded_and_shown_again() -> None:
    async with shown() as (curve, pilot, app):
        curve.next_scale()
        await pilot.press("up", "pageup", *["left"] * 20)
        state, picture = json.loads(json.dumps(curve.state())), drawn(app)
        await pilot.press("0", "escape")
        curve.next_scale()
        assert drawn(app) != picture
        curve.restore(state)
        await pilot.pause()
        assert drawn(app) == picture
        curve.restore({})
        await pilot.pause()
        assert drawn(app) == picture
        for name, value in (("scale", 9), ("span", math.inf), ("start", "x"), ("at", -3.0), ("span", 1e-300)):
            curve.restore({**state, name: value})
            await pilot.pause()
            assert len(curve.draw(100, 16)) == 16


async def test_a_narrow_heading_keeps_the_smoothed_loss_longest() -> None:
    async with shown((24, 12)) as (curve, pilot, app):
        await pilot.press("left")
        assert curve._history is not None
        assert drawn(app).split("\n")[0].endswith(f"━ {curve._history.smoothed[-1]:.3f}")


async def test_a_click_on_the_heading_changes_the_scale_and_shows_the_whole_run() -> None:
    async with lab(LARGE) as here:
        curve = here.app.screen.query_one(LossCurve)
        await here.paused()
        await here.pilot.click(curve, offset=(8, 0))
        await here.shows("Loss nats per character log")
        curve.focus()
        await here.press("up")
        await here.shows(" last steps")
        await here.pilot.click(curve, offset=(here.line[curve.region.y].index("last steps") - curve.region.x, 0))
        await here.until(lambda: "last steps" not in here.text)
        await here.press("L", "L")
        await here.until(lambda: " log" not in here.line[curve.region.y])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
async def test_losses_that_are_no_numbers_are_left_out(value: float) -> None:
    """A validation of weights that exploded gives them, and a file may hold anything."""
    kept = History()
    kept.add(1, np.linspace(4.0, 1.0, 50))
    kept.add_validation(20, 2.0)
    kept.add_validation(40, value)
    damaged = History()
    damaged.add(1, [value] * 30, [value] * 30, [value] * 30)
    async with shown() as (curve, pilot, _):
        for view in (kept.view(), damaged.view()):
            curve.show(view, value)
            curve.show_overlays([Overlay("damaged", damaged.view(), value)])
            for _ in range(3):
                curve.next_scale()
                await pilot.press("left", "up")
                assert len(curve.draw(100, 30)) == 30
                await pilot.press("escape", "0")
