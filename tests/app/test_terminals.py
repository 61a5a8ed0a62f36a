"""Every screen on every kind of terminal: sizes, numbers of colors, ASCII."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from app.laboratory import SMALL, Lab, lab
from rich.color import ColorType
from rich.style import Style
from screen import segments, strips

from lstm_lab.app.modes import MODES
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.jump import Jump
from lstm_lab.app.screens.too_small import MIN_SIZE, TooSmall


@dataclass(frozen=True)
class Kind:
    """A kind of terminal: how many colors Textual sees, whether NO_COLOR is set, and whether it is ASCII alone."""

    colors: str = "truecolor"
    no_color: bool = False
    ascii_only: bool = False


KINDS = {
    "24 bits": Kind(),
    "256": Kind("256"),
    "16": Kind("standard"),
    "NO_COLOR": Kind(no_color=True),
    "ASCII": Kind("256", ascii_only=True),
    "ASCII, NO_COLOR": Kind("standard", no_color=True, ascii_only=True),
}
#: The size that screens are designed for with each; the smallest, and larger ones, with some.
CASES = [
    *((name, (80, 24)) for name in ("24 bits", "16", "NO_COLOR", "ASCII")),
    ("24 bits", (60, 16)),
    ("ASCII, NO_COLOR", (60, 16)),
    ("256", (70, 20)),
    ("ASCII", (120, 40)),
    ("24 bits", (200, 55)),
]


def is_colored(style: Style) -> bool:
    """Whether a style sends a colour of its own, and not the terminal's."""
    return any(color is not None and color.type != ColorType.DEFAULT for color in (style.color, style.bgcolor))


def check(here: Lab, kind: Kind, size: tuple[int, int]) -> None:
    """What holds for every screen."""
    pieces = list(segments(here.app))
    assert all(piece.style is not None for piece in pieces)
    assert [sum(piece.cell_length for piece in line) for line in strips(here.app)] == [size[0]] * size[1]
    if kind.ascii_only:
        assert here.text.isascii(), [letter for letter in here.text if not letter.isascii()]
    if kind.no_color:
        assert not any(is_colored(piece.style) for piece in pieces if piece.style)
    mode = next(mode for mode in MODES if mode.id == here.app.current_mode)
    assert f" {mode.key} {mode.title} " in here.line[0]
    assert "help" in here.line[-1]
    assert any(line.strip() for line in here.line[1:-1])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), CASES, ids=str)
async def test_every_screen_on(name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KINDS[name]
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", kind.colors)
    if kind.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with lab(size, ascii_only=kind.ascii_only) as here:
        assert here.app.console.color_system == kind.colors
        for mode in MODES:
            here.app.switch_mode(mode.id)
            await here.until(lambda mode=mode: here.app.current_mode == mode.id and here.app.screen.is_mounted)
            await here.until(lambda: any(line.strip() for line in here.line[1:-1]))
            await here.pilot.pause(0.1)
            check(here, kind, size)


@pytest.mark.parametrize("no_color", [False, True], ids=["colors", "NO_COLOR"])
async def test_the_current_screen_is_reversed_in_the_title_bar(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with lab() as here:
        first = strips(here.app)[0]
        assert [piece.text for piece in first if piece.style and piece.style.reverse] == [" 1 Train "]


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (20, 5)], ids=str)
async def test_smaller_terminals_are_told_what_is_needed(size: tuple[int, int]) -> None:
    async with lab() as here:
        await here.pilot.resize_terminal(*size)
        await here.until(lambda: isinstance(here.app.screen, TooSmall))
        await here.until(lambda: f"{size[0]}×{size[1]}" in here.text)
        await here.pilot.resize_terminal(*MIN_SIZE)
        await here.until(lambda: not isinstance(here.app.screen, TooSmall))


async def test_a_terminal_that_grew_while_a_dialog_was_open_is_large_enough() -> None:
    async with lab() as here:
        await here.pilot.resize_terminal(50, 14)
        await here.until(lambda: isinstance(here.app.screen, TooSmall))
        here.app.push_screen(Ask("Sure", "Is it?", [("yes", "Yes", "y")]))
        await here.asked(Ask)
        await here.pilot.resize_terminal(80, 24)
        await here.press("escape")
        await here.shows("Status")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["question_mark", "m", "d", "w", "l", "e", "a", "ctrl+p", "ctrl+o"])
async def test_every_dialog_without_colors_in_ascii(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with lab((60, 16), ascii_only=True) as here:
        await here.press(key)
        await here.until(lambda: here.app.screen.is_modal and here.app.screen.is_mounted)
        await here.pilot.pause(0.1)
        assert here.text.isascii(), [letter for letter in here.text if not letter.isascii()]
        assert [sum(piece.cell_length for piece in line) for line in strips(here.app)] == [60] * 16
        assert not any(is_colored(piece.style) for piece in segments(here.app) if piece.style)


async def test_nothing_is_drawn_that_would_not_fit() -> None:
    """Every screen's widgets are told the new size before the message is."""
    async with lab() as here:
        for mode in MODES:
            here.app.switch_mode(mode.id)
            await here.until(lambda mode=mode: here.app.current_mode == mode.id and here.app.screen.is_mounted)
            await here.until(lambda: any(line.strip() for line in here.line[1:-1]))
            for size in ((10, 4), (40, 12), (3, 40), SMALL):
                await here.pilot.resize_terminal(*size)
                await here.until(lambda size=size: isinstance(here.app.screen, TooSmall) == (size != SMALL))
            assert here.app.crash is None


async def test_a_second_quick_letter_closes_nothing_more() -> None:
    async with lab() as here:
        await here.press("ctrl+o")
        await here.asked(Jump)
        jump = here.app.screen
        assert isinstance(jump, Jump)
        jump.dismiss("gates")
        jump.dismiss("gates")
        await here.until(lambda: here.app.screen.focused is not None and here.app.screen.focused.id == "gates")
        assert len(here.app.screen_stack) == 1
