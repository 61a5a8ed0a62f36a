"""Central differences and relative errors: the yardsticks of every gradient check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ArgumentError


def numerical_gradient(
    f: Callable[[], float], array: np.ndarray, eps: float = 1e-5, entries: np.ndarray | None = None
) -> np.ndarray:
    """d f() / d array by central differences, (f(x+eps) − f(x−eps)) / 2 eps, of ``array``'s shape.

    ``f`` takes no argument: it must read ``array``, whose entries are changed one by one, in place, and
    restored. Use float64: the result is then accurate to about 1e-10 of f's size. If that takes too long,
    ``entries`` (N,) are the flat indices to change; the result is (N,).
    """
    flat = array.flat  # works for views whose entries are not contiguous, too
    moved = np.arange(array.size) if entries is None else entries
    gradient = np.zeros(len(moved), array.dtype)
    for n, index in enumerate(moved):
        value = flat[index]
        flat[index] = value + eps
        above = f()
        flat[index] = value - eps
        below = f()
        flat[index] = value
        gradient[n] = (above - below) / (2.0 * eps)
    return gradient.reshape(array.shape) if entries is None else gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """‖a − b‖ / (max(‖a‖, ‖b‖) + 1e-12), in float64; NaN if either has a NaN.

    The norms are those of whole arrays, because single entries near 0 have no meaningful relative error.
    Raises ArgumentError for different shapes.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ArgumentError(f"b: got shape {b.shape}, expected that of a, {a.shape}")
    return float(np.linalg.norm(a - b) / (np.maximum(np.linalg.norm(a), np.linalg.norm(b)) + 1e-12))
