"""What one layer computed over a whole sequence: everything its backward pass needs, and what the plots show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import CELLS
from .config import LayerConfig


@dataclass(repr=False)
class Activations:
    """A layer's forward pass over T steps of B sequences, as both engines return it.

    All floats have the dtype of the weights. h and c have one entry more than there are steps,
    so that the state before the first step has a place: h[0] running forward, h[T] in reverse.

    A step t ≥ lengths[b] leaves the state alone (h_t = h_{t−1}); its gates and extra are 0.
    """

    config: LayerConfig
    #: (T+1, B, H)
    h: np.ndarray
    #: (T+1, B, H), the cell of an LSTM; None otherwise.
    c: np.ndarray | None
    #: (T, B, G, H), the gates after their σ or tanh, in the order of the cell's blocks.
    gates: np.ndarray
    #: (T, B, H): LSTM tanh(c_t); GRU r⊙h_{t−1}, with reset_after U_n·h_{t−1} + b_hn; otherwise None.
    #: Here too, with a ``recurrent_mask`` m, h_{t−1} is m⊙h_{t−1}.
    extra: np.ndarray | None
    #: (T, B, D) floats or (T, B) int32 symbols; None where the caller did not ask for it.
    x: np.ndarray | None = None
    #: (B,) int32, how many steps of each sequence count; None: all of them.
    lengths: np.ndarray | None = None
    #: (B, H) factors of h_{t−1} wherever W meets it, the same at every step; None: all 1.
    recurrent_mask: np.ndarray | None = None

    @classmethod
    def empty(
        cls, config: LayerConfig, shape: tuple[int, int], dtype: np.dtype, reuse: Activations | None = None
    ) -> Activations:
        """Arrays for T steps of B sequences, ``shape`` being (T, B), which an engine fills: those of ``reuse`` if they
        fit, else new ones."""
        if reuse is not None and reuse.config == config and reuse.gates.shape[:2] == shape and reuse.h.dtype == dtype:
            return cls(config, reuse.h, reuse.c, reuse.gates, reuse.extra)
        cell, H, (steps, batch) = CELLS[config.cell], config.hidden_size, shape
        h = np.empty((steps + 1, batch, H), dtype)
        return cls(
            config,
            h=h,
            c=np.empty_like(h) if len(cell.states) == 2 else None,
            gates=np.empty((steps, batch, len(cell.blocks), H), dtype),
            extra=np.empty((steps, batch, H), dtype) if cell.has_extra else None,
        )

    def __repr__(self) -> str:
        (T, B), H = self.gates.shape[:2], self.config.hidden_size
        names = [*self.blocks, *(["c"] if self.c is not None else []), *(["h"] if "h" not in self.blocks else [])]
        reverse = " in reverse" if self.config.reverse else ""
        return f"<{self.config.cell}{reverse}: {', '.join(names)}; T={T}, B={B}, H={H}>"

    def begin(self, state: np.ndarray) -> None:
        """Puts the state (S, B, H) that the first step starts from into its place."""
        first = len(self.gates) if self.config.reverse else 0
        for array, start in zip(self._states(), state, strict=True):
            array[first] = start

    @property
    def final_state(self) -> np.ndarray:
        """(S, B, H), a copy: the state after each sequence's last step (in reverse: after its first)."""
        last = 0 if self.config.reverse else -1
        return np.stack([array[last] for array in self._states()])

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
        """The gates by name ("i", "f", "g", "o"; "r", "z", "n"; …), views of (T, B, H)."""
        return {block.name: self.gates[:, :, k] for k, block in enumerate(CELLS[self.config.cell].blocks)}

    # ------------------------------------------- for the time loops of the NumPy twin

    def steps(self, *, backward: bool = False) -> Iterable[int]:
        """t in the order in which the steps are computed, or, for the backward pass, in the opposite one."""
        T = len(self.gates)
        return reversed(range(T)) if self.config.reverse != backward else range(T)

    def ended(self, t: int) -> np.ndarray | None:
        """(B,) bool: which sequences have no step t, or None if all have it."""
        if self.lengths is None:
            return None
        ended: np.ndarray = self.lengths <= t
        return ended if ended.any() else None

    def leave_alone(self, t: int) -> None:
        """Undoes step t for the sequences that have no such step: state as before, gates and extra 0."""
        ended = self.ended(t)
        if ended is None:
            return
        for array in self._states():
            self._after(array)[t, ended] = self._before(array)[t, ended]
        self.gates[t, ended] = 0
        if self.extra is not None:
            self.extra[t, ended] = 0

    def masked(self, h: np.ndarray) -> np.ndarray:
        """m⊙h, for h (B, H) or (T, B, H); its gradient with respect to h has the same form."""
        return h if self.recurrent_mask is None else h * self.recurrent_mask

    # --------------------------------------------------------------------------------

    def _states(self) -> list[np.ndarray]:
        return [self.h] if self.c is None else [self.h, self.c]

    def _cell(self) -> np.ndarray:
        if self.c is None:
            raise AttributeError(f"a {self.config.cell} has no cell state c")
        return self.c

    def _after(self, states: np.ndarray) -> np.ndarray:
        return states[:-1] if self.config.reverse else states[1:]

    def _before(self, states: np.ndarray) -> np.ndarray:
        return states[1:] if self.config.reverse else states[:-1]
