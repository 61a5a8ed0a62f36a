"""The stages of one character, in order, with the values that the walk has passed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len
from textual.strip import Strip

from lstm_ext.explain.walk import Moment
from lstm_ext.visualization.drawing import draw_bar

from ...text.formulas import format_number, symbol
from .canvas import Piece, clickable, heading, row
from .walk_view import WalkView, most_wide, window

_VALUE = 9
#: Names cut shorter say nothing.
_MIN_NAME = 8


class StageList(WalkView):
    """A row for each stage: symbol, name, and the chosen unit's value."""

    WHEEL = ("screen.move(-1)", "screen.move(1)")

    HELP_TITLE = "The stages"
    HELP = (
        "Everything that is computed at one character, in order. Values are those of the chosen unit; for scores and "
        "probabilities, those of the character that should follow. What has not been computed yet is a dot. Beside a "
        "file of yours: a tick is right, a cross is wrong, ~ is wrong only because of what came before, and ? is in no "
        "variable or expression of the file."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The heading and as many stages as fit, with the current one in view."""
        place, ink = self.place, self.ink
        moments = [place.walk.moments[k] for k in place.group]
        symbols = [self.spelled(symbol(moment)) for moment in moments]
        wide = max(5, most_wide(symbols))
        compared = self.place.comparison
        name = max(0, width - 2 - wide - 1 - _VALUE - (2 if compared else 0))
        if name < _MIN_NAME:
            name, wide = 0, wide + name
        title = {"forward": "Forward", "backward": "Backward", "update": "Gradient"}[place.moment.phase]
        updating = place.moment.phase == "update"
        rate = f"{self.spelled('η')} = {place.walk.updated.learning_rate:g}"
        rows = [heading(ink, width, title, (), [(rate if updating else f"unit {place.unit}", ink.muted)])]
        for k in window(len(moments), place.index - place.group.start, height - 1):
            moment, number = moments[k], place.group[k]
            here = number == place.index
            value = self._value(moment) if number <= place.index else self.dot
            style = self.cursor if here else ink.text if number < place.index else ink.muted
            click = f"screen.go({number})"
            marker = self.marker if here else " "
            pieces: list[Piece] = [
                (f"{marker} {symbols[k].ljust(wide)} ", clickable(style, click)),
                (moment.stage.name[:name].ljust(name), clickable(style, click)),
                (
                    " " * (_VALUE - cell_len(value)) + value,
                    clickable(style if here or value != self.dot else ink.faint, click),
                ),
            ]
            if compared:
                sign, color = self.mark(compared.verdict(moment))
                pieces.append((f" {sign}", clickable(color, click)))
            rows.append(row(width, pieces))
        if updating and height > len(rows) + 3:
            rows += [self._blank(width), *self._losses(width, height - len(rows) - 1)]
        return rows

    def _losses(self, width: int, room: int) -> Iterator[Strip]:
        """The loss before every update that was made and after the one that is shown; if they are many, the last."""
        place, ink = self.place, self.ink
        losses = np.array([*place.losses, place.walk.loss, place.walk.updated.loss_after])
        known = losses if place.known(0, "after") else losses[:-1]
        yield heading(ink, width, "Loss", (), [("update by update", ink.faint)])
        finite = np.isfinite(known)
        limit = float(known[finite].max()) if finite.any() else 1.0
        for k in range(max(0, len(known) - (room - 1)), len(known)):
            last = k == len(known) - 1
            style = ink.strong if last else ink.text
            text = f"{self.marker if last else ' '} {k:<6,}{format_number(float(known[k])).rjust(_VALUE - 1)} "
            share = float(known[k]) / limit if finite[k] and limit > 0 else 1.0
            bar = draw_bar(share, width - cell_len(text), "ascii" if ink.ascii else "line")
            yield row(width, [(text, style), (bar, ink.line)])

    def _value(self, moment: Moment) -> str:
        place = self.place
        if moment.stage.id == "x" and place.walk.config.num_layers == 1:
            return self.quoted(moment.step.symbol)
        value = moment.value(place.unit)
        return "" if value is None else format_number(value)
