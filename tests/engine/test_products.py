"""Matrix products of the engines' own: right at every size, and the same bits however the factors lie."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lstm_ext.engine.backend import available_backends, engine_module
from lstm_ext.engine.interface import EngineModule
from lstm_ext.nn.numerics import relative_error

#: M, K, N: one, odd, and beyond what is taken at a time of each.
SHAPES = [(1, 1, 1), (1, 7, 70), (3, 2, 5), (13, 37, 17), (33, 300, 65), (200, 9, 33), (70, 1, 129)]


@pytest.fixture
def factors(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    (M, K, N), dtype = request.param
    rng = np.random.default_rng(0)
    return rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(K, N)).astype(dtype)


every = pytest.mark.parametrize("factors", [*itertools.product(SHAPES, ("float32", "float64"))], indirect=True, ids=str)


@every
def test_products(engine: EngineModule, factors: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = factors
    product = engine.multiply(a, b)
    assert product.dtype == a.dtype
    exact = np.einsum("mk,kn->mn", a.astype(np.longdouble), b.astype(np.longdouble)).astype(np.float64)
    assert relative_error(product, exact) < (1e-14 if a.dtype == np.float64 else 1e-6)
    out = np.full_like(product, np.nan)
    assert engine.multiply(a, b, out=out) is out
    np.testing.assert_array_equal(out, product)


@every
def test_the_layout_decides_no_bit(engine: EngineModule, factors: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = factors
    product = engine.multiply(a, b)
    for left in (a, a.T.copy().T, np.repeat(a, 2, axis=1)[:, ::2]):
        for right in (b, b.T.copy().T, np.repeat(b, 2, axis=0)[::2]):
            np.testing.assert_array_equal(engine.multiply(left, right), product)


@pytest.mark.skipif("c" not in available_backends(), reason="the C core was not built")
def test_what_c_would_misread_is_refused() -> None:
    core, a, b = engine_module("c"), np.ones((2, 3)), np.ones((3, 4))
    for left, right in ((a, a), (a[0], b), (a.astype(np.float32), b), (a[:, :0], b[:0])):
        with pytest.raises(ValueError, match="multiply: got"):
            core.multiply(left, right)
    for out in (np.ones((2, 3)), np.ones((2, 4), np.float32), np.ones((4, 2)).T):
        with pytest.raises(ValueError, match="out: got"):
            core.multiply(a, b, out=out)
