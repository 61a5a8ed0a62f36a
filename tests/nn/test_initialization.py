"""How weights start, against what the papers say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lstm_ext import nn
from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig
from lstm_ext.engine.config import ModelConfig
from lstm_ext.nn.initialization import initialize_layer, initialize_matrix
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.nn.textbook import LSTM

H, D = 40, 30


def initialized(config: LayerConfig, init: str, seed: int = 0, **options: float) -> dict[str, np.ndarray]:
    parameters = {name: np.full(shape, np.nan) for name, shape in config.parameter_shapes().items()}
    initialize_layer(config, parameters, np.random.default_rng(seed), init, **options)
    assert all(np.isfinite(array).all() for array in parameters.values())
    return parameters


def assert_uniform(values: np.ndarray, bound: float) -> None:
    """Within ±bound, up to it, and as often in each quarter."""
    assert (1 - 20 / values.size) * bound < np.abs(values).max() <= bound
    quarters = np.histogram(values, 4, (-bound, bound))[0] / values.size
    np.testing.assert_allclose(quarters, 0.25, atol=5 * np.sqrt(0.25 * 0.75 / values.size))


@pytest.mark.parametrize(
    ("cell", "forget"), [("lstm", 1.0), ("lstm", -2.5), ("gru", 1.0), ("rnn", 1.0)], ids=lambda value: str(value)
)
def test_uniform(cell: str, forget: float) -> None:
    config = LayerConfig(cell, D, H)
    parameters = initialized(config, "uniform", forget_bias=forget)
    assert_uniform(parameters["Wt"], 1 / np.sqrt(H))
    expected = np.zeros((config.blocks, H))
    if cell == "lstm":
        expected[1] = forget
    np.testing.assert_array_equal(parameters["b"].reshape(-1, H), expected)


def test_xavier_has_the_variance_of_glorot() -> None:
    """Var w = 2 / (fan_in + fan_out), for each gate's (H, H+D) by itself."""
    W = initialized(LayerConfig("lstm", D, H), "xavier")["Wt"].T.reshape(4, H, H + D)
    for gate in W:
        assert_uniform(gate, np.sqrt(6 / (H + D + H)))
        assert gate.var() == pytest.approx(2 / (H + D + H), rel=0.05)


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent])
def test_orthogonal(cell: str) -> None:
    config = LayerConfig(cell, D, H)
    W = initialized(config, "orthogonal")["Wt"].T.reshape(config.blocks, H, H + D)
    for gate in W:
        recurrent = gate[:, :H]
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(H), atol=1e-12)
        assert_uniform(gate[:, H:], np.sqrt(6 / (H + D)))


def test_orthogonal_matrices_are_drawn_evenly() -> None:
    """Without the choice of signs, Q's first column would almost always begin below 0."""
    config = LayerConfig("rnn", 1, 3)
    first = np.array([initialized(config, "orthogonal", seed)["Wt"][0, 0] for seed in range(400)])
    assert abs(np.mean(first > 0) - 0.5) < 0.1 and abs(first.mean()) < 0.1


def test_chrono_of_an_lstm() -> None:
    """e^b_f is uniform in [1, T−1], b_i = −b_f, and every other bias is 0."""
    i, f, g, o = initialized(LayerConfig("lstm", 2, 2000), "chrono:101", forget_bias=7.0)["b"].reshape(4, -1)
    time_scales = np.exp(f)
    assert 1 <= time_scales.min() < 2 and 99 < time_scales.max() <= 100
    np.testing.assert_allclose(np.histogram(time_scales, 4, (1, 100))[0] / 2000, 0.25, atol=0.04)
    np.testing.assert_array_equal(i, -f)
    assert not g.any() and not o.any()


