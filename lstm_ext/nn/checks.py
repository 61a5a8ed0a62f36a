"""Arguments of networks, checked and converted to what engines take."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError


def checked_lengths(lengths: ArrayLike | None, steps: int, batch: int) -> np.ndarray | None:
    """(B,) int32, each 0 … T; None stays None: all steps count. Raises ArgumentError."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu" or array.shape != (batch,):
        raise ArgumentError(f"lengths: got {array.dtype} {array.shape}, expected integers (B,) = ({batch},)")
    if batch and (array.min() < 0 or array.max() > steps):
        raise ArgumentError(f"lengths: got {array.min()} to {array.max()}, expected 0 to T = {steps}")
    return np.ascontiguousarray(array, np.int32)


def counted_steps(lengths: np.ndarray, steps: int) -> np.ndarray:
    """(T, B) bool, true where step t belongs to sequence b."""
    counted: np.ndarray = np.arange(steps)[:, None] < lengths
    return counted


def checked_symbols(name: str, x: ArrayLike, size: int) -> np.ndarray:
    """C-contiguous int32 of any shape, each 0 … size−1. Raises ArgumentError."""
    array = np.asarray(x)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{name}: got {array.dtype}, expected integers, symbols from 0 to {size - 1}")
    if array.size and (array.min() < 0 or array.max() >= size):
        raise ArgumentError(f"{name}: got symbols from {array.min()} to {array.max()}, expected 0 to {size - 1}")
    return np.ascontiguousarray(array, np.int32)


def checked_floats(name: str, x: ArrayLike, shape: tuple[int | None, ...], dtype: np.dtype) -> np.ndarray:
    """C-contiguous, in ``dtype``. Raises ArgumentError unless x has this shape, in which None is any length."""
    array = np.asarray(x)
    fits = array.ndim == len(shape) and all(want in (None, got) for got, want in zip(array.shape, shape, strict=True))
    if array.dtype.kind not in "fiu" or not fits:
        wanted = ", ".join("·" if want is None else str(want) for want in shape)
        raise ArgumentError(f"{name}: got {array.dtype} {array.shape}, expected numbers ({wanted})")
    return np.ascontiguousarray(array, dtype)
