"""The cell as a circuit: where each value stands, which of them are known, and which one is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style
from textual.strip import Strip

from lstm_ext.explain.walk import format_number

from .canvas import Piece, clickable, heading, row
from .walk_view import WalkView

_RIGHT = 75
_WIDTH = _RIGHT + 8
# Wires; a letter is the place of an operator.
_LSTM = """
         ╶─────────A────────────────────────────B─────────────┬──────────╴
                   │                            │             │
                   │             ╭──────────────C             D
                   │             │              │             │
                   │             │              │             E──────────╴
                   │             │              │             │


                   F             G              H             I


         ╶─────┬───┴─────────────┴──────────────┴─────────────╯
"""
_GRU = """
         ╶───────┬────────────────────────A──────────────B───────────────╴
                 │                        │ 1 - z        │
                 │                        ├──────────────C
                 │                        │              │
                 D─────────────╮          │              │


                 │             E          F              G
                 │
                 │
                 │  h, x ╶─────┴──────────╯              │
         ╶───────┴───────────────────────────────────────╯
"""
_GRU_RESET_AFTER = """
         ╶───────┬────────────────────────A──────────────B───────────────╴
                                          │ 1 - z        │
                                          ├──────────────C
                 │                        │              │
                 D─────────────╮          │              │
                 │
                 │
                 │             E          F              G
                 │
                 │
                 │  h, x ╶─────┴──────────╯              │
         ╶───────┴───────────────────────────────────────╯
"""
_RNN = """

         ╶─────────┬────────────────────────────────────A────────────────╴
                   │
"""


@dataclass(frozen=True)
class _Node:
    """Where a value stands, its symbol with the number below it: its stages forward and backward, row, column."""

    forward: str
    backward: str
    row: int
    #: Of its middle; 0 and ``_RIGHT`` are those of left and right ends.
    column: int


@dataclass(frozen=True)
class _Operator:
    """What stands at a letter of the wires, and the stages during which it is at work."""

    sign: str
    stages: tuple[str, ...]


@dataclass(frozen=True)
class _Circuit:
    wires: str
    nodes: tuple[_Node, ...]
    operators: dict[str, _Operator]


def _gate(name: str, row: int, column: int) -> tuple[_Node, _Node]:
    """A gate, and below it, under its σ or tanh, its pre-activation."""
    return _Node(name, f"d{name}", row, column), _Node(f"a_{name}", f"da_{name}", row + 3, column)


_GRU_CIRCUIT = _Circuit(
    _GRU,
    (
        _Node("h_prev", "dh_prev", 0, 0),
        _Node("h", "dh", 0, _RIGHT),
        _Node("s", "ds", 5, 17),
        *_gate("r", 5, 31),
        *_gate("z", 5, 42),
        *_gate("n", 5, 57),
        _Node("x", "", 11, 0),
    ),
    {
        "A": _Operator("×", ("h", "dh_prev")),
        "B": _Operator("+", ("h",)),
        "C": _Operator("×", ("h", "dz", "dn")),
        "D": _Operator("×", ("s", "dr", "dh_prev")),
        "E": _Operator("σ", ("r", "da_r")),
        "F": _Operator("σ", ("z", "da_z")),
        "G": _Operator("tanh", ("n", "da_n")),
    },
)
_CIRCUITS = {
    ("lstm", False): _Circuit(
        _LSTM,
        (
            _Node("c_prev", "dc_prev", 0, 0),
            _Node("c", "dc", 0, _RIGHT),
            *_gate("f", 6, 19),
            *_gate("i", 6, 33),
            *_gate("g", 6, 48),
            *_gate("o", 6, 62),
            _Node("h_prev", "dh_prev", 11, 0),
            _Node("h", "dh", 4, _RIGHT),
            _Node("x", "", 12, 15),
        ),
        {
            "A": _Operator("×", ("c", "df", "dc_prev")),
            "B": _Operator("+", ("c",)),
            "C": _Operator("×", ("c", "di", "dg")),
            "D": _Operator("tanh", ("tanh_c", "dc")),
            "E": _Operator("×", ("h", "do", "dc")),
            "F": _Operator("σ", ("f", "da_f")),
            "G": _Operator("σ", ("i", "da_i")),
            "H": _Operator("tanh", ("g", "da_g")),
            "I": _Operator("σ", ("o", "da_o")),
        },
    ),
    ("gru", False): _GRU_CIRCUIT,
    ("gru", True): replace(
        _GRU_CIRCUIT,
        wires=_GRU_RESET_AFTER,
        nodes=tuple(_Node("m", "dm", 1, 17) if node.forward == "s" else node for node in _GRU_CIRCUIT.nodes),
        operators={**_GRU_CIRCUIT.operators, "D": _Operator("×", ("a_n", "dm", "dr"))},
    ),
    ("rnn", False): _Circuit(
        _RNN,
        (
            _Node("h_prev", "dh_prev", 1, 0),
            _Node("a", "da", 1, 36),
            _Node("h", "dh", 1, _RIGHT),
            _Node("x", "", 3, 19),
        ),
        {"A": _Operator("tanh", ("h", "da"))},
    ),
}


class CellDiagram(WalkView):
    """A drawing of the cell with the chosen unit's values, or, on the way backward, their gradients."""

    HELP_TITLE = "The cell"
    HELP = (
        "How the values of one step hang together: from the last output and memory on the left, and the character "
        "below, to the new ones on the right. On the way backward the same places have the gradients."
    )

    def draw_place(self, width: int, height: int) -> list[Strip]:
        """The wires, and over them operators and values."""
        place, ink = self.place, self.ink
        config, here = place.walk.config, place.moment
        forward = here.phase == "forward"
        circuit = _CIRCUITS[config.cell, config.reset_after]
        title = f"{config.cell.upper()} cell" if forward else f"{config.cell.upper()} cell: gradients"
        rows = [heading(ink, width, title, (), [(f"unit {place.unit + 1}", ink.muted)])]
        wires = circuit.wires.split("\n")[1:-1]
        last = max(node.row for node in circuit.nodes) + 2
        lines = [line.ljust(_WIDTH) for line in wires] + [" " * _WIDTH] * (last - len(wires))
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
            if forward and node.column == _RIGHT:
                over.setdefault(node.row, []).append((_RIGHT - 2, ">" if ink.ascii else "▶", ink.baseline))
            elif not forward and node.column == 0 and node.backward:
                over.setdefault(node.row, []).append((9, "<" if ink.ascii else "◀", ink.baseline))
        for y, line in enumerate(lines[: height - 1]):
            rows.append(row(width, self._line(line, sorted(over.get(y, []), key=lambda item: item[0]))))
        return rows

    def _put(self, node: _Node, over: dict[int, list[tuple[int, str, Style]]]) -> None:
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
        symbol = self.spelled(moment.symbol)
        for y, line, look in (
            (node.row, symbol, self.cursor if chosen else ink.strong),
            (node.row + 1, text, style),
        ):
            x = node.column
            if x not in (0, _RIGHT):
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
