"""What every network can do, whatever it is made of: be built once, copied, pickled and trained."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, nn
from lstm_ext.engine.backend import available_backends

pytestmark = pytest.mark.filterwarnings("error")

V, H, T, B = 5, 4, 6, 3
backends = pytest.mark.parametrize("backend", available_backends())


def symbols(*shape: int, high: int = V) -> np.ndarray:
    return np.random.default_rng(2).integers(0, high, shape)


def language_model(backend: str | None = None, **options: Any) -> LanguageModel:
    return LanguageModel(ModelConfig(V, H, V, num_layers=2, dropout=0.3, **options), backend=backend, seed=1)


def tagger(backend: str | None = None) -> nn.Tagger:
    return nn.Tagger(V, H, V, embedding_size=2, dropout=0.3, bidirectional=True).build(backend=backend, seed=1)


BATCH = nn.Batch(symbols(T, B), np.array([6, 2, 4]), symbols(T, B)[::-1])
makers = pytest.mark.parametrize("make", [language_model, tagger])


@backends
@makers
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: m.copy(), lambda m: pickle.loads(pickle.dumps(m))])
def test_a_duplicate_is_a_network_of_its_own(
    backend: str, make: Callable[[str], nn.Model], duplicate: Callable[[nn.Model], nn.Model]
) -> None:
    model = make(backend)
    model.loss_and_gradient(*BATCH)
    model.train()
    twin = duplicate(model)
    assert type(twin) is type(model) and twin.training and twin.backend == backend and repr(twin) == repr(model)
    np.testing.assert_array_equal(twin.parameters, model.parameters)
    np.testing.assert_array_equal(twin.gradient, model.gradient)
    assert twin.loss(*BATCH) == model.loss(*BATCH)
    before = model.parameters.copy()
    twin.eval()
    model.eval()
    results = [nn.fit(m, [BATCH] * 3, nn.Optimizer(m, lr=0.1)).losses for m in (model, twin)]
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(twin.parameters, model.parameters)
    assert (model.parameters != before).any()
    twin.parameters[...] = 7  # all views are of the one array
    assert all((view == 7).all() for view in twin.weights().values())
    assert (model.parameters != 7).all()
    assert twin.output.W.base is not None and (twin.output.W == 7).all()  # type: ignore[attr-defined]


def test_a_pickle_holds_each_weight_once() -> None:
    model = nn.Tagger(V, 64, V, num_layers=2).build()
    assert len(pickle.dumps(model)) < 1.1 * (model.parameters.nbytes + model.gradient.nbytes)


def test_a_pickle_of_another_machine_finds_an_engine() -> None:
    model = tagger()
    state = model._shared.__getstate__()
    state["engine_module"] = ("c", "a kernel of the future", 1)
    model._shared.__setstate__(state)
    assert np.isfinite(model.loss(*BATCH))


@makers
def test_a_network_is_built_once(make: Callable[[], nn.Model]) -> None:
    model = make()
    before = model.parameters.copy()
    with pytest.raises(ValueError, match=f"build: {type(model).__name__} or a part of it is built already"):
        model.build()
    np.testing.assert_array_equal(model.parameters, before)

    class Network(nn.Module):
        def __init__(self) -> None:
            self.part = nn.Linear(2, 3).build()

    with pytest.raises(ValueError, match="build: Network or a part of it is built already"):
        Network().build()


# ---------------------------------------------------------------------------------------- the fused path


class Unfused(LanguageModel):
    """Its steps are gradient and update, as any network's."""


@backends
@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_fused_step_is_gradient_and_update(backend: str, kind: Any) -> None:
    """Loss, gradient norm, masks of dropout and all weights."""
    config, models = OptimizerConfig(kind, clip_norm=0.3), []
    for cls in (LanguageModel, Unfused):
        model = cls(ModelConfig(V, H, V, num_layers=2, dropout=0.4, dtype="float64"), backend=backend, seed=1)
        optimizer = nn.Optimizer(model, config, lr=lambda step: 0.1 / step)
        models.append((nn.fit(model, [BATCH] * 4, optimizer, seed=3), model, optimizer))
    (fused, model, optimizer), (plain, other, other_optimizer) = models
    np.testing.assert_allclose(fused.losses, plain.losses, rtol=1e-13)
    np.testing.assert_allclose(fused.norms, plain.norms, rtol=1e-12)
    np.testing.assert_allclose(model.parameters, other.parameters, rtol=0, atol=1e-14)
    np.testing.assert_allclose(optimizer.moments, other_optimizer.moments, rtol=0, atol=1e-14)
    assert optimizer.steps == other_optimizer.steps == 4 and len(set(fused.losses)) == 4


@backends
def test_the_loss_of_a_language_model_is_the_cross_entropy_of_its_logits(backend: str) -> None:
    model = language_model(backend, dtype="float64")
    counted = np.where(np.arange(T)[:, None] < BATCH.lengths, BATCH.targets, -1)
    expected, dlogits = nn.cross_entropy(model.forward(BATCH.inputs, BATCH.lengths), counted)
    model.backward(dlogits)
    gradient = model.gradient.copy()
    assert model.loss(*BATCH) == pytest.approx(expected, rel=1e-13)
    assert model.loss_and_gradient(*BATCH) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(model.gradient, gradient, rtol=0, atol=1e-15)


def test_what_a_language_model_refuses() -> None:
    model = language_model()
    for batch, message in (
        ((symbols(T), None, symbols(T)), r"inputs: got shape \(6,\), expected symbols \(T, B\)"),
        ((symbols(T, B) + 1, None, symbols(T, B)), "inputs: got symbols from . to 5, expected 0 to 4"),
        ((symbols(T, B), [7, 1, 1], symbols(T, B)), "lengths: got 1 to 7, expected 0 to T = 6"),
        ((symbols(T, B), None, symbols(T, B) + 1), "targets: got symbols . to 5, expected -1 to 4"),
        ((symbols(T, B), None, symbols(T - 1, B)), "targets: got"),
    ):
        with pytest.raises(ValueError, match=message):
            model.loss_and_gradient(*batch)
        with pytest.raises(ValueError, match=message):
            nn.fit(model, [batch])


# ------------------------------------------------------------------------------------ misspelled arguments


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Tagger(V, H, 2, cell="lstmm"), "Tagger: cell: got 'lstmm', did you mean 'lstm'?"),
        (lambda: nn.Tagger(V, H, 2, cell="conv"), "Tagger: cell: got 'conv', expected one of lstm, gru, rnn"),
        (lambda: nn.Linear(2, hiden=3), "Linear: unknown keyword 'hiden', expected some of input_size, output_size"),
        (lambda: nn.Linear(2, output_sise=3), "Linear: unknown keyword 'output_sise', did you mean 'output_size'?"),
        (
            lambda: ModelConfig(V, hiden_size=H, output_size=V),
            "ModelConfig: unknown keyword 'hiden_size', did you mean 'hidden_size'?",
        ),
        (lambda: ModelConfig(V, H, V, cell="gruu"), "cell: got 'gruu', did you mean 'gru'?"),
        (lambda: OptimizerConfig("adamw"), "optimizer: got 'adamw', did you mean 'adam'?"),
    ],
)
def test_misspelled_arguments(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value).startswith(message)
