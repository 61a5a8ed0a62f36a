"""Layer normalization."""

from __future__ import annotations

import numpy as np

from ..arguments import Size
from .module import Module


class LayerNorm(Module):
    """y = gain⊙(x − μ)/√(σ² + ε) + b over the last axis, each vector with its own μ and σ² (Ba et al. 2016)."""

    gain: np.ndarray
    dgain: np.ndarray
    b: np.ndarray
    db: np.ndarray

    def __init__(self, size: Size, *, eps: float = 1e-5) -> None:
        self.size, self.eps = size, eps

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"gain": (self.size,), "b": (self.size,)}

    def initialize(self, rng: np.random.Generator) -> None:
        self.gain[...], self.b[...] = 1, 0

    def forward(self, x: np.ndarray) -> np.ndarray:
        """x (…, D) → y (…, D)."""
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.mean(centred * centred, axis=-1, keepdims=True)
        self._scale = 1 / np.sqrt(variance + self.eps)  # (…, 1)
        self._normal = centred * self._scale
        y: np.ndarray = self._normal * self.gain + self.b
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂y (…, D) → ∂L/∂x (…, D); fills ``dgain`` and ``db``."""
        normal = self._normal
        np.sum((dout * normal).reshape(-1, self.size), axis=0, out=self.dgain)
        np.sum(dout.reshape(-1, self.size), axis=0, out=self.db)
        dnormal = dout * self.gain
        # Changes of μ or σ² have no effect, so those two directions are taken out.
        along_mean = dnormal.mean(axis=-1, keepdims=True)
        along_normal = np.mean(dnormal * normal, axis=-1, keepdims=True)
        dx: np.ndarray = self._scale * (dnormal - along_mean - normal * along_normal)
        return dx
