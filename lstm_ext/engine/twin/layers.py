"""One recurrent layer, forward and backward through time: the equations, in NumPy.

Written to be read, and laid out so that it is also fast enough to work with:

- The input's share of all pre-activations, Wx·x_t + b, is computed for all steps at once (one
  matrix product, or one gather for symbols). Only U·h_{t−1} has to wait for its step.
- The backward pass first takes every local derivative, at all steps at once (the *slopes*); its
  time loop then only chains them.  Weight gradients are one matrix product after that loop.

Names: a_k is the pre-activation of block k, so i = σ(a_i); ``da`` is ∂L/∂a; a quote, as in h',
stands for "of the step before". U is the part of W that meets h', Wx the part that meets x. With a
recurrent mask m, wherever U meets h' it meets m⊙h'.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

import numpy as np

from ...errors import ArgumentError
from ..activations import Activations
from ..config import LayerConfig

P = ParamSpec("P")
R = TypeVar("R")


def quiet(function: Callable[P, R]) -> Callable[P, R]:
    """Overflow and NaN are results here, to be found in the loss, and nothing to print warnings about."""

    @functools.wraps(function)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return quietly


@quiet
def sigmoid(a: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """σ(a) = 1 / (1 + e^−a), exact to rounding at both ends: where e^−a overflows, 1/∞ is the limit 0."""
    # Not np.negative: in place, on a view that is not contiguous, NumPy 2.4's takes the wrong entries.
    result: np.ndarray = np.multiply(a, -1, out=out)
    np.exp(result, out=result)
    result += 1
    np.reciprocal(result, out=result)
    return result


@quiet
def layer_forward(
    config: LayerConfig,
    Wt: np.ndarray,
    b: np.ndarray,
    peephole: np.ndarray | None,
    x: np.ndarray,
    lengths: np.ndarray | None,
    h0: np.ndarray,
    c0: np.ndarray | None,
    recurrent_mask: np.ndarray | None = None,
) -> Activations:
    """See ``EngineModule.layer_forward``."""
    (T, B), H, G = x.shape[:2], config.hidden_size, config.blocks
    U, Wx = _split(config, Wt)
    acts = Activations(
        config=config,
        x=x,
        lengths=lengths,
        h=np.empty((T + 1, B, H), Wt.dtype),
        c=None if c0 is None else np.empty((T + 1, B, H), Wt.dtype),
        gates=_input_projection(Wx, b[: G * H], x).reshape(T, B, G, H),
        extra=np.empty((T, B, H), Wt.dtype) if config.keeps_extra else None,
        recurrent_mask=recurrent_mask,
    )
    start = T if config.reverse else 0
    acts.h[start] = h0
    if acts.c is not None:
        acts.c[start] = c0
    if config.cell == "lstm":
        _lstm_forward(config, U, peephole, acts)
    elif config.cell == "gru":
        _gru_forward(config, U, b[G * H :], acts)
    elif config.cell == "mingru":
        _mingru_forward(acts)
    else:
        _rnn_forward(U, acts)
    return acts


@quiet
def layer_backward(
    config: LayerConfig,
    Wt: np.ndarray,
    b: np.ndarray,
    peephole: np.ndarray | None,
    acts: Activations,
    dh: np.ndarray,
    dh_T: np.ndarray | None,
    dc_T: np.ndarray | None,
) -> dict[str, np.ndarray | None]:
    """See ``EngineModule.layer_backward``."""
    if acts.x is None:
        raise ArgumentError("acts: got x = None, expected activations that kept their input")
    T, B, H = dh.shape
    U, Wx = _split(config, Wt)
    dh_next = np.zeros((B, H), dh.dtype) if dh_T is None else dh_T
    dc_next = np.zeros((B, H), dh.dtype) if dc_T is None else dc_T
    grads: dict[str, np.ndarray | None] = {}
    if config.cell == "lstm":
        da, grads["dh0"], grads["dc0"] = _lstm_backward(config, U, peephole, acts, dh, dh_next, dc_next)
    elif config.cell == "gru":
        da, grads["dh0"] = _gru_backward(config, U, acts, dh, dh_next)
    elif config.cell == "mingru":
        da, grads["dh0"] = _mingru_backward(acts, dh, dh_next)
    else:
        da, grads["dh0"] = _rnn_backward(U, acts, dh, dh_next)

    # a = U·h' + Wx·x + b at every step, so each gradient is one product over all T·B of them.
    rows = da.reshape(T * B, -1)  # (T·B, G·H)
    dWt, db = np.empty_like(Wt), np.empty_like(b)
    db[: rows.shape[1]] = rows.sum(axis=0)
    dU, dWx = _split(config, dWt)
    grads["dx"] = _input_gradients(Wx, acts.x, rows, dWx)
    if config.recurrent:
        _recurrent_gradients(config, acts, da, dU, db)
    grads["dWt"], grads["db"] = dWt, db
    if config.peephole:  # a_i and a_f looked at c', a_o at the new c
        c_previous, c = acts.c_previous, acts.c_output
        grads["dpeephole"] = np.stack(
            [np.einsum("tbh,tbh->h", da[:, :, k], seen) for k, seen in ((0, c_previous), (1, c_previous), (3, c))]
        )
    return grads


# ---------------------------------------------------------------------------------------- LSTM


def _lstm_forward(config: LayerConfig, U: np.ndarray, peephole: np.ndarray | None, acts: Activations) -> None:
    """i = σ(a_i + p_i⊙c'), f = σ(a_f + p_f⊙c'), g = tanh(a_g), c = f⊙c' + i⊙g,
    o = σ(a_o + p_o⊙c), h = o⊙tanh(c).  Hochreiter and Schmidhuber 1997; Gers et al. 2000."""
    h, h_previous, c, c_previous = acts.output, acts.previous, acts.c_output, acts.c_previous
    tanh_c = acts.extra
    assert tanh_c is not None
    for t in _steps(acts):
        a = acts.gates[t]  # (B, 4, H): Wx·x + b so far, and turned into i, f, g, o in place
        a += (_masked(acts, h_previous[t]) @ U).reshape(a.shape)
        i, f, g, o = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
        if peephole is not None:
            a[:, :2] += peephole[:2] * c_previous[t][:, None]
        sigmoid(a[:, :2], out=a[:, :2])
        np.tanh(g, out=g)
        if "forget" in config.force:
            f[...] = config.force["forget"]
        if config.coupled:
            np.subtract(1, f, out=i)
        if "input" in config.force:
            i[...] = config.force["input"]

        np.multiply(f, c_previous[t], out=c[t])
        c[t] += i * g
        if peephole is not None:
            o += peephole[2] * c[t]
        sigmoid(o, out=o)
        if "output" in config.force:
            o[...] = config.force["output"]
        np.tanh(c[t], out=tanh_c[t])
        np.multiply(o, tanh_c[t], out=h[t])
        _leave_alone(acts, t)


def _lstm_backward(
    config: LayerConfig,
    U: np.ndarray,
    peephole: np.ndarray | None,
    acts: Activations,
    dh_output: np.ndarray,
    dh: np.ndarray,
    dc: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """∂L/∂a (T, B, 4, H), ∂L/∂h0 and ∂L/∂c0 (B, H)."""
    i, f, g, o = acts.blocks.values()  # each (T, B, H)
    tanh_c, c_previous = acts.extra, acts.c_previous
    assert tanh_c is not None

    # The slopes, at all steps at once. Three gates act through c = f⊙c' + i⊙g, the fourth on h = o⊙tanh(c):
    slope = np.empty_like(acts.gates)
    slope_i, slope_f, slope_g, slope_o = (slope[:, :, k] for k in range(4))
    slope_i[...] = g * i * (1 - i)  # ∂c/∂a_i
    slope_f[...] = c_previous * f * (1 - f)  # ∂c/∂a_f: the forget gate's derivative
    slope_g[...] = i * (1 - g * g)  # ∂c/∂a_g
    slope_o[...] = tanh_c * o * (1 - o)  # ∂h/∂a_o
    slope_c = o * (1 - tanh_c * tanh_c)  # ∂h/∂c
    if config.coupled and "input" not in config.force:
        slope_f -= g * f * (1 - f)  # i = 1 − f, so a_f also moves i⊙g
    for k, gate in ((0, "input"), (1, "forget"), (3, "output")):
        if gate in config.force or (gate == "input" and config.coupled):
            slope[:, :, k] = 0  # a constant does not listen to its pre-activation

    da = slope  # each step's slopes become its ∂L/∂a in place
    for t in _steps(acts, backward=True):
        dh = dh + dh_output[t]
        da[t, :, 3] *= dh
        dc_through = dh * slope_c[t]
        dc_through += dc  # ∂L/∂c by both ways: through h, and through the next step's c
        if peephole is not None:
            dc_through += da[t, :, 3] * peephole[2]
        da[t, :, :3] *= dc_through[:, None]
        dh_previous = _masked(acts, da[t].reshape(len(dh), -1) @ U.T)
        dc_previous = dc_through * f[t]
        if peephole is not None:
            dc_previous += da[t, :, 0] * peephole[0] + da[t, :, 1] * peephole[1]
        ended = _ended(acts, t)
        if ended is not None:  # gates of 0 made da 0; what remains is to pass dh and dc on untouched
            dh_previous[ended] = dh[ended]
            dc_previous[ended] = dc[ended]
        dh, dc = dh_previous, dc_previous
    return da, dh, dc


# ----------------------------------------------------------------------------------------- GRU


def _gru_forward(config: LayerConfig, U: np.ndarray, b_hn: np.ndarray, acts: Activations) -> None:
    """r = σ(a_r), z = σ(a_z), h = (1−z)⊙h' + z⊙n, with the candidate (Cho et al. 2014)
    n = tanh(U_n·(r⊙h') + Wx_n·x + b_n), or with reset_after (cuDNN, PyTorch)
    n = tanh(r⊙(U_n·h' + b_hn) + Wx_n·x + b_n).  PyTorch's z is 1−z here."""
    h, h_previous, extra = acts.output, acts.previous, acts.extra
    assert extra is not None
    H = config.hidden_size
    U_rz, U_n = U[:, : 2 * H], U[:, 2 * H :]
    for t in _steps(acts):
        a = acts.gates[t]  # (B, 3, H): Wx·x + b so far, and turned into r, z, n in place
        r, z, n = a[:, 0], a[:, 1], a[:, 2]
        seen = _masked(acts, h_previous[t])
        a[:, :2] += (seen @ U_rz).reshape(-1, 2, H)
        sigmoid(a[:, :2], out=a[:, :2])
        if config.reset_after:
            extra[t] = seen @ U_n + b_hn
            n += r * extra[t]
        else:
            np.multiply(r, seen, out=extra[t])
            n += extra[t] @ U_n
        np.tanh(n, out=n)
        h[t] = (1 - z) * h_previous[t] + z * n
        _leave_alone(acts, t)


def _gru_backward(
    config: LayerConfig, U: np.ndarray, acts: Activations, dh_output: np.ndarray, dh: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """∂L/∂a (T, B, 3, H), a_n without the recurrent part for reset_after, and ∂L/∂h0 (B, H)."""
    r, z, n = acts.blocks.values()  # each (T, B, H)
    h_previous, extra = acts.previous, acts.extra
    assert extra is not None
    H = config.hidden_size
    U_rz, U_n = U[:, : 2 * H], U[:, 2 * H :]

    slope = np.empty_like(acts.gates)
    # r⊙h' goes into the candidate's product, or r⊙(U_n·h' + b_hn) comes out of it:
    slope[:, :, 0] = (extra if config.reset_after else _masked(acts, h_previous)) * r * (1 - r)  # ∂(r⊙…)/∂a_r
    slope[:, :, 1] = (n - h_previous) * z * (1 - z)  # ∂h/∂a_z
    slope[:, :, 2] = z * (1 - n * n)  # ∂h/∂a_n

    da = slope  # each step's slopes become its ∂L/∂a in place
    for t in _steps(acts, backward=True):
        dh = dh + dh_output[t]
        da[t, :, 1:] *= dh[:, None]
        if config.reset_after:
            da[t, :, 0] *= da[t, :, 2]
            d_seen = (da[t, :, 2] * r[t]) @ U_n.T  # ∂L/∂(m⊙h'), by all ways through U
        else:
            d_reset = da[t, :, 2] @ U_n.T  # ∂L/∂(r⊙h')
            da[t, :, 0] *= d_reset
            d_seen = d_reset * r[t]
        d_seen += da[t, :, :2].reshape(-1, 2 * H) @ U_rz.T
        dh = dh * (1 - z[t]) + _masked(acts, d_seen)  # z = 0 where a sequence has ended: dh passes untouched
    return da, dh


# ----------------------------------------------------------------------------------------- RNN


def _rnn_forward(U: np.ndarray, acts: Activations) -> None:
    """h = tanh(U·h' + Wx·x + b).  Elman 1990."""
    h, h_previous = acts.output, acts.previous
    for t in _steps(acts):
        a = acts.gates[t, :, 0]  # (B, H)
        a += _masked(acts, h_previous[t]) @ U
        h[t] = np.tanh(a, out=a)
        _leave_alone(acts, t)


def _rnn_backward(
    U: np.ndarray, acts: Activations, dh_output: np.ndarray, dh: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """∂L/∂a (T, B, 1, H) and ∂L/∂h0 (B, H)."""
    da = 1 - acts.gates * acts.gates  # ∂h/∂a = 1 − h²
    for t in _steps(acts, backward=True):
        dh = dh + dh_output[t]
        da[t, :, 0] *= dh
        ended = _ended(acts, t)
        if ended is not None:
            da[t, ended] = 0
        dh_previous = _masked(acts, da[t, :, 0] @ U.T)
        if ended is not None:
            dh_previous[ended] = dh[ended]
        dh = dh_previous
    return da, dh


# -------------------------------------------------------------------------------------- minGRU


def _mingru_forward(acts: Activations) -> None:
    """z = σ(Wx_z·x + b_z), n = Wx_n·x + b_n, h = (1−z)⊙h' + z⊙n.  Feng et al. 2024."""
    z, n = acts.blocks.values()
    sigmoid(z, out=z)
    for t in _steps(acts):
        acts.output[t] = (1 - z[t]) * acts.previous[t] + z[t] * n[t]
        _leave_alone(acts, t)


def _mingru_backward(acts: Activations, dh_output: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∂L/∂a (T, B, 2, H) and ∂L/∂h0 (B, H)."""
    z, n = acts.blocks.values()  # each (T, B, H)
    da = np.empty_like(acts.gates)
    da[:, :, 0] = (n - acts.previous) * z * (1 - z)  # ∂h/∂a_z
    da[:, :, 1] = z  # ∂h/∂a_n
    for t in _steps(acts, backward=True):
        dh = dh + dh_output[t]
        da[t] *= dh[:, None]
        dh = dh * (1 - z[t])  # z = 0 where a sequence has ended: dh passes untouched
    return da, dh


# -------------------------------------------------------------------------- what all cells share


def _split(config: LayerConfig, Wt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U (H, G·H), of a minGRU (0, G·H), and Wx (D, G·H): views."""
    return Wt[: -config.input_size], Wt[-config.input_size :]


def _steps(acts: Activations, backward: bool = False) -> Iterable[int]:
    """t in the order in which the steps are computed, or, for the backward pass, in the opposite one."""
    T = len(acts.gates)
    return reversed(range(T)) if acts.config.reverse != backward else range(T)


def _ended(acts: Activations, t: int) -> np.ndarray | None:
    """(B,) bool: which sequences have no step t, or None if all have it."""
    if acts.lengths is None:
        return None
    ended = acts.lengths <= t
    return ended if ended.any() else None


def _leave_alone(acts: Activations, t: int) -> None:
    """Undo step t for the sequences that have no such step: state as before, gates and extra 0."""
    ended = _ended(acts, t)
    if ended is None:
        return
    acts.output[t, ended] = acts.previous[t, ended]
    if acts.c is not None:
        acts.c_output[t, ended] = acts.c_previous[t, ended]
    acts.gates[t, ended] = 0
    if acts.extra is not None:
        acts.extra[t, ended] = 0


def _masked(acts: Activations, h: np.ndarray) -> np.ndarray:
    """m⊙h, for h (B, H) or (T, B, H); its gradient with respect to h has the same form."""
    return h if acts.recurrent_mask is None else h * acts.recurrent_mask


def _input_projection(Wx: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(T, B, G·H): Wx·x_t + b for every step. A symbol stands for its one-hot vector, so its
    product is just that symbol's row of Wx (D, G·H)."""
    a: np.ndarray = Wx[x] if x.ndim == 2 else (x.reshape(-1, x.shape[2]) @ Wx).reshape(*x.shape[:2], -1)
    a += b
    return a


def _input_gradients(Wx: np.ndarray, x: np.ndarray, da: np.ndarray, dWx: np.ndarray) -> np.ndarray | None:
    """Fills ``dWx`` (D, G·H) from da (T·B, G·H) and returns dx (T, B, D), or None for symbols."""
    if x.ndim == 2:
        dWx[...] = 0
        # Each symbol's row is the sum over the steps at which it came: sorted, they lie side by side.
        steps = np.argsort(x, axis=None, kind="stable")
        symbols, starts = np.unique(x.reshape(-1)[steps], return_index=True)
        for symbol, here in zip(symbols, np.split(steps, starts[1:]), strict=True):
            da[here].sum(axis=0, out=dWx[symbol])
        return None
    np.matmul(x.reshape(-1, x.shape[2]).T, da, out=dWx)
    dx: np.ndarray = (da @ Wx.T).reshape(x.shape)
    return dx


def _recurrent_gradients(
    config: LayerConfig, acts: Activations, da: np.ndarray, dU: np.ndarray, db: np.ndarray
) -> None:
    """Fills ``dU`` (H, G·H), and the last H of ``db`` for a GRU with reset_after."""
    H = config.hidden_size
    h_previous = _masked(acts, acts.previous).reshape(-1, H)
    if config.cell != "gru":
        np.matmul(h_previous.T, da.reshape(len(h_previous), -1), out=dU)
        return
    assert acts.extra is not None
    dU[:, : 2 * H] = h_previous.T @ da[:, :, :2].reshape(-1, 2 * H)
    da_n = da[:, :, 2].reshape(-1, H)
    if config.reset_after:  # a_n = r⊙(U_n·h' + b_hn) + …
        dm = da_n * acts.gates[:, :, 0].reshape(-1, H)
        dU[:, 2 * H :] = h_previous.T @ dm
        db[3 * H :] = dm.sum(axis=0)
    else:  # a_n = U_n·(r⊙h') + …
        dU[:, 2 * H :] = acts.extra.reshape(-1, H).T @ da_n
