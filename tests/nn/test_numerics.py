"""The yardsticks themselves."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_ext.errors import NonFiniteError
from lstm_ext.nn.numerics import numerical_gradient, relative_error


def test_numerical_gradient_of_a_known_function() -> None:
    array = np.random.default_rng(0).normal(size=(2, 3))
    before = array.copy()
    gradient = numerical_gradient(lambda: float(np.sum(array**3)), array)
    np.testing.assert_allclose(gradient, 3 * before**2, rtol=1e-9, atol=1e-9)
    some = numerical_gradient(lambda: float(np.sum(array**3)), array.T, entries=np.array([4, 0]))
    np.testing.assert_allclose(some, 3 * before.T.reshape(-1)[[4, 0]] ** 2, rtol=1e-7)
    np.testing.assert_array_equal(array, before)


def test_relative_error() -> None:
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.array([3.0, 4.0]), np.zeros(2)) == pytest.approx(1)
    assert relative_error(np.array([1, 0], dtype=np.float32), np.array([1.0, 0.02])) == pytest.approx(0.02, rel=1e-3)
    assert np.isnan(relative_error(np.array([np.nan]), np.zeros(1)))
    with pytest.raises(ValueError, match="shape"):
        relative_error(np.zeros((3, 1)), np.zeros(3))


def test_non_finite_errors_survive_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(NonFiniteError(7, float("inf"), 2.5)))
    assert (error.step, error.loss, error.norm) == (7, float("inf"), 2.5)
    assert str(error) == "step 7: loss inf, gradient norm 2.5"
