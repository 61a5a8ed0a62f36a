"""A text, and what a network's gates and states did while it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, checked
from ..cells import CELLS, CellName
from ..cells.stages import Span
from ..data import Vocabulary
from ..errors import ArgumentError
from ..nn.language_model import LanguageModel
from .units import Units


class View(NamedTuple):
    """A gate or state to look at: the key that shows it in the lab, its name, and the range of its values."""

    key: str
    title: str
    span: Span

    @property
    def name(self) -> str:
        """Its name in full: forget gate, cell state, candidate."""
        suffix = {"gate": " gate"}.get(self.span, " state" if self.title in ("cell", "hidden") else "")
        return self.title + suffix


@checked
def views(cell: CellName) -> dict[str, View]:
    """A cell's gates and states, by their names in a trace."""
    known = CELLS[cell]
    gates = {block.name: View(block.key or block.name, block.title, block.span) for block in known.gates}
    states = {state.name: View(state.name, state.title, state.span) for state in reversed(known.states)}
    return gates | states


@checked
@dataclass(frozen=True)
class Reading:
    """A text, and what each layer did on it: per layer, (T, H) values by name, in the network's dtype."""

    text: str
    layers: Sequence[Mapping[str, np.ndarray]]
    cell: CellName
    #: (T,) float64 nats: −log of the probability that the network gave each symbol; NaN for the first one.
    surprise: np.ndarray

    def units(self, layer: Count, name: str) -> Units:
        """One gate or state, by its name in a trace, of one layer, counted from 0. Raises ArgumentError for one that
        is not there."""
        if layer >= len(self.layers):
            raise ArgumentError(f"layer: got {layer}, expected 0 to {len(self.layers) - 1}")
        known = views(self.cell)
        if name not in known:
            raise ArgumentError(f"name: got {name!r}, expected one of {', '.join(known)}")
        values = self.layers[layer]
        return Units(self.text, values[name], known[name].span, CELLS[self.cell].retention(values))


@checked
def read(model: LanguageModel, symbols: ArrayLike, vocabulary: Vocabulary) -> Reading:
    """What ``model`` does on ``symbols`` (T,), from a zero state. Raises ArgumentError."""
    array = np.asarray(symbols)
    trace = model.trace(array.astype(np.int32) if array.dtype.kind in "iu" else array)
    names = views(model.config.cell)
    layers = [
        {name: values for name, values in trace.values(layer).items() if name in names}
        for layer in range(model.config.num_layers)
    ]
    return Reading(vocabulary.decode(array), layers, model.config.cell, trace.loss_per_symbol)
