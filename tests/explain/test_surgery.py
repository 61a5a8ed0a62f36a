"""Surgery: what the changed weights do is what a network does whose parts are held by force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lstm_ext.cells.functions import textbook_sigmoid as sigmoid
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.surgery import Edit, apply, held, importance, matrices, operate, parse
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.evaluation import evaluate

SYMBOLS = np.array([3, 1, 4, 1, 5, 2, 6, 5, 3, 5], dtype=np.int32)
NETWORKS = {
    "lstm": {},
    "peephole": {"peephole": True},
    "coupled": {"coupled": True, "peephole": True},
    "output forced": {"force": {"output": 0.8}},
    "gru": {"cell": "gru"},
    "gru reset after": {"cell": "gru", "reset_after": True},
    "rnn": {"cell": "rnn"},
    "mingru": {"cell": "mingru"},
}
#: Changes a gate or a state, by its name and layer, once it is computed.
Hook = Callable[[str, int, np.ndarray], np.ndarray]


def random_model(backend: str | None = None, layers: int = 1, **options: object) -> LanguageModel:
    config = ModelConfig(7, 5, 7, num_layers=layers, dtype="float64", **options)  # type: ignore[arg-type]
    model = LanguageModel(config, backend=backend)
    model.parameters[:] = np.random.default_rng(7).normal(0, 0.7, model.parameters.size)
    return model


def by_force(model: LanguageModel, hook: Hook) -> np.ndarray:
    """(T, V) logits, by the textbooks' equations written out once more, with ``hook`` around every gate and state."""
    config, W, H = model.config, model.weights(), model.config.hidden_size
    states = [(hook("h", n, np.zeros(H)), np.zeros(H)) for n in range(config.num_layers)]
    logits = []
    for symbol in SYMBOLS:
        x = np.eye(config.input_size)[symbol]
        for n in range(config.num_layers):
            own = {name.removeprefix(f"layers.{n}."): array for name, array in W.items()}
            states[n] = step(config, own, x, states[n], lambda name, value, n=n: hook(name, n, value))  # type: ignore[misc]
            x = states[n][0]
        logits.append(W["output.W"] @ x + W["output.b"])
    return np.array(logits)


