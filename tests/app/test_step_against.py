"""The Step screen on a learner's file: it stops at the first number that differs, and again when it is saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from screen import drawn, until
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.files import OpenFile
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.session import Opening
from lstm_lab.cli.main import main
from lstm_lab.text.formulas import format_number

SOURCE = (Path(__file__).parents[1] / "exercises" / "students" / "lstm_network.py").read_text()
WRONG = SOURCE.replace("h = o * tanh_C", "h = o * C")
LATER = SOURCE.replace("dC_next = dC * f", "dC_next = dC")
BROKEN = "class LSTM:\n    def forward(self:\n"


class StepLab(LabApp):
    """The lab, opened at its Step screen, so that nothing trains."""

    def on_mount(self, event: events.Mount) -> None:
        event.prevent_default()
        self.switch_mode("step")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_lstm.py"
    path.write_text(WRONG)
    return path


@asynccontextmanager
async def following(path: str, size: tuple[int, int] = (80, 24), **options: Any) -> AsyncIterator[Pilot[Any]]:
    app = StepLab(opening=Opening(against=path), **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, StepScreen) and app.screen.place is not None)
        await pilot.pause()
        yield pilot


def at(pilot: Pilot[Any]) -> tuple[str, int, str]:
    screen = pilot.app.screen
    assert isinstance(screen, StepScreen) and screen.place is not None
    moment = screen.place.moment
    return moment.phase, moment.step.t, moment.stage.id


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_opens_at_the_first_difference_with_both_values_and_the_line(
    file: Path, size: tuple[int, int]
) -> None:
    async with following(str(file), size) as pilot:
        assert at(pilot) == ("forward", 1, "h")
        screen = pilot.app.screen
        assert isinstance(screen, StepScreen) and screen.place is not None and screen.place.comparison is not None
        first = screen.place.comparison.first
        assert first is not None
        text = drawn(pilot.app)
        assert f"✗ yours {format_number(float(first.yours[0]))}, line 39" in text
        assert format_number(float(first.right[0])) in text
        assert "h = o * C" in text
        assert "my_lstm.py: h₁ differs first, 107 follow" in text
        await pilot.press("right")
        assert "line 40: follows from h₁" in " ".join(drawn(pilot.app).split())
        await pilot.press("home")
        assert "yours is the same" in drawn(pilot.app) or "your file has no variable" in drawn(pilot.app)
        await pilot.press("d")
        assert at(pilot) == ("forward", 1, "h")


async def test_it_follows_the_file_again_when_it_is_saved(file: Path) -> None:
    async with following(str(file)) as pilot:
        file.write_text(LATER)
        await until(pilot, lambda: at(pilot) == ("backward", 4, "dc_prev"))
        assert "dC_next = dC" in drawn(pilot.app)
        file.write_text(BROKEN)
        await until(pilot, lambda: "my_lstm.py: cannot be followed" in drawn(pilot.app))
        await until(pilot, lambda: "SyntaxError" in drawn(pilot.app))
        assert at(pilot) == ("backward", 4, "dc_prev")
        file.write_text(SOURCE)
        await until(pilot, lambda: "my_lstm.py: no number differs" in drawn(pilot.app))


async def test_a_file_is_opened_and_left_by_keys(file: Path) -> None:
    async with following("") as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenFile))
        line = pilot.app.screen.query_one(Input)
        line.value = str(file.with_name("other.py"))
        await pilot.press("enter")
        await until(pilot, lambda: "there is no other.py" in drawn(pilot.app))
        line.value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StepScreen) and at(pilot) == ("forward", 1, "h"))
        assert "✗" in drawn(pilot.app)
        await pilot.press("x")
        await until(pilot, lambda: "LSTM · 3 units · untrained" in drawn(pilot.app))
        assert "✗" not in drawn(pilot.app)


async def test_in_ascii_and_with_another_number_of_units(file: Path) -> None:
    async with following(str(file), ascii_only=True) as pilot:
        assert drawn(pilot.app).isascii()
        assert "x yours" in drawn(pilot.app)
        await pilot.press("plus")  # not 4, the number of characters
        await until(pilot, lambda: pilot.app.screen.place.walk.config.hidden_size == 5)  # type: ignore[attr-defined]
        assert at(pilot) == ("forward", 1, "h")


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--against", str(tmp_path / "none.py")]) == 2
    assert "--against: there is no file" in capsys.readouterr().err
