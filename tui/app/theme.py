"""How the lab looks: its themes, the styles of its drawings, and what the terminal can show.

Drawings (see ``widgets/canvas.py``) take every style from one :class:`Ink`, which is mixed from
the current theme's colours. So a theme change reaches curves and heatmaps too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import ClassVar

from rich.cells import cell_len
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.color import Color
from textual.filter import LineFilter, NoColor
from textual.geometry import Size
from textual.notifications import SeverityLevel
from textual.theme import Theme

from lstm_ext.errors import ArgumentError
from lstm_ext.visualization import drawing

from ..text.ascii import AsciiFilter
from ..text.visible import hidden, visible
from .painting import PaintingApp

DARK = Theme(
    name="lab-dark",
    primary="#6cb2ff",
    secondary="#7fd1c4",
    accent="#f5a65b",
    warning="#e8c26a",
    error="#f2727f",
    success="#93d08b",
    foreground="#d8dee6",
    background="#0e1217",
    surface="#141a21",
    panel="#1c242d",
    dark=True,
    variables={"footer-key-foreground": "#f5a65b", "input-selection-background": "#6cb2ff 35%"},
)
LIGHT = Theme(
    name="lab-light",
    primary="#0a5fb4",
    secondary="#0b7567",
    accent="#9c4806",
    warning="#8f6200",
    error="#bf2435",
    success="#2a7a34",
    foreground="#1d242d",
    background="#fafaf8",
    surface="#f1f2f0",
    panel="#e4e7e8",
    dark=False,
)


#: The same for terminals with 16 colours: what each shade becomes there stands out from the ground.
DARK_16 = replace(
    DARK,
    primary="#55ffff",
    secondary="#00aaaa",
    accent="#ffff55",
    warning="#ffff55",
    error="#ff5555",
    success="#55ff55",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    variables={},
)
LIGHT_16 = replace(
    LIGHT,
    primary="#0000aa",
    secondary="#00aaaa",
    accent="#aa00aa",
    warning="#aa00aa",
    error="#aa0000",
    success="#00aa00",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#ffffff",
)

#: What WCAG 2.2 asks of text (1.4.3) and of what is drawn (1.4.11), as the ratio of two luminances.
TEXT_CONTRAST, GRAPHIC_CONTRAST = 4.5, 3.0
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)
#: The grounds that text stands on: panels of a screen; dialogs; the first and the last line.
GROUNDS = ("background", "surface", "panel")


def contrast(one: Color, other: Color) -> float:
    """The ratio of two colours' luminances, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(color: Color, text: Color, grounds: Sequence[Color], least: float = TEXT_CONTRAST) -> Color:
    """``color``, moved towards ``text`` as little as gives it the contrast ``least`` on each of ``grounds``."""
    steps = 32
    for step in range(steps):
        mixed = color.blend(text, step / steps)
        if all(contrast(mixed, ground) >= least for ground in grounds):
            return mixed
    return text


def _rich(palette: Sequence[drawing.RGB]) -> tuple[RichColor, ...]:
    return tuple(RichColor.from_rgb(*rgb) for rgb in palette)


@dataclass(frozen=True)
class Ink:
    """The styles of one theme's drawings.

    ``colored`` says whether colours are many enough to carry a value (256 or more); otherwise
    heatmaps write their values as glyphs; ``mono`` that there are none at all, so that curves need
    different marks. ``ascii`` asks for ASCII glyphs.
    """

    ascii: bool
    colored: bool
    mono: bool
    text: Style
    muted: Style
    faint: Style
    strong: Style
    key: Style
    rule: Style
    line: Style
    band: Style
    point: Style
    baseline: Style
    good: Style
    warning: Style
    bad: Style
    chosen: Style
    #: 16 colours each, for values in [0, 1] and for values of both signs.
    sequential: tuple[RichColor, ...]
    diverging: tuple[RichColor, ...]

    @classmethod
    def mix(cls, colors: Mapping[str, str], *, dark: bool, ascii_only: bool, colored: bool, mono: bool = False) -> Ink:
        """Mixes the styles from a theme's named ``colors`` (as in ``App.theme_variables``)."""
        grounds, text = [Color.parse(colors[name]) for name in GROUNDS], Color.parse(colors["foreground"])
        ansi = any(color.ansi is not None for color in (text, *grounds))
        if not ansi:
            text = readable(text, _WHITE if dark else _BLACK, grounds)
        primary, accent = Color.parse(colors["primary"]), Color.parse(colors["accent"])

        def style(
            color: Color,
            *,
            strength: float = 1.0,
            least: float = TEXT_CONTRAST,
            bold: bool = False,
            dim: bool = False,
        ) -> Style:
            if ansi:
                return Style(color=color.rich_color, bold=bold, dim=dim)
            mixed = readable(grounds[0].blend(color, strength), text, grounds, least)
            return Style(color=mixed.rich_color, bold=bold)

        return cls(
            ascii=ascii_only,
            colored=colored,
            mono=mono,
            text=style(text),
            muted=style(text, strength=0.76, dim=True),
            faint=style(text, strength=0.55, dim=True),
            strong=style(text, bold=True),
            key=style(accent, bold=True),
            rule=style(text, strength=0.2, least=1.0, dim=True),
            line=style(primary, bold=True),
            band=style(primary, strength=0.42, least=GRAPHIC_CONTRAST, dim=True),
            point=style(accent, bold=True),
            baseline=style(text, strength=0.55, dim=True),
            good=style(Color.parse(colors["success"])),
            warning=style(Color.parse(colors["warning"])),
            bad=style(Color.parse(colors["error"]), bold=True),
            chosen=style(primary, bold=True) + Style(reverse=True),
            # Nothing is near the background, so that what is active stands out.
            sequential=_rich(drawing.SEQUENTIAL if dark else drawing.SEQUENTIAL[::-1]),
            diverging=_rich(drawing.DIVERGING if dark else drawing.DIVERGING_ON_WHITE),
        )


