"""What the widgets of the Surgery screen show: the operations, the network before and after them, and its units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.surgery import Condition, Edit

from ...text.surgery import Worth
from .canvas import Canvas


@dataclass(frozen=True)
class SurgeryLook:
    """A network before and after operations, and the operation that Enter would do."""

    config: ModelConfig
    edits: Sequence[Edit]
    #: Before, and after each operation, as far as measured.
    conditions: Sequence[Condition]
    prime: str
    #: The operation that is chosen.
    chosen: Edit
    #: The unit under the cursor, and its layer, both counted from 0.
    unit: int
    layer: int
    #: What the units of that layer are worth, as far as measured; None if nobody asked.
    worth: Worth | None
    #: How many operations had been done when they were measured.
    worth_after: int = 0
    #: Whether they are being measured.
    ranking: bool = False
    #: How many of the operations have been put into the running network, and at which step; 0: none.
    put: int = 0
    put_step: int = 0

    @property
    def order(self) -> list[int]:
        """The layer's units as they are listed: the most telling first, once all have been measured."""
        units = self.config.hidden_size
        if self.worth is not None and len(self.worth.rises) == units:
            return self.worth.order
        return list(range(units))

    @property
    def measured(self) -> bool:
        """Whether the network after all operations has been measured."""
        return len(self.conditions) > len(self.edits)


class SurgeryView(Canvas):
    """A part of the Surgery screen; empty until there is something to look at."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look: SurgeryLook | None = None

    def show(self, look: SurgeryLook) -> None:
        """Draw this."""
        self.look = look
        self.redraw()
