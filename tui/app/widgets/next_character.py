"""What the network expects next: the softmax at the current character as bars."""

from __future__ import annotations

from textual.strip import Strip

from lstm_ext.visualization.drawing import draw_bar

from ...text.formulas import format_number
from ...text.step import likeliest
from .canvas import Piece, heading, row
from .walk_view import WalkView


class NextCharacter(WalkView):
    """The probability of every character, or of the likeliest ones, the true one marked."""

    HELP_TITLE = "Next character"
    HELP = "The network's prediction at this character, as soon as the walk has reached it; > marks the true one."

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """A row for each character."""
        place, ink = self.place, self.ink
        if height < 2:
            return []
        step = place.walk.steps[max(0, place.moment.step.t - 1)]
        known = place.known(step.t, "p")
        rows = [
            heading(
                ink, width, f"After {self.quoted(step.symbol)}", (), [] if known else [("not yet predicted", ink.faint)]
            )
        ]
        for symbol in likeliest(step.values["p"], step.target, height - 1):
            value, wanted = float(step.values["p"][symbol]), symbol == step.target
            style = ink.strong if wanted else ink.text
            pieces: list[Piece] = [(self.label(symbol, marked=wanted), style)]
            pieces.append(
                ((format_number(value) if known else self.dot).rjust(9) + "  ", style if known else ink.faint)
            )
            if known:
                pieces.append(
                    (draw_bar(value, width - 17, "ascii" if ink.ascii else "line"), ink.point if wanted else ink.line)
                )
            rows.append(row(width, pieces))
        return rows
