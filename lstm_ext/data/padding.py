"""Sequences of different lengths in one array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError


def pad(sequences: Sequence[ArrayLike], value: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """B sequences as one array, and their lengths: inputs (T, B) or (T, B, D), and lengths (B,) int32.

    Each sequence is (n,) symbols or (n, D) numbers; T is the largest n, at least 1. After its end each sequence is
    filled with ``value``: 0 for inputs, −1 for targets that do not count, as in
    ``nn.Batch(*nn.pad(words), nn.pad(tags, -1)[0])``. Integers become int32, other numbers float64, unless they
    are arrays of one floating dtype. Raises ArgumentError for sequences of different kinds.
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise ArgumentError("sequences: got none, expected at least one")
    filled = [array for array in arrays if array.size] or arrays[:1]
    first = filled[0]
    for number, array in enumerate(arrays):
        alike = array.shape[1:] == first.shape[1:] and (array.dtype.kind in "iu") == (first.dtype.kind in "iu")
        if array.ndim not in (1, 2) or array.dtype.kind not in "iuf" or (array.size and not alike):
            raise ArgumentError(
                f"sequences: got {array.dtype} {array.shape} at place {number}, expected (n,) symbols or (n, D) "
                f"numbers, all alike; the first is {first.dtype} {first.shape}"
            )
    lengths = np.array([len(array) for array in arrays], np.int32)
    if first.dtype.kind in "iu" and not -(2**31) <= value < 2**31:
        raise ArgumentError(f"value: got {value!r}, expected a 32-bit integer")
    dtype = np.dtype(np.int32) if first.dtype.kind in "iu" else np.result_type(*filled)
    padded = np.full((max(1, int(lengths.max())), len(arrays), *first.shape[1:]), value, dtype)
    for lane, array in enumerate(arrays):
        if array.size:
            padded[: len(array), lane] = array
    return padded, lengths
