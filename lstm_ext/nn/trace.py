"""What happened inside a network: the gates and states of its recurrent layers at every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..cells.activations import Activations
from ..errors import ArgumentError


@checked
@dataclass(frozen=True, repr=False)
class Trace:
    """Gates and states of every recurrent layer and direction, over a batch of B sequences.

    ``trace["reader.rnn.layers.0"]``, or ``trace[0]``, has those of the first sequence by name, as the functions of
    ``lstm_ext.visualization`` take them; ``values`` those of another one. Iterating gives the layers' names, which
    are those of their weights: from the input upwards, each forward direction before its reverse.
    """

    #: By name, with arrays of their own: (T, B, H) each.
    layers: Mapping[str, Activations]

    def values(self, layer: int | str = 0, sequence: int = 0) -> dict[str, np.ndarray]:
        """One layer's gates and states by name, (n, H) each, n being the steps of that sequence: LSTM i, f, g, o, c,
        h; GRU r, z, n, h; RNN h. Raises ``ArgumentError`` for a layer or a sequence that is not there."""
        names = list(self.layers)
        if isinstance(layer, int) and -len(names) <= layer < len(names):
            layer = names[layer]
        if layer not in self.layers:
            raise ArgumentError(f"layer: got {layer!r}, expected a number or one of {', '.join(names)}")
        activations = self.layers[str(layer)]
        T, B = activations.gates.shape[:2]
        if not 0 <= sequence < B:
            raise ArgumentError(f"sequence: got {sequence!r}, expected 0 to {B - 1}")
        steps = T if activations.lengths is None else int(activations.lengths[sequence])
        arrays = activations.blocks
        if activations.c is not None:
            arrays["c"] = activations.c_output
        arrays["h"] = activations.output
        return {name: array[:steps, sequence] for name, array in arrays.items()}

    def __getitem__(self, layer: int | str) -> dict[str, np.ndarray]:
        return self.values(layer)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {'; '.join(f'{name} {acts!r}' for name, acts in self.layers.items())}>"


@checked
@dataclass(frozen=True, repr=False)
class TextTrace(Trace):
    """What a ``LanguageModel`` also says of each symbol. Where one sequence (T,) was traced, there is no axis B."""

    #: (T, B) int32
    symbols: np.ndarray
    #: (T, B, V) float64: row t is the model's prediction of symbol t+1.
    probabilities: np.ndarray
    #: (T, B) float64 nats: −log of the probability that symbol t had; NaN for the first, which nothing predicted,
    #: and in padding.
    loss_per_symbol: np.ndarray


@checked
def as_batch(inputs: ArrayLike) -> np.ndarray:
    """Symbols (T,) and numbers (T, D), one sequence, as a batch of one; batches as they are."""
    array = np.asarray(inputs)
    single = array.ndim == (1 if array.dtype.kind in "iu" else 2)
    return array[:, np.newaxis] if single else array


@checked
def own_arrays(activations: Activations) -> Activations:
    """A copy that what the network computes next does not change."""
    return replace(
        activations,
        h=activations.h.copy(),
        c=None if activations.c is None else activations.c.copy(),
        gates=activations.gates.copy(),
        extra=None if activations.extra is None else activations.extra.copy(),
    )
