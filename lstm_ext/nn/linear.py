"""The affine map."""

from __future__ import annotations

import numpy as np

from ..arguments import Size
from .initialization import check_init, initialize_matrix
from .module import Module


class Linear(Module):
    """y = W·x + b over the last axis, with W (K, D) and b (K,)."""

    W: np.ndarray
    dW: np.ndarray
    b: np.ndarray
    db: np.ndarray

    def __init__(self, input_size: Size, output_size: Size, *, init: str = "uniform") -> None:
        check_init(init)
        self.input_size, self.output_size = input_size, output_size
        self._init = init

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.output_size, self.input_size), "b": (self.output_size,)}

    def initialize(self, rng: np.random.Generator) -> None:
        initialize_matrix(self.W, rng, self._init)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x (…, D) → y (…, K)."""
        self._x, W = x, self.W
        y = self.engine_module.multiply(x.reshape(-1, self.input_size), W.T)
        y += self.b
        return y.reshape(*x.shape[:-1], self.output_size)

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂y (…, K) → ∂L/∂x (…, D); fills ``dW`` and ``db``."""
        rows = dout.reshape(-1, self.output_size)
        self.engine_module.multiply(rows.T, self._x.reshape(-1, self.input_size), out=self.dW)
        rows.sum(axis=0, out=self.db)
        return self.engine_module.multiply(rows, self.W).reshape(self._x.shape)
