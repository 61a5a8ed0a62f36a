"""Functions of single numbers, as parts of networks."""

from __future__ import annotations

import numpy as np

from .module import Module


class Tanh(Module):
    """y = tanh(x), of an array of any shape."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(…) → (…)"""
        y: np.ndarray = np.tanh(x)
        self._y = y
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """(…) → ∂L/∂x (…)"""
        dx: np.ndarray = dout * (1 - self._y * self._y)
        return dx


class ReLU(Module):
    """y = max(x, 0), of an array of any shape; the slope at 0 is taken to be 0."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(…) → (…)"""
        self._positive = x > 0
        return np.where(self._positive, x, np.zeros((), x.dtype))

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """(…) → ∂L/∂x (…)"""
        return np.where(self._positive, dout, np.zeros((), dout.dtype))
