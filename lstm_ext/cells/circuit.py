"""The drawing of a cell as a circuit: where its values stand on the wires, and what happens to them there.

Every cell has a large drawing and a small one, 42 columns wide, in which a gate and its pre-activation share a place.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The columns of the values at the left and the right end; in a small drawing the right one is ``SMALL_RIGHT``.
LEFT, RIGHT, SMALL_RIGHT = 0, 75, 35


@dataclass(frozen=True)
class Node:
    """Where a value stands, its symbol with the number below it: its stages forward and backward, row, column.

    Several stages, with spaces between, share the place: the one that was passed last is there.
    """

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
    #: The small drawing; None for one that is small.
    small: Circuit | None = None

    @property
    def right(self) -> int:
        """The column of the values at the right end."""
        return RIGHT if self.small is not None else SMALL_RIGHT

    @property
    def width(self) -> int:
        """In columns."""
        return self.right + 7

    @property
    def lines(self) -> list[str]:
        """The wires, with room for every value and the number below it."""
        lines = self.wires.split("\n")[1:-1]
        return lines + [""] * (max(node.row for node in self.nodes) + 2 - len(lines))


def gate(name: str, row: int, column: int) -> tuple[Node, Node]:
    """A gate, and below it, under its σ or tanh, its pre-activation."""
    return Node(name, f"d{name}", row, column), Node(f"a_{name}", f"da_{name}", row + 3, column)


def small_gate(name: str, row: int, column: int) -> Node:
    """A gate and its pre-activation in one place."""
    return Node(f"a_{name} {name}", f"d{name} da_{name}", row, column)
