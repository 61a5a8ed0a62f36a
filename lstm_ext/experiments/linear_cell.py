"""An LSTM without the tanh on its cell, h = o⊙C instead of o⊙tanh(C): the one ablation that the engines lack.

Written in NumPy, and therefore slow.
"""

from __future__ import annotations

import numpy as np

from ..cells.config import LayerConfig
from ..cells.functions import sigmoid
from ..nn import Linear, Model, Module
from ..nn.initialization import initialize_layer


class LinearCellLSTM(Module):
    """One layer over symbols. After ``forward``, ``c`` (T, B, H) holds the cells."""

    Wt: np.ndarray
    dWt: np.ndarray
    b: np.ndarray
    db: np.ndarray
    c: np.ndarray

    def __init__(self, num_symbols: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        self.config = LayerConfig("lstm", num_symbols, hidden_size)
        self._forget_bias = forget_bias

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.config.parameter_shapes()

    def initialize(self, rng: np.random.Generator) -> None:
        initialize_layer(self.config, {"Wt": self.Wt, "b": self.b}, rng, forget_bias=self._forget_bias)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Symbols (T, B) → h (T, B, H), from a zero state."""
        (T, B), H = x.shape, self.config.hidden_size
        self._x = x
        self._gates = (self.Wt[H:][x] + self.b).reshape(T, B, 4, H)  # i, f, g, o
        self.c, self._h = (
            np.zeros((T + 1, B, H), self.dtype) for _ in range(2)
        )  # the last entry is the zero state before the first step
        for t in range(T):
            a = self._gates[t]
            a += (self._h[t - 1] @ self.Wt[:H]).reshape(a.shape)
            sigmoid(a[:, :2], out=a[:, :2])
            np.tanh(a[:, 2], out=a[:, 2])
            sigmoid(a[:, 3], out=a[:, 3])
            i, f, g, o = a.swapaxes(0, 1)
            self.c[t] = f * self.c[t - 1] + i * g
            self._h[t] = o * self.c[t]
        return self._h[:-1]

    def backward(self, dout: np.ndarray) -> None:
        """``dout`` (T, B, H) is ∂L/∂h; fills the gradients of the weights."""
        T, B, H = dout.shape
        c, h = self.c, self._h
        i, f, g, o = self._gates.transpose(2, 0, 1, 3)
        # What each pre-activation does to c; the output gate's to h.
        slope = np.stack([g * i * (1 - i), np.roll(c, 1, axis=0)[:-1] * f * (1 - f), i * (1 - g * g)], axis=2)
        slope_o = c[:-1] * o * (1 - o)
        da = np.empty_like(self._gates)
        dh_next = dc_next = np.zeros((B, H), self.dtype)
        for t in reversed(range(T)):
            dh = dout[t] + dh_next
            dc = dh * o[t] + dc_next
            da[t, :, :3] = slope[t] * dc[:, None]
            da[t, :, 3] = slope_o[t] * dh
            dh_next = da[t].reshape(B, -1) @ self.Wt[:H].T
            dc_next = dc * f[t]
        rows = da.reshape(T * B, -1)
        self.db[...] = rows.sum(axis=0)
        self.dWt[:H] = np.roll(h, 1, axis=0)[:-1].reshape(T * B, H).T @ rows
        one_hot = np.zeros((T * B, self.config.input_size), self.dtype)
        one_hot[np.arange(T * B), self._x.reshape(-1)] = 1
        self.dWt[H:] = one_hot.T @ rows


class LinearCellModel(Model):
    """Symbols (T, B) → logits (T, B, num_outputs)."""

    def __init__(self, num_symbols: int, hidden_size: int, num_outputs: int) -> None:
        self.rnn = LinearCellLSTM(num_symbols, hidden_size)
        self.output = Linear(hidden_size, num_outputs)

    def forward(self, inputs: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:  # type: ignore[override]
        """Symbols (T, B) → logits (T, B, V)."""
        return self.output.forward(self.rnn.forward(inputs))

    def backward(self, dout: np.ndarray) -> None:
        """``dout`` (T, B, V) is ∂L/∂logits."""
        self.rnn.backward(self.output.backward(dout))
