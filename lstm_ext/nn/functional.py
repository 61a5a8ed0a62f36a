"""One recurrent layer as a pair of functions: forward over a whole sequence, and backward through time.

    h, c, cache = lstm_forward(x, h0, c0, W, b)
    grads = lstm_backward(dh, cache)

and alike for ``gru`` and ``rnn``. T is the number of steps, B of sequences, D of inputs, H of units.

=========  ==================  ================================================================
x          (T, B, D) floats    the inputs; or (T, B) integers, symbols 0 … D−1 that stand for
                               their one-hot vectors (D then follows from W)
h0, c0     (B, H) or None      the state before the first step; None is zeros
W          (G·H, H+D)          row blocks i, f, g, o (LSTM), r, z, n (GRU), one (RNN); columns [h, x]
b          (G·H,)              for a GRU with ``reset_after`` (G·H + H,): the last H are the
                               candidate's recurrent bias
lengths    (B,) integers       how many steps of each sequence count, 0 … T; None: all
reverse    bool                run from the last step to the first
backend    "c", "numpy", None  None is the default: see ``lstm_ext.engine.backend``
h, c, dh   (T, B, H)           output, cell and ∂L/∂output of every step, each in its place t
=========  ==================  ================================================================

**States.** Steps at and after ``lengths[b]`` leave sequence b's state alone, so that h[t] there
repeats the state before it (running forward, the last valid one; in reverse, h0), and x is never
read there. The final state is therefore always h[T−1], c[T−1], or in reverse h[0],
c[0]; ``dh_T`` and ``dc_T`` (B, H) are gradients with respect to it, on top of ``dh``.

**Dtypes.** W decides: float32 or float64. Other arrays must have the same dtype; only what has
none (lists) or converts without loss (float16) is converted. Any strides are accepted.

**Copies.** Arguments are never changed. The cache owns copies of all it needs, and h and c are
the caller's: changing either afterwards has no effect on the backward pass.

**Errors.** ArgumentError, in one line: the argument, what came, what was expected. NaN and infinity in the
numbers are not errors; they give what they would give on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import check_choice, checked
from ..cells import CELLS, CellName
from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from ..engine.backend import engine_module
from ..engine.config import DTYPES
from ..engine.interface import EngineModule
from ..errors import ArgumentError


@checked
class Cache(Mapping[str, np.ndarray]):
    """What a forward pass computed, by name, and what its backward pass needs.

    ``cache["i"]``, ``["f"]``, ``["g"]``, ``["o"]``, ``["c"]``, ``["h"]`` for an LSTM, ``["r"]``,
    ``["z"]``, ``["n"]``, ``["h"]`` for a GRU, ``["h"]`` for an RNN: read-only views (T, B, H).
    Gates are the values after their σ or tanh, and 0 at steps that do not count.
    """

    def __init__(self, engine: EngineModule, weights: Weights, acts: Activations) -> None:
        self._engine, self._weights, self._acts = engine, weights, acts
        self._views = acts.blocks
        if acts.c is not None:
            self._views["c"] = acts.c_output
        self._views["h"] = acts.output
        for view in self._views.values():
            view.flags.writeable = False

    def __getitem__(self, name: str) -> np.ndarray:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        T, B, H = self["h"].shape
        return f"<{self._acts.config.cell} cache: {', '.join(self)}; T={T}, B={B}, H={H}>"

    def _backward(self, dh: ArrayLike, **final: ArrayLike | None) -> dict[str, np.ndarray]:
        """``final``: dh_T and, for an LSTM, dc_T."""
        T, B, H = self["h"].shape
        dtype = self._weights.Wt.dtype
        dh = _floats("dh", dh, dtype, (T, B, H), "(T, B, H)")
        dfinal = np.zeros((len(final), B, H), dtype)
        for own, (name, value) in zip(dfinal, final.items(), strict=True):
            if value is not None:
                own[...] = _floats(name, value, dtype, (B, H), "(B, H)")
        grads = self._engine.layer_backward(self._weights, self._acts, dh, dfinal)
        initial = dict(zip(("dh0", "dc0"), grads.dstate, strict=False))
        named = {"dx": grads.dx, **initial, "dW": grads.dWt.T, "db": grads.db, "dpeephole": grads.dpeephole}
        return {name: gradient for name, gradient in named.items() if gradient is not None}


def lstm_forward(
    x: ArrayLike,
    h0: ArrayLike | None,
    c0: ArrayLike | None,
    W: ArrayLike,
    b: ArrayLike,
    *,
    peephole: ArrayLike | None = None,
    coupled: bool = False,
    force: Mapping[str, float] | None = None,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    backend: str | None = None,
) -> tuple[np.ndarray, np.ndarray, Cache]:
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

        i = σ(W_i·[h', x] + b_i + p_i⊙c')        c = f⊙c' + i⊙g
        f = σ(W_f·[h', x] + b_f + p_f⊙c')        h = o⊙tanh(c)
        g = tanh(W_g·[h', x] + b_g)
        o = σ(W_o·[h', x] + b_o + p_o⊙c)         (a quote: of the step before)

    ``peephole`` (3, H), rows p_i, p_f, p_o (Gers and Schmidhuber 2000); without it they are 0.
    ``coupled``: i = 1 − f (Greff et al. 2015), the input gate's own rows are not used.
    ``force`` holds gates at constants in [0, 1], such as ``{"forget": 1.0}``; of "input",
    "forget" and "output". The rows of W, b and peephole of a gate that is not used get gradient
    exactly 0. Returns h (T, B, H), c (T, B, H) and the cache for ``lstm_backward``.

    Shapes, dtypes, states and errors are described in ``lstm_ext.nn.functional``.
    """
    options = {"coupled": bool(coupled), "force": _force(force), "reverse": bool(reverse)}
    cache = _forward("lstm", _Given(x, W, b, peephole, lengths), {"h0": h0, "c0": c0}, options, backend)
    return cache["h"].copy(), cache["c"].copy(), cache


