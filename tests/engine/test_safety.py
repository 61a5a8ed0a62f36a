"""The C core's binding when its caller is careless: nothing that Python can do may make C touch foreign memory."""

from __future__ import annotations

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


def misaligned(array: np.ndarray) -> np.ndarray:
    """A copy, one byte off."""
    copy = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


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
        lambda array: misaligned(array),
        lambda array: read_only(array),
    ],
    ids=["shape", "dtype", "strides", "alignment", "read-only"],
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


@pytest.mark.parametrize("name", ["x", "state", "lengths", "recurrent_mask", "Wt", "b", "dh", "dfinal"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda array: array[..., :-1].copy(),
        lambda array: array.astype(np.float32 if array.dtype == np.float64 else np.int64),
        lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
        lambda array: misaligned(array),
    ],
    ids=["shape", "dtype", "strides", "alignment"],
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


@pytest.mark.parametrize("wrong", [misaligned, read_only], ids=["alignment", "read-only"])
def test_sampling_does_not_write_into_a_state_that_it_may_not(
    parameters: np.ndarray, wrong: Callable[[np.ndarray], np.ndarray]
) -> None:
    """A memory map, opened for reading, was SIGSEGV."""
    model = core.Engine(CONFIG, parameters, np.zeros_like(parameters))
    with pytest.raises(ValueError, match="state"):
        model.sample(wrong(np.zeros(CONFIG.state_shape(1))), 1, 5)


@pytest.mark.parametrize("name", ["parameters", "gradient", "moments"])
@pytest.mark.parametrize("wrong", [misaligned, read_only, lambda array: array[..., :-1]], ids=["off", "kept", "short"])
def test_an_optimizers_arrays_that_c_would_misread_are_refused(
    name: str, wrong: Callable[[np.ndarray], np.ndarray]
) -> None:
    arrays = {"parameters": np.ones(9), "gradient": np.ones(9), "moments": np.zeros((2, 9))}
    if (name, wrong) == ("gradient", read_only):
        pytest.skip("a gradient is only read")
    arrays[name] = wrong(arrays[name])
    with pytest.raises(ValueError, match=r"parameters|gradient|moments"):
        core.optimizer_step(*arrays.values(), OptimizerConfig(), 1, 0.1)


@pytest.mark.parametrize("wrong", [misaligned, read_only, lambda array: array[:, :-1]], ids=["off", "kept", "short"])
def test_a_product_goes_only_where_c_can_write(wrong: Callable[[np.ndarray], np.ndarray]) -> None:
    a = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(core.multiply(misaligned(a), misaligned(a.T)), a @ a.T)
    with pytest.raises(ValueError, match="out"):
        core.multiply(a, a.T, wrong(np.zeros((3, 3))))


@pytest.mark.parametrize(
    "sizes", [{"hidden_size": 2**31 - 1}, {"input_size": 2**31 - 1}, {"hidden_size": 2**27, "num_layers": 2**31 - 1}]
)
def test_sizes_that_overflow_are_refused(sizes: dict[str, int]) -> None:
    """The parameters' number would not fit 64 bits, or a row of gates 32."""
    with pytest.raises(ValueError):
        core.Engine(ModelConfig(**{"input_size": 3, "hidden_size": 3, "output_size": 3, **sizes}), *np.zeros((2, 9)))
