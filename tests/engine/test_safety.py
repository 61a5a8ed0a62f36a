"""The C core's binding when its caller is careless: nothing that Python can do may make C touch foreign memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import Training

pytest.importorskip("lstm_ext.engine.core", reason="the C core was not built")
core = engine_module("c")

CONFIG = ModelConfig(6, 5, 6, num_layers=2, dtype="float64")
T, B = 7, 3


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = np.random.default_rng(3).integers(0, 6, (2, T, B)).astype(np.int32)
    return inputs, targets


@pytest.fixture
def parameters() -> np.ndarray:
    return np.random.default_rng(4).normal(scale=0.4, size=CONFIG.num_parameters)


def state() -> np.ndarray:
    return np.zeros(CONFIG.state_shape(B))


def test_backward_belongs_to_the_forward_whatever_becomes_of_its_symbols(
    batch: tuple[np.ndarray, np.ndarray], parameters: np.ndarray
) -> None:
    """C reads the symbols again in the backward pass, as places in the gradient to write to."""
    gradient, expected = np.zeros_like(parameters), np.zeros_like(parameters)
    model = core.Engine(CONFIG, parameters, expected)
    model.forward(*batch, state())
    model.backward()
    model = core.Engine(CONFIG, parameters, gradient)
    inputs, targets = batch
    model.forward(inputs, targets, state())
    inputs[...] = 10**9
    targets[...] = -(10**9)
    model.backward()
    np.testing.assert_array_equal(gradient, expected)


def test_symbols_of_any_integer_type_and_layout(batch: tuple[np.ndarray, np.ndarray], parameters: np.ndarray) -> None:
    """What has to be converted for C is a temporary, and must live until backward."""
    results = []
    for convert in (lambda symbols: symbols, lambda symbols: np.asfortranarray(symbols.astype(np.int64))):
        gradient = np.zeros_like(parameters)
        model = core.Engine(CONFIG, parameters, gradient)
        model.forward(*map(convert, batch), state())
        _ = [np.full((T, B), 10**9, np.int32) for _ in range(20)]  # takes the place of what was freed
        model.backward()
        results.append(gradient)
    np.testing.assert_array_equal(*results)


def test_after_refused_symbols_the_last_forward_is_still_whole(
    batch: tuple[np.ndarray, np.ndarray], parameters: np.ndarray
) -> None:
    gradient, undisturbed = np.zeros_like(parameters), np.zeros_like(parameters)
    other = core.Engine(CONFIG, parameters, undisturbed)
    other.forward(*batch, state())
    other.backward()
    model = core.Engine(CONFIG, parameters, gradient)
    model.forward(*batch, state())
    logits = model.logits()
    wrong = np.full_like(batch[0], CONFIG.input_size)
    training = Training(OptimizerConfig(), np.zeros((2, len(parameters))), 1, np.ones(1), 0)
    with pytest.raises(ValueError):
        model.forward(wrong, batch[1], state())
    with pytest.raises(ValueError):
        model.train(wrong[None], batch[1][None], state(), training)
    _ = [np.full((T, B), 10**9, np.int32) for _ in range(20)]  # takes the place of what was freed
    np.testing.assert_array_equal(model.logits(), logits)
    model.backward()
    np.testing.assert_array_equal(gradient, undisturbed)


def test_training_needs_targets(batch: tuple[np.ndarray, np.ndarray], parameters: np.ndarray) -> None:
    model = core.Engine(CONFIG, parameters, np.zeros_like(parameters))
    before, moments = parameters.copy(), np.zeros((2, len(parameters)))
    with pytest.raises(ValueError):
        model.train(batch[0][None], None, state(), Training(OptimizerConfig(), moments, 1, np.ones(1), 0))
    np.testing.assert_array_equal(parameters, before)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda array: array[:-1].copy(),
        lambda array: array.astype(np.float32),
        lambda array: np.repeat(array, 2)[::2],
    ],
    ids=["shape", "dtype", "strides"],
)
@pytest.mark.parametrize("name", ["parameters", "gradient", "state", "moments"])
def test_arrays_that_c_would_misread_are_refused(
    batch: tuple[np.ndarray, np.ndarray], parameters: np.ndarray, name: str, wrong: Callable[[np.ndarray], np.ndarray]
) -> None:
    arrays = {
        "parameters": parameters,
        "gradient": np.zeros_like(parameters),
        "state": state(),
        "moments": np.zeros((2, len(parameters))),
    }
    arrays[name] = wrong(arrays[name])
    inputs, targets = batch
    with pytest.raises(ValueError, match=name):
        model = core.Engine(CONFIG, arrays["parameters"], arrays["gradient"])
        model.train(
            inputs[None],
            targets[None],
            arrays["state"],
            Training(OptimizerConfig(), arrays["moments"], 1, np.ones(1), 0),
        )


FORKED = """
import os, signal
import numpy as np
from lstm_ext import LanguageModel, ModelConfig
model = LanguageModel(ModelConfig(20, 64, 20, dtype="float64"), backend="c", threads=2)
x = np.random.default_rng(0).integers(0, 20, (20, 8))
before = model.loss(x, None, x)
child = os.fork()
if child == 0:
    signal.alarm(20)
    same = model.loss(x, None, x) == before
    del model
    os._exit(0 if same else 1)
print(os.waitpid(child, 0)[1], model.loss(x, None, x) == before)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_computes_the_same_without_the_threads_it_has_not() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    assert done.stdout == "0 True\n", done.stderr


@pytest.mark.parametrize("name", ["x", "state", "lengths", "recurrent_mask", "Wt", "b", "dh", "dfinal"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda array: array[..., :-1].copy(),
        lambda array: array.astype(np.float32 if array.dtype == np.float64 else np.int64),
        lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    ],
    ids=["shape", "dtype", "strides"],
)
def test_a_layers_arrays_that_c_would_misread_are_refused(name: str, wrong: Callable[[np.ndarray], np.ndarray]) -> None:
    config, random = LayerConfig("lstm", 3, 4), np.random.default_rng(1)
    arrays = {
        "Wt": random.normal(size=(7, 16)),
        "b": random.normal(size=16),
        "x": random.normal(size=(5, 2, 3)),
        "state": random.normal(size=(2, 2, 4)),
        "lengths": np.array([5, 3], np.int32),
        "recurrent_mask": np.ones((2, 4)),
        "dh": random.normal(size=(5, 2, 4)),
        "dfinal": random.normal(size=(2, 2, 4)),
    }

    def run() -> None:
        weights = Weights(arrays["Wt"], arrays["b"])
        given = (arrays["x"], arrays["state"], arrays["lengths"], arrays["recurrent_mask"])
        acts = core.layer_forward(config, weights, *given)
        core.layer_backward(weights, acts, arrays["dh"], arrays["dfinal"])

    run()
    arrays[name] = wrong(arrays[name])
    with pytest.raises(ValueError, match="Wt|b" if name == "Wt" else name):  # the dtype of Wt is that of all
        run()