class VisibleFilter(LineFilter):
    """Lets no hidden character reach the terminal, whichever widget drew it.

    Those that take no room are left out, the others replaced, so that no line changes its width. Names are
    written out (``visible``) where the lab shows them; this is the guarantee that nothing else slips through.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without hidden characters. Unstyled ones get an empty style: Textual's filters need one."""
        return [Segment(_shown(text), style or Style.null()) for text, style, _ in segments]


def _shown(text: str) -> str:
    if text.isprintable():
        return text
    return "".join("\ufffd" * cell_len(glyph) if hidden(glyph) else glyph for glyph in text)


#: What keys are called where their glyphs cannot be shown.
_NAMED_KEYS = {"⏎": "enter", "⌫": "bksp", "↑": "up", "↓": "down", "←": "left", "→": "right"}


class ThemedApp(PaintingApp):
    """An app with the lab's themes that respects ``--ascii``, ``NO_COLOR`` and terminals with few colours.

    What it shows may come from anywhere: it is neither markup nor a way to control the terminal.
    """

    #: Nothing is drawn in a smaller terminal.
    LEAST_SIZE: ClassVar[Size] = Size()

    # Textual's own shades of these are too close to their ground to be read.
    CSS = """
    Input > .input--placeholder, Input > .input--suggestion { color: $muted; }
    Screen.-maximized-view { hatch: none; }
    Screen.-maximized-view .-maximized {
        width: 1fr !important; height: 1fr !important; max-width: 100% !important; margin: 0 1 !important;
    }
    CommandPalette > .command-palette--help-text { color: $foreground; text-style: not bold; }
    """

    def __init__(self, *, ascii_only: bool = False) -> None:
        self.ascii_only = ascii_only  # Textual asks for the variables of the style sheets while it is made
        super().__init__()
        self._ink: tuple[str, Ink] | None = None
        for theme in (DARK_16, LIGHT_16) if self.console.color_system == "standard" else (DARK, LIGHT):
            self.register_theme(theme)
        self._first_filters: list[LineFilter] = [VisibleFilter(), *([AsciiFilter()] if ascii_only else [])]
        self._no_color = NoColor()
        # With NO_COLOR, Textual itself still sends greys; with an ANSI theme it sends none.
        self.theme = "ansi-dark" if self.no_color else DARK.name

    def get_key_display(self, binding: Binding) -> str:
        """Textual's; in ASCII, what it shows as a glyph is named, so that no key looks like another."""
        shown = super().get_key_display(binding)
        return _NAMED_KEYS.get(shown, shown) if self.ascii_only else shown

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The filters of every line on its way to the terminal."""
        return [*self._first_filters, *([self._no_color] if self.no_color else super().get_line_filters())]

    @property
    def color_depth(self) -> str:
        """How many colors are sent to the terminal, in a word."""
        return "no" if self.no_color else self.console.color_system or "no"

    def theme_named(self, name: str) -> str:
        """The theme that ``dark``, ``light`` or another name stands for. Raises ArgumentError if there is none."""
        themes = self.available_themes
        name = {"dark": DARK.name, "light": LIGHT.name}.get(name, name)
        if name not in themes:
            close = get_close_matches(name, ["dark", "light", *themes], n=1)
            hint = f"; did you mean {close[0]}?" if close else ", the command palette shows them"
            raise ArgumentError(f"there is no theme {name!r}{hint}")
        return name

    def get_css_variables(self) -> dict[str, str]:
        """Textual's, and ``$muted``, the drawings' shade of text that matters less."""
        variables = super().get_css_variables()
        muted = self._mix(variables).muted.color
        variables["muted"] = variables["foreground"] if muted is None or muted.triplet is None else muted.triplet.hex
        return variables

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message for a while. It is never markup, whatever a widget's own ``notify`` asks for."""
        super().notify(visible(message), title=title, severity=severity, timeout=timeout, markup=False)

    @property
    def ink(self) -> Ink:
        """The drawings' styles under the current theme."""
        if self._ink is None or self._ink[0] != self.theme:
            self._ink = (self.theme, self._mix(self.get_css_variables()))  # theme_variables may be the last theme's
        return self._ink[1]

    def _mix(self, colors: Mapping[str, str]) -> Ink:
        many = self.console.color_system in ("256", "truecolor")
        colored = many and not self.no_color
        dark, ascii_only, mono = self.current_theme.dark, self.ascii_only, self.no_color
        return Ink.mix(colors, dark=dark, ascii_only=ascii_only, colored=colored, mono=mono)
