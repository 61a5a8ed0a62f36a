"""The language model: its start, its views, evaluation, sampling and traces, on every engine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.nn import language_model
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.evaluation import MAX_LANES, MIN_LANE, Evaluation, evaluate

pytestmark = pytest.mark.parametrize("backend", available_backends())

V, H = 7, 5
CONFIGS = [
    ModelConfig(V, H, V, num_layers=2, peephole=True, dtype="float64", dropout=0.5),
    ModelConfig(V, H, V, cell="gru", reset_after=True, num_layers=2, dtype="float64"),
    ModelConfig(V, H, V, cell="rnn", dtype="float64"),
]
configs = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.cell)


def random_model(config: ModelConfig, backend: str) -> LanguageModel:
    """Weights large enough for every gate to matter."""
    model = LanguageModel(config, backend=backend)
    model.load(np.random.default_rng(3).normal(0.0, 0.7, config.num_parameters))
    return model


def random_state(model: LanguageModel, batch_size: int) -> np.ndarray:
    shape = model.config.state_shape(batch_size)
    return np.random.default_rng(4).uniform(-0.9, 0.9, shape).astype(model.config.dtype)


def symbols(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, V, shape, dtype=np.int32)


# ----------------------------------------------------------------- parameters


def test_start(backend: str) -> None:
    config = ModelConfig(V, 64, V, num_layers=2, peephole=True)
    weights = LanguageModel(config, seed=1, forget_bias=1.5, backend=backend).weights()
    for name in ("layers.0.W", "layers.1.W", "output.W"):
        w = weights[name]
        assert np.abs(w).max() <= 1 / 8
        assert w.std() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.1), name  # of a uniform distribution
        assert abs(w.mean()) < 0.01
    for layer in ("layers.0", "layers.1"):
        b = weights[layer + ".b"]
        assert (b[64:128] == 1.5).all()
        assert not b[:64].any()
        assert not b[128:].any()
        assert weights[layer + ".peephole"].std() == pytest.approx(0.1, rel=0.25)
    assert not weights["output.b"].any()


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_only_an_lstm_has_a_forget_bias(cell: str, backend: str) -> None:
    model = LanguageModel(ModelConfig(V, H, V, cell=cell), backend=backend)
    assert not model.weights()["layers.0.b"].any()


def test_the_seed_decides_the_start(backend: str) -> None:
    config = ModelConfig(V, H, V, num_layers=2)
    one, same, other = (LanguageModel(config, seed=seed, backend=backend) for seed in (1, 1, 2))
    double = LanguageModel(ModelConfig(V, H, V, num_layers=2, dtype="float64"), seed=1, backend=backend)
    np.testing.assert_array_equal(one.parameters, same.parameters)
    np.testing.assert_array_equal(one.parameters, double.parameters.astype(np.float32))
    assert (one.weights()["layers.1.W"] != other.weights()["layers.1.W"]).all()


@configs
def test_weights_are_views_that_the_engine_reads(config: ModelConfig, backend: str) -> None:
    model = random_model(config, backend)
    weights, layer = model.weights(), config.layers()[0]
    assert weights["layers.0.W"].shape == (layer.blocks * H, H + V)
    assert weights["output.W"].shape == (V, H)
    assert sum(view.size for view in weights.values()) == config.num_parameters
    assert {name: view.shape for name, view in model.gradients().items()} == {
        name: view.shape for name, view in weights.items()
    }

    # Symbol 2 enters through column H + 2; bias and output are what they look like.
    for view in weights.values():
        view[...] = 0.0
    weights["output.b"][...] = np.log([0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(model.probabilities([0, 2])[1], [0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1])
    before = model.probabilities([0, 2])
    weights["layers.0.W"][:, H + 2] = 0.8
    weights["output.W"][1] = 1.0
    if config.num_layers == 2:
        weights["layers.1.W"][:, :] = 0.5
    after = model.probabilities([0, 2])
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1] != before[1]).all()


def test_gradients_lie_like_the_weights(backend: str) -> None:
    model = random_model(CONFIGS[0], backend)
    x, y = symbols(4, 2), symbols(4, 2)
    model.engine.forward(x, y, model.zero_state(2))
    model.engine.backward()
    name, index, eps = "layers.1.W", (H + 3, 2), 1e-5
    losses = []
    for sign in (1, -1):
        shifted = model.copy()
        shifted.weights()[name][index] += sign * eps
        losses.append(shifted.evaluate(x, y)[0])
    assert model.gradients()[name][index] == pytest.approx((losses[0] - losses[1]) / (2 * eps), rel=1e-6)


def test_a_copy_is_its_own(backend: str) -> None:
    model = random_model(CONFIGS[0], backend)
    other = model.copy()
    np.testing.assert_array_equal(other.parameters, model.parameters)
    assert (other.config, other.backend) == (model.config, backend)
    expected = model.probabilities([1, 2])
    other.parameters[...] = 0.0
    np.testing.assert_array_equal(model.probabilities([1, 2]), expected)


def test_load_checks_the_size(backend: str) -> None:
    model = LanguageModel(CONFIGS[2], backend=backend)
    with pytest.raises(ValueError, match="parameters"):
        model.load(np.zeros(3))


# ----------------------------------------------------------------- evaluation


@configs
def test_probabilities_are_the_softmax_of_the_logits(config: ModelConfig, backend: str) -> None:
    model = random_model(config, backend)
    state = random_state(model, 1)
    text = symbols(9)
    model.engine.forward(text[:, None], None, state.copy())
    exponentials = np.exp(model.engine.logits()[:, 0])
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.probabilities(text, state), expected, rtol=1e-12)


def test_probabilities_of_extreme_logits(backend: str) -> None:
    model = LanguageModel(CONFIGS[2], backend=backend)
    model.parameters[...] = 0.0
    model.weights()["output.b"][...] = [1e4, -1e4, 0, 0, 0, 0, 1e4]
    np.testing.assert_allclose(model.probabilities([1])[0], [0.5, 0, 0, 0, 0, 0, 0.5], atol=1e-12)


@configs
@pytest.mark.parametrize("piece", [1, 400, 1 << 21])
def test_evaluate(config: ModelConfig, piece: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "PIECE", piece)
    model = random_model(config, backend)
    x, y = symbols(11, 3), symbols(11, 3)[::-1].copy()
    y[4:9, 1] = y[10] = -1
    start = random_state(model, 3)
    given = start.copy()
    loss, state = model.evaluate(x, y, given)
    np.testing.assert_array_equal(given, start)
    nats = [
        -math.log(model.probabilities(x[:, lane], start[:, :, lane : lane + 1].copy())[t, y[t, lane]])
        for lane in range(3)
        for t in range(11)
        if y[t, lane] >= 0
    ]
    assert len(nats) == 33 - 5 - 3
    assert loss == pytest.approx(np.mean(nats), rel=1e-12)
    # One lane's end is what its own text leads to.
    np.testing.assert_allclose(state[:, :, 1:2], model.evaluate(x[:, 1:2], y[:, 1:2], start[:, :, 1:2].copy())[1])
    assert model.evaluate(x, y)[0] != loss


def test_nothing_counted(backend: str) -> None:
    model = random_model(CONFIGS[0], backend)
    assert model.evaluate(symbols(3, 2), np.full((3, 2), -1))[0] == 0.0


@pytest.mark.parametrize("length", [2, 100, 2 * MIN_LANE + 77])
def test_evaluation_of_a_text(length: int, backend: str) -> None:
    model = random_model(CONFIGS[1], backend)
    text = symbols(length).astype(np.uint8)
    result = evaluate(model, text)
    assert result.count == length - 1
    lanes = max(1, length // MIN_LANE)
    parts = np.array_split(np.arange(length - 1), lanes)
    nats = sum(model.evaluate(text[p, None], text[p + 1, None])[0] * len(p) for p in parts)
    assert result.nats == pytest.approx(nats / (length - 1), rel=1e-12)


def test_units_of_an_evaluation(backend: str) -> None:
    assert MAX_LANES == 32
    result = Evaluation(math.log(8.0), 3)
    assert result.bits_per_char == pytest.approx(3.0)
    assert result.perplexity == pytest.approx(8.0)
    assert math.isfinite(Evaluation(1e4, 1).perplexity)


# ------------------------------------------------------------------- sampling


@configs
def test_temperature_0_takes_the_likeliest(config: ModelConfig, backend: str) -> None:
    model = random_model(config, backend)
    prime = symbols(4)
    drawn = model.sample(prime, 12, temperature=0.0)
    whole = np.concatenate([prime, drawn])
    np.testing.assert_array_equal(model.probabilities(whole)[3:-1].argmax(axis=1), drawn)


@configs
@pytest.mark.parametrize("piece", [1, 1 << 21])
def test_a_text_drawn_in_pieces_is_the_same(
    config: ModelConfig, piece: int, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_model(config, backend)
    prime = symbols(6)
    whole = model.sample(prime, 30, temperature=0.9, top_k=6, top_p=0.95, seed=11)
    monkeypatch.setattr(language_model, "PIECE", piece)
    state = model.zero_state()
    text = model.sample(prime, 1, temperature=0.9, top_k=6, top_p=0.95, seed=11, state=state)
    for length in (0, 10, 4, 15):
        more = model.sample(
            text[-1:], length, temperature=0.9, top_k=6, top_p=0.95, seed=11, offset=len(text), state=state
        )
        text = np.concatenate([text, more])
    np.testing.assert_array_equal(text, whole)
    assert len(set(whole.tolist())) > 1


def test_the_seed_decides_the_text(backend: str) -> None:
    model = random_model(CONFIGS[0], backend)
    one, same, other = (model.sample([0], 40, seed=seed).tolist() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length", -1),
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", -1),
        ("top_p", 0.0),
        ("top_p", 1.1),
    ],
)
def test_numbers_that_sampling_refuses(name: str, value: float, backend: str) -> None:
    model = LanguageModel(CONFIGS[2], backend=backend)
    with pytest.raises(ValueError, match=name):
        model.sample([0], **{"length": 1, name: value})  # type: ignore[arg-type]


# --------------------------------------------------------------------- traces


@configs
def test_trace(config: ModelConfig, backend: str) -> None:
    model = random_model(config, backend)
    text, state = symbols(13), random_state(model, 1)
    given = state.copy()
    trace = model.trace(text, state=given)
    np.testing.assert_array_equal(given, state)
    np.testing.assert_array_equal(trace.symbols, text)
    np.testing.assert_allclose(trace.probabilities, model.probabilities(text, state), rtol=1e-12)
    assert math.isnan(trace.loss_per_symbol[0])
    loss, _ = model.evaluate(text[:-1, None], text[1:, None], state)
    assert trace.loss_per_symbol[1:].mean() == pytest.approx(loss, rel=1e-12)
    assert len(trace.layers) == config.num_layers
    for layer in range(config.num_layers):
        values = trace.values(layer)
        assert all(array.shape == (13, H) for array in values.values())
        h_before = np.vstack([state[layer, 0], values["h"][:-1]])
        if config.cell == "lstm":
            assert list(values) == ["i", "f", "g", "o", "c", "h"]
            c_before = np.vstack([state[layer, 1], values["c"][:-1]])
            np.testing.assert_allclose(values["c"], values["f"] * c_before + values["i"] * values["g"], rtol=1e-9)
            np.testing.assert_allclose(values["h"], values["o"] * np.tanh(values["c"]), rtol=1e-9)
        elif config.cell == "gru":
            assert list(values) == ["r", "z", "n", "h"]
            np.testing.assert_allclose(
                values["h"], (1 - values["z"]) * h_before + values["z"] * values["n"], rtol=1e-9, atol=1e-12
            )
        else:
            assert list(values) == ["h"]
            w, b = model.weights()["layers.0.W"], model.weights()["layers.0.b"]
            x = np.eye(V)[text]
            np.testing.assert_allclose(values["h"], np.tanh(np.hstack([h_before, x]) @ w.T + b), rtol=1e-9)


def test_trace_of_one_symbol(backend: str) -> None:
    trace = LanguageModel(CONFIGS[0], backend=backend).trace([3])
    assert trace.probabilities.shape == (1, V)
    assert np.isnan(trace.loss_per_symbol).tolist() == [True]


def test_looking_changes_nothing(backend: str) -> None:
    model = random_model(CONFIGS[0], backend)
    x, y = symbols(4, 2), symbols(4, 2)
    model.engine.forward(x, y, model.zero_state(2))
    model.engine.backward()
    parameters, gradient = model.parameters.copy(), model.gradient.copy()
    model.evaluate(x, y)
    model.sample([1], 5)
    model.trace([1, 2, 3])
    np.testing.assert_array_equal(model.parameters, parameters)
    np.testing.assert_array_equal(model.gradient, gradient)


# --------------------------------------------------------------------- errors


def test_what_is_no_symbol(backend: str) -> None:
    model = LanguageModel(CONFIGS[0], backend=backend)
    for wrong, reason in (
        (np.array([], dtype=np.int32), "at least one"),
        (np.array([0, 7]), "got symbols 0 to 7, expected 0 to 6"),
        (np.array([-1]), "got symbols -1 to -1"),
        (np.array([0.5]), "float64"),
        (np.array([[0]]), r"shape \(1, 1\)"),
    ):
        for method in (model.probabilities, model.trace)[: 1 if wrong.ndim == 2 else 2]:  # batches are traced, too
            with pytest.raises(ValueError, match="symbols: .*" + reason):
                method(wrong)
        with pytest.raises(ValueError, match="prime: .*" + reason):
            model.sample(wrong, 1)
    with pytest.raises(ValueError, match=r"targets: .*-2 to 0, expected -1"):
        model.evaluate(np.array([[0, 0]]), np.array([[-2, 0]]))
    with pytest.raises(ValueError, match=r"targets: .*\(2, 1\)"):
        model.evaluate(np.array([[0, 0]]), np.array([[0], [0]]))


def test_what_is_no_state(backend: str) -> None:
    model = LanguageModel(CONFIGS[0], backend=backend)
    good = model.zero_state()
    for wrong in (model.zero_state(2), good.astype(np.float32), good[:, :, :, ::-1]):
        with pytest.raises(ValueError, match="state"):
            model.probabilities([0], wrong)
        with pytest.raises(ValueError, match="state"):
            model.sample([0], 1, state=wrong)


def test_a_model_that_cannot_read_what_it_predicts(backend: str) -> None:
    model = LanguageModel(ModelConfig(4, H, 6, dtype="float64"), backend=backend)
    assert model.probabilities([3]).shape == (1, 6)
    assert model.evaluate(np.array([[3]]), np.array([[5]]))[0] > 0
    with pytest.raises(ValueError, match="output_size: got 6"):
        model.sample([0], 1)
    with pytest.raises(ValueError, match="output_size: got 6"):
        model.trace([0])


def test_no_call_makes_a_layers_settings_anew(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That, with its checks, would take longer than a small network's step."""
    model = LanguageModel(ModelConfig(5, 4, 5, num_layers=3), backend=backend)
    state = model.zero_state()

    def layer(config: ModelConfig, index: int) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr(ModelConfig, "layer", layer)
    model.sample([1, 2, 3], 4, state=state)
    model.probabilities([1, 2, 3], state)
    model.evaluate(np.zeros((2, 1), np.int32), np.ones((2, 1), np.int32), state)