def step(
    config: ModelConfig,
    own: dict[str, np.ndarray],
    x: np.ndarray,
    state: tuple[np.ndarray, np.ndarray],
    hook: Callable[[str, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    H, (h, c), W, b = config.hidden_size, state, own["W"], own["b"]

    def a(k: int, seen: np.ndarray = h) -> np.ndarray:
        rows = slice(k * H, (k + 1) * H)
        return W[rows] @ np.concatenate([seen, x]) + b[rows]

    if config.cell == "lstm":
        p_i, p_f, p_o = own.get("peephole", np.zeros((3, H)))
        f = hook("f", sigmoid(a(1) + p_f * c))
        i = 1 - f if config.coupled else hook("i", sigmoid(a(0) + p_i * c))
        c = f * c + i * hook("g", np.tanh(a(2)))
        o = np.full(H, config.force["output"]) if config.force else hook("o", sigmoid(a(3) + p_o * c))
        return hook("h", o * np.tanh(c)), c
    if config.cell == "rnn":
        return hook("h", np.tanh(a(0))), c
    if config.cell == "mingru":
        z = hook("z", sigmoid(W[:H] @ x + b[:H]))
        return hook("h", (1 - z) * h + z * hook("n", W[H:] @ x + b[H:])), c
    r, z = hook("r", sigmoid(a(0))), hook("z", sigmoid(a(1)))
    if config.reset_after:
        U, V = W[2 * H :, :H], W[2 * H :, H:]
        n = np.tanh(V @ x + b[2 * H : 3 * H] + r * (U @ h + b[3 * H :]))
    else:
        n = np.tanh(a(2, r * h))
    return hook("h", (1 - z) * h + z * hook("n", n)), c


def logits(model: LanguageModel) -> np.ndarray:
    return model.forward(SYMBOLS[:, None])[:, 0]


def holding(edit: Edit) -> Hook:
    def hook(name: str, layer: int, value: np.ndarray) -> np.ndarray:
        if (name, layer) == (edit.target, edit.layer):
            value = value.copy()
            value[slice(None) if edit.unit is None else edit.unit] = edit.value
        return value

    return hook


def cases(options: dict[str, object], layers: int) -> list[str]:
    """Operations on such a network: of units, of each gate, and in each layer."""
    config = ModelConfig(7, 5, 7, num_layers=layers, **options)  # type: ignore[arg-type]
    units = ["h[3]=0", "h=0", *(["h[2]=0.6"] if options != {"cell": "gru"} else [])]
    gates = [
        f"{gate}{how}" for block in held(config) for gate in [block.name] for how in ("=1", "[2]=0.25", "[4]=0", "=0")
    ]
    top = [f"{layer}:{text}" for layer in range(2, layers + 1) for text in ("h[4]=0", *units[2:], *gates[:2])]
    return [*units, *gates, *top]


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_changed_weights_do_what_force_does(name: str, layers: int, backend: str) -> None:
    model = random_model(backend, layers, **NETWORKS[name])
    unchanged = logits(model)
    for text in cases(NETWORKS[name], layers):
        expected = by_force(model, holding(parse(text)))
        np.testing.assert_allclose(logits(operate(model, [parse(text)])), expected, rtol=1e-9, atol=1e-10, err_msg=text)
        assert not np.allclose(expected, unchanged), text


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_is_the_network_where_nothing_is_held(name: str) -> None:
    model = random_model(None, 2, **NETWORKS[name])
    np.testing.assert_allclose(by_force(model, lambda name, layer, value: value), logits(model), rtol=1e-10)


def test_operations_follow_each_other() -> None:
    model = random_model()
    edits = [parse(text) for text in ("f=1", "h[3]=0", "i[2]=0.5")]
    patient = operate(model, edits)

    def hook(name: str, layer: int, value: np.ndarray) -> np.ndarray:
        for edit in edits:
            value = holding(edit)(name, layer, value)
        return value

    np.testing.assert_allclose(logits(patient), by_force(model, hook), rtol=1e-9)
    assert (model.parameters == random_model().parameters).all()  # the network itself is untouched


@pytest.mark.parametrize("name", NETWORKS)
def test_matrices_are_scaled(name: str) -> None:
    options = NETWORKS[name]
    for matrix in matrices(ModelConfig(7, 5, 7, **options)):  # type: ignore[arg-type]
        model = random_model(None, 2, **options)
        patient = operate(model, [parse(f"2:{matrix}*0.5")])
        before, after = model.weights(), patient.weights()
        changed = {n for n in before if not np.array_equal(before[n], after[n])}
        assert changed == {"output.W" if matrix == "W_y" else "layers.1.W"}
        if matrix == "W_y":
            np.testing.assert_array_equal(after["output.W"], before["output.W"] / 2)
            continue
        recurrent = 0 if model.config.cell == "mingru" else 5
        ratio = after["layers.1.W"] / before["layers.1.W"]
        blocks = {"lstm": "ifgo", "gru": "rzn", "rnn": "h", "mingru": "zn"}[model.config.cell]
        for k, block in enumerate(blocks):
            rows = ratio[5 * k : 5 * k + 5]
            hit = matrix[2:3] == block or matrix in ("W_hh", "W_xh")
            assert (
                rows[:, :recurrent]
                == (0.5 if hit and (matrix == "W_hh" or (matrix.endswith("h") and matrix != "W_xh")) else 1)
            ).all()
            assert (rows[:, recurrent:] == (0.5 if hit and (matrix == "W_xh" or matrix.endswith("x")) else 1)).all()


def test_importance_is_the_loss_without_each_unit() -> None:
    model = random_model(None, 2)
    rng = np.random.default_rng(1)
    symbols = rng.integers(0, 7, 300).astype(np.int32)
    for layer in (0, 1):
        found = list(importance(model, symbols, layer))
        expected = [evaluate(operate(model, [Edit("h", 0.0, k, layer)]), symbols).nats for k in range(5)]
        np.testing.assert_array_equal(found, expected)
        assert len(set(found)) == 5


@pytest.mark.parametrize(
    "text, edit",
    [
        ("f=1", Edit("f", 1.0)),
        (" f [ 3 ] = 0.5", Edit("f", 0.5, 3)),
        ("2:h[3]=0", Edit("h", 0.0, 3, 1)),
        ("W_hh*0.9", Edit("W_hh", 0.9)),
        ("W_y*-2", Edit("W_y", -2.0)),
        ("h[0]=-1e-3", Edit("h", -0.001, 0)),
    ],
)
def test_text_is_read_and_written(text: str, edit: Edit) -> None:
    assert parse(text) == edit
    assert parse(str(edit)) == edit


def test_words() -> None:
    one, two = ModelConfig(7, 5, 7), ModelConfig(7, 5, 7, num_layers=2, cell="gru")
    assert parse("f=1").describe(one) == "the forget gate of every unit is held at 1"
    assert parse("g[2]=0").describe(one) == "the candidate of unit 2 is held at 0"
    assert parse("2:h[3]=0").describe(two) == "unit 3 of layer 2 is held at 0"
    assert parse("W_rh*0.5").describe(two) == "W_rh of layer 1 times 0.5"
    assert str(parse("2:f[3]=1")) == "2:f[3]=1"


@pytest.mark.parametrize(
    "text", ["", "f", "f=", "f=x", "f*2", "W_hh=1", "0:f=1", "f=nan", "f=inf", "f[x]=1", "f=1=2", "=1"]
)
def test_what_is_no_operation(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"operation: got .*expected a form like"):
        parse(text)


@pytest.mark.parametrize(
    "options, text, message",
    [
        ({}, "f=1.1", "f=1.1, expected a value of 0 to 1"),
        ({}, "g=-2", "expected a value of -1 to 1"),
        ({}, "h[5]=0", "expected a unit of 0 to 4"),
        ({}, "2:f=1", "expected a layer of 1 to 1"),
        ({}, "z=1", "z=1, expected one of h, i, f, g, o, W_hh.* for this LSTM"),
        ({"cell": "rnn"}, "f=1", "expected one of h, W_hh, W_xh, W_y for this RNN"),
        ({}, "W_zh*2", "expected one of W_hh, W_ih, W_fh"),
        ({}, "W_hh[3]*2", "and no unit"),
        ({"cell": "mingru"}, "W_hh*2", "expected one of W_xh"),
        ({"coupled": True}, "i=1", "it is 1 - f; hold f instead"),
        ({"force": {"forget": 1.0}}, "f=0", "its settings hold it at a constant"),
        ({"cell": "gru"}, "h[1]=0.5", "expected 0: this GRU's reset gate"),
    ],
)
def test_what_a_network_does_not_allow(options: dict[str, object], text: str, message: str) -> None:
    model = random_model(**options)
    before = model.parameters.copy()
    with pytest.raises(ArgumentError, match=message):
        apply(model, parse(text))
    np.testing.assert_array_equal(model.parameters, before)
