"""The solutions of the warm-ups and of plain recurrent networks, against finite differences and the library's cell."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.grading.inline import execute

Array = npt.NDArray[np.float64]


def _solution(exercise: str) -> ModuleType:
    module = ModuleType("solution")
    module.__file__ = "<solution>"
    assert execute(exercises()[exercise].solution, module) is None
    return module


def _differences(function: Any, x: Array) -> Array:
    """Central differences of ``function`` with respect to ``x``, changed in place and put back."""
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + 1e-6
        above = function()
        x[place] = kept - 1e-6
        result[place] = (above - function()) / 2e-6
        x[place] = kept
    return result


def test_one_neuron_agrees_with_finite_differences() -> None:
    module, rng = _solution("one_neuron"), np.random.default_rng(0)
    w, x, b = rng.normal(size=7), rng.normal(size=7), rng.normal(size=1)
    found = module.backward(w, b[0], x, 0.3)
    for name, array in (("dw", w), ("dx", x), ("db", b)):
        expected = _differences(lambda: module.forward(w, b[0], x, 0.3)[0], array)
        np.testing.assert_allclose(np.atleast_1d(found[name]), expected, rtol=1e-6, atol=1e-9)


def test_the_cell_is_the_equation_on_the_stacked_vector() -> None:
    module, rng = _solution("rnn_cell"), np.random.default_rng(1)
    cell = module.RNNCell(3, 17)
    cell.b[:] = rng.normal(size=17)
    x, h = rng.normal(size=3), rng.normal(size=17)
    W = np.hstack([cell.W_hh, cell.W_xh])
    expected = np.tanh(W @ np.concatenate([h, x]) + cell.b)
    np.testing.assert_allclose(cell.forward(x, h), expected, rtol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (3, 5, 2, 7), (2, 17, 1, 4)])
def test_backpropagation_through_time_agrees_with_finite_differences(sizes: tuple[int, int, int, int]) -> None:
    inputs, units, outputs, steps = sizes
    module, rng = _solution("bptt"), np.random.default_rng(2)
    network = module.RNN(inputs, units, outputs)
    weights = {name: getattr(network, name) for name in ("W_xh", "W_hh", "b", "W_hy", "b_y")}
    for array in weights.values():
        array[...] = rng.normal(0, 0.5, array.shape)
    xs, h0, douts = rng.normal(size=(steps, inputs)), rng.normal(size=units), rng.normal(size=(steps, outputs))

    def loss() -> float:
        return float(np.sum(douts * network.forward(xs, h0)))

    loss()
    found = network.backward(douts)
    for name, array in {**weights, "h0": h0, "xs": xs}.items():
        np.testing.assert_allclose(found[f"d{name}"], _differences(loss, array), rtol=1e-6, atol=1e-8, err_msg=name)
