"""The gradients of a layer's states after every step, which a backward pass computes and does not keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..cells import CELLS
from ..cells.activations import Activations
from ..cells.config import Weights
from .interface import EngineModule


@dataclass(frozen=True)
class StateGradients:
    """∂L/∂ of a layer's states after every step."""

    #: (T, B, H)
    dh: np.ndarray
    #: (T, B, H) of an LSTM; None of other cells.
    dc: np.ndarray | None
    #: (T, B, D), of the layer's input; None if that was symbols.
    dx: np.ndarray | None


def state_gradients(engine: EngineModule, weights: Weights, acts: Activations, dh_output: np.ndarray) -> StateGradients:
    """The gradients of a layer's states after each step, from those of its output, ``dh_output`` (T, B, H).

    One backward pass, a step at a time. ``acts`` are of B sequences, or of one to which B losses belong.
    """
    T, B, _ = dh_output.shape
    dh = np.empty_like(dh_output)
    dc = None if acts.c is None else np.empty_like(dh_output)
    dstate = np.zeros((acts.config.state_arrays, *dh_output.shape[1:]), dh_output.dtype)
    dx, no_output = [], np.zeros_like(dh_output[:1])
    for t in reversed(range(T)):
        dstate[0] += dh_output[t]
        dh[t] = dstate[0]
        if dc is not None:
            dc[t] = dstate[1]
        gradients = engine.layer_backward(weights, _step(acts, t, B), no_output, dstate)
        dstate = gradients.dstate
        if gradients.dx is not None:
            dx.append(gradients.dx[0])
    if dc is not None:  # so far without the way through h_t
        dc += dh * CELLS[acts.config.cell].output_slope(weights, acts)
    return StateGradients(dh, dc, np.stack(dx[::-1]) if dx else None)


def _step(acts: Activations, t: int, batch: int) -> Activations:
    """Step t alone, ``batch`` times if it is of one sequence."""

    def cut(array: np.ndarray | None, steps: int) -> np.ndarray | None:
        if array is None:
            return None
        part = array[t : t + steps]
        return part if part.shape[1] == batch else np.repeat(part, batch, axis=1)

    h, gates = cut(acts.h, 2), cut(acts.gates, 1)
    assert h is not None and gates is not None
    return replace(acts, h=h, c=cut(acts.c, 2), gates=gates, extra=cut(acts.extra, 1), x=cut(acts.x, 1))
