"""The drawing of a cell as a circuit: where its values stand on the wires, and what happens to them there."""

from __future__ import annotations

from dataclasses import dataclass

#: The columns of the values at the left and the right end.
LEFT, RIGHT = 0, 75


@dataclass(frozen=True)
class Node:
    """Where a value stands, its symbol with the number below it: its stages forward and backward, row, column."""

    forward: str
    backward: str
    row: int
    #: Of its middle; ``LEFT`` and ``RIGHT`` are those of the ends.
    column: int


@dataclass(frozen=True)
class Operator:
    """What stands at a letter of the wires, and the stages during which it is at work."""

    sign: str
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Circuit:
    """The wires, line by line with a letter at the place of each operator, the values and the operators."""

    wires: str
    nodes: tuple[Node, ...]
    operators: dict[str, Operator]

    @property
    def lines(self) -> list[str]:
        """The wires, with room for every value and the number below it."""
        lines = self.wires.split("\n")[1:-1]
        return lines + [""] * (max(node.row for node in self.nodes) + 2 - len(lines))


def gate(name: str, row: int, column: int) -> tuple[Node, Node]:
    """A gate, and below it, under its σ or tanh, its pre-activation."""
    return Node(name, f"d{name}", row, column), Node(f"a_{name}", f"da_{name}", row + 3, column)
