"""What is left of a gradient by steps back: curves on a logarithmic scale, figures beside them, words below."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstm_ext.explain.flow import Decay
from lstm_ext.visualization.drawing import draw_chart

from ...text.ascii import to_ascii
from ...text.flow import comparison, half_life, reach, sentence, share
from .canvas import Piece, heading, join, row
from .flow_view import FlowLook, FlowView, style_of

_TABLE = 35


class FlowDecay(FlowView):
    """Medians and quartiles over losses and networks."""

    HELP_TITLE = "What is left"
    HELP = (
        "The same norms by distance: what is left of the gradient 0, 1, 2 … characters back, as a share of its norm at "
        "the state that predicted the character, over the losses of the text's last quarter and, of untrained "
        "networks, over several random starts. Lines are medians, the bands around them hold the middle half. The "
        "vertical axis counts decades: each is a factor of ten. The figures are means over the whole distance: decades "
        "per character, and in how many characters the gradient halves. An untrained network's figures depend on "
        "its initialization more than on its cell: i changes it."
    )

    def draw(self, width: int, height: int) -> list[Strip]:
        """Heading, chart and table, sentences."""
        look, ink = self.look, self.ink
        if look is None:
            return [heading(ink, width, "What is left")][:height]
        known = [(net, decay) for net, decay in zip(look.nets, look.decays, strict=True) if decay is not None]
        words = self._words(look, width, max(1, (height - 6) // 3))
        left = [(" by characters back from the loss", ink.muted)]
        lines = [heading(ink, width, "What is left", left, [(look.draws, ink.muted)])]
        room = height - 1 - len(words)
        if known and known[0][1].lags and room >= 3:
            table = self._table(look, width >= 72)
            beside = sum(len(text) for text, _ in table[0]) + 2 if width >= 72 else 0
            chart = self._chart(look, width - beside, room)
            for index, cells in enumerate(chart):
                right = table[index] if beside and index < len(table) else []
                gap: list[Segment] = [Segment("  ", Style.null())] if right else []
                lines.append(Strip([*cells, *gap, *(Segment(text, style) for text, style in right)]))
        else:
            lines.append(row(width, [("the text is too short, or no gradient is finite", ink.muted)]))
        lines += [Strip([])] * max(0, height - len(lines) - len(words))
        return [line.adjust_cell_length(width) for line in [*lines, *words]][:height]

    def _words(self, look: FlowLook, width: int, most: int) -> list[Strip]:
        """The comparison, and each network's own sentence as far as there is room."""
        ink, lines = self.ink, list[str]()
        texts = [comparison(look.nets, look.state, look.layer)]
        texts += [sentence(net, look.state, look.layer) for net in look.nets]
        for text in filter(None, texts):
            more = wrap(to_ascii(text) if ink.ascii else text, width)
            if lines and len(lines) + len(more) > most:
                break
            lines += more
        return [row(width, [(line, ink.text if index == 0 else ink.muted)]) for index, line in enumerate(lines)]

    def _table(self, look: FlowLook, wide: bool) -> list[list[Piece]]:
        ink = self.ink
        last = max(decay.lags for decay in look.decays if decay is not None)
        names = f"{'':<12}{f'{last} back':>9}{'per char':>10}{'half in':>9}"
        lines: list[list[Piece]] = [[(names, ink.muted)]]
        for net, decay in zip(look.nets, look.decays, strict=True):
            mark = net.mark if ink.ascii or not ink.colored else "━"
            head: list[Piece] = [(f"{mark} ", style_of(net, ink)), (f"{net.name:<10}", ink.text)]
            if decay is None:
                lines.append([*head, ("not finite".rjust(28), ink.muted)])
                continue
            figures = f"{share(float(decay.median[-1])):>9}{decay.per_step:>+10.3f}{half_life(decay):>9}"
            lines.append([*head, (figures, ink.text)])
        lines.append([("".ljust(12) + f"{'left':>9}{'decades':>10}{'chars':>9}", ink.faint)])
        return lines

    def _chart(self, look: FlowLook, width: int, height: int) -> list[list[Segment]]:
        ink = self.ink
        known = [(net, decay) for net, decay in zip(look.nets, look.decays, strict=True) if decay is not None]
        low, high = reach([decay.median for _, decay in known])
        drawn = draw_chart(
            [*(_band(decay) for _, decay in known), *((np.arange(d.lags + 1), d.median) for _, d in known)],
            width,
            height,
            y_range=(10.0**low, 10.0**high),
            log_y=True,
            whole_x=True,
            glyphs="ascii" if ink.ascii or not ink.colored else "braille",
        )
        styles = [style_of(net, ink) for net, _ in known]
        lines = []
        for y, text in enumerate(drawn.rows):
            cells: list[Piece] = []
            for x, glyph in enumerate(text):
                series = int(drawn.series[y, x])
                if series < 0:
                    cells.append((to_ascii(glyph) if ink.ascii else glyph, ink.muted))
                    continue
                net, band = known[series % len(known)][0], series < len(known)
                style = _DIM + styles[series % len(known)] if band else styles[series % len(known)]
                if ink.ascii or not ink.colored:
                    glyph = "." if band else net.mark
                cells.append((glyph, style))
            lines.append(list(join(cells)))
        return lines


_DIM = Style(dim=True)


def _band(decay: Decay) -> tuple[np.ndarray, np.ndarray]:
    """Vertical strokes from quartile to quartile; NaN lifts the pen."""
    xs = np.linspace(0, decay.lags, 4 * decay.lags + 1)
    lags = np.arange(decay.lags + 1)
    low, high = (10.0 ** np.interp(xs, lags, np.log10(ends)) for ends in (decay.low, decay.high))
    return np.repeat(xs, 3), np.stack([low, high, np.full(len(xs), np.nan)], axis=1).ravel()
