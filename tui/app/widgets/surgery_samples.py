"""What the network writes before and after the operations, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from lstm_ext.visualization.drawing import visible_character

from ...text.surgery import nats, parted
from .canvas import Piece, heading, join, row
from .surgery_view import SurgeryLook, SurgeryView

_GAP = 3


class SurgerySamples(SurgeryView):
    """Two columns from the same seed; up to where they part they are dim."""

    HELP_TITLE = "Samples"
    HELP = (
        "Left what the network writes as it was, right what it writes after all operations, both from the same seed: "
        "the same random numbers choose among other probabilities. What they share at the beginning is dim. s takes "
        "another seed."
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """Two headings and two texts."""
        look, ink = self.look, self.ink
        if look is None or not look.conditions:
            return []
        side = (width - _GAP) // 2
        before, after = look.conditions[0], look.conditions[-1]
        same = parted(before.written, after.written)
        left = self._column(look, before.written, same, side, height - 1)
        pending = not look.measured
        right = [] if pending else self._column(look, after.written, same, side, height - 1)
        wait = "..." if ink.ascii else "…"
        titles = (
            heading(ink, side, "Before", right=[(f"{nats(before.evaluation.bits_per_char)} bits", ink.muted)]),
            heading(
                ink,
                width - side - _GAP,
                "After",
                right=[(wait if pending else f"{nats(after.evaluation.bits_per_char)} bits", ink.muted)],
            ),
        )
        lines = [self._beside(*titles, side)]
        for y in range(height - 1):
            one = left[y] if y < len(left) else row(side, [])
            other = right[y] if y < len(right) else row(width - side - _GAP, [])
            lines.append(self._beside(one, other, side))
        return lines

    def _beside(self, left: Strip, right: Strip, side: int) -> Strip:
        edge = " | " if self.ink.ascii else " │ "
        return Strip([*left.adjust_cell_length(side), Segment(edge, self.ink.rule), *right])

    def _column(self, look: SurgeryLook, text: str, same: int, width: int, height: int) -> list[Strip]:
        """``text`` after the prime, in lines of at most ``width``."""
        prime = look.prime.removeprefix("\n")
        cells = self._cells(prime, text, same)
        lines: list[list[Piece]] = [[]]
        used = 0
        for glyph, style in cells:
            size = cell_len(glyph)
            if glyph == "\n" or used + size > width:
                lines.append([])
                used = 0
                if len(lines) > height:
                    break
            if glyph != "\n":
                lines[-1].append((glyph, style))
                used += size
        return [Strip(list(join(line))) for line in lines[:height]]

    def _cells(self, prime: str, text: str, same: int) -> Iterator[Piece]:
        ink = self.ink
        for at, character in enumerate(prime + text, start=-len(prime)):
            style = ink.muted if at < same else ink.text
            if at == same:
                style = ink.key
            if character in "\n ":
                yield character, style
            else:
                yield visible_character(character, 2 if cell_len(character) == 2 else 1, ascii_only=ink.ascii), style
