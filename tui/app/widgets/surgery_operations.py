"""What was done to the network, with the loss after each operation, and what would be done next."""

from __future__ import annotations

from textual.strip import Strip

from ...text.surgery import change, nats
from .canvas import Piece, clickable, heading, row
from .surgery_view import SurgeryLook, SurgeryView

_FIGURES = 20
_HINTS = (
    "left, right: a unit, its gates, the matrices",
    "a: one unit or all of them, up, down: which",
    "- and +: held at what, or times what",
    "k: which units matter most",
)


class SurgeryOperations(SurgeryView):
    """A line for each operation, in order, and below them the one that is chosen."""

    WHEEL = ("screen.value(1)", "screen.value(-1)")

    HELP_TITLE = "Operations"
    HELP = (
        "Each operation is done on a copy of the network; beside it stands the loss after it, on text that is not "
        "trained on, and how far that is from the whole network's. The last line is the operation that is chosen: left "
        "and right choose what to hold or to scale, a one unit or all of them, - and + the value; Enter does it, u "
        "takes the last one back. A gate held at 1 has weights of 0 and a large bias; a unit held at 0 is one that "
        "nothing reads any more. w does the same to the network in training, and takes it out again."
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """A heading, the operations, and the chosen one."""
        look, ink = self.look, self.ink
        if look is None:
            dots = "..." if ink.ascii else "…"
            return [heading(ink, width, "Operations"), row(width, [(f"measuring{dots}", ink.faint)])][:height]
        lines = [heading(ink, width, "Operations", right=[("nats     change", ink.muted)])]
        room = max(1, height - 4)
        first = max(0, len(look.edits) - room)
        lines.append(self._line(look, 0, width))
        if first:
            lines[-1] = row(width, [(f"before, and {first} more", ink.muted)], self._figures(look, 0))
        lines += [self._line(look, number, width) for number in range(first + 1, len(look.edits) + 1)]
        if not look.edits:
            lines += [row(width, [(hint, ink.muted)]) for hint in ("", *_HINTS)]
        lines += [row(width, [])] * max(0, height - 1 - len(lines))
        return [*lines[: height - 1], self._chosen(look, width)]

    def _line(self, look: SurgeryLook, number: int, width: int) -> Strip:
        ink = self.ink
        if number == 0:
            return row(width, [("before", ink.text)], self._figures(look, 0))
        edit = look.edits[number - 1]
        mark = ("*" if ink.ascii else "●") if number <= look.put else " "
        fits = all(len(one.describe(look.config)) + 5 <= width - _FIGURES for one in look.edits)
        words = edit.describe(look.config) if fits else str(edit)
        left: list[Piece] = [(f"{number:>2} ", ink.muted), (f"{mark} ", ink.point), (words, ink.text)]
        return row(width, left, self._figures(look, number))

    def _figures(self, look: SurgeryLook, number: int) -> list[Piece]:
        ink = self.ink
        if number >= len(look.conditions):
            return [("measuring" + ("..." if ink.ascii else "…"), ink.faint)]
        before, now = look.conditions[0].evaluation.nats, look.conditions[number].evaluation.nats
        if number == 0:
            return [(f"{nats(now):>9}{'':>11}", ink.strong)]
        worse = not now <= before
        return [(f"{nats(now):>9}", ink.strong), (f"{change(before, now):>11}", ink.bad if worse else ink.good)]

    def _chosen(self, look: SurgeryLook, width: int) -> Strip:
        """The operation that Enter would do; every part of it can be clicked."""
        ink, edit = self.ink, look.chosen
        left, right, times = ("<", ">", "x") if ink.ascii else ("‹", "›", "×")
        scope = "" if edit.scales else "every unit" if edit.unit is None else f"unit {edit.unit}"
        layer = f"layer {edit.layer + 1}" if look.config.num_layers > 1 and edit.target != "W_y" else ""
        sign = times if edit.scales else "="
        pieces: list[Piece] = [
            (f"{left} ", clickable(ink.key, "screen.target(-1)")),
            (f"{edit.target:^4}", clickable(ink.strong, "screen.target(1)")),
            (f" {right} ", clickable(ink.key, "screen.target(1)")),
            *([(f" {scope} ", clickable(ink.text, "screen.scope"))] if scope else []),
            *([(f" {layer} ", clickable(ink.text, "screen.layer(1)"))] if layer else []),
            (f" {sign} ", ink.muted),
            ("- ", clickable(ink.key, "screen.value(-1)")),
            (f"{edit.value:.4g}", ink.strong),
            (" +", clickable(ink.key, "screen.value(1)")),
        ]
        words = f"   {edit.describe(look.config)}"
        button = (" enter does it ", clickable(ink.chosen, "screen.do"))
        if sum(len(text) for text, _ in [*pieces, button]) + len(words) < width:
            pieces.append((words, ink.muted))
        return row(width, pieces, [button])
