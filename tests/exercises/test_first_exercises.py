"""The solutions of the warm-ups and of plain recurrent networks, against finite differences and the library's cell."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ext import lstm_forward
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
    np.testing.assert_allclose(cell.forward(x, h), expected, rtol=1e-12, atol=1e-15)


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


def test_the_bidirectional_network_is_the_librarys_two_directions() -> None:
    module, rng = _solution("bidirectional"), np.random.default_rng(3)
    network = module.BiLSTM(3, 5)
    x, lengths = rng.normal(size=(7, 3, 3)), [7, 1, 4]
    out = network.forward(x, lengths)
    padding = np.arange(7)[:, None] >= np.array(lengths)
    weights = ((network.W_forward, network.b_forward, False), (network.W_backward, network.b_backward, True))
    for half, (W, b, reverse) in zip(np.split(out, 2, axis=2), weights, strict=True):
        h, _, _ = lstm_forward(x, None, None, W, b, lengths=lengths, reverse=reverse)
        h[padding] = 0
        np.testing.assert_allclose(half, h, rtol=1e-12, atol=1e-15)
    dout = rng.normal(size=out.shape)
    found = network.backward(dout)

    def loss() -> float:
        return float(np.sum(dout * network.forward(x, lengths)))

    for name, array in (("dW_backward", network.W_backward), ("db_forward", network.b_forward), ("dx", x)):
        np.testing.assert_allclose(found[name], _differences(loss, array), rtol=1e-6, atol=1e-8, err_msg=name)


def test_stacked_layers_with_masks_agree_with_finite_differences() -> None:
    module, rng = _solution("stacking"), np.random.default_rng(4)
    network = module.StackedLSTM(2, 3, 3)
    assert module.parameters(2, 3, 3) == sum(array.size for array in [*network.W, *network.b])
    x, dout = rng.normal(size=(5, 2, 2)), rng.normal(size=(5, 2, 3))
    masks = [2.0 * rng.integers(0, 2, (5, 2, 3)) for _ in range(2)]

    def loss() -> float:
        return float(np.sum(dout * network.forward(x, masks)[0]))

    loss()
    found = network.backward(dout)
    np.testing.assert_allclose(found["dx"], _differences(loss, x), rtol=1e-6, atol=1e-9)
    for layer in range(3):
        np.testing.assert_allclose(found["dW"][layer], _differences(loss, network.W[layer]), rtol=1e-6, atol=1e-9)


def test_variational_dropout_is_the_layers_recurrent_mask() -> None:
    """Written out step by step, it is a cell whose matrix has columns multiplied by the masks."""
    module, rng = _solution("variational_dropout"), np.random.default_rng(5)
    x, W, b = rng.normal(size=(6, 1, 2)), rng.normal(size=(12, 5)), rng.normal(size=12)
    mask_x, mask_h = module.draw_masks(rng, 0.5, 1, 2, 3)
    masked = W * np.concatenate([mask_h[0], mask_x[0]])
    expected, _, _ = lstm_forward(x, None, None, masked, b)
    np.testing.assert_allclose(module.forward(x, W, b, (mask_x, mask_h)), expected, rtol=1e-12)


def test_the_flow_of_gradients_is_that_of_the_experiment() -> None:
    """The experiment takes both gradients from one backward pass; the solution goes back step by step."""
    module, rng = _solution("gradient_flow"), np.random.default_rng(6)
    x, W, b, dh = rng.normal(size=(9, 1, 3)), rng.normal(size=(20, 8)), rng.normal(size=20), rng.normal(size=(1, 5))
    found = module.flow_lstm(x, W, b, dh)
    h, c, _ = lstm_forward(x, None, None, W, b)
    state, cell = h[4].copy(), c[4].copy()

    def loss() -> float:
        later, _, _ = lstm_forward(x[5:], state, cell, W, b)
        return float(np.sum(later[-1] * dh))

    by_h = _differences(loss, state)
    a = W[15:] @ np.concatenate([h[3, 0], x[4, 0]]) + b[15:]
    by_c = _differences(loss, cell) + by_h / (1 + np.exp(-a)) * (1 - np.tanh(c[4]) ** 2)
    assert found["dh"][4] == pytest.approx(np.linalg.norm(by_h), rel=1e-6)
    assert found["dC"][4] == pytest.approx(np.linalg.norm(by_c), rel=1e-6)
