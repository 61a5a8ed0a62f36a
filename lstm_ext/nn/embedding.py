"""A vector for each symbol."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Size
from .checks import checked_floats, checked_symbols
from .module import Module


class Embedding(Module):
    """y = W[x]: row x of W (V, E), which starts normal with standard deviation 1.

    In padding x may hold any symbol, such as 0. Padding needs no row for itself: the layers above do not
    look at it and send no gradient back to it.
    """

    W: np.ndarray
    dW: np.ndarray

    def __init__(self, num_symbols: Size, embedding_size: Size) -> None:
        self.num_symbols, self.embedding_size = num_symbols, embedding_size

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.num_symbols, self.embedding_size)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.W[...] = rng.standard_normal(self.W.shape)

    def forward(self, x: ArrayLike) -> np.ndarray:
        """x (…), integers → y (…, E)."""
        self._x = checked_symbols("x", x, self.num_symbols)
        y: np.ndarray = self.W[self._x]
        return y

    def backward(self, dout: np.ndarray) -> None:
        """∂L/∂y (…, E) fills ``dW``; nothing is returned, because symbols have no gradient."""
        checked_floats("dout", dout, (*self._x.shape, self.embedding_size), dout.dtype)
        self.dW[...] = 0
        if not self._x.size:
            return
        # Sorted, the places of each symbol are next to each other.
        places = np.argsort(self._x, axis=None, kind="stable")
        symbols, starts = np.unique(self._x.reshape(-1)[places], return_index=True)
        self.dW[symbols] = np.add.reduceat(dout.reshape(-1, self.embedding_size)[places], starts, axis=0)
