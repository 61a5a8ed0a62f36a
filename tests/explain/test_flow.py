"""How far back a loss reaches: gradients against finite differences of the textbook's equations."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.cells.functions import textbook_sigmoid
from lstm_ext.data import Vocabulary
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.engine.interface import EngineModule
from lstm_ext.engine.state_gradients import state_gradients
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.flow import Decay, Flow, Start, flow, fresh_flows, median_bars
from lstm_ext.nn.language_model import LanguageModel

TEXT = "sea shells"
VOCABULARY = Vocabulary("".join(sorted(set(TEXT))))
SYMBOLS = VOCABULARY.encode(TEXT)
NETWORKS = {
    **{name: {"cell": name} for name in CELLS},
    "peephole": {"peephole": True},
    "coupled peephole": {"coupled": True, "peephole": True},
    "forget forced": {"force": {"forget": 0.9}, "peephole": True},
    "output forced": {"force": {"output": 0.8}, "peephole": True},
    "gru reset after": {"cell": "gru", "reset_after": True},
    "two layers": {"num_layers": 2, "peephole": True},
    "three layers of gru": {"cell": "gru", "num_layers": 3},
    "two layers of rnn": {"cell": "rnn", "num_layers": 2},
}


def random_model(backend: str | None = None, **options: object) -> LanguageModel:
    size = len(VOCABULARY)
    model = LanguageModel(ModelConfig(size, 5, size, dtype="float64", **options), backend=backend)  # type: ignore[arg-type]
    model.parameters[:] = np.random.default_rng(7).normal(0, 0.7, model.parameters.size)
    return model


def losses(model: LanguageModel, state: str, layer: int, step: int, move: np.ndarray) -> np.ndarray:
    """(T,) each character's loss by the textbook's equations, after ``move`` was added to one state after one step."""
    config, parameters = model.config, model.config.parameter_views(model.parameters)
    H, result = config.hidden_size, []
    states = [[np.zeros(H) for _ in CELLS[config.cell].states] for _ in range(config.num_layers)]
    for t, (symbol, target) in enumerate(pairwise(SYMBOLS)):
        x = np.eye(config.input_size)[symbol]
        for index, own in enumerate(config.layers()):
            weights = Weights(**{name: parameters[f"layers.{index}.{name}"] for name in own.parameter_shapes()})
            before = states[index]
            values = CELLS[config.cell].step(own, weights, x, before)
            states[index] = [values[name.name] for name in CELLS[config.cell].states]
            if (index, t) == (layer, step) and state == "h":
                states[index][0] = states[index][0] + move
            elif (index, t) == (layer, step):
                c = states[index][1] + move
                a_o = weights.Wt.T[3 * H :] @ np.concatenate([before[0], x]) + weights.b[3 * H :]
                o = textbook_sigmoid(a_o + (0 if weights.peephole is None else weights.peephole[2] * c))
                o = np.full(H, own.force["output"]) if "output" in own.force else o
                states[index] = [o * np.tanh(c), c]
            x = states[index][0]
        y = parameters["output.W"] @ x + parameters["output.b"]
        result.append(np.log(np.exp(y).sum()) - y[target])
    return np.array(result)


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("options", NETWORKS.values(), ids=[name.replace(" ", "-") for name in NETWORKS])
def test_norms_are_those_of_finite_differences(options: dict[str, object], backend: str) -> None:
    model = random_model(backend, **options)
    found = flow(model, SYMBOLS, VOCABULARY)
    assert found.text == TEXT and found.steps == 9
    eps = 1e-6
    for state, norms in found.norms.items():
        assert norms.shape == (model.config.num_layers, 10, 9)
        for layer in range(model.config.num_layers):
            for step in (0, 4, 8):
                moves = eps * np.eye(5)
                slopes = np.stack(
                    [
                        (losses(model, state, layer, step, m) - losses(model, state, layer, step, -m)) / (2 * eps)
                        for m in moves
                    ],
                    axis=1,
                )  # (T, H)
                np.testing.assert_allclose(norms[layer, :9, step], np.linalg.norm(slopes, axis=1), rtol=1e-6, atol=1e-8)
                mean = np.linalg.norm(slopes.mean(axis=0))
                np.testing.assert_allclose(found.bars(state, layer, None)[step], mean, rtol=1e-6, atol=1e-8)
    assert ("c" in found.norms) == (model.config.cell == "lstm")


@pytest.mark.parametrize("cell", CELLS)
def test_each_sequence_of_a_batch_has_its_own_gradients(engine: EngineModule, cell: str) -> None:
    """One backward pass, a step at a time, against one over all the steps after each t."""
    rng = np.random.default_rng(4)
    layer = LayerConfig(cell, 3, 5)  # type: ignore[arg-type]
    shapes = layer.parameter_shapes()
    weights = Weights(rng.standard_normal(shapes["Wt"]), rng.standard_normal(shapes["b"]))
    x, dh_output = rng.standard_normal((7, 2, 3)), rng.standard_normal((7, 2, 5))
    state = rng.standard_normal((layer.state_arrays, 2, 5))
    acts = engine.layer_forward(layer, weights, x, state)
    gradients = state_gradients(engine, weights, acts, dh_output)
    for t in (0, 4):
        rest = engine.layer_forward(
            layer, weights, x[t + 1 :], np.stack([acts.h[t + 1], *([] if acts.c is None else [acts.c[t + 1]])])
        )
        expected = engine.layer_backward(weights, rest, dh_output[t + 1 :]).dstate
        np.testing.assert_allclose(gradients.dh[t], expected[0] + dh_output[t], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gradients.dx, engine.layer_backward(weights, acts, dh_output).dx, rtol=1e-10)
    np.testing.assert_array_equal(gradients.dh[-1], dh_output[-1])


def test_without_a_way_through_h_the_cell_keeps_the_product_of_forget_gates(engine: EngineModule) -> None:
    layer = LayerConfig("lstm", 3, 4)
    rng = np.random.default_rng(1)
    Wt, b = np.zeros(layer.parameter_shapes()["Wt"]), np.zeros(16)
    Wt[4:] = rng.standard_normal((3, 16))
    weights, x = Weights(Wt, b), rng.standard_normal((6, 2, 3))
    acts = engine.layer_forward(layer, weights, x, np.zeros((2, 2, 4)))
    dh_output = np.zeros((6, 2, 4))
    dh_output[-1] = rng.standard_normal((2, 4))
    gradients = state_gradients(engine, weights, acts, dh_output)
    assert gradients.dc is not None and not gradients.dh[:-1].any()
    np.testing.assert_allclose(gradients.dc[1], gradients.dc[-1] * acts.blocks["f"][2:].prod(axis=0))


def test_bars_are_chosen_by_character() -> None:
    found = flow(random_model(), SYMBOLS, VOCABULARY)
    bars = found.bars("h", 0, 4)  # of the character " ", which is predicted after "sea"
    assert (bars[:3] > 0).all() and not bars[4:].any()
    np.testing.assert_array_equal(bars, found.norms["h"][0, 3])
    for arguments, text in (
        (("h", 0, 0), "character: got 0, expected 1 to 9"),
        (("h", 0, 10), "character: got 10, expected 1 to 9"),
        (("h", 1, 1), "layer: got 1, expected 0 to 0"),
        (("z", 0, 1), "state: got 'z', expected one of h, c"),
    ):
        with pytest.raises(ArgumentError, match=text):
            found.bars(*arguments)
    with pytest.raises(ArgumentError, match="at least 2"):
        flow(random_model(), SYMBOLS[:1], VOCABULARY)


def made(by_loss: np.ndarray) -> Flow:
    """A flow with these norms (T+1, T)."""
    return Flow("x" * len(by_loss), "rnn", {"h": by_loss[None]})


def test_shares_are_those_of_the_last_quarter_of_losses() -> None:
    norms = np.zeros((9, 8))
    for loss in range(8):
        for step in range(loss + 1):
            norms[loss, step] = (loss + 1) * 0.5 ** (loss - step)
    shares = made(norms).shares("h", 0)
    np.testing.assert_allclose(shares, np.tile(0.5 ** np.arange(7), (2, 1)))
    decay = Decay.of([made(norms)], "h", 0)
    assert decay.lags == 6
    assert decay.half_life == pytest.approx(1.0)
    assert decay.per_step == pytest.approx(np.log10(0.5))
    assert decay.decades(4) == pytest.approx(4 * np.log10(0.5))


def test_a_decay_is_the_median_and_the_quartiles() -> None:
    flows = [made(np.where(np.eye(9, 8) > 0, 1.0, np.tril(np.full((9, 8), share)))) for share in (0.1, 0.2, 0.8)]
    decay = Decay.of(flows, "h", 0)  # shares 0.1, 0.1, 0.2, 0.2, 0.8, 0.8
    assert decay.median[1:] == pytest.approx(0.2)
    assert decay.low[1:] == pytest.approx(0.1 * 2**0.25)  # between their logarithms
    assert decay.high[1:] == pytest.approx(0.2 * 4**0.75)
    growing = Decay.of([made(np.tril(np.ones((9, 8))) * np.where(np.eye(9, 8) > 0, 1.0, 3.0))], "h", 0)
    assert growing.half_life == np.inf and growing.per_step > 0
    np.testing.assert_allclose(median_bars(flows, "h", 0, 8)[:3], 0.2)


def test_a_gradient_of_zero_is_no_error() -> None:
    vanished = np.tril(np.zeros((9, 8))) + np.eye(9, 8)
    assert Decay.of([made(vanished)], "h", 0).decades(3) < -100
    with pytest.raises(ArgumentError, match="flows: got none"):
        Decay.of([made(np.zeros((9, 8)))], "h", 0)
    with pytest.raises(ArgumentError, match="flows: got none"):
        Decay.of([], "h", 0)


def test_what_does_not_fit_is_refused() -> None:
    decay = Decay.of([made(np.tril(np.ones((9, 8))))], "h", 0)
    with pytest.raises(ArgumentError, match="lag: got 7, expected at most 6"):
        decay.decades(7)
    with pytest.raises(ArgumentError, match="norms: got shape"):
        Flow("abc", "rnn", {"h": np.ones((1, 2, 2))})
    with pytest.raises(ArgumentError, match="median: got shape"):
        Decay(np.ones((2, 2)), np.ones(2), np.ones(2))
    with pytest.raises(ArgumentError, match="flows: got 0"):
        median_bars([], "h", 0, None)
    with pytest.raises(ArgumentError, match="symbols"):
        flow(random_model(), np.zeros(2_000_000, np.int32), VOCABULARY)


def test_an_untrained_network_starts_as_told() -> None:
    config = ModelConfig(9, 7, 9, cell="gru", reset_after=True, num_layers=2, dropout=0.5)
    same = Start("orthogonal").model(config, "gru", 3)
    expected = LanguageModel(
        ModelConfig(9, 7, 9, cell="gru", reset_after=True, num_layers=2, dtype="float64"), seed=3, init="orthogonal"
    )
    np.testing.assert_array_equal(same.parameters, expected.parameters)
    other = Start("xavier", 2.5, 0.5).model(config, "lstm", 3)
    plain = Start("xavier", 2.5).model(config, "lstm", 3)
    assert not other.config.reset_after and other.config.num_layers == 2
    for layer in ("layers.0", "layers.1"):
        ours, theirs = other.weights()[f"{layer}.W"], plain.weights()[f"{layer}.W"]
        np.testing.assert_array_equal(ours[:, :7], theirs[:, :7] * 0.5)
        np.testing.assert_array_equal(ours[:, 7:], theirs[:, 7:])
        assert (other.weights()[f"{layer}.b"][7:14] == 2.5).all()


def test_a_higher_forget_bias_keeps_more() -> None:
    config = ModelConfig(len(VOCABULARY), 16, len(VOCABULARY))
    symbols = VOCABULARY.encode(TEXT * 4)
    left = [
        Decay.of(list(fresh_flows(config, "lstm", Start(forget_bias=b), symbols, VOCABULARY, seeds=3)), "c", 0).decades(
            29
        )
        for b in (0.0, 1.0, 3.0)
    ]
    assert left == sorted(left)
