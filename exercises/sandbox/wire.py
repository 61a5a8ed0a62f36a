"""What crosses between the grader and the process with the learner's code: plain data in frames, never pickle.

Plain data are None, bool, int, float, str, lists, dictionaries with text as keys, and arrays of numbers (dtype kinds
b, i, u, f, c). Tuples arrive as lists, NumPy's numbers as Python's. A frame is two lengths (4 bytes each), a text in
JSON, and the bytes of the arrays one after another; in the text an array is ``{"array": number}``, a dictionary
``{"dict": {…}}``. What is not just so, or beyond the limits, is a WireError: the other side may be anybody's code.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, TypeAlias

import numpy as np

PlainData: TypeAlias = Any

_LENGTHS = struct.Struct(">II")
HEAD = _LENGTHS.size
MAX_TEXT = 4_000_000
MAX_BYTES = 64_000_000
MAX_DEPTH = 30
MAX_ARRAYS = 20_000
_DTYPES = frozenset(("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"))


class WireError(Exception):
    """Data that cannot cross, and why."""


class TooLarge(WireError):
    """Plain data beyond the limits."""


def encode(value: PlainData) -> bytes:
    """``value`` as one frame. Raises WireError if it is not plain, TooLarge if that is all."""
    arrays: list[np.ndarray[Any, Any]] = []
    plain = _encoded(value, arrays, MAX_DEPTH)
    size = sum(array.nbytes for array in arrays)
    if len(arrays) > MAX_ARRAYS or size > MAX_BYTES:
        raise TooLarge(f"{len(arrays)} arrays of {size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} MB can cross")
    described = [[array.dtype.str, array.shape] for array in arrays]
    text = json.dumps([described, plain], separators=(",", ":")).encode("ascii")
    if len(text) > MAX_TEXT:
        raise TooLarge(f"{len(text)} characters, at most {MAX_TEXT} can cross")
    parts = [array.tobytes() for array in arrays]
    return b"".join((_LENGTHS.pack(len(text), sum(map(len, parts))), text, *parts))


def size_of(head: bytes) -> int:
    """The length of a frame after its first ``HEAD`` bytes. Raises WireError."""
    text, data = _LENGTHS.unpack(head)
    if text > MAX_TEXT or data > MAX_BYTES:
        raise WireError("a frame beyond the limits")
    return int(text + data)


def decode(frame: bytes) -> PlainData:
    """What :func:`encode` was given. Raises WireError."""
    try:
        text, data = _LENGTHS.unpack_from(frame)
        described, plain = json.loads(frame[HEAD : HEAD + text], parse_int=_integer)
        return _decoded(plain, _arrays(described, memoryview(frame)[HEAD + text : HEAD + text + data]), MAX_DEPTH)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, struct.error) as error:
        raise WireError(f"a damaged frame ({type(error).__name__})") from error


def _encoded(value: PlainData, arrays: list[np.ndarray[Any, Any]], depth: int) -> object:
    if depth == 0:
        raise WireError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, np.ndarray):
        if value.dtype.newbyteorder("<").str not in _DTYPES:
            raise WireError(f"an array of dtype {value.dtype}")
        arrays.append(value.astype(value.dtype.newbyteorder("<"), copy=False))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        if abs(value) >= 2**63:
            raise WireError("an integer of more than 64 bits")
        return value
    if isinstance(value, list | tuple):
        return [_encoded(part, arrays, depth - 1) for part in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise WireError("a dictionary whose keys are not text")
        return {"dict": {key: _encoded(part, arrays, depth - 1) for key, part in value.items()}}
    raise WireError(f"a value of type {type(value).__name__}")


def _decoded(plain: PlainData, arrays: list[np.ndarray[Any, Any]], depth: int) -> PlainData:
    if depth == 0:
        raise ValueError
    if isinstance(plain, list):
        return [_decoded(part, arrays, depth - 1) for part in plain]
    if isinstance(plain, dict):
        ((tag, content),) = plain.items()
        if tag == "array":
            return arrays[_index(content, len(arrays))]
        if tag == "dict" and isinstance(content, dict):
            return {key: _decoded(part, arrays, depth - 1) for key, part in content.items()}
        raise ValueError
    # Half a surrogate pair is no character, and cannot be written anywhere.
    return plain.encode("utf-8", "replace").decode() if isinstance(plain, str) else plain


def _arrays(described: PlainData, data: memoryview) -> list[np.ndarray[Any, Any]]:
    arrays: list[np.ndarray[Any, Any]] = []
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise ValueError
    start = 0
    for name, shape in described:
        if name not in _DTYPES or len(shape) > 32 or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
            raise ValueError
        dtype = np.dtype(name)
        end = start + dtype.itemsize * math.prod(shape)
        if end > len(data):
            raise ValueError
        arrays.append(np.frombuffer(data[start:end], dtype).reshape(shape).copy())
        start = end
    if start != len(data):
        raise ValueError
    return arrays


def _index(content: object, count: int) -> int:
    if type(content) is not int or not 0 <= content < count:
        raise ValueError
    return content


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError
    return int(digits)
