"""A matrix product without BLAS."""

from __future__ import annotations

import numpy as np


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """As ``lstm_ext.engine.interface.EngineModule.multiply``: einsum sums in an order that only the layout decides."""
    product: np.ndarray = np.einsum("mk,kn->mn", np.ascontiguousarray(a), np.ascontiguousarray(b), out=out)
    return product
