"""One recurrent layer, forward and backward through time: what all cells share. Their equations are in ``cells``.

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

import numpy as np

from ...cells import CELLS
from ...cells.activations import Activations
from ...cells.config import LayerConfig, Weights
from ...cells.functions import quiet
from ...errors import ArgumentError
from ..interface import LayerGradients


@quiet
def layer_forward(
    config: LayerConfig,
    weights: Weights,
    x: np.ndarray,
    state: np.ndarray,
    lengths: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
    reuse: Activations | None = None,
) -> Activations:
    """As ``lstm_ext.engine.interface.EngineModule.layer_forward``; all arrays are new."""
    acts = Activations.empty(config, (x.shape[0], x.shape[1]), weights.Wt.dtype)
    acts.x, acts.lengths, acts.recurrent_mask = x, lengths, recurrent_mask
    acts.begin(state)
    Wx = weights.Wt[config.recurrent_rows :]
    acts.gates = _input_projection(Wx, weights.b[: Wx.shape[1]], x).reshape(acts.gates.shape)
    CELLS[config.cell].forward(weights, acts)
    return acts


@quiet
def layer_backward(
    weights: Weights, acts: Activations, dh: np.ndarray, dfinal: np.ndarray | None = None
) -> LayerGradients:
    """As ``lstm_ext.engine.interface.EngineModule.layer_backward``. Raises ArgumentError for activations without x."""
    if acts.x is None:
        raise ArgumentError("acts: got x = None, expected activations that kept their input")
    config, cell = acts.config, CELLS[acts.config.cell]
    T, B, H = dh.shape
    if dfinal is None:
        dfinal = np.zeros((config.state_arrays, B, H), dh.dtype)
    da, dstate = cell.backward(weights, acts, dh, list(dfinal))

    # a = U·h' + Wx·x + b at every step, so each gradient is one product over all T·B of them.
    rows = da.reshape(T * B, -1)  # (T·B, G·H)
    dWt, db = np.empty_like(weights.Wt), np.empty_like(weights.b)
    db[: rows.shape[1]] = rows.sum(axis=0)
    meets_h = config.recurrent_rows
    dx = _input_gradients(weights.Wt[meets_h:], acts.x, rows, dWt[meets_h:])
    if meets_h:
        cell.recurrent_gradients(acts, da, dWt[:meets_h], db)
    return LayerGradients(dx, np.stack(dstate), dWt, db, cell.peephole_gradients(acts, da))


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
