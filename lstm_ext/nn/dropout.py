"""Dropout: noise that keeps a network from relying on single units."""

from __future__ import annotations

import numpy as np

from ..errors import ArgumentError
from .module import Module


def check_dropout(name: str, p: float) -> None:
    """Raises ArgumentError unless ``p`` is a probability below 1."""
    if not 0.0 <= p < 1.0:
        raise ArgumentError(f"{name}: got {p!r}, expected a number in [0, 1)")


class Dropout(Module):
    """Sets each number to 0 with probability p, and multiplies the others by 1/(1−p) (Srivastava et al. 2014).

    ``per_sequence``: x is (T, B, D), and one mask (B, D) holds for all steps of a sequence, as
    in variational dropout (Gal and Ghahramani 2016). In evaluation nothing changes.
    """

    def __init__(self, p: float, *, per_sequence: bool = False) -> None:
        check_dropout("p", p)
        self.p, self.per_sequence = p, per_sequence
        self._mask: np.ndarray | None = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x of any shape → the same shape."""
        if not self.training or self.p == 0:
            self._mask = None
            return x
        self._mask = self.noise.mask(self.p, x.shape[1:] if self.per_sequence else x.shape, x.dtype)
        y: np.ndarray = x * self._mask
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂y → ∂L/∂x, of the same shape."""
        return dout if self._mask is None else dout * self._mask
