"""The cell as a circuit: its values, which of them are known, and which one is selected."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from lstm_ext.cells import CELLS
from lstm_ext.cells.circuit import LEFT, RIGHT, Circuit, Node

from ...text.formulas import format_number, symbol
from .canvas import Piece, clickable, heading, row
from .walk_view import WalkView


class CellDiagram(WalkView):
    """A drawing of the cell with the chosen unit's values, or, on the way backward, their gradients."""

    HELP_TITLE = "The cell"
    HELP = (
        "How the values of one step depend on each other: from the last output and memory on the left, and the "
        "character below, to the new ones on the right. On the way backward the same places have the gradients."
    )

    #: As high as it is, unless it has the whole screen.
    rows = reactive(1, layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Its rows."""
        return self.rows

    def circuit(self, width: int, height: int) -> Circuit:
        """The large drawing where it fits."""
        config = self.place.walk.layer
        large = CELLS[config.cell].circuit(config)
        return large if (width >= large.width and height > len(large.lines)) or large.small is None else large.small

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The wires, and over them operators and values."""
        place, ink = self.place, self.ink
        here = place.moment
        forward = here.phase == "forward"
        circuit = self.circuit(width, height)
        rows = []
        if circuit.small is not None:
            name = CELLS[place.walk.config.cell].title
            title = f"{name} cell" if forward else f"{name} cell: gradients"
            rows = [heading(ink, width, title, (), [(f"unit {place.unit}", ink.muted)])]
        lines = [line.ljust(circuit.width) for line in circuit.lines]
        #: row → [(column, text, style)]
        over: dict[int, list[tuple[int, str, Style]]] = {}
        for y, line in enumerate(lines):
            for letter, operator in circuit.operators.items():
                if (x := line.find(letter)) >= 0:
                    style = ink.key if here.stage.id in operator.stages else ink.muted
                    start = x - (len(operator.sign) - 1) // 2
                    over.setdefault(y, []).append((start, operator.sign, style))
        for node in circuit.nodes:
            self._put(circuit, node, over)
            if forward and node.column == RIGHT:
                over.setdefault(node.row, []).append((circuit.right - 2, ">" if ink.ascii else "▶", ink.baseline))
            elif not forward and node.column == LEFT and node.backward and "╶" in lines[node.row]:
                start = lines[node.row].index("╶")
                over.setdefault(node.row, []).append((start, "<" if ink.ascii else "◀", ink.baseline))
        for y, line in enumerate(lines[: height - len(rows)]):
            rows.append(row(width, self._line(line, sorted(over.get(y, []), key=lambda item: item[0]))))
        return rows

    def _put(self, circuit: Circuit, node: Node, over: dict[int, list[tuple[int, str, Style]]]) -> None:
        """The node's symbol and, below, its number."""
        place, ink = self.place, self.ink
        here = place.moment
        stages = (node.forward if here.phase == "forward" or not node.backward else node.backward).split()
        numbers = [n for stage in stages if (n := place.find(here.step.t or 1, stage)) is not None]
        if not numbers:
            return
        number = max((n for n in numbers if n <= place.index), default=numbers[-1])
        moment = place.walk.moments[number]
        value = moment.value(place.unit)
        if number > place.index:
            text = self.dot
        elif value is None:
            text = self.quoted(moment.step.symbol)
        else:
            text = format_number(value) if circuit.small is not None else _short(value)
        chosen = number == place.index
        style = self.cursor if chosen else ink.text if number < place.index else ink.faint
        spelled = self.spelled(symbol(moment))
        for y, line, look in (
            (node.row, spelled, self.cursor if chosen else ink.strong),
            (node.row + 1, text, style),
        ):
            x = node.column
            if x == RIGHT:
                x = min(circuit.right, circuit.width - len(line))  # the longest number needs a column more
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


def _short(value: float) -> str:
    """At most six characters."""
    size = abs(value)
    if value == 0 or size >= 9999.5:
        return f"{value:.0e}" if value else "0"
    if size < 0.00095:
        return f"{value:.0e}"
    return f"{value:.{3 if size < 9.9995 else 1 if size < 999.5 else 0}f}"
