"""The lines of both engines that compute the current number, and what both computed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from textual.strip import Strip

from lstm_ext.explain.sources import lines

from .canvas import heading, row
from .walk_view import WalkView

#: Rows that a long line may take.
_ROWS = 3


class StageCode(WalkView):
    """The lines in a panel of their own, where the terminal is wide enough."""

    HELP_TITLE = "The code"
    HELP = (
        "The lines of the C core and of its NumPy twin that compute this number, what each of them computed, in "
        "float64, and the difference. The core keeps gates and states, and gives the gradients of sums and states; the "
        "steps between are computed from these."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """Heading and lines."""
        return [heading(self.ink, width, "Code"), self._blank(width), *code_rows(self, width)][:height]


def code_rows(view: WalkView, width: int) -> Iterator[Strip]:
    """The lines of both engines that compute the number, and how far the two numbers are from each other."""
    place, ink = view.place, view.ink
    walk = place.walk
    found = lines(walk.layer, place.moment.stage.id, symbols=walk.config.num_layers == 1)
    core, twin = (None, None) if place.both is None else place.both.numbers(place.index, place.unit)
    if place.both is None:
        yield row(width, [("both engines are asked " + ("..." if ink.ascii else "…"), ink.muted)])
    elif core is not None and twin is not None:
        yield row(width, [("core - twin = ", ink.muted), (f"{core - twin:.1e}" if core != twin else "0", ink.key)])
    elif place.both.core is None:
        yield row(width, [("the C core is not installed", ink.muted)])
    before = ""
    for line in found:
        where = f"{line.engine} in {line.file}"
        if where != before:
            yield row(width, [(where, ink.key)])
        before = where
        text = textwrap.wrap(f"{line.number}: {line.text}", width - 2, subsequent_indent="    ")
        for piece in text[:_ROWS]:
            yield row(width, [("  " + view.spelled(piece), ink.strong)])
    if not any(line.engine == "C" for line in found):
        yield row(width, [("the C sources are not installed", ink.muted)])
    for name, number in (("core", core), ("twin", twin)):
        if number is not None:
            yield row(width, [(f"{name}  ", ink.muted), (f"{number:.17g}", ink.text)])
