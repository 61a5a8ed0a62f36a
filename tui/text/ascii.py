"""Glyphs for terminals that have only ASCII: a filter between what is drawn and what is sent.

The lab's own drawings choose ASCII glyphs themselves where that looks better (ramps, axes);
this filter is the guarantee that nothing else, a border of a dialog or an icon, slips through.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_EQUIVALENTS = {
    "─━╌┄┈═╴╶▁▂▔▀": "-",
    "│┃┆┊║▏▎▍▌▐▕╎": "|",
    "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛": "+",
    "█▇▆▅■▮▉▊▋▄▃": "#",
    "▓": "#",
    "▒": "=",
    "░": ".",
    "·•∙⋅": ".",
    "●◆⬤◉": "*",
    "○◇◌": "o",
    "▲↑⭡": "^",
    "▼↓⭣": "v",
    "◀←⭠‹": "<",
    "▶→⭢›": ">",
    "✓✔": "+",
    "✗✘×⊗": "x",
    "…": ".",
    "−–—": "-",
    "“”„": '"',
    "‘’": "'",
    "⏎↵": "$",
    "⊙": "*",
    "∂": "d",
    "σ": "s",
    "²": "2",
    "³": "3",
    "∞": "8",
    "‖": "|",
    "√": "V",
    "Σ": "S",
    "ε": "e",
    "γ": "g",
    "λ": "l",
    "π": "p",
    "ŷ": "y",
    "ᵀ": "T",
    "ₜ": "t",
    "ⁿ": "n",
    "⁺±": "+",
    "⁻₋": "-",
    "≤": "<",
    "≥": ">",
    "≈∝": "~",
    "⋯": ".",
    **dict(zip("⁰¹⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "014567890123456789", strict=True)),
}
#: Icons two cells wide.
_ICONS = {"📁": "> ", "📂": "v ", "📄": "- ", "🔎": "> "}
_TABLE: dict[int, str] = {ord(glyph): ascii for glyphs, ascii in _EQUIVALENTS.items() for glyph in glyphs}
_TABLE |= {ord(icon): ascii for icon, ascii in _ICONS.items()}


def to_ascii(text: str) -> str:
    """``text`` with every glyph beyond ASCII replaced, in as many terminal cells as before."""
    if text.isascii():
        return text
    text = text.translate(_TABLE)
    return "".join(glyph if glyph.isascii() else "?" * cell_len(glyph) for glyph in text)


class AsciiFilter(LineFilter):
    """Replaces every glyph beyond ASCII on its way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in ASCII. Unstyled ones get an empty style: Textual's own filters need one."""
        return [Segment(to_ascii(text), style or Style.null(), control) for text, style, control in segments]
