"""A matrix product that no BLAS has a part in."""

from __future__ import annotations

import numpy as np


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """See ``EngineModule.multiply``: einsum by itself sums in one order, which only the layout decides."""
    product: np.ndarray = np.einsum("mk,kn->mn", np.ascontiguousarray(a), np.ascontiguousarray(b), out=out)
    return product
