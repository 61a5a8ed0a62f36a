"""The recurrent cells: a file for each, with everything about it, and the table of them all.

What a cell has to say is described in ``cell``; ``config`` has the settings of a layer, ``activations`` what a
layer computed. To add a cell, write its file and add it to ``CellName`` and ``CELLS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from .cell import Cell
from .gru import GRUCell
from .lstm import LSTMCell
from .mingru import MinGRUCell
from .rnn import RNNCell

CellName = Literal["lstm", "gru", "rnn", "mingru"]

CELLS: Mapping[CellName, Cell] = MappingProxyType(
    {"lstm": LSTMCell(), "gru": GRUCell(), "rnn": RNNCell(), "mingru": MinGRUCell()}
)

#: Every option that some cell takes, and those of them that are on or off.
OPTIONS = tuple(dict.fromkeys(option for cell in CELLS.values() for option in cell.options))
SWITCHES = tuple(dict.fromkeys(option for cell in CELLS.values() for option in cell.switches))