def lstm_backward(
    dh: ArrayLike, cache: Cache, dh_T: ArrayLike | None = None, dc_T: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """Backpropagation through time for ``lstm_forward``.

    ``dh`` (T, B, H) is ∂L/∂h of every step's output itself, without what flows through later
    steps; ``dh_T`` and ``dc_T`` (B, H) are the gradients with respect to the final state.
    Returns dx (T, B, D), dh0, dc0 (B, H), dW, db and, with peepholes, dpeephole, shaped as their
    arguments. There is no dx where x was symbols.
    """
    return _checked("lstm", cache)._backward(dh, dh_T=dh_T, dc_T=dc_T)


def gru_forward(
    x: ArrayLike,
    h0: ArrayLike | None,
    W: ArrayLike,
    b: ArrayLike,
    *,
    reset_after: bool = False,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    backend: str | None = None,
) -> tuple[np.ndarray, Cache]:
    """Gated recurrent unit (Cho et al. 2014), with z as the share of what is new.

        r = σ(W_r·[h', x] + b_r)        z = σ(W_z·[h', x] + b_z)        h = (1−z)⊙h' + z⊙n
        n = tanh(W_n·[r⊙h', x] + b_n)                    reset_after=False, the textbook's
        n = tanh(Wx_n·x + b_n + r⊙(Wh_n·h' + b_hn))      reset_after=True, cuDNN's and PyTorch's

    b is (3·H,), or (4·H,) with ``reset_after``: b_r, b_z, b_n, b_hn. PyTorch's z is 1 − z here, so
    its weights become these by negating W_z and b_z. Returns h (T, B, H) and the cache for
    ``gru_backward``. Shapes, dtypes, states and errors are described in ``lstm_ext.nn.functional``.
    """
    options = {"reset_after": bool(reset_after), "reverse": bool(reverse)}
    cache = _forward("gru", _Given(x, W, b, None, lengths), {"h0": h0}, options, backend)
    return cache["h"].copy(), cache


def gru_backward(dh: ArrayLike, cache: Cache, dh_T: ArrayLike | None = None) -> dict[str, np.ndarray]:
    """Backpropagation through time for ``gru_forward``, as ``lstm_ext.nn.functional.lstm_backward`` without c."""
    return _checked("gru", cache)._backward(dh, dh_T=dh_T)


def rnn_forward(
    x: ArrayLike,
    h0: ArrayLike | None,
    W: ArrayLike,
    b: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    backend: str | None = None,
) -> tuple[np.ndarray, Cache]:
    """Plain recurrent network (Elman 1990): h = tanh(W·[h', x] + b), with W (H, H+D) and b (H,).

    Returns h (T, B, H) and the cache for ``rnn_backward``. Shapes, dtypes, states and errors are
    described in ``lstm_ext.nn.functional``.
    """
    cache = _forward("rnn", _Given(x, W, b, None, lengths), {"h0": h0}, {"reverse": bool(reverse)}, backend)
    return cache["h"].copy(), cache


def rnn_backward(dh: ArrayLike, cache: Cache, dh_T: ArrayLike | None = None) -> dict[str, np.ndarray]:
    """Backpropagation through time for ``rnn_forward``, as ``lstm_ext.nn.functional.lstm_backward`` without c."""
    return _checked("rnn", cache)._backward(dh, dh_T=dh_T)


class _Given(NamedTuple):
    """The arguments of a forward function."""

    x: ArrayLike
    W: ArrayLike
    b: ArrayLike
    peephole: ArrayLike | None
    lengths: ArrayLike | None


def _forward(
    cell: CellName,
    given: _Given,
    states: Mapping[str, ArrayLike | None],
    options: Mapping[str, Any],
    backend: str | None,
) -> Cache:
    """Checks everything, copies it into the engine's layout and runs it."""
    engine = engine_module(backend)
    W = _array("W", given.W)
    if W.dtype.name not in DTYPES:
        raise ArgumentError(f"W: got dtype {W.dtype}, expected float32 or float64")
    G = len(CELLS[cell].blocks)
    H, rest = divmod(W.shape[0], G) if W.ndim == 2 else (0, 0)
    D = W.shape[1] - H if H else 0
    if D < 1 or rest:
        raise ArgumentError(f"W: got shape {W.shape}, expected ({_times_h(G)}, H+D) with H and D at least 1")
    config = LayerConfig(cell, input_size=D, hidden_size=H, peephole=given.peephole is not None, **options)

    dtype = W.dtype.newbyteorder("=")
    inputs, counts = _inputs(given.x, given.lengths, dtype, D)
    B = inputs.shape[1]
    (bias,) = config.parameter_shapes()["b"]
    Wt = np.array(W.T, dtype=dtype, order="C")
    b = _floats("b", given.b, dtype, (bias,), f"({_times_h(bias // H)},)")
    peephole = None
    if given.peephole is not None:
        peephole = _floats("peephole", given.peephole, dtype, (3, H), "(3, H)")
    state = np.zeros((len(states), B, H), dtype)
    for own, (name, value) in zip(state, states.items(), strict=True):
        if value is not None:
            own[...] = _floats(name, value, dtype, (B, H), "(B, H)")
    weights = Weights(Wt, b, peephole)
    return Cache(engine, weights, engine.layer_forward(config, weights, inputs, state, counts))


def _times_h(n: int) -> str:
    return "H" if n == 1 else f"{n}·H"


def _checked(cell: str, cache: Cache) -> Cache:
    if not isinstance(cache, Cache):
        raise ArgumentError(f"cache: got {type(cache).__name__}, expected what {cell}_forward returned last")
    if cache._acts.config.cell != cell:
        raise ArgumentError(f"cache: got one of {cache._acts.config.cell}_forward, expected one of {cell}_forward")
    return cache


def _array(name: str, value: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        raise ArgumentError(f"{name}: got nested lists of different lengths, expected an array") from None


def _floats(name: str, value: ArrayLike, dtype: np.dtype, shape: tuple[int, ...], letters: str) -> np.ndarray:
    """A contiguous copy of ``value``, if it fits."""
    array = _array(name, value)
    if array.shape != shape:
        raise ArgumentError(f"{name}: got shape {array.shape}, expected {letters} = {shape}")
    return _cast(name, value, array, dtype)


def _cast(name: str, value: ArrayLike, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A contiguous copy of ``array``, made from ``value``, in ``dtype``."""
    if hasattr(value, "dtype"):
        # A float32 array among float64 ones would convert without loss, but is usually a mistake.
        mixed = array.dtype.name in DTYPES and array.dtype.name != dtype.name
        allowed = not mixed and np.can_cast(array.dtype, dtype, "safe")
    else:
        allowed = array.dtype.kind in "fiu"
    if not allowed:
        raise ArgumentError(f"{name}: got dtype {array.dtype}, expected {dtype}, that of W")
    return np.array(array, dtype=dtype, order="C")


def _inputs(x: ArrayLike, lengths: ArrayLike | None, dtype: np.dtype, D: int) -> tuple[np.ndarray, np.ndarray | None]:
    """x as (T, B, D) floats or (T, B) int32 symbols, and lengths as (B,) int32; copies."""
    array = _array("x", x)
    symbols = array.dtype.kind in "iu"
    if array.ndim != (2 if symbols else 3) or 0 in array.shape:
        raise ArgumentError(
            f"x: got {array.dtype} of shape {array.shape}, "
            "expected floats (T, B, D) or integers (T, B), with T and B at least 1"
        )
    if not symbols and array.shape[2] != D:
        raise ArgumentError(f"x: got shape {array.shape}, expected (T, B, D) with D = {D}, from W's columns H+D")
    T, B = array.shape[:2]
    inputs = array.copy() if symbols else _cast("x", x, array, dtype)
    counts = None if lengths is None else _lengths(lengths, T, B)
    if counts is not None:
        # Padding may hold anything, and 0·NaN would still be NaN in the gradient of W.
        inputs[np.arange(T)[:, None] >= counts] = 0
    if not symbols:
        return inputs, counts
    outside = (inputs < 0) | (inputs >= D)
    if outside.any():
        t, b = (int(position[0]) for position in np.nonzero(outside))
        raise ArgumentError(f"x: got symbol {array[t, b]} at step {t} of sequence {b}, expected 0 to {D - 1}")
    return np.ascontiguousarray(inputs, dtype=np.int32), counts


def _lengths(lengths: ArrayLike, T: int, B: int) -> np.ndarray:
    """(B,) int32; a copy."""
    array = _array("lengths", lengths)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"lengths: got dtype {array.dtype}, expected integers")
    if array.shape != (B,):
        raise ArgumentError(f"lengths: got shape {array.shape}, expected (B,) = ({B},)")
    outside = (array < 0) | (array > T)
    if outside.any():
        b = int(np.argmax(outside))
        raise ArgumentError(f"lengths: got {array[b]} for sequence {b}, expected 0 to T = {T}")
    return np.array(array, dtype=np.int32)


def _force(force: Mapping[str, float] | None) -> dict[str, float]:
    """Constants for gates, checked."""
    if force is None:
        return {}
    if not isinstance(force, Mapping):
        raise ArgumentError(f"force: got {force!r}, expected a dict such as {{'forget': 1.0}}")
    constants = {}
    for gate, value in force.items():
        check_choice("force", gate, CELLS["lstm"].forceable)
        try:
            constants[gate] = float(value)
        except (TypeError, ValueError):
            constants[gate] = np.nan
        if not 0 <= constants[gate] <= 1:
            raise ArgumentError(f"force: got {value!r} for {gate!r}, expected a number in [0, 1]")
    return constants
