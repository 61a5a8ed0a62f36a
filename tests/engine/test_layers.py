"""Single layers, on every engine: values against the textbook, gradients against finite differences."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import reference
from pairs import parametrize_pairs

from lstm_ext.cells import CELLS
from lstm_ext.cells.activations import Activations
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.cells.functions import sigmoid
from lstm_ext.engine.interface import EngineModule
from lstm_ext.nn.numerics import numerical_gradient, relative_error
from lstm_ext.verify import VARIANTS

pytestmark = pytest.mark.filterwarnings("error")

#: T, B, D, H, lengths
SIZES = {
    "": (5, 3, 4, 3, None),
    "lengths": (5, 3, 4, 3, (5, 0, 2)),
    "one": (1, 1, 1, 1, None),
    "H=17": (3, 1, 2, 17, None),
    "one unit": (4, 2, 3, 1, (1, 4)),
}


@dataclass
class Case:
    """A layer with everything random, and a loss L = Σ dh·output + Σ dh_T·h_T + Σ dc_T·c_T."""

    config: LayerConfig
    Wt: np.ndarray
    b: np.ndarray
    peephole: np.ndarray | None
    x: np.ndarray
    lengths: np.ndarray | None
    h0: np.ndarray
    c0: np.ndarray | None
    dh: np.ndarray
    dh_T: np.ndarray
    dc_T: np.ndarray | None
    mask: np.ndarray | None

    def forward(self, engine: EngineModule) -> Activations:
        return engine.layer_forward(
            self.config, self.weights, self.x, together(self.h0, self.c0), self.lengths, self.mask
        )

    def backward(self, engine: EngineModule, acts: Activations) -> dict[str, np.ndarray | None]:
        grads = engine.layer_backward(self.weights, acts, self.dh, together(self.dh_T, self.dc_T))
        initial = dict(zip(("dh0", "dc0"), grads.dstate, strict=False))
        named = {"dx": grads.dx, **initial, "dWt": grads.dWt, "db": grads.db, "dpeephole": grads.dpeephole}
        return {name: gradient for name, gradient in named.items() if gradient is not None or name == "dx"}

    @property
    def weights(self) -> Weights:
        return Weights(self.Wt, self.b, self.peephole)

    def loss(self, engine: EngineModule) -> float:
        acts = self.forward(engine)
        last = 0 if self.config.reverse else -1
        loss = float(np.sum(self.dh * acts.output) + np.sum(self.dh_T * acts.output[last]))
        return loss if self.dc_T is None else loss + float(np.sum(self.dc_T * acts.c_output[last]))


def together(h: np.ndarray, c: np.ndarray | None) -> np.ndarray:
    """A state (S, B, H), or its gradient."""
    return np.stack([h] if c is None else [h, c])


def make_case(
    options: dict[str, Any],
    size: str = "",
    *,
    symbols: bool = False,
    reverse: bool = False,
    masked: bool = False,
    dtype: str = "float64",
    seed: int = 1,
) -> Case:
    T, B, D, H, lengths = SIZES[size]
    config = LayerConfig(input_size=D, hidden_size=H, reverse=reverse, **options)
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    shapes, lstm = config.parameter_shapes(), config.state_arrays == 2
    return Case(
        config,
        Wt=normal(*shapes["Wt"]) * 0.6,
        b=normal(*shapes["b"]) * 0.6,
        peephole=normal(3, H) if config.peephole else None,
        x=rng.integers(0, D, size=(T, B)).astype(np.int32) if symbols else normal(T, B, D),
        lengths=None if lengths is None else np.array(lengths, dtype=np.int32),
        h0=normal(B, H) * 0.5,
        c0=normal(B, H) if lstm else None,
        dh=normal(T, B, H),
        dh_T=normal(B, H),
        dc_T=normal(B, H) if lstm else None,
        mask=rng.choice([0, 1.25, 2.0], size=(B, H)).astype(dtype) if masked else None,
    )


INPUTS = {"dense": False, "symbols": True}
DIRECTIONS = {"": False, "reverse": True}
MASKS = {"": False, "masked": True}
cells = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
directions = pytest.mark.parametrize("reverse", DIRECTIONS.values(), ids=DIRECTIONS.keys())
everything_in_pairs = parametrize_pairs(
    options=VARIANTS, size={name: name for name in SIZES}, symbols=INPUTS, reverse=DIRECTIONS, masked=MASKS
)


@everything_in_pairs
def test_forward_is_the_textbooks(
    engine: EngineModule, options: dict[str, Any], size: str, symbols: bool, reverse: bool, masked: bool
) -> None:
    case = make_case(options, size, symbols=symbols, reverse=reverse, masked=masked)
    acts = case.forward(engine)
    expected = reference.layer(case.config, case.weights, case.x, together(case.h0, case.c0), case.lengths, case.mask)
    got = {"output": acts.output, **acts.blocks}
    if acts.extra is not None:
        got["extra"] = acts.extra
    if acts.c is not None:
        got["c_output"] = acts.c_output
    assert set(got) | {"h", "c"} == set(expected) | {"h", "c"}
    for name, value in got.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-14, err_msg=name)
    np.testing.assert_array_equal(acts.previous[-1 if reverse else 0], case.h0)


@everything_in_pairs
def test_gradients_are_those_of_finite_differences(
    engine: EngineModule, options: dict[str, Any], size: str, symbols: bool, reverse: bool, masked: bool
) -> None:
    case = make_case(options, size, symbols=symbols, reverse=reverse, masked=masked)
    grads = case.backward(engine, case.forward(engine))
    arrays = {"dWt": case.Wt, "db": case.b, "dpeephole": case.peephole, "dh0": case.h0, "dc0": case.c0}
    arrays["dx"] = None if symbols else case.x
    assert {name for name, value in grads.items() if value is not None} == {
        name for name, array in arrays.items() if array is not None
    }
    for name, array in arrays.items():
        if array is not None:
            value = grads[name]
            assert value is not None
            some = np.random.default_rng(2).permutation(array.size)[:150]  # all of them but for 17 units
            numerical = numerical_gradient(lambda: case.loss(engine), array, entries=some)
            assert relative_error(value.flat[some], numerical) < 1e-6, name


def test_final_gradients_may_be_absent(engine: EngineModule) -> None:
    case = make_case(VARIANTS["lstm peephole"], "lengths")
    acts = case.forward(engine)
    absent = engine.layer_backward(case.weights, acts, case.dh)
    zero = engine.layer_backward(case.weights, acts, case.dh, np.zeros_like(absent.dstate))
    for name, value in vars(zero).items():
        np.testing.assert_array_equal(getattr(absent, name), value, err_msg=name)


def test_backward_leaves_what_it_was_given_alone(engine: EngineModule) -> None:
    for options in VARIANTS.values():
        case = make_case(options, "lengths", masked=True)
        acts = case.forward(engine)
        case_before, acts_before = copy.deepcopy(case), copy.deepcopy(acts)
        first = case.backward(engine, acts)
        second = case.backward(engine, acts)
        for name, value in first.items():
            np.testing.assert_array_equal(second[name], value, err_msg=name)
        for before, after in ((case_before, case), (acts_before, acts)):
            for name, value in vars(before).items():
                np.testing.assert_array_equal(getattr(after, name), value, err_msg=name)


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("lstm input forced", "i"),
        ("lstm forget forced", "f"),
        ("lstm output forced", "o"),
        ("lstm coupled", "i"),
        ("lstm peephole, coupled", "i"),
        ("lstm peephole, forget forced", "f"),
        ("lstm peephole, output forced", "o"),
        ("lstm coupled, forget forced", "if"),
        ("lstm coupled, input forced", "i"),
        ("lstm all at once", "ifo"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gate_that_does_not_listen_has_gradients_of_exactly_zero(
    engine: EngineModule, name: str, silent: str, dtype: str
) -> None:
    case = make_case(VARIANTS[name], dtype=dtype)
    grads = case.backward(engine, case.forward(engine))
    H = case.config.hidden_size
    dWt, db = grads["dWt"], grads["db"]
    assert dWt is not None and db is not None
    for k, gate in enumerate("ifgo"):
        rows = slice(k * H, (k + 1) * H)
        assert (gate in silent) == (not dWt[:, rows].any()) == (not db[rows].any()), gate
    for k, gate in enumerate("ifo"):
        dpeephole = grads.get("dpeephole")
        if dpeephole is not None:
            assert (gate in silent) == (not dpeephole[k].any()), gate


@parametrize_pairs(options=VARIANTS, reverse=DIRECTIONS, masked=MASKS)
def test_steps_past_the_end_change_nothing(
    engine: EngineModule, options: dict[str, Any], reverse: bool, masked: bool
) -> None:
    """A padded batch is each of its sequences alone, and what stands in the padding does not matter."""
    case = make_case(options, "lengths", reverse=reverse, masked=masked)
    acts, lengths = case.forward(engine), case.lengths
    grads = case.backward(engine, acts)
    assert lengths is not None
    total = {name: np.zeros_like(value) for name, value in grads.items() if name in ("dWt", "db", "dpeephole")}
    for lane, length in enumerate(lengths):
        one = slice(lane, lane + 1)
        assert not acts.gates[length:, lane].any() and (acts.extra is None or not acts.extra[length:, lane].any())
        ended = case.h0[lane] if reverse or length == 0 else acts.output[length - 1, lane]
        np.testing.assert_array_equal(acts.output[length:, lane], np.tile(ended, (5 - length, 1)))
        if length == 0:
            expected_dh0 = case.dh_T[lane] + case.dh[:, lane].sum(axis=0)
            np.testing.assert_allclose(grads["dh0"][lane], expected_dh0, rtol=1e-14)  # type: ignore[index]
            continue
        alone = copy.copy(case)
        alone.lengths = None
        alone.x, alone.h0 = case.x[:length, one].copy(), case.h0[one].copy()
        alone.c0 = None if case.c0 is None else case.c0[one].copy()
        alone.mask = None if case.mask is None else case.mask[one].copy()
        alone.dh = case.dh[:length, one].copy()
        beyond = case.dh[length:, one].sum(axis=0)  # flows into the state that was left alone
        alone.dh_T = case.dh_T[one].copy() if reverse else case.dh_T[one] + beyond
        alone.dc_T = None if case.dc_T is None else case.dc_T[one].copy()
        acts_alone = alone.forward(engine)
        np.testing.assert_allclose(acts_alone.output, acts.output[:length, one], rtol=1e-13)
        for name, value in alone.backward(engine, acts_alone).items():
            if name in total:
                total[name] += value
        assert grads["dx"] is not None and not grads["dx"][length:, lane].any()
    for name, value in total.items():
        assert relative_error(grads[name], value) < 1e-13, name  # type: ignore[arg-type]


@cells
@pytest.mark.parametrize("symbols", INPUTS.values(), ids=INPUTS.keys())
def test_float32_is_float32_throughout(engine: EngineModule, options: dict[str, Any], symbols: bool) -> None:
    case = make_case(options, "lengths", symbols=symbols, masked=True, dtype="float32")
    exact = make_case(options, "lengths", symbols=symbols, masked=True)
    acts, exact_acts = case.forward(engine), exact.forward(engine)
    for name in ("h", "c", "gates", "extra"):
        value = getattr(acts, name)
        if value is not None:
            assert value.dtype == np.float32, name
            assert relative_error(value, getattr(exact_acts, name)) < 1e-6, name
    expected = exact.backward(engine, exact_acts)
    for name, gradient in case.backward(engine, acts).items():
        if gradient is not None:
            assert gradient.dtype == np.float32, name
            assert relative_error(gradient, expected[name]) < 1e-5, name  # type: ignore[arg-type]


@parametrize_pairs(options=VARIANTS, dtype={"float32": "float32", "float64": "float64"}, sign={"low": -1, "high": 1})
def test_saturated_gates_are_their_limits(engine: EngineModule, options: dict[str, Any], dtype: str, sign: int) -> None:
    """Pre-activations of ±1e4 overflow e^a: gates must then be exactly 0 or 1, silently."""
    case = make_case(options, dtype=dtype)
    case.Wt[...] = 0
    case.b[...] = sign * 1e4
    if case.peephole is not None:
        case.peephole[...] = 0
    acts = case.forward(engine)
    force, high = case.config.force, max(sign, 0)
    of_squash = {"σ": high, "tanh": sign, "": sign * 1e4}
    limits: dict[str, float] = {block.name: of_squash[block.squash] for block in CELLS[case.config.cell].blocks}
    if case.config.coupled:
        limits["i"] = 1 - force.get("forget", high)
    for name, gate in (("i", "input"), ("f", "forget"), ("o", "output")):
        limits[name] = force.get(gate, limits.get(name, 0))
    for name, value in acts.blocks.items():
        np.testing.assert_allclose(value, limits[name], rtol=1e-6, atol=1e-30, err_msg=name)
    assert all(np.isfinite(value).all() for value in case.backward(engine, acts).values() if value is not None)


@cells
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_go_through_in_silence(engine: EngineModule, options: dict[str, Any], bad: float) -> None:
    case = make_case(options, "lengths")
    case.Wt[:, ::2] = bad
    case.x[0, 0, 0] = -bad
    acts = case.forward(engine)
    grads = case.backward(engine, acts)
    assert np.isnan(acts.output).any() and np.isnan(grads["dWt"]).any()  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("apart", [1, 2, 3, 4, 8, 16])
def test_sigmoid_in_place_on_a_view(dtype: str, apart: int) -> None:
    """A gate of the twin is such a view. At 16 or 64 bytes from one to the next, NumPy 2.4 negates other entries."""
    array = np.random.default_rng(1).normal(size=(5, apart)).astype(dtype)
    expected = 1 / (1 + np.exp(-array[:, 0].astype(np.float64)))
    sigmoid(array[:, 0], out=array[:, 0])
    np.testing.assert_allclose(array[:, 0], expected, rtol=1e-6)
