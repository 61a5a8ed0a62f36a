"""The textbook's classes: what a course does with them, and what it could get wrong."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference

from lstm_ext.cells.config import Weights
from lstm_ext.engine.backend import available_backends
from lstm_ext.errors import NonFiniteError, StateError
from lstm_ext.nn.numerics import numerical_gradient, relative_error
from lstm_ext.nn.textbook import GRU, LSTM, RNN
from lstm_ext.visualization import (
    analyze_gate_patterns,
    plot_cell_state_evolution,
    plot_gate_activations,
    plot_gradient_flow_comparison,
)

pytestmark = pytest.mark.filterwarnings("error")
both_backends = pytest.mark.parametrize("backend", available_backends())
all_classes = pytest.mark.parametrize("network", [LSTM, GRU, RNN])

D, H, V = 4, 5, 6
INPUTS, TARGETS = [3, 0, 2, 2, 1, 3, 0], [5, 1, 0, 4, 4, 2, 3]
WEIGHTS = {
    LSTM: ("Wf", "Wi", "Wc", "Wo", "Wy", "bf", "bi", "bc", "bo", "by"),
    GRU: ("Wr", "Wz", "Wh", "Wy", "br", "bz", "bh", "by"),
    RNN: ("Wh", "Wy", "bh", "by"),
}
#: Rows of the engine's W that each name stands for.
ROWS = {
    LSTM: {"Wi": 0, "Wf": 1, "Wc": 2, "Wo": 3, "bi": 0, "bf": 1, "bc": 2, "bo": 3},
    GRU: {"Wr": 0, "Wz": 1, "Wh": 2, "br": 0, "bz": 1, "bh": 2},
    RNN: {"Wh": 0, "bh": 0},
}


def random_network(network: Any, **options: Any) -> tuple[Any, list[np.ndarray]]:
    """One with random weights, biases included, and its random states."""
    model = network(D, H, V, seed=1, **options)
    rng = np.random.default_rng(2)
    for name in WEIGHTS[network]:
        view = getattr(model, name)
        view[...] = 0.6 * rng.normal(size=view.shape)
    return model, [rng.normal(size=H) for _ in range(2 if network is LSTM else 1)]


@both_backends
@all_classes
def test_forward_is_the_textbooks(network: Any, backend: str) -> None:
    model, states = random_network(network, backend=backend)
    loss = model.forward(INPUTS, TARGETS, *states)

    config = model.model.config
    state = np.stack(states)[None, :, None]
    inputs = np.array(INPUTS)[:, None]
    logits, _ = reference.model(config, model.model.parameters, inputs, state)
    assert loss == pytest.approx(reference.cross_entropy(logits, np.array(TARGETS)[:, None]), rel=1e-12)

    views = reference.parameter_views(config, model.model.parameters)
    weights = Weights(views["layers.0.Wt"], views["layers.0.b"])
    right = reference.layer(config.layer(0), weights, inputs, np.stack(states)[:, None])
    np.testing.assert_allclose(model.h_states, right["output"][:, 0], rtol=1e-12)
    gates = {
        LSTM: {"forget": "f", "input": "i", "candidate": "g", "output": "o"},
        GRU: {"reset": "r", "update": "z", "candidate": "n"},
        RNN: {},
    }[network]
    assert list(model.gates) == list(gates)
    for name, letter in gates.items():
        np.testing.assert_allclose(model.gates[name], right[letter][:, 0], rtol=1e-12, err_msg=name)
    if network is LSTM:
        np.testing.assert_allclose(model.C_states, right["c_output"][:, 0], rtol=1e-12)


@both_backends
@all_classes
def test_gradients_are_those_of_finite_differences(network: Any, backend: str) -> None:
    model, states = random_network(network, backend=backend)
    model.forward(INPUTS, TARGETS, *states)
    at_start = model.backward()
    at_start = at_start if network is LSTM else (at_start,)

    def loss() -> float:
        return float(model.forward(INPUTS, TARGETS, *states))

    gradients = {name: getattr(model, f"d{name}").copy() for name in WEIGHTS[network]}
    for name, gradient in gradients.items():
        assert relative_error(gradient, numerical_gradient(loss, getattr(model, name))) < 1e-6, name
    for gradient, state in zip(at_start, states, strict=True):
        assert gradient.shape == (H,)
        assert relative_error(gradient, numerical_gradient(loss, state)) < 1e-6


@all_classes
def test_names_are_views_of_their_rows(network: Any) -> None:
    model = network(D, H, V)
    W, b = model.model.weights()["layers.0.W"], model.model.weights()["layers.0.b"]
    for name, block in ROWS[network].items():
        array, rows = (W if name.startswith("W") else b), slice(block * H, (block + 1) * H)
        assert getattr(model, name).shape == ((H, H + D) if name.startswith("W") else (H,))
        for prefix, whole in (("", array), ("d", model.model.gradients()[f"layers.0.{name[0]}"])):
            getattr(model, prefix + name)[...] = 7 + block
            assert (whole[rows] == 7 + block).all() and np.count_nonzero(whole == 7 + block) == whole[rows].size
    assert model.Wy.shape == (V, H) and model.by.shape == (V,)


@both_backends
def test_written_weights_take_effect_at_once(backend: str) -> None:
    lstm = LSTM(D, H, V, seed=3, backend=backend)
    lstm.forward(INPUTS, TARGETS)
    lstm.Wf[...] = 0.0
    lstm.bf = np.full(H, math.log(3))  # σ = 3/4
    lstm.bo[:2] = -800.0
    lstm.Wy -= lstm.Wy
    lstm.by = [0, 0, 1, 0, 0, 0]
    loss = lstm.forward(INPUTS, TARGETS)
    np.testing.assert_allclose(lstm.gates["forget"], 0.75)
    assert not lstm.h_states[:, :2].any() and lstm.h_states[:, 2:].all()
    p = np.exp([0, 0, 1, 0, 0, 0]) / (5 + math.e)
    assert loss == pytest.approx(-np.log(p[TARGETS]).mean())
    with pytest.raises(ValueError, match=r"^Wf: got shape \(5, 4\), expected \(5, 9\)$"):
        lstm.Wf = np.zeros((H, D))
    with pytest.raises(ValueError, match=r"^bf: got shape \(\), expected \(5,\)$"):
        lstm.bf = 1.0


def test_initial_weights() -> None:
    lstm = LSTM(40, 16, 40, seed=0)
    assert (lstm.bf == 1).all()
    assert not any(b.any() for b in (lstm.bi, lstm.bc, lstm.bo, lstm.by))
    for W in (lstm.Wf, lstm.Wi, lstm.Wc, lstm.Wo, lstm.Wy):
        assert 0.2 < abs(W).max() <= 0.25 and abs(W.mean()) < 0.02
    assert not any(getattr(GRU(D, H, V), name).any() for name in ("br", "bz", "bh", "by"))
    assert not RNN(D, H, V).bh.any()
    assert lstm.h_states.shape == lstm.C_states.shape == lstm.gates["forget"].shape == (0, 16)


def hello() -> tuple[list[int], list[int], dict[int, str]]:
    characters = sorted(set("hello "))
    ids = [characters.index(character) for character in "hello "]
    return ids[:-1], ids[1:], dict(enumerate(characters))


@both_backends
@pytest.mark.parametrize(
    ("network", "optimizer", "lr"),
    [
        (LSTM, "adam", 0.02),
        (GRU, "adam", 0.02),
        (RNN, "adam", 0.02),
        (LSTM, "rmsprop", 0.01),
        (LSTM, "adagrad", 0.1),
        (LSTM, "sgd", 1.0),
    ],
)
def test_learns_hello(network: Any, optimizer: str, lr: float, backend: str) -> None:
    inputs, targets, idx_to_char = hello()
    model = network(5, 16, 5, seed=0, optimizer=optimizer, backend=backend)
    first = model.forward(inputs, targets)
    for _ in range(200):
        model.forward(inputs, targets)
        model.backward()
        model.update_weights(lr)
    assert abs(first - math.log(5)) < 0.3
    assert model.forward(inputs, targets) < 0.05
    assert model.sample(idx_to_char, inputs[0], length=5, temperature=0) == "ello "


@both_backends
@all_classes
def test_the_same_seed_gives_the_same_everything(network: Any, backend: str) -> None:
    inputs, targets, idx_to_char = hello()

    def run(seed: int | None) -> list[Any]:
        model = network(5, 7, 5, seed=seed, backend=backend)
        losses = []
        for _ in range(5):
            losses.append(model.forward(inputs, targets))
            model.backward()
            model.update_weights(0.01)
        return [losses, model.sample(idx_to_char, 0, 50), model.sample(idx_to_char, 0, 50)]

    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    first = run(5)
    assert first == run(5) != run(6)
    assert first[1] != first[2]  # each sample is another one
    np.testing.assert_array_equal(before, np.random.get_state(legacy=False)["state"]["key"])
    np.random.seed(42)
    unseeded = run(None)
    assert unseeded != run(None)
    np.random.seed(42)
    assert unseeded == run(None)


@both_backends
@all_classes
def test_states_carry_over(network: Any, backend: str) -> None:
    model, states = random_network(network, backend=backend)
    whole = model.forward(INPUTS, TARGETS, *states)
    h_states, gates = model.h_states, model.gates
    kept = h_states.copy()
    first = model.forward(INPUTS[:3], TARGETS[:3], *states)
    names = ["h_states", "C_states"][: len(states)]
    states = [getattr(model, name)[-1].copy() for name in names]
    second = model.forward(INPUTS[3:], TARGETS[3:], *states)
    assert (3 * first + 4 * second) / 7 == pytest.approx(whole, rel=1e-12)
    np.testing.assert_allclose(model.h_states, h_states[3:], rtol=1e-12)
    np.testing.assert_array_equal(h_states, kept)  # what an earlier forward gave is the caller's
    for name in gates:
        assert gates[name].shape == (7, H) and model.gates[name].shape == (4, H)
    assert model.forward(INPUTS, TARGETS) == model.forward(INPUTS, TARGETS, *[np.zeros(H)] * len(states))


@both_backends
def test_backward_belongs_to_the_last_forward(backend: str) -> None:
    lstm, states = random_network(LSTM, backend=backend)
    lstm.forward(INPUTS, TARGETS, *states)
    first = lstm.backward()
    dWf = lstm.dWf.copy()
    first[0][...] = 99
    np.testing.assert_array_equal(lstm.backward()[1], first[1])
    assert not (lstm.backward()[0] == 99).any()
    np.testing.assert_array_equal(lstm.dWf, dWf)  # not added up

    square = LSTM(V, H, V, seed=1, backend=backend)
    square.forward(TARGETS, INPUTS, *states)
    expected = square.backward()
    square.forward(TARGETS, INPUTS, *states)
    square.sample("abcdef", 0, 20)
    np.testing.assert_array_equal(square.backward(), expected)  # sampling in between is no harm


def test_order_of_calls() -> None:
    lstm = LSTM(D, H, V)
    with pytest.raises(StateError, match=r"^backward: .* call forward\(…\) first$"):
        lstm.backward()
    lstm.forward(INPUTS, TARGETS)
    with pytest.raises(StateError, match=r"^update_weights: .* call backward\(\) first$"):
        lstm.update_weights()
    lstm.backward()
    lstm.update_weights()
    lstm.forward(INPUTS, TARGETS)
    with pytest.raises(StateError, match=r"^update_weights: "):
        lstm.update_weights()


@both_backends
def test_updates_clip_each_entry(backend: str) -> None:
    for clip, step in ((5.0, 5.0), (0, 100.0)):
        lstm = LSTM(D, H, V, seed=1, optimizer="sgd", clip=clip, backend=backend)
        lstm.forward(INPUTS, TARGETS)
        lstm.backward()
        for name in WEIGHTS[LSTM]:
            getattr(lstm, f"d{name}")[...] = 0
        lstm.dWf[1, 2], lstm.dbo[0], lstm.by[...] = -100.0, 3.0, 0.0
        Wf, bo = lstm.Wf.copy(), lstm.bo.copy()
        assert lstm.update_weights(learning_rate=0.5) == pytest.approx(math.hypot(100, 3))  # before clipping
        assert lstm.Wf[1, 2] - Wf[1, 2] == pytest.approx(0.5 * step)
        assert lstm.bo[0] - bo[0] == pytest.approx(-0.5 * 3)
        assert np.count_nonzero(lstm.Wf != Wf) == 1


@both_backends
def test_adams_moments_continue_from_call_to_call(backend: str) -> None:
    lstm = LSTM(D, H, V, seed=1, backend=backend)
    p, m, s = lstm.Wc.copy(), np.zeros((H, H + D)), np.zeros((H, H + D))
    for step in (1, 2, 3):
        lstm.forward(INPUTS, TARGETS)
        lstm.backward()
        m = 0.9 * m + 0.1 * lstm.dWc
        s = 0.999 * s + 0.001 * lstm.dWc**2
        p -= 0.01 * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
        lstm.update_weights(0.01)
        np.testing.assert_allclose(lstm.Wc, p, rtol=1e-9, atol=1e-12)


@both_backends
def test_a_gradient_that_is_not_finite_changes_nothing(backend: str) -> None:
    lstm = LSTM(D, H, V, seed=1, backend=backend)
    lstm.forward(INPUTS, TARGETS)
    lstm.backward()
    lstm.dWo[0, 0] = np.nan
    before = lstm.model.parameters.copy()
    with pytest.raises(NonFiniteError):
        lstm.update_weights()
    np.testing.assert_array_equal(lstm.model.parameters, before)


@both_backends
@all_classes
def test_float32(network: Any, backend: str) -> None:
    double, states = random_network(network, backend=backend)
    single, _ = random_network(network, backend=backend, dtype="float32")
    assert single.Wy.dtype == single.model.parameters.dtype == np.float32
    assert network(D, H, V, dtype=np.float32).by.dtype == np.float32
    loss = single.forward(np.array(INPUTS, dtype=np.int16), tuple(TARGETS), *states)
    assert loss == pytest.approx(double.forward(INPUTS, TARGETS, *states), rel=1e-5)
    single.backward()
    double.backward()
    assert single.h_states.dtype == np.float32
    assert relative_error(single.model.gradient, double.model.gradient) < 1e-5


@both_backends
def test_sampling(backend: str) -> None:
    lstm = LSTM(3, 4, 3, seed=1, backend=backend)
    lstm.Wy[...] = 0
    lstm.by[...] = [0.0, math.log(3), -1e4]
    text = lstm.sample({0: "a", 1: "b", 2: "c"}, 2, length=4000, temperature=1.0)
    assert len(text) == 4000 and set(text) == {"a", "b"}
    assert text.count("b") / 4000 == pytest.approx(0.75, abs=0.03)
    assert lstm.sample("abc", 2, 4000, temperature=0.5).count("b") / 4000 == pytest.approx(0.9, abs=0.03)
    assert lstm.sample(["a", "b", "c"], np.int64(2), temperature=0) == "b" * 200
    assert lstm.sample("abc", 0, 0) == ""


@both_backends
def test_a_deep_copy_goes_its_own_way(backend: str) -> None:
    inputs, targets, idx_to_char = hello()

    def train(model: LSTM) -> float:
        model.forward(inputs, targets)
        model.backward()
        model.update_weights(0.05)
        return model.forward(inputs, targets)

    lstm = LSTM(5, 6, 5, seed=1, backend=backend)
    train(lstm)
    other = copy.deepcopy(lstm)
    with pytest.raises(StateError, match="forward"):
        other.backward()
    loss = train(lstm)
    assert train(other) == loss  # the moments are its own, too
    other.Wf[...] = 0
    assert lstm.Wf.any() and lstm.forward(inputs, targets) == loss
    assert other.sample(idx_to_char, 0, 20) != ""


def test_sigmoid() -> None:
    assert LSTM.sigmoid(0) == 0.5
    x = np.array([-1e4, -745.0, -2.0, 2.0, 1e4])
    expected = [0.0, math.exp(-745), 1 / (1 + math.exp(2)), 1 / (1 + math.exp(-2)), 1.0]
    np.testing.assert_allclose(LSTM.sigmoid(x), expected, rtol=1e-14)
    assert LSTM.sigmoid(x.astype("float32")).dtype == np.float32
    assert GRU(D, H, V).sigmoid([[1]]).shape == (1, 1)


def test_sizes_and_repr() -> None:
    gru = GRU(np.int64(4), 5, output_size=6, backend="numpy")
    assert (gru.input_size, gru.hidden_size, gru.output_size) == (4, 5, 6)
    assert repr(gru) == "GRU(input_size=4, hidden_size=5, output_size=6, dtype='float64', backend='numpy')"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size: got 0, expected an integer of at least 1"),
        ({"hidden_size": 2.0}, "hidden_size: got 2.0, expected an integer of at least 1"),
        ({"output_size": True}, "output_size: got True, expected an integer of at least 1"),
        ({"seed": -1}, "seed: got -1, expected an integer of at least 0"),
        ({"dtype": "float16"}, "dtype: got 'float16', did you mean 'float64'?"),
        ({"optimizer": "adamw"}, "optimizer: got 'adamw', did you mean 'adam'?"),
        ({"clip": -1}, "clip: got -1, expected a number of at least 0"),
        ({"backend": "cuda"}, "backend: got 'cuda', expected one of c, numpy"),
    ],
)
def test_messages_of_the_constructor(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        LSTM(**{"input_size": D, "hidden_size": H, "output_size": V} | arguments)
    assert str(caught.value) == f"LSTM: {message}"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.forward([], []), "inputs: got shape (0,), expected (T,) with at least one symbol"),
        (lambda m: m.forward([[0]], [0]), "inputs: got shape (1, 1), expected (T,) with at least one symbol"),
        (lambda m: m.forward([[0], [0, 1]], [0]), "inputs: got nested lists, expected a list of symbols"),
        (lambda m: m.forward([0, 4], [0, 0]), "inputs: got 4 at position 1, expected 0 to 3"),
        (lambda m: m.forward([0, 1], [0, -1]), "targets: got -1 at position 1, expected 0 to 5"),
        (lambda m: m.forward([0.0], [0]), "inputs: got float64 values, expected integers from 0 to 3"),
        (lambda m: m.forward("hello", [0]), "inputs: got shape (), expected (T,) with at least one symbol"),
        (lambda m: m.forward(list("hi"), [0, 0]), "inputs: got <U1 values, expected integers from 0 to 3"),
        (lambda m: m.forward([0, 1, 2], [0]), "targets: got 1 symbols, expected 3, one for each of inputs"),
        (lambda m: m.forward([0], [0], np.zeros(4)), "h_prev: got shape (4,), expected (H,) = (5,)"),
        (
            lambda m: m.forward([0], [0], np.zeros(5), np.zeros((5, 1))),
            "C_prev: got shape (5, 1), expected (H,) = (5,)",
        ),
        (
            lambda m: m.sample("abcdef", 0),
            "sample: got output_size 6 and input_size 4, expected them equal, since what is drawn is fed back",
        ),
    ],
)
def test_messages(call: Callable[[LSTM], object], message: str) -> None:
    lstm = LSTM(D, H, V, backend="numpy")
    with pytest.raises(ValueError) as caught:
        call(lstm)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("abc", 3), "seed_idx: got 3, expected 0 to 2"),
        (("abc", "a"), "seed_idx: got 'a', expected an integer of at least 0"),
        (("abc", 0, -1), "length: got -1, expected an integer of at least 0"),
        (("abc", 0, 5, -0.1), "temperature: got -0.1, expected a number of at least 0"),
        (("abc", 0, 5, math.nan), "temperature: got nan, expected a number of at least 0"),
        (({0: "a", 1: "b"}, 0), "idx_to_char: got 2 characters, expected one for each symbol from 0 to 2"),
        (("ab", 0), "idx_to_char: got 2 characters, expected one for each symbol from 0 to 2"),
    ],
)
def test_messages_of_sample(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        LSTM(3, H, 3, backend="numpy").sample(*arguments)
    assert str(caught.value) == message


def test_messages_of_update_weights() -> None:
    lstm = LSTM(D, H, V, backend="numpy")
    lstm.forward(INPUTS, TARGETS)
    lstm.backward()
    with pytest.raises(ValueError, match=r"^learning_rate: got nan, expected a number of at least 0$"):
        lstm.update_weights(math.nan)


@both_backends
def test_gates_computed_by_hand_as_in_the_course(backend: str) -> None:
    # list(), not set(): 'l' comes twice, so symbol 2 is never used. That must work as well.
    chars = list("hello")
    char_to_idx = {character: index for index, character in enumerate(chars)}
    inputs = [char_to_idx[character] for character in "hello"]
    lstm = LSTM(input_size=len(chars), hidden_size=10, output_size=len(chars), backend=backend)
    assert sum(p.size for p in [lstm.Wf, lstm.Wi, lstm.Wc, lstm.Wo, lstm.Wy]) == 650

    gates: dict[str, list[np.ndarray]] = {"forget": [], "input": [], "output": []}
    cells = []
    h, C = np.zeros(10), np.zeros(10)
    for index in inputs:
        x = np.zeros(len(chars))
        x[index] = 1.0
        concat = np.concatenate([h, x])
        f = lstm.sigmoid(np.dot(lstm.Wf, concat) + lstm.bf)
        i = lstm.sigmoid(np.dot(lstm.Wi, concat) + lstm.bi)
        o = lstm.sigmoid(np.dot(lstm.Wo, concat) + lstm.bo)
        C = f * C + i * np.tanh(np.dot(lstm.Wc, concat) + lstm.bc)
        h = o * np.tanh(C)
        for name, gate in zip(gates, (f, i, o), strict=True):
            gates[name].append(gate.copy())
        cells.append(C.copy())

    lstm.forward(inputs, inputs, np.zeros(lstm.hidden_size), np.zeros(lstm.hidden_size))
    for name in gates:
        np.testing.assert_allclose(lstm.gates[name], gates[name], rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(lstm.C_states, cells, rtol=1e-12)
    np.testing.assert_allclose(lstm.h_states[-1], h, rtol=1e-12)
    plot_gate_activations(gates, "hello")
    plot_cell_state_evolution(cells, "hello")
    assert set(analyze_gate_patterns(gates, "hello")) == {"forget", "input", "output"}


@both_backends
def test_training_as_in_the_course(backend: str) -> None:
    np.random.seed(42)
    text = "\nTo be, or not to be, that is the question:\nWhether 'tis nobler in the mind to suffer\n"
    chars = sorted(set(text))
    char_to_idx = {character: index for index, character in enumerate(chars)}
    idx_to_char = dict(enumerate(chars))
    lstm = LSTM(input_size=len(chars), hidden_size=32, output_size=len(chars), backend=backend)
    losses = []
    h_prev, C_prev = np.zeros(lstm.hidden_size), np.zeros(lstm.hidden_size)
    for _ in range(150):
        start = np.random.randint(0, len(text) - 25)
        inputs = [char_to_idx[character] for character in text[start : start + 25]]
        targets = [char_to_idx[character] for character in text[start + 1 : start + 26]]
        losses.append(lstm.forward(inputs, targets, h_prev, C_prev))
        dh_next, dC_next = lstm.backward()
        lstm.update_weights(0.01)
        h_prev, C_prev = lstm.h_states[-1].copy(), lstm.C_states[-1].copy()
    assert dh_next.shape == dC_next.shape == (32,)
    assert losses[0] == pytest.approx(math.log(len(chars)), abs=0.2)
    assert np.mean(losses[-20:]) < 1.2
    assert len(lstm.sample(idx_to_char, char_to_idx["T"], 100)) == 100
    for temperature in (0.3, 0.7, 1.0, 1.5):
        sample = lstm.sample(idx_to_char, char_to_idx["T"], length=150, temperature=temperature)
        assert len(sample) == 150 and set(sample) <= set(text)
    plot_gate_activations(lstm.gates, text[start : start + 25])
    plot_gradient_flow_comparison([0.99**k for k in range(50)], [0.9**k for k in range(50)])
