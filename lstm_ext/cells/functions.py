"""What the NumPy equations of all cells are made of."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def quiet(function: Callable[P, R]) -> Callable[P, R]:
    """Overflow and NaN are results here, to be found in the loss, and nothing to print warnings about."""

    @functools.wraps(function)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return quietly


@quiet
def sigmoid(a: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """σ(a) = 1 / (1 + e^−a) of an array of any shape, exact to rounding at both ends: where e^−a overflows, 1/∞
    is the limit 0. ``out`` may be ``a`` itself."""
    # Not np.negative: in place, on a view that is not contiguous, NumPy 2.4's takes the wrong entries.
    result: np.ndarray = np.multiply(a, -1, out=out)
    np.exp(result, out=result)
    result += 1
    np.reciprocal(result, out=result)
    return result


def textbook_sigmoid(a: np.ndarray) -> np.ndarray:
    """σ of a (H,), number by number: for the textbook's equations, which share no code with the engines."""
    return np.array([1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v)) for v in a])
