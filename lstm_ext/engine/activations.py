"""What one layer computed over a whole sequence: everything its backward pass needs, and what the plots show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import BLOCKS, LayerConfig


@dataclass
class Activations:
    """A layer's forward pass over T steps of B sequences, as both engines return it.

    All floats have the dtype of the weights. h and c have one entry more than there are steps,
    so that the state before the first step has a place: h[0] running forward, h[T] in reverse.

    A step t ≥ lengths[b] leaves the state alone (h_t = h_{t−1}); its gates and extra are 0.
    """

    config: LayerConfig
    #: (T, B, D) floats or (T, B) int32 symbols; None where the caller did not ask for it.
    x: np.ndarray | None
    #: (B,) int32, how many steps of each sequence count; None: all of them.
    lengths: np.ndarray | None
    #: (T+1, B, H)
    h: np.ndarray
    #: (T+1, B, H), the cell of an LSTM; None otherwise.
    c: np.ndarray | None
    #: (T, B, G, H), the gates after their σ or tanh, in the order of ``BLOCKS[cell]``.
    gates: np.ndarray
    #: (T, B, H): LSTM tanh(c_t); GRU r⊙h_{t−1}, with reset_after U_n·h_{t−1} + b_hn; RNN None.
    #: Here too, with a ``recurrent_mask`` m, h_{t−1} is m⊙h_{t−1}.
    extra: np.ndarray | None
    #: (B, H) factors of h_{t−1} wherever W meets it, the same at every step; None: all 1.
    recurrent_mask: np.ndarray | None = None

    @property
    def output(self) -> np.ndarray:
        """(T, B, H) view: h_t, the state after step t."""
        return self._after(self.h)

    @property
    def previous(self) -> np.ndarray:
        """(T, B, H) view: h_{t−1}, the state that step t started from (h_{t+1} in reverse)."""
        return self._before(self.h)

    @property
    def c_output(self) -> np.ndarray:
        """(T, B, H) view: c_t. LSTM only."""
        return self._after(self._cell())

    @property
    def c_previous(self) -> np.ndarray:
        """(T, B, H) view: c_{t−1}. LSTM only."""
        return self._before(self._cell())

    @property
    def blocks(self) -> dict[str, np.ndarray]:
        """The gates by name ("i", "f", "g", "o"; "r", "z", "n"; "h"), views of (T, B, H)."""
        return {name: self.gates[:, :, index] for index, name in enumerate(BLOCKS[self.config.cell])}

    def _cell(self) -> np.ndarray:
        if self.c is None:
            raise AttributeError(f"a {self.config.cell} has no cell state c")
        return self.c

    def _after(self, states: np.ndarray) -> np.ndarray:
        return states[:-1] if self.config.reverse else states[1:]

    def _before(self, states: np.ndarray) -> np.ndarray:
        return states[1:] if self.config.reverse else states[:-1]
