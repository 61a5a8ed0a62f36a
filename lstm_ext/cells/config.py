"""The settings of one layer, and its parameters.

One layer's weights are the textbook's ``W`` of shape (G·H, H+D) in ``W·[h, x] + b``. In memory
they lie transposed, as ``Wt`` (H+D, G·H): then the weights of one input symbol are one
contiguous row, and embedding a symbol is reading that row. ``W`` is the view ``Wt.T``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..arguments import check_at_least, check_choice, check_types, checked, checked_keywords
from ..errors import ArgumentError
from . import CELLS, OPTIONS, CellName


@checked
@checked_keywords
@dataclass(frozen=True)
class LayerConfig:
    """One recurrent layer.

    ``force`` maps gate names of an LSTM ("input", "forget", "output") to the constant each is
    held at. ``coupled`` ties the input gate to the forget gate, i = 1 − f (Greff et al. 2015,
    CIFG). ``peephole`` adds diagonal connections from the cell to the gates (Gers and
    Schmidhuber 2000). ``reset_after`` chooses where a GRU applies its reset gate: False,
    before the matrix product, as in the textbook; True, after it, as in cuDNN and PyTorch.

    Raises ArgumentError for a size below 1, an unknown cell, and an option that the cell does not take.
    """

    cell: CellName
    input_size: int
    hidden_size: int
    reset_after: bool = False
    peephole: bool = False
    coupled: bool = False
    reverse: bool = False
    force: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, tuple(CELLS))
        check_at_least("input_size", self.input_size, 1)
        check_at_least("hidden_size", self.hidden_size, 1)
        check_types(self)
        for option in OPTIONS:
            if getattr(self, option) and option not in CELLS[self.cell].options:
                takers = " and ".join(repr(name) for name, cell in CELLS.items() if option in cell.options)
                raise ArgumentError(
                    f"{option}: got {getattr(self, option)!r} for cell {self.cell!r}, expected it only for {takers}"
                )
        for name, constant in self.force.items():
            check_choice("force", name, CELLS[self.cell].forceable)
            if not math.isfinite(constant):
                raise ArgumentError(f"force: got {constant!r} for {name!r}, expected a finite number")

    @property
    def blocks(self) -> int:
        """G, the number of row blocks of W."""
        return len(CELLS[self.cell].blocks)

    @property
    def state_arrays(self) -> int:
        """S, how many arrays the state has: 2 for an LSTM (h, c), otherwise 1 (h)."""
        return len(CELLS[self.cell].states)

    @property
    def recurrent_rows(self) -> int:
        """How many rows of Wt, the first ones, meet h: H, or 0 for a cell without recurrent weights."""
        return self.hidden_size if CELLS[self.cell].recurrent else 0

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes as they lie in memory: ``Wt`` (H+D, G·H), ``b`` (G·H,) and what the cell adds to that."""
        return CELLS[self.cell].parameter_shapes(self)


class Weights(NamedTuple):
    """One layer's parameters, of the shapes that ``LayerConfig.parameter_shapes`` gives."""

    Wt: np.ndarray
    b: np.ndarray
    peephole: np.ndarray | None = None