@pytest.mark.parametrize("reset_after", [False, True])
def test_chrono_of_a_gru_keeps_the_old_state(reset_after: bool) -> None:
    config = LayerConfig("gru", 2, 500, reset_after=reset_after)
    r, z, *rest = initialized(config, "chrono:51")["b"].reshape(-1, 500)
    assert z.max() <= 0 and -np.log(50) <= z.min() < -np.log(48)
    assert not r.any() and not np.any(rest)


def test_peepholes() -> None:
    peephole = initialized(LayerConfig("lstm", 2, 3000, peephole=True), "uniform")["peephole"]
    np.testing.assert_allclose(peephole.std(axis=1), 0.1, rtol=0.05)


def test_matrices() -> None:
    W = np.empty((20, 200))
    for init, bound in (("uniform", 200**-0.5), ("chrono:9", 200**-0.5), ("xavier", np.sqrt(6 / 220))):
        initialize_matrix(W, np.random.default_rng(0), init)
        assert_uniform(W, float(bound))


@pytest.mark.parametrize("init", ["", "he", "Uniform", "chrono", "chrono:", "chrono:1", "chrono:x", "uniform:3"])
def test_unknown_names(init: str) -> None:
    with pytest.raises(ValueError, match=r"init: got .*expected one of uniform, xavier, orthogonal, chrono:T"):
        initialized(LayerConfig("lstm", D, H), init)


def test_chrono_needs_a_gate() -> None:
    with pytest.raises(ValueError, match="'chrono:9' for cell 'rnn', expected it only for 'lstm' and 'gru'"):
        initialized(LayerConfig("rnn", D, H), "chrono:9")


def test_every_matrix_of_a_network_starts_as_it_is_told() -> None:
    networks: dict[str, Callable[[str], nn.Model]] = {
        "output": lambda init: nn.Classifier(5, 20, 7, pooling="attention", init=init),
        "tags": lambda init: nn.Tagger(5, 20, 7, init=init),
        "numbers": lambda init: nn.Regressor(5, 20, 7, init=init),
        "forecasts": lambda init: nn.DirectForecaster(1, 20, 7, init=init),
        "steps": lambda init: nn.AutoregressiveForecaster(7, 20, init=init),
        "symbols": lambda init: nn.Seq2Seq(5, 7, 20, end=0, init=init),
    }
    for make in networks.values():
        weights = make("xavier").build(dtype="float64").weights()
        assert_uniform(weights["output.W"], float(np.sqrt(6 / 27)))
        for name, W in weights.items():
            if name.endswith("layers.0.W"):
                assert_uniform(W, float(np.sqrt(6 / (W.shape[1] + 20))))
    attention = networks["output"]("xavier").build(dtype="float64").weights()["pooling.v"]
    assert 20**-0.5 < np.abs(attention).max() <= np.sqrt(6 / 21)
    chrono = nn.Recurrent("lstm", 3, 20, init="chrono:30", num_layers=2, bidirectional=True).build()
    for layer in chrono.layers:
        i, f, _, _ = layer.b.reshape(4, 20)
        assert f.max() > 2 and (i == -f).all()


def test_textbook_classes() -> None:
    network = LSTM(5, 20, 5, seed=1, init="orthogonal")
    np.testing.assert_allclose(network.Wo[:, :20] @ network.Wo[:, :20].T, np.eye(20), atol=1e-12)
    np.testing.assert_array_equal(network.bf, 1)


def test_language_models() -> None:
    config = ModelConfig(7, 20, 7, num_layers=2, dtype="float64")
    weights = LanguageModel(config, init="orthogonal", seed=3, backend="numpy").weights()
    U = weights["layers.1.W"][:20, :20]
    np.testing.assert_allclose(U @ U.T, np.eye(20), atol=1e-12)
    assert_uniform(weights["output.W"], np.sqrt(6 / 27))
    f = LanguageModel(config, init="chrono:30", backend="numpy").weights()["layers.0.b"][20:40]
    assert f.min() >= 0 and f.max() <= np.log(29)
    first, again, other = (LanguageModel(config, seed=seed, backend="numpy").parameters for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
