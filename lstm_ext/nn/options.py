"""The options that networks hand down to their recurrent layers, for type checkers and editors.

What they mean is said in ``Recurrent`` and ``Reader``, which also have their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from ..cells import CellName


class RecurrentOptions(TypedDict, total=False):
    """Keywords of ``Recurrent`` that ``Reader`` passes on."""

    num_layers: int
    bidirectional: bool
    recurrent_dropout: float
    layer_norm: bool
    reset_after: bool
    peephole: bool
    coupled: bool
    force: Mapping[str, float] | None
    forget_bias: float


class ReaderOptions(RecurrentOptions, total=False):
    """Keywords of ``Reader`` that whole networks pass on."""

    cell: CellName
    embedding_size: int | None
    dropout: float
    init: str
