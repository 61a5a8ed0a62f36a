"""The parts of networks, on every engine: against finite differences, their definitions, and what they promise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pairs import parametrize_pairs

from lstm_ext import nn
from lstm_ext.conversion import load_pytorch, to_pytorch
from lstm_ext.engine.backend import available_backends
from lstm_ext.nn.numerics import numerical_gradient, relative_error
from lstm_ext.verify import VARIANTS

pytestmark = pytest.mark.filterwarnings("error")

T, B, D, H = 5, 3, 4, 3
LENGTHS = np.array([5, 0, 2])
backends = pytest.mark.parametrize("backend", available_backends())
lengths_given = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["", "lengths"])
#: Every cell, and each option by itself.
CELLS = {name: options for name, options in VARIANTS.items() if "," not in name and "all" not in name}
SHAPES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "bidirectional": {"bidirectional": True},
    "two layers": {"num_layers": 2, "dropout": 0.4},
    "all": {"num_layers": 2, "bidirectional": True, "dropout": 0.3, "recurrent_dropout": 0.25, "layer_norm": True},
}


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([7, seed]).normal(size=shape)


def randomised(module: Any, seed: int = 0) -> Any:
    """Biases, gains and all else random, too."""
    module.parameters[...] = np.random.default_rng([3, seed]).normal(scale=0.6, size=module.parameters.shape)
    return module


def recurrent(backend: str, options: dict[str, Any], shape: dict[str, Any], dtype: str = "float64") -> nn.Recurrent:
    return randomised(nn.Recurrent(**options, input_size=D, hidden_size=H, **shape).build(dtype=dtype, backend=backend))


def part_errors(module: nn.Module, forward: Callable[[], np.ndarray], x: np.ndarray | None) -> dict[str, float]:
    """The gradient of Σ dout·output, by the module and by central differences, for all weights and x."""
    module.noise.restart(9)
    dout = normal(*forward().shape, seed=1)

    def loss() -> float:
        module.noise.restart(9)
        return float(np.sum(dout * forward()))

    loss()
    dx = module.backward(dout)  # type: ignore[attr-defined]
    given = {name: gradient.copy() for name, gradient in module.gradients().items()}
    moved = module.weights()
    if x is not None:
        given["x"], moved["x"] = dx, x
    return {name: relative_error(given[name], numerical_gradient(loss, moved[name])) for name in given}


# ------------------------------------------------------------------------------------- recurrent layers


@backends
@parametrize_pairs(options=CELLS, shape=SHAPES, lengths={"": None, "lengths": LENGTHS})
def test_recurrent_gradients(
    backend: str, options: dict[str, Any], shape: dict[str, Any], lengths: np.ndarray | None
) -> None:
    """Of outputs and of the final state, with respect to weights, inputs and the initial state, dropout acting."""
    rnn = recurrent(backend, options, shape)
    rnn.train()
    x, state = normal(T, B, D), 0.5 * normal(*rnn.zero_state(B).shape)
    dout, dfinal = normal(T, B, rnn.output_size, seed=1), normal(*state.shape, seed=2)

    def loss() -> float:
        rnn.noise.restart(4)
        return float(np.sum(dout * rnn.forward(x, lengths, state)) + np.sum(dfinal * rnn.final_state))

    loss()
    dx = rnn.backward(dout, dfinal)
    given = {"x": dx, "state": rnn.dstate, **{name: g.copy() for name, g in rnn.gradients().items()}}
    moved = {"x": x, "state": state, **rnn.weights()}
    for name, gradient in given.items():
        assert gradient is not None
        some = np.random.default_rng(5).permutation(gradient.size)[:24]
        assert relative_error(gradient.flat[some], numerical_gradient(loss, moved[name], entries=some)) < 1e-6, name


@backends
def test_gradients_for_symbols(backend: str) -> None:
    rnn = recurrent(backend, {"cell": "lstm"}, {"num_layers": 2, "bidirectional": True, "recurrent_dropout": 0.3})
    rnn.train()
    x = np.random.default_rng(0).integers(0, D, (T, B))
    errors = part_errors(rnn, lambda: rnn.forward(x, LENGTHS), None)
    assert max(errors.values()) < 1e-6
    assert rnn.backward(normal(T, B, 2 * H)) is None


@backends
def test_without_outputs_only_the_final_state_counts(backend: str) -> None:
    rnn = recurrent(backend, {"cell": "gru"}, {"num_layers": 2})
    rnn.forward(normal(T, B, D))
    dfinal = normal(2, 1, B, H)
    dx = rnn.backward(np.zeros((T, B, H)), dfinal)
    expected = rnn.gradient.copy()
    np.testing.assert_array_equal(rnn.backward(None, dfinal), dx)  # type: ignore[arg-type]
    np.testing.assert_array_equal(rnn.gradient, expected)
    assert expected.any()


@backends
@pytest.mark.parametrize("options", CELLS.values(), ids=CELLS.keys())
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_padding_never_changes_an_output(backend: str, options: dict[str, Any], shape: dict[str, Any]) -> None:
    """Each sequence of a batch is what it is alone, whatever stands in however much padding."""
    rnn = recurrent(backend, options, shape)
    x, state = normal(T, B, D), normal(*rnn.zero_state(B).shape)
    outputs, final = rnn.forward(x, LENGTHS, state), rnn.final_state
    dout = normal(*outputs.shape)
    dx = rnn.backward(dout)
    for lane, length in enumerate(LENGTHS):
        assert not outputs[length:, lane].any() and not dx[length:, lane].any()  # type: ignore[index]
        own_state = state[:, :, lane : lane + 1]
        if length:
            alone = rnn.forward(x[:length, lane : lane + 1], None, own_state)
            np.testing.assert_allclose(alone[:, 0], outputs[:length, lane], rtol=0, atol=1e-13)
            np.testing.assert_allclose(rnn.final_state[:, :, 0], final[:, :, lane], rtol=0, atol=1e-13)
        else:
            np.testing.assert_array_equal(final[:, :, lane], own_state[:, :, 0])
    padded, dout_padded = np.full((T + 4, B, D), np.nan), np.full((T + 4, B, outputs.shape[2]), 7.0)
    for lane, length in enumerate(LENGTHS):
        padded[:length, lane] = x[:length, lane]
    dout_padded[:T] = dout
    np.testing.assert_array_equal(rnn.forward(padded, LENGTHS, state)[:T], outputs)
    np.testing.assert_array_equal(rnn.final_state, final)
    gradient = rnn.gradient.copy()
    np.testing.assert_array_equal(rnn.backward(dout_padded)[:T], dx)  # type: ignore[index, arg-type]
    assert relative_error(rnn.gradient, gradient) < 1e-13


@backends
def test_the_reverse_direction_is_the_forward_one_of_the_reversed_sequence(backend: str) -> None:
    both = recurrent(backend, {"cell": "lstm"}, {"bidirectional": True})
    one = recurrent(backend, {"cell": "lstm"}, {})
    one.parameters[...] = both.layers[1].parameters
    x = normal(T, 1, D)
    expected = one.forward(x[::-1])[::-1]
    np.testing.assert_allclose(both.forward(x)[:, :, H:], expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(both.final_state[1], one.final_state[0], rtol=0, atol=1e-13)


@backends
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_dropout_has_one_mask_per_sequence(backend: str, bidirectional: bool) -> None:
    rnn = recurrent(backend, {"cell": "lstm"}, {"recurrent_dropout": 0.4, "bidirectional": bidirectional})
    x = normal(T, 40, D)
    rnn.train()
    seen = []
    for _ in range(2):
        rnn.forward(x)
        acts = [layer.activations for layer in rnn.layers]
        inputs = acts[0].x / x  # type: ignore[operator]
        np.testing.assert_allclose(inputs, np.broadcast_to(inputs[0], inputs.shape))  # the same at every step
        masks = [inputs[0], *(layer.recurrent_mask for layer in acts)]
        assert acts[-1].x is acts[0].x  # both directions drop the same inputs, each its own units
        for mask in masks:
            assert mask is not None
            dropped = mask == 0
            np.testing.assert_allclose(mask[~dropped], 1 / 0.6)
            assert abs(dropped.mean() - 0.4) < 0.15
            assert len(np.unique(dropped, axis=0)) > 5  # not one mask for all sequences
        seen.append(masks)
    for first, second in zip(*seen, strict=True):  # and fresh masks for each pass
        assert (first != second).any()
    if bidirectional:
        assert (seen[0][1] != seen[0][2]).any()
    rnn.eval()
    rnn.forward(x)
    assert all(layer.activations.recurrent_mask is None for layer in rnn.layers)
    np.testing.assert_array_equal(rnn.layers[0].activations.x, x)  # type: ignore[arg-type]


@backends
def test_dropout_between_layers_is_new_at_every_step(backend: str) -> None:
    rnn = recurrent(backend, {"cell": "rnn"}, {"num_layers": 2, "dropout": 0.5})
    rnn.train()
    output = rnn.forward(normal(50, 6, D))
    lower, upper = (layer.activations for layer in rnn.layers)
    mask = upper.x / lower.output  # type: ignore[operator]
    assert set(np.unique(mask.round(12))) == {0.0, 2.0} and abs(mask.mean() - 1) < 0.1
    assert len(np.unique(mask, axis=0)) == 50
    np.testing.assert_array_equal(output, upper.output)  # what leaves the stack is for others to drop


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("cell", ["lstm", "mingru"])
def test_gradients_that_do_not_fit_are_refused(backend: str, cell: Any) -> None:
    rnn = nn.Recurrent(cell, 3, 4).build(backend=backend)
    y, states = rnn.forward(normal(5, 2, 3).astype(np.float32)), len(rnn.layers[0].final_state)
    with pytest.raises(ValueError, match="dout"):
        rnn.layers[0].backward(np.ones_like(y)[:-1])
    with pytest.raises(ValueError, match="dfinal"):
        rnn.layers[0].backward(np.ones_like(y), np.ones((states, 1, 4), np.float32))
    given = rnn.layers[0].backward(np.ones_like(y), np.ones((states, 2, 4)))  # float64: converted, not misread
    again = rnn.layers[0].backward(np.ones_like(y), np.ones((states, 2, 4), np.float32))
    np.testing.assert_array_equal(given, again)


@backends
def test_recurrent_refuses_what_does_not_fit(backend: str) -> None:
    rnn = nn.Recurrent("lstm", D, H).build(backend=backend)
    x = normal(T, B, D)
    for arguments, message in (
        ((x[:, :, :2],), r"x: got float64 \(5, 3, 2\), expected numbers \(·, ·, 4\)"),
        ((x[0, 0],), r"x: got shape \(4,\)"),
        ((x[:0],), r"x: got shape \(0, 3, 4\)"),
        ((np.full((T, B), D),), "x: got symbols from 4 to 4, expected 0 to 3"),
        ((np.zeros((T, B)),), "x: got float64, expected integers"),
        ((x, [1, 2]), r"lengths: got int64 \(2,\), expected integers \(B,\) = \(3,\)"),
        ((x, [1, 2, 6]), "lengths: got 1 to 6, expected 0 to T = 5"),
        ((x, [1.0, 2.0, 3.0]), "lengths: got float64"),
        ((x, None, np.zeros((1, 2, B, 2))), r"state: got float64 \(1, 2, 3, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            rnn.forward(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 0}, "num_layers: got 0"),
        ({"dropout": 1.0}, "dropout: got 1.0"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout: got -0.1"),
        ({"init": "he"}, "init: got 'he'"),
        ({"cell": "rnn", "init": "chrono:9"}, "init: got 'chrono:9' for cell 'rnn'"),
        ({"cell": "gru", "peephole": True}, "peephole: got True for cell 'gru', expected it only for 'lstm'"),
        ({"cell": "elman"}, "cell: got 'elman'"),
    ],
)
def test_recurrent_refuses_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nn.Recurrent(**{"cell": "lstm", "input_size": D, "hidden_size": H, **options})


# ------------------------------------------------------------------------------ parts without recurrence


@pytest.mark.parametrize("shape", [(4, D), (T, B, D)])
def test_linear(shape: tuple[int, ...]) -> None:
    linear, x = randomised(nn.Linear(D, 2).build(dtype="float64")), normal(*shape)
    np.testing.assert_allclose(linear.forward(x), np.einsum("kd,...d->...k", linear.W, x) + linear.b, rtol=1e-13)
    assert max(part_errors(linear, lambda: linear.forward(x), x).values()) < 1e-9


def test_embedding() -> None:
    embedding = nn.Embedding(6, 2).build(dtype="float64")
    x = np.array([[0, 5, 5], [3, 5, 0]])
    np.testing.assert_array_equal(embedding.forward(x)[1, 1], embedding.W[5])
    assert max(part_errors(embedding, lambda: embedding.forward(x), None).values()) < 1e-9
    embedding.forward(x[:1])
    embedding.backward(np.ones((1, 3, 2)))  # what came before is not added to
    np.testing.assert_array_equal(embedding.dW[:, 0], [1, 0, 0, 0, 0, 2])
    for bad, message in (
        (-1, "x: got symbols from -1 to 0, expected 0 to 5"),
        (6, "from 0 to 6"),
        (0.5, "got float64"),
    ):
        with pytest.raises(ValueError, match=message):
            embedding.forward(np.array([0, bad]))


@pytest.mark.parametrize("shape", [(4, D), (T, B, D)])
def test_layer_norm(shape: tuple[int, ...]) -> None:
    norm, x = randomised(nn.LayerNorm(D).build(dtype="float64")), 3 + 2 * normal(*shape)
    assert max(part_errors(norm, lambda: norm.forward(x), x).values()) < 1e-7


@pytest.mark.parametrize("per_sequence", [False, True])
def test_dropout(per_sequence: bool) -> None:
    dropout, x = nn.Dropout(0.3, per_sequence=per_sequence).build(), normal(40, 10, 8)
    np.testing.assert_array_equal(dropout.forward(x), x)
    np.testing.assert_array_equal(dropout.backward(x), x)
    dropout.train()
    mask = dropout.forward(x) / x
    assert np.allclose(mask[mask != 0], 1 / 0.7) and abs(np.mean(mask == 0) - 0.3) < 0.1
    assert len(np.unique(mask.reshape(40, -1).round(9), axis=0)) == (1 if per_sequence else 40)
    assert len(np.unique(mask[0], axis=0)) > 1
    np.testing.assert_allclose(dropout.backward(x), mask * x)
    assert (dropout.forward(x) != mask * x).any()
    dropout.eval()
    np.testing.assert_array_equal(dropout.forward(x), x)


# --------------------------------------------------------------------------------------------- pooling

POOLINGS: dict[str, Callable[[], nn.Last | nn.Mean | nn.Attention]] = {
    "last": nn.Last,
    "last of both": lambda: nn.Last(bidirectional=True),
    "mean": nn.Mean,
    "attention": lambda: nn.Attention(D),
}
poolings = pytest.mark.parametrize("make", POOLINGS.values(), ids=POOLINGS.keys())


@poolings
@lengths_given
def test_pooling_gradients(make: Callable[[], Any], lengths: np.ndarray | None) -> None:
    pooling, x = randomised(make().build(dtype="float64")), normal(T, B, D)
    assert max(part_errors(pooling, lambda: pooling.forward(x, lengths), x).values()) < 1e-8


@lengths_given
def test_pooling_values(lengths: np.ndarray | None) -> None:
    """Sequence by sequence, from the definitions."""
    x, attention = normal(T, B, D), randomised(nn.Attention(D).build(dtype="float64"))
    pooled = {name: make().build().forward(x, lengths) for name, make in POOLINGS.items() if name != "attention"}
    pooled["attention"] = attention.forward(x, lengths)
    for lane in range(B):
        own = x[: T if lengths is None else lengths[lane], lane]
        if not len(own):
            assert not any(values[lane].any() for values in pooled.values()) and not attention.alpha[:, lane].any()
            continue
        weights = np.exp(own @ attention.v)
        weights /= weights.sum()
        expected = {
            "last": own[-1],
            "last of both": [*own[-1, :2], *own[0, 2:]],
            "mean": own.mean(axis=0),
            "attention": weights @ own,
        }
        for name, values in expected.items():
            np.testing.assert_allclose(pooled[name][lane], values, rtol=1e-13, err_msg=name)
        np.testing.assert_allclose(attention.alpha[: len(own), lane], weights, rtol=1e-13)
        assert not attention.alpha[len(own) :, lane].any()


@poolings
def test_pooling_does_not_look_at_padding(make: Callable[[], Any]) -> None:
    pooling, x = randomised(make().build(dtype="float64")), normal(T, B, D)
    expected = pooling.forward(x, LENGTHS)
    dx = pooling.backward(normal(B, D))
    padded = np.full((T + 3, B, D), np.nan)
    for lane, length in enumerate(LENGTHS):
        padded[:length, lane] = x[:length, lane]
    np.testing.assert_array_equal(pooling.forward(padded, LENGTHS), expected)
    gradient = pooling.backward(normal(B, D))
    np.testing.assert_array_equal(gradient[:T], dx)
    assert not gradient[np.arange(T + 3)[:, None] >= LENGTHS].any()


def test_attention_to_scores_far_below_those_of_padding() -> None:
    """Scores of −2000, where the zeros of padding would score 0: nothing may underflow."""
    attention = nn.Attention(1).build(dtype="float64")
    attention.v[...] = -1000
    x = np.array([2.0, 2.001, 0.0])[:, None, None]
    attention.forward(x, [2])
    np.testing.assert_allclose(attention.alpha[:, 0], [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0], rtol=1e-9)


# ---------------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("shape", [(6,), (T, B)])
def test_cross_entropy(shape: tuple[int, ...]) -> None:
    logits, targets = 3 * normal(*shape, 4), np.random.default_rng(0).integers(-1, 4, shape)
    loss, gradient = nn.cross_entropy(logits, targets)
    rows = zip(logits.reshape(-1, 4), targets.flat, strict=True)
    nats = [-np.log(np.exp(row[k]) / np.exp(row).sum()) for row, k in rows if k >= 0]
    assert loss == pytest.approx(np.mean(nats), rel=1e-13)
    numerical = numerical_gradient(lambda: nn.cross_entropy(logits, targets)[0], logits)
    assert relative_error(gradient, numerical) < 1e-8
    assert not gradient[targets < 0].any()


def test_cross_entropy_at_the_limits() -> None:
    """Logits that overflow every exponential, in float32; no target at all; NaN, in silence."""
    logits = np.array([[1e4, -1e4, 0], [3e38, 0, -3e38]], np.float32)
    loss, gradient = nn.cross_entropy(logits, np.array([1, 0]))
    assert loss == 1e4 and gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient, [[0.5, -0.5, 0], [0, 0, 0]])
    loss, gradient = nn.cross_entropy(logits, np.array([-1, -1]))
    assert loss == 0 and not gradient.any()
    logits[0, 0] = np.nan
    assert np.isnan(nn.cross_entropy(logits, np.array([1, 0]))[0])


def test_mean_squared_error() -> None:
    predictions, targets = normal(T, B, 2), normal(T, B, 2, seed=1)
    loss, gradient = nn.mean_squared_error(predictions, targets)
    assert loss == pytest.approx(np.mean([(p - t) ** 2 for p, t in zip(predictions.flat, targets.flat, strict=True)]))
    counted = np.arange(T)[:, None] < LENGTHS
    targets[~counted] = np.nan
    loss, gradient = nn.mean_squared_error(predictions, targets, counted[:, :, None])
    assert loss == pytest.approx(np.mean((predictions[counted] - targets[counted]) ** 2))
    numerical = numerical_gradient(
        lambda: nn.mean_squared_error(predictions, targets, counted[:, :, None])[0], predictions
    )
    assert relative_error(gradient, numerical) < 1e-9 and not gradient[~counted].any()
    assert nn.mean_squared_error(predictions, targets, np.zeros((T, B, 1), bool))[0] == 0


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (nn.cross_entropy, np.zeros((3, 1), int), r"targets: got int64 \(3, 1\), expected integers \(3,\)"),
        (nn.cross_entropy, np.zeros(3), "targets: got float64"),
        (nn.cross_entropy, np.array([0, 1, 2]), "targets: got 0 to 2, expected 0 to 1, or −1"),
        (nn.cross_entropy, np.array([0, 1, -2]), "targets: got -2 to 1"),
        (nn.mean_squared_error, np.zeros(3), r"targets: got float64 \(3,\), expected numbers \(3, 2\)"),
    ],
)
def test_targets_that_do_not_fit(loss: Callable[..., Any], targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss(normal(3, 2), targets)


# --------------------------------------------------------------------------------------------- modules


class Pair(nn.Module):
    """Two parts and a weight of its own."""

    own: np.ndarray

    def __init__(self) -> None:
        self.first = nn.Linear(2, 3)
        self.more = [nn.Linear(3, 2), nn.Recurrent("lstm", 2, 4)]

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"own": (2, 2)}


def test_one_flat_array_holds_all_weights() -> None:
    pair = Pair().build(dtype="float64")
    expected = {
        "own": (2, 2),
        "first.W": (3, 2),
        "first.b": (3,),
        "more.0.W": (2, 3),
        "more.0.b": (2,),
        "more.1.layers.0.W": (16, 6),
        "more.1.layers.0.b": (16,),
    }
    assert {name: view.shape for name, view in pair.weights().items()} == expected
    assert list(pair.weights()) == list(pair.gradients())
    assert pair.num_parameters == pair.parameters.size == sum(int(np.prod(shape)) for shape in expected.values())
    for number, (name, view) in enumerate(pair.weights().items(), start=1):
        view[...] = number
        pair.gradients()[name][...] = -number
    assert set(pair.parameters) == set(range(1, 8)) and (pair.gradient == -pair.parameters).all()
    assert (pair.more[1].parameters >= 6).all() and pair.more[1].parameters.size == 16 * 7
    assert (pair.first.dW == -2).all() and (pair.more[1].layers[0].Wt == 6).all()


def test_the_seed_decides_the_weights() -> None:
    def parameters(seed: int, dtype: str = "float64") -> np.ndarray:
        return nn.Classifier(5, 4, 3, embedding_size=2, pooling="attention").build(seed=seed, dtype=dtype).parameters

    np.testing.assert_array_equal(parameters(1), parameters(1))
    np.testing.assert_array_equal(parameters(1, "float32"), parameters(1).astype(np.float32))
    assert (parameters(1) != parameters(2)).any()


def test_a_deep_copy_is_a_network_of_its_own() -> None:
    pair = Pair().build(dtype="float64")
    twin = copy.deepcopy(pair)
    np.testing.assert_array_equal(twin.parameters, pair.parameters)
    before = pair.parameters.copy()
    twin.parameters[...] = 5
    assert (twin.first.W == 5).all() and (twin.more[1].layers[0].Wt == 5).all()
    np.testing.assert_array_equal(pair.parameters, before)
    assert twin.engine_module is pair.engine_module


def test_a_network_without_weights_says_so() -> None:
    linear = nn.Linear(2, 3)
    with pytest.raises(AttributeError, match=r"'Linear' object has no attribute 'W': .* from build\(\) on"):
        linear.forward(np.zeros((1, 2)))
    with pytest.raises(AttributeError, match=r"build\(\)"):
        nn.Optimizer(linear)
    with pytest.raises(AttributeError, match=r"has no attribute 'weight'$"):
        linear.weight  # type: ignore[attr-defined]  # noqa: B018


def test_a_part_has_one_place() -> None:
    pair = Pair()
    pair.more.append(pair.first)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Pair holds the same part twice"):
        pair.build()
    with pytest.raises(ValueError, match="dtype: got 'float16'"):
        Pair().build(dtype="float16")


def test_train_and_eval_reach_every_part() -> None:
    pair = Pair().build()
    assert not any(module.training for _, module in pair.modules())
    pair.train()
    assert all(module.training for _, module in pair.modules())
    with pair.evaluating():
        assert not any(module.training for _, module in pair.modules())
    assert all(module.training for _, module in pair.modules())
    pair.eval()
    assert not any(module.training for _, module in pair.modules())


@backends
def test_float32_throughout(backend: str) -> None:
    options: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "layer_norm": True, "recurrent_dropout": 0.2}
    rnn = recurrent(backend, {"cell": "lstm"}, options, dtype="float32")
    rnn.train()
    output = rnn.forward(normal(T, B, D), LENGTHS)
    dx = rnn.backward(normal(*output.shape))
    assert dx is not None
    for array in (output, dx, rnn.final_state, rnn.dstate, rnn.gradient):
        assert array.dtype == np.float32


@backends
def test_weights_come_from_pytorch_after_building(backend: str) -> None:
    rnn = recurrent(backend, {"cell": "lstm"}, {})
    x, other = normal(T, B, D), recurrent(backend, {"cell": "lstm"}, {})
    other.parameters[...] = 0
    load_pytorch(other, to_pytorch(rnn))
    np.testing.assert_array_equal(other.forward(x), rnn.forward(x))


@backends
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@lengths_given
def test_memory_that_is_used_again_changes_no_result(
    backend: str, shape: dict[str, Any], lengths: np.ndarray | None
) -> None:
    """Outputs and final states are the caller's own, whatever is computed next, of the same or another size."""
    rnn = recurrent(backend, {"cell": "lstm"}, shape)
    x, y = normal(T, B, D), normal(T, B, D, seed=1)
    first, state = rnn.forward(x, lengths), rnn.final_state
    expected, expected_state = first.copy(), state.copy()
    dx = rnn.backward(np.ones_like(first))
    gradient = rnn.gradient.copy()
    rnn.forward(y, lengths)
    rnn.forward(y[:2], None)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(state, expected_state)
    np.testing.assert_array_equal(rnn.forward(x, lengths), expected)
    np.testing.assert_array_equal(rnn.backward(np.ones_like(first)), dx)  # type: ignore[arg-type]
    np.testing.assert_array_equal(rnn.gradient, gradient)
