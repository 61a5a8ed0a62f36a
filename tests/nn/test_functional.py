"""The public layer functions: values, gradients, conventions, and every message for a bad argument.

The engines' own tests go through all cells, options and sizes; here it is what lies between them and
the caller: the layout of W, lengths, dtypes, strides, copies, checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import reference
from pairs import parametrize_pairs

import lstm_ext.nn.functional as layers
from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.backend import available_backends
from lstm_ext.nn.numerics import numerical_gradient, relative_error

pytestmark = pytest.mark.filterwarnings("error")
both_backends = pytest.mark.parametrize("backend", available_backends())

T, B, D, H = 6, 3, 4, 5
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("rnn", {}),
    "gru": ("gru", {}),
    "gru reset_after": ("gru", {"reset_after": True}),
    "lstm": ("lstm", {}),
    "lstm peephole": ("lstm", {"peephole": True}),
    "lstm coupled": ("lstm", {"coupled": True}),
    "lstm forced": ("lstm", {"force": {"forget": 0.9, "output": 1}}),
    "lstm all": ("lstm", {"peephole": True, "coupled": True, "force": {"input": np.float32(0.25)}}),
}
PLACES: dict[str, dict[str, Any]] = {
    "forward": {},
    "reverse": {"reverse": True},
    "lengths": {"lengths": [6, 0, 4]},
    "lengths reverse": {"lengths": np.array([2, 6, 0], dtype=np.uint8), "reverse": True},
}


def make(cell: str, *, symbols: bool = False, dtype: str = "float64", **options: Any) -> dict[str, Any]:
    """Random arguments of one forward call, by name."""
    rng = np.random.default_rng(7)
    rows = len(CELLS[cell].blocks) * H
    arguments: dict[str, Any] = {
        "x": rng.integers(0, D, (T, B)) if symbols else rng.normal(size=(T, B, D)).astype(dtype),
        "h0": rng.normal(size=(B, H)).astype(dtype),
        "W": (0.7 * rng.normal(size=(rows, H + D))).astype(dtype),
        "b": rng.normal(size=rows + H * bool(options.get("reset_after"))).astype(dtype),
    }
    if cell == "lstm":
        arguments["c0"] = rng.normal(size=(B, H)).astype(dtype)
    if options.pop("peephole", False):
        arguments["peephole"] = rng.normal(size=(3, H)).astype(dtype)
    return arguments | options


def forward(cell: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """h, c (LSTM) and cache, by name."""
    result = getattr(layers, f"{cell}_forward")(**arguments)
    return dict(zip(("h", "c", "cache") if cell == "lstm" else ("h", "cache"), result, strict=True))


def backward(cell: str) -> Callable[..., dict[str, np.ndarray]]:
    function: Callable[..., dict[str, np.ndarray]] = getattr(layers, f"{cell}_backward")
    return function


def expected(cell: str, arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    a = {"c0": None, "peephole": None, "lengths": None, **arguments}
    options = {name: a[name] for name in ("reverse", "coupled", "force", "reset_after") if name in a}
    config = LayerConfig(cell=cell, input_size=D, hidden_size=H, peephole=a["peephole"] is not None, **options)
    lengths = None if a["lengths"] is None else np.asarray(a["lengths"])
    state = np.stack([a[name] for name in ("h0", "c0") if a[name] is not None])
    return reference.layer(config, Weights(a["W"].T, a["b"], a["peephole"]), a["x"], state, lengths)


def gradients_of_state(cell: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    names = ("dh_T", "dc_T") if cell == "lstm" else ("dh_T",)
    return {name: rng.normal(size=(B, H)) for name in names}


DH = np.random.default_rng(9).normal(size=(T, B, H))


INPUTS = {"dense": False, "symbols": True}


def named(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


@both_backends
@parametrize_pairs(options=named(OPTIONS), symbols=INPUTS, place=named(PLACES))
def test_values(options: str, symbols: bool, place: str, backend: str) -> None:
    cell, settings = OPTIONS[options]
    arguments = make(cell, symbols=symbols, **settings, **PLACES[place], backend=backend)
    result, right = forward(cell, arguments), expected(cell, arguments)
    cache = result["cache"]
    names = {"rnn": ["h"], "gru": ["r", "z", "n", "h"], "lstm": ["i", "f", "g", "o", "c", "h"]}[cell]
    assert list(cache) == names
    right |= {"c": right.get("c_output"), "h": right["output"]}
    for name in names:
        np.testing.assert_allclose(cache[name], right[name], rtol=1e-12, atol=1e-14, err_msg=name)
    for name in result.keys() - {"cache"}:
        np.testing.assert_array_equal(result[name], cache[name])


@both_backends
@parametrize_pairs(options=named(OPTIONS), symbols=INPUTS, place=named(["lengths", "lengths reverse"]))
def test_gradients(options: str, symbols: bool, place: str, backend: str) -> None:
    cell, settings = OPTIONS[options]
    arguments = make(cell, symbols=symbols, **settings, **PLACES[place], backend=backend)
    at_end = gradients_of_state(cell)
    last = 0 if arguments.get("reverse") else -1

    def loss() -> float:
        result = forward(cell, arguments)
        ends = {"dh_T": result["h"][last], "dc_T": result.get("c", result["h"])[last]}
        return float(np.sum(DH * result["h"])) + sum(float(np.sum(at_end[name] * ends[name])) for name in at_end)

    grads = backward(cell)(DH, forward(cell, arguments)["cache"], **at_end)
    wanted = [n for n in ("x", "h0", "c0", "W", "b", "peephole") if n in arguments and not (symbols and n == "x")]
    assert list(grads) == [f"d{name}" for name in wanted]
    for name in wanted:
        assert relative_error(grads[f"d{name}"], numerical_gradient(loss, arguments[name])) < 1e-6, name


@both_backends
def test_states_of_a_sequence_that_has_ended(backend: str) -> None:
    arguments = make("lstm", lengths=[6, 0, 4], backend=backend)
    h, c, cache = layers.lstm_forward(**arguments)
    np.testing.assert_array_equal(h[4:, 2], [h[3, 2]] * 2)  # the last valid one is repeated
    np.testing.assert_array_equal(c[4:, 2], [c[3, 2]] * 2)
    np.testing.assert_array_equal(h[:, 1], [arguments["h0"][1]] * T)
    assert not cache["f"][4:, 2].any() and cache["f"][3, 2].all()

    h, c, _ = layers.lstm_forward(**arguments | {"reverse": True})
    np.testing.assert_array_equal(h[4:, 2], [arguments["h0"][2]] * 2)  # in reverse it has not begun yet
    alone, _, _ = layers.lstm_forward(
        **arguments
        | {"x": arguments["x"][3::-1, 2:], "h0": arguments["h0"][2:], "c0": arguments["c0"][2:], "lengths": None}
    )
    np.testing.assert_allclose(h[3::-1, 2:], alone, rtol=1e-12)


@both_backends
@pytest.mark.parametrize("cell", ("lstm", "gru", "rnn"))
def test_padding_is_never_read(cell: str, backend: str) -> None:
    arguments = make(cell, lengths=[6, 0, 4], backend=backend)
    rubbish = arguments | {"x": arguments["x"].copy()}
    rubbish["x"][:, 1] = np.nan
    rubbish["x"][4:, 2] = np.inf
    clean, dirty = forward(cell, arguments), forward(cell, rubbish)
    np.testing.assert_array_equal(clean["h"], dirty["h"])
    grads = backward(cell)(DH, dirty["cache"])
    for name, gradient in backward(cell)(DH, clean["cache"]).items():
        np.testing.assert_allclose(grads[name], gradient, rtol=1e-12, err_msg=name)
    assert not grads["dx"][:, 1].any() and not grads["dx"][4:, 2].any()

    arguments = make(cell, symbols=True, lengths=[6, 0, 4], backend=backend)
    padded = arguments | {"x": arguments["x"].copy()}
    padded["x"][4:, 2] = -1
    np.testing.assert_array_equal(forward(cell, arguments)["h"], forward(cell, padded)["h"])


@both_backends
@pytest.mark.parametrize("options", OPTIONS)
def test_float32(options: str, backend: str) -> None:
    cell, settings = OPTIONS[options]
    single = forward(cell, make(cell, dtype="float32", **settings, backend=backend))
    double = forward(cell, make(cell, **settings, backend=backend))
    for name in double["cache"]:
        assert single["cache"][name].dtype == np.float32
        assert relative_error(single["cache"][name], double["cache"][name]) < 1e-6, name
    grads = backward(cell)(DH.astype("float32"), single["cache"])
    for name, gradient in backward(cell)(DH, double["cache"]).items():
        assert grads[name].dtype == np.float32
        assert relative_error(grads[name], gradient) < 1e-5, name


@both_backends
@pytest.mark.parametrize("symbols", INPUTS.values(), ids=INPUTS.keys())
def test_any_strides_and_nothing_changes(symbols: bool, backend: str) -> None:
    def awkward(array: np.ndarray) -> np.ndarray:
        """The same values: every second element of a larger array, backwards, in Fortran order, swapped, read-only."""
        spaced = np.zeros([2 * n for n in array.shape], dtype=array.dtype.newbyteorder(), order="F")
        view = spaced[tuple(slice(None, None, -2) for _ in array.shape)]
        view[...] = array
        view.flags.writeable = False
        return view

    arguments = make("lstm", symbols=symbols, peephole=True)
    arrays = {name: awkward(array) for name, array in arguments.items()}
    plain, strided = forward("lstm", arguments | {"backend": backend}), forward("lstm", arrays | {"backend": backend})
    np.testing.assert_array_equal(plain["h"], strided["h"])
    at_end = gradients_of_state("lstm")
    grads = layers.lstm_backward(awkward(DH), strided["cache"], *(awkward(a) for a in at_end.values()))
    for name, gradient in layers.lstm_backward(DH, plain["cache"], **at_end).items():
        np.testing.assert_array_equal(grads[name], gradient, err_msg=name)
    for name, array in make("lstm", symbols=symbols, peephole=True).items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@both_backends
def test_lists_and_missing_states(backend: str) -> None:
    arguments = make("lstm", dtype="float32") | {"h0": None, "c0": None, "backend": backend}
    as_lists = arguments | {"x": arguments["x"].tolist(), "b": arguments["b"].tolist()}
    zeros = arguments | {"h0": np.zeros((B, H), np.float16), "c0": [[0] * H] * B}
    h, c, _ = layers.lstm_forward(**arguments)
    for same in (as_lists, zeros):
        np.testing.assert_array_equal(layers.lstm_forward(**same)[0], h)
        np.testing.assert_array_equal(layers.lstm_forward(**same)[1], c)
    symbols = make("rnn", symbols=True, backend=backend)
    h, _ = layers.rnn_forward(**symbols)
    np.testing.assert_array_equal(layers.rnn_forward(**symbols | {"x": symbols["x"].tolist()})[0], h)


@both_backends
@pytest.mark.parametrize("symbols", INPUTS.values(), ids=INPUTS.keys())
def test_backward_does_not_depend_on_what_the_caller_does_in_between(symbols: bool, backend: str) -> None:
    # W and x as a caller may well hold them: already in the engine's own layout, int32 included.
    arguments = make("lstm", symbols=symbols, peephole=True, lengths=np.array([6, 2, 4], dtype=np.int32))
    arguments["W"] = np.ascontiguousarray(arguments["W"].T).T
    if symbols:
        arguments["x"] = arguments["x"].astype(np.int32)
    result = forward("lstm", arguments | {"backend": backend})
    first = layers.lstm_backward(DH, result["cache"])
    for array in (*arguments.values(), result["h"], result["c"], *first.values()):
        if array is not first["dW"]:
            array[...] = 0
    second = layers.lstm_backward(DH, result["cache"])
    np.testing.assert_array_equal(first["dW"], second["dW"])
    assert all(second[name].any() for name in second)
    with pytest.raises(ValueError, match="read-only"):
        result["cache"]["f"][...] = 0


@both_backends
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_absurd_weights_are_no_errors(value: float, backend: str) -> None:
    for cell in ("lstm", "gru", "rnn"):
        arguments = make(cell, backend=backend)
        arguments["W"][::2] = value
        result = forward(cell, arguments)
        grads = backward(cell)(DH, result["cache"])
        assert np.isfinite(value) or np.isnan(result["h"]).any(), cell
        assert grads["dW"].shape == arguments["W"].shape


def test_the_smallest_sizes() -> None:
    h, c, cache = layers.lstm_forward([[[2.0]]], None, None, [[0.5, 0.25]] * 4, [0.0, 1.0, 0.0, 0.0])
    i = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(c, [[[i * np.tanh(0.5)]]])
    np.testing.assert_allclose(h, i * np.tanh(c))
    assert layers.lstm_backward(np.ones((1, 1, 1)), cache)["dx"].shape == (1, 1, 1)
    assert repr(cache) == "<lstm cache: i, f, g, o, c, h; T=1, B=1, H=1>"


X = "expected floats (T, B, D) or integers (T, B), with T and B at least 1"
SYMBOLS = np.zeros((T, B), dtype=int)
OUTSIDE = SYMBOLS.copy()
OUTSIDE[2, 1] = D
NEGATIVE = SYMBOLS.copy()
NEGATIVE[0, 0] = -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((T, B))}, f"x: got float64 of shape (6, 3), {X}"),
        ({"x": np.zeros((0, B, D))}, f"x: got float64 of shape (0, 3, 4), {X}"),
        ({"x": np.zeros((T, B, D), dtype=int)}, f"x: got int64 of shape (6, 3, 4), {X}"),
        ({"x": []}, f"x: got float64 of shape (0,), {X}"),
        ({"x": [[1, 2], [3]]}, "x: got nested lists of different lengths, expected an array"),
        ({"x": None}, f"x: got object of shape (), {X}"),
        ({"x": np.zeros((T, B, 3))}, "x: got shape (6, 3, 3), expected (T, B, D) with D = 4, from W's columns H+D"),
        ({"x": np.zeros((T, B, D), "f4")}, "x: got dtype float32, expected float64, that of W"),
        ({"x": np.zeros((T, B, D), complex)}, "x: got dtype complex128, expected float64, that of W"),
        ({"x": OUTSIDE}, "x: got symbol 4 at step 2 of sequence 1, expected 0 to 3"),
        ({"x": NEGATIVE}, "x: got symbol -1 at step 0 of sequence 0, expected 0 to 3"),
        ({"x": np.full((T, B), 2**63, dtype="u8")}, f"x: got symbol {2**63} at step 0 of sequence 0, expected 0 to 3"),
        ({"h0": np.zeros((B, 4))}, "h0: got shape (3, 4), expected (B, H) = (3, 5)"),
        ({"h0": np.zeros(H)}, "h0: got shape (5,), expected (B, H) = (3, 5)"),
        ({"h0": np.zeros((B, H), "f4")}, "h0: got dtype float32, expected float64, that of W"),
        ({"c0": np.zeros((1, H))}, "c0: got shape (1, 5), expected (B, H) = (3, 5)"),
        ({"c0": [["a"] * H] * B}, "c0: got dtype <U1, expected float64, that of W"),
        ({"W": np.zeros((20, 5))}, "W: got shape (20, 5), expected (4·H, H+D) with H and D at least 1"),
        ({"W": np.zeros((21, 9))}, "W: got shape (21, 9), expected (4·H, H+D) with H and D at least 1"),
        ({"W": np.zeros((0, 9))}, "W: got shape (0, 9), expected (4·H, H+D) with H and D at least 1"),
        ({"W": np.zeros(9)}, "W: got shape (9,), expected (4·H, H+D) with H and D at least 1"),
        ({"W": np.zeros((20, 9), int)}, "W: got dtype int64, expected float32 or float64"),
        ({"W": np.zeros((20, 9), "f2")}, "W: got dtype float16, expected float32 or float64"),
        ({"b": np.zeros(25)}, "b: got shape (25,), expected (4·H,) = (20,)"),
        ({"b": np.zeros((20, 1))}, "b: got shape (20, 1), expected (4·H,) = (20,)"),
        ({"b": np.zeros(20, "f4")}, "b: got dtype float32, expected float64, that of W"),
        ({"peephole": np.zeros((4, H))}, "peephole: got shape (4, 5), expected (3, H) = (3, 5)"),
        ({"lengths": [6, 6]}, "lengths: got shape (2,), expected (B,) = (3,)"),
        ({"lengths": [6, 7, 1]}, "lengths: got 7 for sequence 1, expected 0 to T = 6"),
        ({"lengths": [6, 6, -1]}, "lengths: got -1 for sequence 2, expected 0 to T = 6"),
        ({"lengths": [6.0, 6.0, 1.0]}, "lengths: got dtype float64, expected integers"),
        ({"force": 1.0}, "force: got 1.0, expected a dict such as {'forget': 1.0}"),
        ({"force": {"candidate": 1.0}}, "force: got 'candidate', expected one of input, forget, output"),
        ({"force": {"forget": 1.5}}, "force: got 1.5 for 'forget', expected a number in [0, 1]"),
        ({"force": {"forget": np.nan}}, "force: got nan for 'forget', expected a number in [0, 1]"),
        ({"force": {"input": "open"}}, "force: got 'open' for 'input', expected a number in [0, 1]"),
        ({"backend": "cuda"}, "backend: got 'cuda', expected one of c, numpy"),
    ],
)
def test_messages_of_forward(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        layers.lstm_forward(**make("lstm") | {"backend": "numpy"} | change)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("cell", "change", "message"),
    [
        ("gru", {"W": np.zeros((20, 9))}, "W: got shape (20, 9), expected (3·H, H+D) with H and D at least 1"),
        ("gru", {"reset_after": True}, "b: got shape (15,), expected (4·H,) = (20,)"),
        ("gru", {"b": np.zeros(20)}, "b: got shape (20,), expected (3·H,) = (15,)"),
        ("rnn", {"W": np.zeros((5, 5))}, "W: got shape (5, 5), expected (H, H+D) with H and D at least 1"),
        ("rnn", {"b": np.zeros(4)}, "b: got shape (4,), expected (H,) = (5,)"),
    ],
)
def test_messages_of_other_cells(cell: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        forward(cell, make(cell, backend="numpy") | change)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DH[1:],), "dh: got shape (5, 3, 5), expected (T, B, H) = (6, 3, 5)"),
        ((DH.astype("f4"),), "dh: got dtype float32, expected float64, that of W"),
        ((DH, DH[0, 0]), "dh_T: got shape (5,), expected (B, H) = (3, 5)"),
        ((DH, None, DH), "dc_T: got shape (6, 3, 5), expected (B, H) = (3, 5)"),
    ],
)
def test_messages_of_backward(arguments: tuple[Any, ...], message: str) -> None:
    cache = forward("lstm", make("lstm"))["cache"]
    with pytest.raises(ValueError) as caught:
        layers.lstm_backward(arguments[0], cache, *arguments[1:])
    assert str(caught.value) == message


def test_messages_of_a_wrong_cache() -> None:
    cache = forward("gru", make("gru"))["cache"]
    with pytest.raises(ValueError, match=r"^cache: got one of gru_forward, expected one of lstm_forward$"):
        layers.lstm_backward(DH, cache)
    with pytest.raises(ValueError, match=r"^cache: got dict, expected what rnn_forward returned last$"):
        layers.rnn_backward(DH, dict(cache))  # type: ignore[arg-type]
