"""Arguments by annotation and by name: good ones that fit each other, and hostile ones."""

from __future__ import annotations

import collections.abc
import math
import os
import types
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from lstm_ext.cells import CELLS

Rng = np.random.Generator
#: Steps, sequences, symbols (and inputs, and classes), hidden units: what is good fits together.
T, B, V, H = 4, 3, 5, 6


def symbols(rng: Rng, *shape: int) -> np.ndarray:
    return rng.integers(0, V, shape).astype(rng.choice(["int32", "int64", "uint8"]))


def floats(rng: Rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(rng.choice(["float32", "float64"]))


SHAPES = ((T, B), (T, B, V), (T, B, H), (B, V), (B, H), (T,), (B,), (T, V), (H,), (V, H), (2, 2, B, H), (1, 2, 1, H))
ARRAYS: dict[str, Callable[[Rng], Any]] = {
    "lengths": lambda rng: rng.integers(0, T + 1, B),
    "targets": lambda rng: symbols(rng, T, B) if rng.random() < 0.6 else symbols(rng, B),
    "symbols": lambda rng: symbols(rng, T),
    "prime": lambda rng: symbols(rng, 2),
    "state": lambda rng: np.zeros(SHAPES[rng.integers(10, 12)], rng.choice(["float32", "float64"])),
    "logits": lambda rng: floats(rng, T, B, V) if rng.random() < 0.5 else floats(rng, B, V),
    "W": lambda rng: floats(rng, H * int(rng.choice([1, 3, 4])), H + V),
    "b": lambda rng: floats(rng, H * int(rng.choice([1, 3, 4]))),
    "h0": lambda rng: floats(rng, B, H),
    "c0": lambda rng: floats(rng, B, H),
    "train": lambda rng: symbols(rng, 60),
    "validation": lambda rng: symbols(rng, 20),
    "series": lambda rng: floats(rng, 60),
    "values": lambda rng: floats(rng, 60),
}
INTEGERS = {
    "input_size": V, "output_size": V, "num_classes": V, "num_tags": V, "num_outputs": V, "num_symbols": V,
    "source_size": V, "target_size": V, "hidden_size": H, "num_layers": 2, "horizon": 2, "step": 3, "offset": 2,
}  # fmt: skip
FLOATS = {"lr": 1e-3, "learning_rate": 1e-3, "temperature": 0.8, "top_p": 0.9, "seconds": 0.02, "epochs": 0.1}
TEXTS = {
    "cell": [*CELLS], "init": ["uniform", "xavier", "orthogonal"], "backend": ["c", "numpy"],
    "encoding": ["utf-8", "latin-1"], "gate": ["i", "f", "o", "r", "z"], "layer": ["0", "rnn.layers.0", "layers.0"],
    "name": ["memory", "hello", "abc"], "label": ["a"], "metric": ["loss"], "key": ["h", "x"], "dtype": ["float32", "float64"], "kernel": ["portable"], "schedule": ["cosine"],
}  # fmt: skip


def good_array(rng: Rng, name: str) -> Any:
    make = ARRAYS.get(name)
    if make is not None and rng.random() < 0.9:
        return make(rng)
    shape = SHAPES[rng.integers(len(SHAPES))]
    if name in ("inputs", "x"):
        shape = SHAPES[rng.integers(3)]
    array = symbols(rng, *shape) if rng.random() < 0.4 else floats(rng, *shape)
    return array.tolist() if rng.random() < 0.1 else array


def good(rng: Rng, name: str, hint: Any, instance: Callable[[type], Any]) -> Any:
    """A value that ``hint`` allows, chosen by the parameter's ``name``; ``instance`` makes one of the library's own."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is int or hint is Any:
        return int(INTEGERS.get(name, rng.integers(1, 6)))
    if hint is float:
        return float(FLOATS.get(name, rng.choice([0.0, 0.1, 0.5, 0.9])))
    if hint is bool:
        return bool(rng.integers(2))
    if hint is str:
        if name in ("path", "data", "file", "checkpoint"):
            return str(instance(Path))
        return str(rng.choice(TEXTS.get(name, ["abc", "a", "the cat sat", "hello", "O", "B-PER"])))
    if hint is None or hint is type(None):
        return None
    if origin is os.PathLike:
        return instance(Path)
    if origin is Annotated:
        return good(rng, name, inner[0], instance)
    if origin is Literal:
        return inner[rng.integers(len(inner))]
    if hint is np.ndarray or "ArrayLike" in str(hint) or "_SupportsArray" in str(hint):
        return good_array(rng, name)
    if origin in (Union, types.UnionType):
        return good(rng, name, inner[rng.integers(len(inner))], instance)
    if hint is np.random.Generator:
        return np.random.default_rng(int(rng.integers(100)))
    if hint is np.dtype:
        return np.dtype(rng.choice(["float32", "float64"]))
    if origin is collections.abc.Callable:
        return lambda *_, **__: None
    if origin in (dict, collections.abc.Mapping):
        return {good(rng, "", inner[0], instance): good(rng, name, inner[1], instance) for _ in range(rng.integers(3))}
    if origin is tuple and Ellipsis not in inner:
        return tuple(good(rng, name, each, instance) for each in inner)
    if origin is not None and isinstance(origin, type) and issubclass(origin, collections.abc.Iterable):
        several = [good(rng, name, inner[0], instance) for _ in range(rng.integers(1, 4))]
        return tuple(several) if origin is tuple else several
    if isinstance(hint, type):
        return instance(hint)
    return None


class _Recursive(list):  # type: ignore[type-arg]
    def __init__(self) -> None:
        super().__init__()
        self.append(self)


NUMBERS: list[Any] = [
    0, -1, 1, 2, 7, -7, 255, 2**15, 2**31 - 1, 2**31, -(2**31) - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 10**12,
    10**30, -(10**30), 10**400, 0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e308, -1e308, 1e39, math.nan, math.inf, -math.inf, True, False,
    np.int64(3), np.uint8(200), np.float32(0.3), np.float64(math.nan), np.int64(-1), np.bool_(True), Fraction(1, 3), Decimal("0.1"), 1j,
]  # fmt: skip
OTHERS: list[Callable[[], Any]] = [
    lambda: None, lambda: "", lambda: "x", lambda: "\ud800", "a\x00b".__str__, lambda: "é" * 300, lambda: b"bytes", lambda: "../..",
    list, dict, tuple, set, object, lambda: object, lambda: len, lambda: (lambda: None), lambda: iter([1, 2]),
    lambda: range(3), lambda: [None], lambda: ["a", 1], lambda: [[1, 2], [3]], lambda: [[]], lambda: {"a": None}, lambda: {1: 2},
    lambda: slice(1), lambda: Ellipsis, lambda: NotImplemented, _Recursive, lambda: {1: {2: {3: [None]}}}, lambda: "0" * 5000,
    lambda: (1, 2, 3), lambda: [1, 2, 3], lambda: [0.5, None], lambda: [10**30], lambda: [-1], lambda: [True, False],
]  # fmt: skip


def _misaligned(array: np.ndarray) -> np.ndarray:
    copy = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


#: Of an array that fits, one that does not, or that lies oddly in memory.
TWISTS: list[Callable[[np.ndarray], Any]] = [
    lambda a: a[..., :-1], lambda a: a[:0], lambda a: a[None], lambda a: a.astype(object), lambda a: a.astype(str),
    lambda a: a.astype(complex), lambda a: a.astype(bool), lambda a: a.astype(np.int8), lambda a: a.astype(np.float16),
    lambda a: a.astype(a.dtype.newbyteorder()), lambda a: a.astype(np.float64) * math.nan, lambda a: a.astype(np.float64) * 1e308,
    lambda a: a.astype(np.int64) + 10**10, lambda a: a.astype(np.int64) - 7, lambda a: a.astype(np.uint64) + np.uint64(2**63),
    lambda a: a[..., ::-1], np.asfortranarray, lambda a: np.repeat(a, 2, axis=-1)[..., ::2], _misaligned, _read_only,
    lambda a: np.broadcast_to(a.ravel()[:1].reshape((1,) * a.ndim), a.shape), lambda a: a.T, lambda a: a.ravel(), lambda a: a.tolist(),
    lambda a: np.ma.masked_array(a), lambda a: a.astype("datetime64[s]"), lambda a: np.zeros(a.shape, [("a", "f4")]), lambda a: a.sum(),
    lambda a: np.concatenate([a, a]), lambda a: np.zeros((0, *a.shape)), lambda a: np.zeros((*a.shape[:-1], 0)), lambda a: a.view(np.matrix) if a.ndim == 2 else a,
    lambda a: np.zeros((1,) * 30), lambda a: np.array(a.ravel()[:1].tolist()[0]), lambda a: a.astype(np.longdouble),
]  # fmt: skip


def hostile(rng: Rng, fitting: Any) -> Any:
    """Anything; where an array fits, often a twisted one."""
    if isinstance(fitting, np.ndarray) and fitting.size and rng.random() < 0.7:
        with np.errstate(all="ignore"):
            try:
                return TWISTS[rng.integers(len(TWISTS))](fitting)
            except (ValueError, TypeError, OverflowError, IndexError):
                return fitting.ravel()[:0]
    if isinstance(fitting, str) and rng.random() < 0.3:
        return fitting + rng.choice(["x", " ", "\n", "\x00", "\u202e"])
    if isinstance(fitting, list) and fitting and rng.random() < 0.4:
        twisted = list(fitting)
        twisted[rng.integers(len(twisted))] = hostile(rng, twisted[0])
        return twisted
    if rng.random() < 0.5:
        return NUMBERS[rng.integers(len(NUMBERS))]
    return OTHERS[rng.integers(len(OTHERS))]()
