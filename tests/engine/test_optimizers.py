"""Clipping and optimizers, on every engine, against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import EngineModule
from lstm_ext.errors import NonFiniteError

pytestmark = pytest.mark.filterwarnings("error")

MODEL = ModelConfig(2, 3, 2, cell="rnn", dtype="float64")
COUNT = MODEL.num_parameters
LRS = (0.1, 0.05, 0.2, 0.1)
OPTIMIZERS = {
    "sgd": OptimizerConfig("sgd", clip_norm=0),
    "momentum": OptimizerConfig("sgd", momentum=0.7, clip_norm=0),
    "rmsprop": OptimizerConfig("rmsprop", rho=0.8, eps=1e-3, clip_norm=0),
    "adagrad": OptimizerConfig("adagrad", eps=1e-3, clip_norm=0),
    "adam": OptimizerConfig("adam", beta1=0.8, beta2=0.9, eps=1e-3, clip_norm=0),
}
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def gradients(scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(4).normal(scale=scale, size=(len(LRS), COUNT))


def engine_run(
    engine: EngineModule, optimizer: OptimizerConfig, grads: np.ndarray, first_step: int = 1, dtype: str = "float64"
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Parameters and moments after one update per gradient, and the norms that ``update`` returned."""
    parameters = np.random.default_rng(3).normal(size=COUNT).astype(dtype)
    gradient, moments = np.zeros(COUNT, dtype), np.zeros((2, COUNT), dtype)
    model = engine.Engine(ModelConfig(2, 3, 2, cell="rnn", dtype=dtype), parameters, gradient)
    norms = []
    for n, (g, lr) in enumerate(zip(grads, LRS, strict=True)):
        gradient[...] = g
        norms.append(model.update(optimizer, moments, first_step + n, lr))
        np.testing.assert_array_equal(gradient, g.astype(dtype))
    return parameters, moments, norms


def one_by_one(optimizer: OptimizerConfig, grads: np.ndarray, first_step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The formulas as they stand in ``OptimizerConfig``, for one parameter after the other."""
    o = optimizer
    parameters, moments = np.random.default_rng(3).normal(size=COUNT), np.zeros((2, COUNT))
    for k in range(COUNT):
        p, first, s = float(parameters[k]), 0.0, 0.0
        for n, lr in enumerate(LRS):
            g, t = float(grads[n, k]), first_step + n
            if o.kind == "sgd":
                first = o.momentum * first + g
                p -= lr * first
            elif o.kind == "rmsprop":
                s = o.rho * s + (1 - o.rho) * g**2
                p -= lr * g / (math.sqrt(s) + o.eps)
            elif o.kind == "adagrad":
                s = s + g**2
                p -= lr * g / (math.sqrt(s) + o.eps)
            else:
                first = o.beta1 * first + (1 - o.beta1) * g
                s = o.beta2 * s + (1 - o.beta2) * g**2
                p -= lr * (first / (1 - o.beta1**t)) / (math.sqrt(s / (1 - o.beta2**t)) + o.eps)
        parameters[k], moments[:, k] = p, (first, s)
    return parameters, moments


@optimizers
@pytest.mark.parametrize("first_step", [1, 1000])
def test_formulas(engine: EngineModule, optimizer: OptimizerConfig, first_step: int) -> None:
    parameters, moments, norms = engine_run(engine, optimizer, gradients(), first_step)
    expected_parameters, expected_moments = one_by_one(optimizer, gradients(), first_step)
    np.testing.assert_allclose(parameters, expected_parameters, rtol=1e-12)
    np.testing.assert_allclose(moments, expected_moments, rtol=1e-12)
    np.testing.assert_allclose(norms, np.linalg.norm(gradients(), axis=1), rtol=1e-13)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("clip_value", "clip_norm"), [(0, 2.0), (0.5, 0), (0.5, 1.5), (0.5, 1e9), (0, 1e9), (1e9, 2.0)]
)
def test_clipping(engine: EngineModule, kind: str, clip_value: float, clip_norm: float) -> None:
    """First by value, then by the norm of what is left; the norm returned is that of before both."""
    clipping = OptimizerConfig(kind, clip_value=clip_value, clip_norm=clip_norm)
    clipped = gradients()
    for g in clipped:
        if clip_value:
            g[...] = [max(-clip_value, min(clip_value, v)) for v in g]
        norm = math.sqrt(math.fsum(v * v for v in g))
        if clip_norm and norm > clip_norm:
            g *= clip_norm / norm
    parameters, moments, norms = engine_run(engine, clipping, gradients())
    expected_parameters, expected_moments, _ = engine_run(engine, OptimizerConfig(kind, clip_norm=0), clipped)
    np.testing.assert_allclose(parameters, expected_parameters, rtol=1e-12)
    np.testing.assert_allclose(moments, expected_moments, rtol=1e-12)
    np.testing.assert_allclose(norms, np.linalg.norm(gradients(), axis=1), rtol=1e-13)


@optimizers
def test_float32(engine: EngineModule, optimizer: OptimizerConfig) -> None:
    parameters, moments, _ = engine_run(engine, optimizer, gradients(), dtype="float32")
    assert parameters.dtype == moments.dtype == np.float32
    np.testing.assert_allclose(parameters, one_by_one(optimizer, gradients())[0], rtol=1e-5, atol=1e-6)


def test_a_norm_beyond_float32_is_finite(engine: EngineModule) -> None:
    """Entries whose squares overflow float32 must be clipped, not reported as non-finite."""
    parameters, moments, norms = engine_run(
        engine, OptimizerConfig("sgd", clip_norm=1.0), gradients(scale=1e30), dtype="float32"
    )
    np.testing.assert_allclose(norms, np.linalg.norm(gradients(scale=1e30), axis=1), rtol=1e-6)
    assert np.isfinite(parameters).all() and np.isfinite(moments).all()


def test_a_zero_gradient_moves_nothing(engine: EngineModule) -> None:
    for optimizer in OPTIMIZERS.values():
        parameters, _, norms = engine_run(engine, optimizer, np.zeros((len(LRS), COUNT)))
        np.testing.assert_array_equal(parameters, np.random.default_rng(3).normal(size=COUNT))
        assert norms == [0.0] * len(LRS)


@optimizers
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_of_its_own_is_that_of_a_model(engine: EngineModule, optimizer: OptimizerConfig, dtype: str) -> None:
    parameters, moments = np.random.default_rng(3).normal(size=COUNT).astype(dtype), np.zeros((2, COUNT), dtype)
    norms = [
        engine.optimizer_step(parameters, g.astype(dtype), moments, optimizer, 7 + n, lr)
        for n, (g, lr) in enumerate(zip(gradients(), LRS, strict=True))
    ]
    expected_parameters, expected_moments, expected_norms = engine_run(engine, optimizer, gradients(), 7, dtype)
    np.testing.assert_array_equal(parameters, expected_parameters)
    np.testing.assert_array_equal(moments, expected_moments)
    assert norms == expected_norms


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_step_of_its_own_changes_nothing_for_a_gradient_without_a_norm(engine: EngineModule, bad: float) -> None:
    parameters, moments = np.ones(3), np.ones((2, 3))
    with pytest.raises(NonFiniteError) as error:
        engine.optimizer_step(parameters, np.array([1.0, bad, 2.0]), moments, OptimizerConfig(), 5, 0.1)
    assert error.value.step == 5 and math.isnan(error.value.loss) and not math.isfinite(error.value.norm)
    assert (parameters == 1).all() and (moments == 1).all()
