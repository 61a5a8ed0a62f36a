"""Whole models, on every engine: forward, backward, training, and how training ends."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import reference

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import Weights
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import Engine, EngineModule, Training
from lstm_ext.engine.rng import dropout_key
from lstm_ext.engine.stop import StopFlag
from lstm_ext.errors import NonFiniteError, StateError
from lstm_ext.nn.numerics import numerical_gradient, relative_error

pytestmark = pytest.mark.filterwarnings("error")

T, B = 4, 3
CONFIGS = {name: ModelConfig(4, 3, 4, cell=name, num_layers=2, dtype="float64") for name in CELLS} | {
    "lstm": ModelConfig(5, 3, 4, num_layers=2, dtype="float64"),
    "lstm peephole coupled": ModelConfig(4, 3, 4, peephole=True, coupled=True, num_layers=2, dtype="float64"),
    "lstm forced": ModelConfig(4, 3, 4, force={"forget": 0.9, "output": 1.0}, num_layers=2, dtype="float64"),
    "gru": ModelConfig(7, 5, 6, cell="gru", num_layers=2, dtype="float64"),
    "gru reset_after": ModelConfig(6, 5, 6, cell="gru", reset_after=True, num_layers=3, dtype="float64"),
    "dropout": ModelConfig(4, 7, 4, num_layers=2, dropout=0.4, dtype="float64"),
    "two symbols": ModelConfig(2, 1, 2, cell="gru", dtype="float64"),
    "one symbol": ModelConfig(1, 3, 1, dtype="float64"),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


@dataclass
class Setup:
    """A model with random weights and states, and N batches, a few targets of which do not count."""

    config: ModelConfig
    engine: Engine
    parameters: np.ndarray
    gradient: np.ndarray
    moments: np.ndarray
    state: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray


def setup(engine: EngineModule, config: ModelConfig, *, steps: int = 1, shape: tuple[int, int] = (T, B)) -> Setup:
    rng = np.random.default_rng(5)
    count = config.num_parameters
    parameters = rng.normal(scale=0.6, size=count).astype(config.dtype)
    gradient = np.full_like(parameters, np.nan)  # so that an entry left unwritten shows
    targets = rng.integers(0, config.output_size, size=(steps, *shape)).astype(np.int32)
    targets[:, 0, 0] = targets[:, -1, -1] = -1
    return Setup(
        config,
        engine.Engine(config, parameters, gradient),
        parameters,
        gradient,
        moments=np.zeros((2, count), config.dtype),
        state=rng.normal(scale=0.5, size=config.state_shape(shape[1])).astype(config.dtype),
        inputs=rng.integers(0, config.input_size, size=(steps, *shape)).astype(np.int32),
        targets=targets,
    )


@configs
def test_forward_is_the_textbooks(engine: EngineModule, config: ModelConfig) -> None:
    s = setup(engine, config)
    key = dropout_key(7, 3) if config.dropout else None
    masks = None
    if key is not None:
        masks = [reference.dropout_mask(key, k, config.dropout, (T, B, 7)) for k in range(config.num_layers)]
    logits, final = reference.model(config, s.parameters, s.inputs[0], s.state, masks)
    loss = s.engine.forward(s.inputs[0], s.targets[0], s.state, dropout_key=key)
    np.testing.assert_allclose(s.engine.logits(), logits, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(s.state, final, rtol=1e-12, atol=1e-13)
    assert loss == pytest.approx(reference.cross_entropy(logits, s.targets[0]), rel=1e-12)


@configs
def test_gradients_are_those_of_finite_differences(engine: EngineModule, config: ModelConfig) -> None:
    s = setup(engine, config)
    key = dropout_key(7, 3) if config.dropout else None
    dstate = np.random.default_rng(6).normal(size=s.state.shape)

    def loss() -> float:
        state = s.state.copy()
        return s.engine.forward(s.inputs[0], s.targets[0], state, dropout_key=key) + float(np.sum(dstate * state))

    loss()
    dstate0 = s.engine.backward(dstate)
    gradient = s.gradient.copy()
    assert relative_error(dstate0, numerical_gradient(loss, s.state)) < 1e-6
    numerical = reference.parameter_views(config, numerical_gradient(loss, s.parameters))
    for name, value in reference.parameter_views(config, gradient).items():
        assert relative_error(value, numerical[name]) < 1e-6, name


def test_state_gradient_may_be_absent(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm"])
    results = []
    for dstate in (None, np.zeros_like(s.state)):
        s.engine.forward(s.inputs[0], s.targets[0], s.state.copy())
        results.append((s.engine.backward(dstate), s.gradient.copy()))
    for absent, zero in zip(*results, strict=True):
        np.testing.assert_array_equal(absent, zero)


def test_backward_from_any_gradient_of_the_logits(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["gru"])
    dlogits = np.random.default_rng(8).normal(size=(T, B, s.config.output_size))

    def value() -> float:
        assert math.isnan(s.engine.forward(s.inputs[0], None, s.state.copy()))
        return float(np.sum(dlogits * s.engine.logits()))

    value()
    given = dlogits.copy()
    s.engine.backward(dlogits=dlogits)
    gradient = s.gradient.copy()
    np.testing.assert_array_equal(dlogits, given)
    assert relative_error(gradient, numerical_gradient(value, s.parameters)) < 1e-6


def test_backward_needs_a_forward_with_targets(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm"])
    with pytest.raises(StateError):
        s.engine.backward()
    s.engine.forward(s.inputs[0], None, s.state)
    with pytest.raises(StateError):
        s.engine.backward()
    s.engine.train(s.inputs, s.targets, s.state, Training(OPTIMIZER, s.moments, 1, LRS[:1], 0))
    for look in (s.engine.backward, s.engine.logits, lambda: s.engine.activations(0)):
        with pytest.raises(StateError):
            look()


def test_no_counted_target_is_loss_and_gradient_zero(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm"])
    assert s.engine.forward(s.inputs[0], np.full((T, B), -1, np.int32), s.state) == 0.0
    assert not s.engine.backward().any()
    assert not s.gradient.any()


def test_forward_without_keeping_is_the_same_forward(engine: EngineModule) -> None:
    results = []
    for keep in (True, False):
        s = setup(engine, CONFIGS["dropout"])
        loss = s.engine.forward(s.inputs[0], s.targets[0], s.state, keep=keep)
        results.append((loss, s.engine.logits(), s.state))
    for kept, not_kept in zip(*results, strict=True):
        np.testing.assert_array_equal(kept, not_kept)
    for look in (s.engine.backward, lambda: s.engine.activations(0)):
        with pytest.raises(StateError):
            look()


def test_carried_state_makes_two_halves_one_whole(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm peephole coupled"])
    whole, halves, logits = s.state.copy(), s.state.copy(), []
    s.engine.forward(s.inputs[0], None, whole)
    expected = s.engine.logits()
    for part in (slice(0, 1), slice(1, T)):
        s.engine.forward(s.inputs[0, part].copy(), None, halves)
        logits.append(s.engine.logits())
    np.testing.assert_allclose(np.concatenate(logits), expected, rtol=1e-12)
    np.testing.assert_allclose(halves, whole, rtol=1e-12)


@configs
def test_activations_are_copies_of_each_layers_own(engine: EngineModule, config: ModelConfig) -> None:
    s = setup(engine, config)
    initial = s.state.copy()
    s.engine.forward(s.inputs[0], s.targets[0], s.state)
    weights = reference.parameter_views(config, s.parameters)
    x: np.ndarray = s.inputs[0]
    for k, layer in enumerate(config.layers()):
        own = Weights(**{name: weights[f"layers.{k}.{name}"] for name in layer.parameter_shapes()})
        expected = reference.layer(layer, own, x, initial[k])
        acts = s.engine.activations(k)
        assert acts.x is None and acts.config == layer
        for name, value in {"output": acts.output, **acts.blocks}.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-11, atol=1e-13, err_msg=name)
        np.testing.assert_array_equal(acts.h[0], initial[k, 0])
        np.testing.assert_array_equal(acts.h[-1], s.state[k, 0])
        if acts.c is not None and acts.extra is not None:
            np.testing.assert_allclose(acts.c_output, expected["c_output"], rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(acts.extra, expected["extra"], rtol=1e-11, atol=1e-13)
        for array in (acts.h, acts.c, acts.gates, acts.extra):
            if array is not None:
                array[...] = np.nan
        x = expected["output"]
    s.engine.backward()
    assert np.isfinite(s.gradient).all()


def test_dropout_depends_on_its_key_alone(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["dropout"])
    losses = [
        s.engine.forward(s.inputs[0], s.targets[0], s.state.copy(), dropout_key=key)
        for key in (1, 2, 1, None, 2**64 - 1)
    ]
    assert losses[0] == losses[2]
    assert len(set(losses)) == 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_softmax_stands_logits_of_ten_thousand(engine: EngineModule, dtype: str) -> None:
    config = ModelConfig(3, 2, 3, dtype=dtype)
    s = setup(engine, config)
    s.parameters[...] = 0
    reference.parameter_views(config, s.parameters)["output.b"][...] = [1e4, -1e4, 0]
    targets = np.array([[0, 0, 0], [0, 2, 0], [0, 0, -1], [1, 1, 0]], dtype=np.int32)
    expected = (1e4 + 2 * 2e4) / 11  # nats: 0 for the certain symbol, the distance to it for others
    assert s.engine.forward(s.inputs[0], targets, s.state) == pytest.approx(expected, rel=1e-6)
    s.engine.backward()
    gradient = reference.parameter_views(config, s.gradient)["output.b"]
    np.testing.assert_allclose(gradient, [3 / 11, -2 / 11, -1 / 11], rtol=1e-6)


def test_loss_is_summed_in_double_precision(engine: EngineModule) -> None:
    """A float32 sum over this many equal terms would be off in the fourth digit."""
    config = ModelConfig(2, 1, 3, cell="rnn")
    s = setup(engine, config, shape=(20000, 1))
    s.parameters[...] = 0
    assert s.engine.forward(s.inputs[0], s.targets[0], s.state) == pytest.approx(math.log(3), rel=2e-7)


@configs
def test_float32_follows_float64(engine: EngineModule, config: ModelConfig) -> None:
    exact = setup(engine, config)
    single_config = ModelConfig(**{**vars(config), "dtype": "float32"})
    single = setup(engine, single_config)
    losses = []
    for s in (exact, single):
        losses.append(s.engine.forward(s.inputs[0], s.targets[0], s.state, dropout_key=3))
        assert s.engine.backward().dtype == s.state.dtype
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert single.engine.logits().dtype == single.engine.activations(0).gates.dtype == np.float32
    assert relative_error(single.engine.logits(), exact.engine.logits()) < 1e-5
    assert relative_error(single.gradient, exact.gradient) < 1e-5


def test_symbols_out_of_range_are_refused(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm"])
    for symbol in (-1, 5):
        inputs = s.inputs[0].copy()
        inputs[2, 1] = symbol
        with pytest.raises(ValueError, match="inputs"):
            s.engine.forward(inputs, s.targets[0], s.state)
        with pytest.raises(ValueError):
            s.engine.sample(s.state[:, :, :1].copy(), symbol, 1)
    for symbol in (-2, 4):
        targets = s.targets[0].copy()
        targets[2, 1] = symbol
        with pytest.raises(ValueError, match="targets"):
            s.engine.forward(s.inputs[0], targets, s.state)


# ---------------------------------------------------------------------------------------- training

OPTIMIZER = OptimizerConfig("adam", clip_norm=0.3)
LRS = np.array([0.02, 0.01, 0.03, 0.02])


def train_by_hand(s: Setup, steps: int, first_step: int, seed: int) -> tuple[list[float], list[float]]:
    losses, norms = [], []
    for n in range(steps):
        key = dropout_key(seed, first_step + n)
        losses.append(s.engine.forward(s.inputs[n], s.targets[n], s.state, dropout_key=key))
        s.engine.backward()
        norms.append(s.engine.update(OPTIMIZER, s.moments, first_step + n, float(LRS[n % 4])))
    return losses, norms


@configs
def test_train_is_forward_backward_update(engine: EngineModule, config: ModelConfig) -> None:
    by_hand, at_once = setup(engine, config, steps=4), setup(engine, config, steps=4)
    losses, norms = train_by_hand(by_hand, 4, first_step=11, seed=9)
    result = at_once.engine.train(
        at_once.inputs, at_once.targets, at_once.state, Training(OPTIMIZER, at_once.moments, 11, LRS, 9), None
    )
    assert result.done == 4
    np.testing.assert_allclose(result.losses, losses, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(result.norms, norms, rtol=1e-12, atol=1e-15)
    for name in ("parameters", "moments", "state"):
        np.testing.assert_allclose(getattr(at_once, name), getattr(by_hand, name), rtol=1e-11, atol=1e-15)
    if config.output_size > 1:
        assert len(set(norms)) == 4


def test_training_in_pieces_is_training_at_once(engine: EngineModule) -> None:
    config = CONFIGS["dropout"]
    at_once, pieces = setup(engine, config, steps=4), setup(engine, config, steps=4)
    at_once.engine.train(
        at_once.inputs, at_once.targets, at_once.state, Training(OPTIMIZER, at_once.moments, 1, LRS, 9)
    )
    for part in (slice(0, 1), slice(1, 4)):
        training = Training(OPTIMIZER, pieces.moments, 1 + part.start, LRS[part], 9)
        pieces.engine.train(pieces.inputs[part], pieces.targets[part], pieces.state, training)
    for name in ("parameters", "moments", "state"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(at_once, name), err_msg=name)


def test_the_stop_flag_ends_training_after_a_whole_step(engine: EngineModule) -> None:
    """Another thread sets it as soon as it sees a weight move; what was done is whole steps, and not all."""
    steps = 100_000
    config = CONFIGS["rnn"]
    s, by_hand = setup(engine, config, steps=steps, shape=(1, 1)), setup(engine, config, steps=steps, shape=(1, 1))
    s.targets[...] = by_hand.targets[...] = 0
    stop, initial = StopFlag(), s.parameters.copy()

    def watch() -> None:
        while np.array_equal(s.parameters, initial):
            pass
        stop.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    lrs = np.resize(LRS, steps)
    result = s.engine.train(s.inputs, s.targets, s.state, Training(OPTIMIZER, s.moments, 1, lrs, 0), stop)
    watcher.join()
    assert 1 <= result.done < steps
    assert len(result.losses) == len(result.norms) == result.done
    losses, _ = train_by_hand(by_hand, result.done, first_step=1, seed=0)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-9)
    for name in ("parameters", "moments", "state"):
        np.testing.assert_allclose(getattr(s, name), getattr(by_hand, name), rtol=1e-7, atol=1e-12)


def test_a_stop_flag_set_beforehand_trains_nothing(engine: EngineModule) -> None:
    s = setup(engine, CONFIGS["lstm"], steps=4)
    stop, before = StopFlag(), s.parameters.copy()
    stop.set()
    result = s.engine.train(s.inputs, s.targets, s.state, Training(OPTIMIZER, s.moments, 1, LRS, 0), stop)
    assert (result.done, result.losses.shape, result.norms.shape) == (0, (0,), (0,))
    np.testing.assert_array_equal(s.parameters, before)
    stop.clear()
    assert s.engine.train(s.inputs, s.targets, s.state, Training(OPTIMIZER, s.moments, 1, LRS, 0), stop).done == 4


@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adagrad", "adam"])
def test_a_non_finite_loss_leaves_everything_as_before_that_step(engine: EngineModule, kind: str) -> None:
    config, optimizer = CONFIGS["dropout"], OptimizerConfig(kind, momentum=0.5)
    broken, good = setup(engine, config, steps=4), setup(engine, config, steps=4)
    # The second step moves every weight so far that the third cannot compute a loss.
    lrs = np.array([0.01, 1e308, 0.01, 0.01])
    with pytest.raises(NonFiniteError) as caught:
        broken.engine.train(
            broken.inputs, broken.targets, broken.state, Training(optimizer, broken.moments, 21, lrs, 9)
        )
    assert caught.value.step == 23
    assert not math.isfinite(caught.value.loss)
    assert "23" in str(caught.value)
    good.engine.train(good.inputs[:2], good.targets[:2], good.state, Training(optimizer, good.moments, 21, lrs[:2], 9))
    for name in ("parameters", "moments", "state"):
        np.testing.assert_array_equal(getattr(broken, name), getattr(good, name), err_msg=name)
    assert np.isfinite(broken.state).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adagrad", "adam"])
def test_a_non_finite_gradient_changes_nothing(engine: EngineModule, kind: str, bad: float) -> None:
    s = setup(engine, CONFIGS["lstm"])
    s.gradient[...] = 0.1
    s.gradient[-1] = bad
    s.moments[...] = 0.2
    parameters, moments = s.parameters.copy(), s.moments.copy()
    with pytest.raises(NonFiniteError) as caught:
        s.engine.update(OptimizerConfig(kind), s.moments, 17, 0.1)
    assert caught.value.step == 17
    assert not math.isfinite(caught.value.norm)
    np.testing.assert_array_equal(s.parameters, parameters)
    np.testing.assert_array_equal(s.moments, moments)


@configs
def test_nan_weights_give_a_nan_loss_and_nothing_worse(engine: EngineModule, config: ModelConfig) -> None:
    s = setup(engine, config)
    s.parameters[...] = np.nan
    initial = s.state.copy()
    assert math.isnan(s.engine.forward(s.inputs[0], s.targets[0], s.state))
    s.engine.backward()
    for options in ({}, {"temperature": 0.0}, {"top_k": 2}, {"top_p": 0.5}):
        drawn = s.engine.sample(initial[:, :, :1].copy(), 0, 3, **options)
        assert ((drawn >= 0) & (drawn < config.output_size)).all()
    with pytest.raises(NonFiniteError) as caught:
        s.engine.train(s.inputs, s.targets, initial, Training(OPTIMIZER, s.moments, 5, LRS[:1], 0))
    assert caught.value.step == 5
    assert np.isfinite(initial).all()
