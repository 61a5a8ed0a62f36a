"""What the widgets of the Gates screen show: the units of one gate or state, and the cursor among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ext.cells import CellName
from lstm_ext.explain.reading import View, views
from lstm_ext.explain.units import Followed, Order, Units

from .canvas import Canvas


@dataclass(frozen=True)
class Look:
    """Units on a text, in some order, and the unit and the character that the cursor is on."""

    units: Units
    order: Sequence[int]
    sort: Order
    cell: CellName
    #: The gate or state, by its name in a trace, and its layer, counted from 0.
    name: str
    layer: int
    num_layers: int
    #: Show each value's distance from its unit's mean.
    deviation: bool
    #: The ends of the scale, which both times share.
    low: float
    high: float
    unit: int
    position: int
    #: When the network did this, in words.
    when: str
    #: The same units at another time, and when that was.
    kept: Units | None = None
    kept_when: str = ""
    #: What the unit follows; None until it is known.
    followed: Sequence[Followed] | None = None

    @property
    def view(self) -> View:
        """The name and the range of what is shown."""
        return views(self.cell)[self.name]

    @property
    def row(self) -> int:
        """Where the unit stands in the order."""
        return list(self.order).index(self.unit)

    @property
    def character(self) -> str:
        """The character under the cursor."""
        return self.units.text[self.position]

    @property
    def signed(self) -> bool:
        """Whether the values shown have a sign that counts."""
        return self.deviation or self.view.span != "gate"

    def values(self, units: Units) -> np.ndarray:
        """(T, H), as shown."""
        return units.deviation if self.deviation else units.values


class GateView(Canvas):
    """A part of the Gates screen; empty until there is something to look at."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look: Look | None = None

    def show(self, look: Look) -> None:
        """Draw this."""
        self.look = look
        self.redraw()
