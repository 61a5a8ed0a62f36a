"""How often each unit is saturated on the left and on the right, as a scatter of all units."""

from __future__ import annotations

from collections import Counter

from textual.strip import Strip

from ...text.gates import saturation_names
from .canvas import Piece, heading, row
from .gate_view import GateView, Look


class SaturationScatter(GateView):
    """Left saturation to the right, right saturation upwards, both from 0 to 100 % of the text's characters."""

    HELP_TITLE = "Saturation"
    HELP = (
        "To the right: the share of the text's characters at which a unit is below 0.1 (closed); upwards: the share "
        "above 0.9 (open). A forget gate near the upper left always remembers, one near the lower right never does; on "
        "the line between them it is a switch, and near the lower left it works in between. A digit counts units in "
        "one place, + means ten or more. (After Karpathy, Johnson and Li 2016.)"
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, the scatter, and its lower axis."""
        look, ink = self.look, self.ink
        names = ("closed", "open") if look is None else saturation_names(look.view.span)
        lines = [heading(ink, width, "Saturation", right=[(f"{names[1]} upwards, {names[0]} across", ink.muted)])]
        room, margin = height - 2, 5
        if look is None or room < 2 or width < margin + 10:
            return lines[:height]
        across = width - margin
        places = self._places(look, across, room)
        counts = Counter(places)
        for y in range(room):
            label = "100%" if y == 0 else "0%" if y == room - 1 else ""
            edge = "|" if ink.ascii else "│"
            pieces: list[Piece] = [(label.rjust(margin - 1), ink.faint), (edge, ink.rule)]
            for x in range(across):
                count = counts.get((x, y), 0)
                glyph = "+" if count > 9 else str(count) if count > 1 else ("*" if ink.ascii else "•")
                if (x, y) == places[look.unit]:
                    pieces.append((glyph, ink.chosen))
                elif count:
                    pieces.append((glyph, ink.point))
                else:
                    diagonal = round((room - 1) * x / (across - 1)) == y
                    pieces.append(("." if ink.ascii else "·", ink.rule) if diagonal else (" ", ink.text))
            lines.append(row(width, pieces))
        axis = f"0% {names[0]}"
        lines.append(row(width, [(" " * margin + axis, ink.faint)], [("100%", ink.faint)]))
        return lines

    @staticmethod
    def _places(look: Look, across: int, room: int) -> list[tuple[int, int]]:
        """Column and row of each unit."""
        left, right = look.units.saturation
        return [
            (round(a * (across - 1)), room - 1 - round(b * (room - 1)))
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ]
