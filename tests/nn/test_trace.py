"""The way to the gates: of every network, by layer and direction, as the plots take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, nn
from lstm_ext.cells.activations import Activations
from lstm_ext.cells.config import LayerConfig
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.interface import Training
from lstm_ext.visualization import analyze_gate_patterns, plot_cell_state_evolution, plot_gate_activations

pytestmark = pytest.mark.filterwarnings("error")

T, B, D, H, V = 6, 3, 4, 5, 7
LENGTHS = np.array([6, 2, 4])
backends = pytest.mark.parametrize("backend", available_backends())


def symbols(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, V, shape)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).normal(size=shape)


NETWORKS: dict[str, tuple[Callable[[], nn.Model], np.ndarray, list[str]]] = {
    "tagger": (
        lambda: nn.Tagger(V, H, 2, embedding_size=2, num_layers=2, bidirectional=True, dropout=0.5),
        symbols(T, B),
        [f"reader.rnn.layers.{n}" for n in range(4)],
    ),
    "classifier": (lambda: nn.Classifier(V, H, 2, cell="gru"), symbols(T, B), ["reader.rnn.layers.0"]),
    "regressor": (lambda: nn.Regressor(D, H, layer_norm=True), numbers(T, B, D), ["reader.rnn.layers.0"]),
    "direct forecaster": (lambda: nn.DirectForecaster(D, H, 2), numbers(T, B, D), ["reader.rnn.layers.0"]),
    "autoregressive": (
        lambda: nn.AutoregressiveForecaster(D, H, cell="rnn"),
        numbers(T, B, D),
        ["reader.rnn.layers.0"],
    ),
    "row": (
        lambda: nn.Sequential(nn.Linear(D, H), nn.Recurrent("lstm", H, H), nn.Recurrent("gru", H, H)),
        numbers(T, B, D),
        ["layers.1.layers.0", "layers.2.layers.0"],
    ),
    "language model": (
        lambda: LanguageModel(ModelConfig(V, H, V, num_layers=2, dropout=0.5, dtype="float64")),
        symbols(T, B),
        ["layers.0", "layers.1"],
    ),
    "sequence to sequence": (
        lambda: nn.Seq2Seq(V, 6, H, end=1),
        symbols(T, B),
        ["encoder.rnn.layers.0", "decoder.rnn.layers.0"],
    ),
}


def made(name: str) -> tuple[nn.Model, np.ndarray, list[str]]:
    make, inputs, layers = NETWORKS[name]
    model = make()
    if not isinstance(model, LanguageModel):
        model.build(dtype="float64")
    model.parameters[...] = np.random.default_rng(1).normal(scale=0.5, size=model.parameters.shape)
    return model, inputs, layers


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_shows_its_gates(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    model, inputs, layers = made(name)
    model.train()
    trace = model.trace(inputs, LENGTHS)
    assert model.training and list(trace) == layers == list(trace.layers) and len(trace) == len(layers)
    for number, layer in enumerate(layers):
        for sequence in range(B):
            values = trace.values(layer, sequence)
            steps = len(values["h"])
            if not layer.startswith("decoder"):
                assert steps == LENGTHS[sequence]
            assert all(array.shape == (steps, H) for array in values.values())
            np.testing.assert_array_equal(trace.values(number, sequence)["h"], values["h"])
            if "c" in values:  # the equations hold, so these are the gates of those states
                assert list(values) == ["i", "f", "g", "o", "c", "h"]
                np.testing.assert_allclose(values["h"], values["o"] * np.tanh(values["c"]), rtol=1e-12)
                if steps:
                    plot_gate_activations(values, "x" * steps)
                    plot_cell_state_evolution(values["c"], "x" * steps)
                    analyze_gate_patterns({gate: values[gate] for gate in "ifgo"}, "x" * steps)
        np.testing.assert_array_equal(trace[layer]["h"], trace.values(layer)["h"])
    capsys.readouterr()
    # The same sequence alone, and after other things were computed.
    alone = model.trace(inputs[: LENGTHS[1], 1])
    kept = {layer: trace.values(layer, 1)["h"].copy() for layer in layers}
    model.trace(inputs[::-1], LENGTHS)
    for layer in layers:
        steps = len(alone[layer]["h"])  # a decoder that does not end is stopped sooner after a shorter input
        np.testing.assert_allclose(alone[layer]["h"], kept[layer][:steps], rtol=0, atol=1e-14)
        np.testing.assert_array_equal(trace.values(layer, 1)["h"], kept[layer])


@backends
def test_directions_and_states(backend: str) -> None:
    """A trace shows what the network continues with: h of both directions, side by side."""
    model = nn.Tagger(V, H, 2, bidirectional=True).build(dtype="float64", backend=backend)
    outputs = model.reader.forward(symbols(T, B), LENGTHS)
    trace = model.trace(symbols(T, B), LENGTHS)
    for sequence, steps in enumerate(LENGTHS):
        forward, backward = (trace.values(n, sequence) for n in (0, 1))
        np.testing.assert_array_equal(np.hstack([forward["h"], backward["h"]]), outputs[:steps, sequence])
        c_before = np.vstack([np.zeros(H), forward["c"][:-1]])
        np.testing.assert_allclose(forward["c"], forward["f"] * c_before + forward["i"] * forward["g"], atol=1e-14)
        c_after = np.vstack([backward["c"][1:], np.zeros(H)])
        np.testing.assert_allclose(backward["c"], backward["f"] * c_after + backward["i"] * backward["g"], atol=1e-14)


def test_a_batch_of_texts() -> None:
    model, inputs, _ = made("language model")
    assert isinstance(model, LanguageModel)
    trace = model.trace(inputs, LENGTHS)
    assert trace.symbols.shape == trace.loss_per_symbol.shape == (T, B) and trace.probabilities.shape == (T, B, V)
    for sequence, steps in enumerate(LENGTHS):
        alone = model.trace(inputs[:steps, sequence])
        np.testing.assert_allclose(alone.loss_per_symbol, trace.loss_per_symbol[:steps, sequence])
        np.testing.assert_allclose(alone.probabilities, trace.probabilities[:steps, sequence])
        assert np.isnan(trace.loss_per_symbol[steps:, sequence]).all()
    targets = np.vstack([inputs[1:], np.full((1, B), -1)])
    assert np.nanmean(trace.loss_per_symbol) == pytest.approx(model.loss(inputs, LENGTHS - 1, targets))


def test_a_decoder_is_traced_on_what_it_reads() -> None:
    model, inputs, _ = made("sequence to sequence")
    assert isinstance(model, nn.Seq2Seq)
    targets = np.array([[2, 3, 1], [4, 1, -1], [1, -1, -1]])
    trace = model.trace(inputs, LENGTHS, targets)
    logits = model.forward(inputs, LENGTHS, targets)
    for sequence, steps in enumerate([3, 2, 1]):
        h = trace.values("decoder.rnn.layers.0", sequence)["h"]
        np.testing.assert_allclose(h @ model.output.W.T + model.output.b, logits[:steps, sequence], atol=1e-13)
    written = model.decode(inputs, LENGTHS, max_length=2 * T)
    free = model.trace(inputs, LENGTHS)
    assert [len(free.values(1, n)["h"]) for n in range(B)] == [len(own) + 1 for own in written]


def test_what_is_not_there() -> None:
    model, inputs, _ = made("tagger")
    trace = model.trace(inputs)
    for layer in (4, -5, "rnn"):
        with pytest.raises(
            ValueError, match=f"layer: got {layer!r}, expected a number or one of reader.rnn.layers.0, "
        ):
            trace.values(layer)
    with pytest.raises(ValueError, match="sequence: got 3, expected 0 to 2"):
        trace.values(0, 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: made("classifier")[0], "<Classifier(7, 5, 2, cell='gru'): 207 parameters>"),
        (lambda: nn.Linear(2, 3, init="xavier"), "<Linear(2, 3, init='xavier'): 9 parameters>"),
        (
            lambda: LanguageModel(ModelConfig(7, 5, 7, force={"forget": 1.0}), seed=2),
            "<LanguageModel(ModelConfig(input_size=7, hidden_size=5, output_size=7, force={'forget': 1.0}), seed=2): "
            "302 parameters>",
        ),
        (lambda: nn.Sequential(nn.Tanh()), "<Sequential(<Tanh(): 0 parameters>): 0 parameters>"),
        (
            lambda: Activations.empty(LayerConfig("lstm", 2, 3, reverse=True), (4, 5), np.dtype("f4")),
            "<lstm in reverse: i, f, g, o, c, h; T=4, B=5, H=3>",
        ),
        (
            lambda: nn.Batch(symbols(2, 3), None, np.ones(3)),
            "<Batch: inputs int64 (2, 3), targets float64 (3,)>",
        ),
        (
            lambda: made("row")[0].trace(numbers(2, D)),
            "<Trace: layers.1.layers.0 <lstm: i, f, g, o, c, h; T=2, B=1, H=5>; "
            "layers.2.layers.0 <gru: r, z, n, h; T=2, B=1, H=5>>",
        ),
    ],
)
def test_short_texts_for_large_things(value: Callable[[], Any], expected: str) -> None:
    assert repr(value()) == expected


def test_what_training_did_is_short() -> None:
    model = LanguageModel(ModelConfig(V, H, V))
    x, moments = symbols(3, T, B).astype(np.int32), np.zeros((2, model.parameters.size), np.float32)
    training = Training(OptimizerConfig(), moments, 1, np.full(3, 0.01), 0)
    result = model.engine.train(x, x, model.zero_state(B), training)
    assert repr(result) == f"<TrainResult: 3 steps, loss {result.losses[0]:.4g} to {result.losses[2]:.4g}>"
