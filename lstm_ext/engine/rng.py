"""Counter-based random numbers, the same in the C core and in NumPy.

Every number is a hash of its key and its position: nothing is carried along, so any part of a
sequence can be computed alone, in any order and by any thread. The hash is the finalizer of
SplitMix64 (Steele, Lea and Flood 2014), the positions are its Weyl sequence. All arithmetic
is modulo 2**64.
"""

from __future__ import annotations

import numpy as np

_MASK = 2**64 - 1
#: 2**64 divided by the golden ratio: the step of the Weyl sequence.
_GAMMA = 0x9E3779B97F4A7C15


def _mix_array(z: np.ndarray) -> np.ndarray:
    """``mix`` of every element of a uint64 array, in place."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def mix(z: int) -> int:
    """Hash of one integer (taken modulo 2**64) to 64 bits."""
    return int(_mix_array(np.array([int(z) & _MASK], dtype=np.uint64))[0])


def _numbers(key: int, first: int, count: int) -> np.ndarray:
    """(count,) uint64: numbers first, first+1, … of the sequence that belongs to ``key``."""
    z = np.arange(count, dtype=np.uint64)
    z *= np.uint64(_GAMMA)
    z += np.uint64((int(key) + (int(first) + 1) * _GAMMA) & _MASK)
    return _mix_array(z)


def uniforms(seed: int, offset: int, count: int) -> np.ndarray:
    """(count,) float64 in [0, 1): numbers offset, offset+1, … of the sequence of ``seed``."""
    numbers: np.ndarray = (_numbers(mix(seed), offset, count) >> np.uint64(11)) * 2.0**-53
    return numbers


def dropout_key(seed: int, step: int) -> int:
    """The key of one training step's dropout masks."""
    return mix(mix(seed) + step)


def dropout_mask(key: int, layer: int, p: float, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The factors, of the given ``shape``, of ``layer``'s output: 0 with probability p, otherwise 1/(1−p)."""
    numbers = _numbers(mix(key + layer), 0, int(np.prod(shape)))
    kept = (numbers >> np.uint64(40)) >= np.uint64(int(p * 2.0**24))
    mask: np.ndarray = np.multiply(kept, 1.0 / (1.0 - p), dtype=dtype)
    return mask.reshape(shape)
