"""The text of a walk: every character and the next one, the place of the walk, and the predictions so far."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from .canvas import Piece, clickable, row
from .walk_view import WalkView, window

_CELL = 8
_LABEL = 18


class TextRibbon(WalkView):
    """Two rows: characters and their targets; below, the probability that each target got."""

    HELP_TITLE = "The text"
    HELP = (
        "Every character is read to predict the next one: e→l means that e is read and l should follow. The percentage "
        "is the probability that the network gave it. The walk goes forward from the first character to the last, "
        "then backward."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The two rows."""
        place, ink = self.place, self.ink
        here, steps = place.moment, place.walk.steps
        t = here.step.t
        arrow = ">" if ink.ascii else "→"
        if here.phase == "update":
            label, note = "all characters", f"loss {place.walk.loss:.4f}"
        else:
            label, note = f"{here.phase} {t} of {len(steps)}", ""
            if place.known(len(steps), "loss"):
                note = f"loss {place.walk.loss:.4f}"
        # The update belongs to no character; the walk reaches it from the first one.
        shown = window(len(steps), max(0, t - 1), max(1, (width - _LABEL) // _CELL))
        upper: list[Piece] = [(f"  {label}".ljust(_LABEL), ink.key)]
        lower: list[Piece] = [(f"  {note}".ljust(_LABEL), ink.muted)]
        for k in shown:
            step = steps[k]
            read, wanted = (self.character(symbol) for symbol in (step.symbol, step.target))
            number = place.find(step.t, "x" if here.phase == "forward" else "dy")
            target = f"screen.go({number})"
            current = step.t == t
            style = self.cursor if current else ink.strong if self._visited(step.t) else ink.muted
            text = f" {read}{arrow}{wanted} "
            upper += [(text, clickable(style, target)), (" " * (_CELL - cell_len(text)), Style.null())]
            odds = f"{100 * float(step.values['p'][step.target]):.3g}%" if place.known(step.t, "p") else self.dot
            lower.append((f" {odds}".ljust(_CELL), ink.text if current else ink.muted))
        if shown.stop < len(steps):
            upper.append(("..." if ink.ascii else "…", ink.faint))
        return [row(width, upper), row(width, lower)]

    def _visited(self, t: int) -> bool:
        place = self.place
        return place.known(t, "x" if place.moment.phase == "forward" else "dy")
