"""The cell as a circuit: its values, which of them are known, and which one is selected."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from lstm_ext.cells import CELLS
from lstm_ext.cells.circuit import LEFT, RIGHT, Node

from ...text.formulas import format_number, symbol
from .canvas import Piece, clickable, heading, row
from .walk_view import WalkView

_WIDTH = RIGHT + 7


class CellDiagram(WalkView):
    """A drawing of the cell with the chosen unit's values, or, on the way backward, their gradients."""

    HELP_TITLE = "The cell"
    HELP = (
        "How the values of one step depend on each other: from the last output and memory on the left, and the "
        "character below, to the new ones on the right. On the way backward the same places have the gradients."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The wires, and over them operators and values."""
        place, ink = self.place, self.ink
        config, here = place.walk.config, place.moment
        forward = here.phase == "forward"
        cell = CELLS[config.cell]
        circuit = cell.circuit(place.walk.layer)
        title = f"{cell.title} cell" if forward else f"{cell.title} cell: gradients"
        rows = [heading(ink, width, title, (), [(f"unit {place.unit}", ink.muted)])]
        lines = [line.ljust(_WIDTH) for line in circuit.lines]
        #: row → [(column, text, style)]
        over: dict[int, list[tuple[int, str, Style]]] = {}
        for y, line in enumerate(lines):
            for letter, operator in circuit.operators.items():
                if (x := line.find(letter)) >= 0:
                    style = ink.key if here.stage.id in operator.stages else ink.muted
                    start = x - (len(operator.sign) - 1) // 2
                    over.setdefault(y, []).append((start, operator.sign, style))
        for node in circuit.nodes:
            self._put(node, over)
            if forward and node.column == RIGHT:
                over.setdefault(node.row, []).append((RIGHT - 2, ">" if ink.ascii else "▶", ink.baseline))
            elif not forward and node.column == LEFT and node.backward:
                over.setdefault(node.row, []).append((9, "<" if ink.ascii else "◀", ink.baseline))
        for y, line in enumerate(lines[: height - 1]):
            rows.append(row(width, self._line(line, sorted(over.get(y, []), key=lambda item: item[0]))))
        return rows

    def _put(self, node: Node, over: dict[int, list[tuple[int, str, Style]]]) -> None:
        """The node's symbol and, below, its number."""
        place, ink = self.place, self.ink
        here = place.moment
        stage = node.forward if here.phase == "forward" or not node.backward else node.backward
        t = here.step.t or 1
        number = place.find(t, stage)
        if number is None:
            return
        moment = place.walk.moments[number]
        value = moment.value(place.unit)
        if number > place.index:
            text = self.dot
        elif value is None:
            text = self.quoted(moment.step.symbol)
        else:
            text = format_number(value)
        chosen = number == place.index
        style = self.cursor if chosen else ink.text if number < place.index else ink.faint
        spelled = self.spelled(symbol(moment))
        for y, line, look in (
            (node.row, spelled, self.cursor if chosen else ink.strong),
            (node.row + 1, text, style),
        ):
            x = node.column
            if x == RIGHT:
                x = min(x, _WIDTH - len(line))  # the longest number needs a column more
            elif x != LEFT:
                line = f" {line} "
                x -= (len(line) - 1) // 2
            over.setdefault(y, []).append((x, line, clickable(look, f"screen.go({number})")))

    def _line(self, wires: str, over: list[tuple[int, str, Style]]) -> list[Piece]:
        wire = self.ink.baseline
        pieces: list[Piece] = []
        x = 0
        for start, text, style in over:
            pieces += [(wires[x:start], wire), (text, style)]
            x = start + len(text)
        return [*pieces, (wires[x:], wire)]
