"""From an output per step to one per sequence.

Every pooling takes x (T, B, D) and ``lengths`` (B,) or None, gives (B, D), and never reads padding.
A sequence of no steps gives 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Size
from ..errors import ArgumentError
from .checks import checked_floats, checked_lengths, counted_steps
from .initialization import check_init, initialize_matrix
from .module import Module


class Last(Module):
    """Each direction's state after its last step.

    Running forward that is the step at which the sequence ends; in reverse, which a
    ``bidirectional`` layer has in the second half of D, step 0.
    """

    def __init__(self, *, bidirectional: bool = False) -> None:
        self.bidirectional = bidirectional

    def forward(self, x: np.ndarray, lengths: ArrayLike | None = None) -> np.ndarray:
        """x (T, B, D), ``lengths`` (B,) → (B, D)."""
        T, B, D = self._shape = _steps(x)
        counts = checked_lengths(lengths, T, B)
        self._ends = np.full(B, T - 1) if counts is None else counts - 1  # −1 for a sequence of no steps
        self._forward = D // 2 if self.bidirectional else D
        y: np.ndarray = x[self._ends, np.arange(B)]
        y[:, self._forward :] = x[0, :, self._forward :]
        y[self._ends < 0] = 0
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂output (B, D) → ∂L/∂x (T, B, D), 0 in padding."""
        checked_floats("dout", dout, self._shape[1:], dout.dtype)
        dx = np.zeros(self._shape, dout.dtype)
        some = np.flatnonzero(self._ends >= 0)
        dx[self._ends[some], some, : self._forward] = dout[some, : self._forward]
        dx[0, some, self._forward :] = dout[some, self._forward :]
        return dx


class Mean(Module):
    """The mean over the steps of each sequence."""

    def forward(self, x: np.ndarray, lengths: ArrayLike | None = None) -> np.ndarray:
        """x (T, B, D), ``lengths`` (B,) → (B, D)."""
        T, B, _ = _steps(x)
        counts = checked_lengths(lengths, T, B)
        if counts is None:
            counts = np.full(B, T, np.int32)
        counted = counted_steps(counts, T)
        #: (T, B, 1), adding up to 1 over the steps of each sequence
        self._share = (counted / np.maximum(counts, 1)).astype(x.dtype)[:, :, None]
        y: np.ndarray = np.sum(np.where(counted[:, :, None], x, np.zeros((), x.dtype)) * self._share, axis=0)
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂output (B, D) → ∂L/∂x (T, B, D), 0 in padding."""
        dx: np.ndarray = self._share * dout
        return dx


class Attention(Module):
    """Σ_t α_t x_t with α = softmax over the steps of v·x_t: a learned v (D,) says what to look at.

    This is the feed-forward attention of Raffel and Ellis (2015), with a linear score.

    After ``forward``, ``alpha`` (T, B) holds the weights: 0 in padding, and adding up to 1 over each
    sequence. (A bias added to the scores would cancel in the softmax.)
    """

    v: np.ndarray
    dv: np.ndarray
    alpha: np.ndarray

    def __init__(self, size: Size, *, init: str = "uniform") -> None:
        check_init(init)
        self.size, self._init = size, init

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"v": (self.size,)}

    def initialize(self, rng: np.random.Generator) -> None:
        initialize_matrix(self.v[None], rng, self._init)

    def forward(self, x: np.ndarray, lengths: ArrayLike | None = None) -> np.ndarray:
        """x (T, B, D), ``lengths`` (B,) → (B, D)."""
        T, B, _ = _steps(x)
        counts = checked_lengths(lengths, T, B)
        padding = None if counts is None else ~counted_steps(counts, T)
        if padding is not None:
            x = np.where(padding[:, :, None], np.zeros((), x.dtype), x)
        self._x = x
        scores: np.ndarray = np.einsum("tbd,d->tb", x, self.v)  # not @: BLAS would round as its threads happen to
        if padding is not None:
            scores[padding] = -np.inf
        largest = scores.max(axis=0)  # taken out so that no exponential overflows
        alpha = np.exp(scores - np.where(largest > -np.inf, largest, 0))
        self.alpha = alpha / np.maximum(alpha.sum(axis=0), 1)  # at least 1, unless there are no steps
        y: np.ndarray = np.einsum("tb,tbd->bd", self.alpha, x)
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """∂L/∂output (B, D) → ∂L/∂x (T, B, D), 0 in padding."""
        alpha, x = self.alpha, self._x
        dalpha = np.einsum("bd,tbd->tb", dout, x)
        dscores = alpha * (dalpha - np.sum(alpha * dalpha, axis=0))
        np.einsum("tb,tbd->d", dscores, x, out=self.dv)
        dx: np.ndarray = alpha[:, :, None] * dout + dscores[:, :, None] * self.v
        return dx


def _steps(x: np.ndarray) -> tuple[int, int, int]:
    if x.ndim != 3 or not len(x):
        raise ArgumentError(f"x: got shape {x.shape}, expected (T, B, D) with T at least 1")
    T, B, D = x.shape
    return T, B, D
