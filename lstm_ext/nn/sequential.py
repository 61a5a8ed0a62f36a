"""Parts in a row."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import check_choice
from ..errors import ArgumentError
from .losses import cross_entropy, mean_squared_error
from .model import Model
from .module import Module

LossName = Literal["cross_entropy", "mean_squared_error"]


class Sequential(Model):
    """Runs its parts one after the other; those whose ``forward`` has ``lengths`` are told how long sequences are. ::

        nn.Sequential(nn.Embedding(1000, 32), nn.Recurrent("gru", 32, 64), nn.Last(), nn.Linear(64, 2))

    reads words (T, B) and gives the logits (B, 2) of two classes. ``loss`` says what outputs are compared by.
    Raises ``ArgumentError`` for another loss, and for parts that are none.
    """

    def __init__(self, *parts: Module, loss: LossName = "cross_entropy") -> None:
        check_choice("loss", loss, get_args(LossName))
        for part in parts:
            if not isinstance(part, Module) or not hasattr(part, "forward"):
                raise ArgumentError(f"parts: got {part!r}, expected parts of networks, such as Linear(3, 2)")
        if not parts:
            raise ArgumentError("parts: got none, expected at least one")
        self.layers: list[Any] = list(parts)
        self.criterion = cross_entropy if loss == "cross_entropy" else mean_squared_error
        self._with_lengths = ["lengths" in inspect.signature(part.forward).parameters for part in self.layers]

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """What comes out of the last part. Numbers (T, B, D) are taken in the network's dtype."""
        x = np.asarray(inputs)
        if x.dtype.kind == "f":
            x = x.astype(self.dtype, copy=False)
        for part, with_lengths in zip(self.layers, self._with_lengths, strict=True):
            x = part.forward(x, lengths) if with_lengths else part.forward(x)
        return x

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """∂L/∂outputs, in the outputs' shape → ∂L/∂inputs, or None for symbols."""
        dx: np.ndarray | None = dout
        for part in reversed(self.layers):
            dx = part.backward(dx)
        return dx
