"""Text that can be read: its contrast with what it stands on, as it goes to the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest
from app.laboratory import Lab, lab
from rich._palettes import STANDARD_PALETTE
from rich.color import Color as RichColor
from rich.color import ColorSystem, ColorType
from rich.style import Style
from screen import segments
from textual.color import Color
from textual.theme import Theme

from lstm_lab.app.lab import LabApp
from lstm_lab.app.modes import MODES
from lstm_lab.app.screens.dialog import Dialog
from lstm_lab.app.theme import DARK, DARK_16, GROUNDS, LIGHT, LIGHT_16, TEXT_CONTRAST, Ink, contrast

THEMES = (DARK.name, LIGHT.name)
TEXT_STYLES = ("text", "muted", "faint", "strong", "key", "line", "point", "baseline", "good", "warning", "bad")


def colors(style: Style) -> tuple[Color, Color]:
    """The colour of the letters, and of what they stand on."""
    assert style.color is not None and style.bgcolor is not None
    pair = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    return pair[::-1] if style.reverse else pair


def unreadable(here: Lab) -> Iterator[str]:
    """The words with too little contrast, each with its ratio; around a dialog, the screen is dimmed on purpose."""
    screen = here.app.screen
    parts = screen.query(".dialog--box, #--input, CommandList") if screen.is_modal else [screen]
    for segment in chain.from_iterable(segments(here.app, part.region) for part in parts):
        letters = {letter for letter in segment.text if letter.isalnum()}
        if segment.style is None or len(letters) < 2:  # one letter over and over marks the points of a curve
            continue
        if segment.style.color is None or segment.style.color.type == ColorType.DEFAULT:
            continue
        ratio = contrast(*colors(segment.style))
        if ratio < TEXT_CONTRAST:
            yield f"{ratio:.1f} {segment.text!r} {segment.style}"


@pytest.fixture(autouse=True)
def all_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a terminal with 24 bits, whatever the tests are run from."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(Color(0, 0, 0), Color(255, 255, 255)) == pytest.approx(21)
    assert contrast(Color.parse("#767676"), Color(255, 255, 255)) == pytest.approx(4.54, abs=0.005)
    assert contrast(Color.parse("#777777"), Color(255, 255, 255)) == pytest.approx(4.48, abs=0.005)


def test_every_theme_has_text_that_can_be_read_on_every_ground() -> None:
    for name, theme in LabApp().available_themes.items():
        if name.startswith("ansi"):
            continue  # the terminal's own colours
        variables = theme.to_color_system().generate()
        ink = Ink.mix(variables, dark=theme.dark, ascii_only=False, colored=True)
        for style in TEXT_STYLES:
            for ground in GROUNDS:
                color = getattr(ink, style).color
                assert contrast(Color.from_rich_color(color), Color.parse(variables[ground])) >= TEXT_CONTRAST, (
                    name,
                    style,
                    ground,
                )


@pytest.mark.parametrize("theme", [DARK_16, LIGHT_16], ids=["dark", "light"])
def test_sixteen_colors_are_told_apart(theme: Theme) -> None:
    variables = theme.to_color_system().generate()
    ink = Ink.mix(variables, dark=theme.dark, ascii_only=False, colored=False)

    def shade(color: RichColor) -> RichColor:
        """As a terminal with 16 colours shows it, with the values that its makers gave them."""
        number = color.downgrade(ColorSystem.STANDARD).number
        return RichColor.from_triplet(STANDARD_PALETTE[number])

    shades = {name: shade(getattr(ink, name).color) for name in TEXT_STYLES}
    ground = Color.from_rich_color(shade(Color.parse(variables["background"]).rich_color))
    for name, color in shades.items():
        assert contrast(Color.from_rich_color(color), ground) > 3.0, name
    told_apart = ("text", "muted", "key", "line", "good", "bad")
    assert len({shades[name].triplet for name in told_apart}) == len(told_apart)


async def test_drawings_have_the_colors_of_a_theme_from_the_first_moment() -> None:
    async with lab() as here:
        here.app.theme = LIGHT.name
        color = here.app.ink.text.color
        assert color is not None and contrast(Color.from_rich_color(color), Color.parse(LIGHT.background or "")) > 10


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
async def test_every_screen_can_be_read(theme: str) -> None:
    async with lab((120, 40)) as here:
        here.app.theme = theme
        for mode in MODES:
            here.app.switch_mode(mode.id)
            await here.until(lambda mode=mode: here.app.current_mode == mode.id and here.app.screen.is_mounted)
            await here.pilot.pause()
            assert list(unreadable(here)) == [], mode.id


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("key", ["question_mark", "m", "d", "w", "l", "e", "ctrl+p"])
async def test_every_dialog_can_be_read(theme: str, key: str) -> None:
    async with lab((80, 24)) as here:
        here.app.theme = theme
        await here.press(key)
        await here.until(lambda: here.app.screen.is_modal)
        await here.pilot.pause()
        if isinstance(here.app.screen, Dialog):
            await here.until(lambda: here.app.screen.query_one(".dialog--box").size)
        assert list(unreadable(here)) == []
