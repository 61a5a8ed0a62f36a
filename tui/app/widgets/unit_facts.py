"""What is known of the unit under the cursor: its figures, its characters, and what it follows."""

from __future__ import annotations

from textual.strip import Strip

from lstm_ext.explain.units import MIN_FOLLOWED, CharacterMean, is_character
from lstm_ext.visualization.drawing import visible_character

from ...text.gates import characters, often, saturation_names, value
from .canvas import Piece, heading, row
from .gate_view import GateView, Look


class UnitFacts(GateView):
    """A few lines of figures."""

    HELP_TITLE = "One unit"
    HELP = (
        "Mean and spread (standard deviation) over the text; at how many of its characters the unit is saturated; "
        "after how many characters half of its state is left, where nothing is written to it meanwhile; and after "
        "which characters its mean is highest and lowest."
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """The figures, as many as fit."""
        look, ink = self.look, self.ink
        if look is None:
            return []
        span, unit, units = look.view.span, look.unit, look.units
        lines: list[list[Piece]] = [
            [
                ("mean ", ink.muted),
                (value(float(units.mean[unit]), span), ink.text),
                ("  spread ", ink.muted),
                (f"{units.spread[unit]:.3f}", ink.text),
            ]
        ]
        shares: list[Piece] = []
        for name, share in zip(saturation_names(span), units.saturation, strict=True):
            shares += [(f"{name} ", ink.muted), (f"{share[unit]:.0%}  ", ink.text)]
        lines.append(shares)
        if (half_life := units.half_life) is not None:
            lines.append(
                [("half-life ", ink.muted), (characters(half_life[unit]), ink.text), (" characters", ink.muted)]
            )
        means = often(units, unit)
        lines.append([("highest after ", ink.muted), *self._means(means)])
        lines.append([("lowest after ", ink.muted), *self._means(means[::-1])])
        if look.deviation:
            lines.append([("colours: distance from its mean", ink.muted)])
        title = heading(ink, width, f"Unit {unit}")
        return [title, *(row(width, pieces) for pieces in lines)][:height]

    def _means(self, means: list[CharacterMean]) -> list[Piece]:
        pieces: list[Piece] = []
        for mean in means[:5]:
            pieces.append((visible_character(mean.character, ascii_only=self.ink.ascii), self.ink.strong))
            pieces.append((f" {mean.mean:.2f}  ", self.ink.muted))
        return pieces


class UnitFollows(GateView):
    """What the unit follows, ranked on the half of the text that it was not chosen on."""

    HELP_TITLE = "What it follows"
    HELP = (
        "Quotes, brackets, the position in line and word, capitals, digits and single characters, correlated with the "
        "unit: the best five of the text's first half, in the order of what they are worth on the second, where they "
        "were not chosen. Chance: 95 % of all shifts along the text correlate less. The character under the cursor is "
        "always among them."
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """A line for each."""
        look, ink = self.look, self.ink
        lines = [heading(ink, width, "Follows", right=[("held-out chosen chance", ink.muted)])]
        if look is None:
            return lines
        if len(look.units.text) < MIN_FOLLOWED:
            lines.append(row(width, [(f"too little text to tell: {MIN_FOLLOWED} characters are needed", ink.muted)]))
        elif look.followed is None:
            lines.append(row(width, [("counting" + ("..." if ink.ascii else "…"), ink.faint)]))
        elif not look.followed:
            lines.append(row(width, [("nothing: it does not move", ink.muted)]))
        else:
            lines += [self._line(look, k, width) for k in range(len(look.followed))]
        return lines[:height]

    def _line(self, look: Look, k: int, width: int) -> Strip:
        assert look.followed is not None
        one, ink = look.followed[k], self.ink
        beyond = abs(one.held_out) > one.chance
        chosen = one.signal == is_character(look.character)
        name = ink.key if chosen else ink.strong if beyond else ink.muted
        numbers: list[Piece] = [
            (f"{one.held_out:+7.2f}", ink.strong if beyond else ink.muted),
            (f"{one.chosen_on:+7.2f}{one.chance:7.2f}", ink.muted),
        ]
        room = max(1, width - 22)
        return row(width, [(one.signal.removeprefix("the character ")[:room], name)], numbers)
