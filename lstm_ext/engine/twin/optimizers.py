"""Clipping and the optimizers' formulas, in NumPy. ``OptimizerConfig`` states them."""

from __future__ import annotations

import math

import numpy as np

from ...errors import NonFiniteError
from ..config import OptimizerConfig


def optimizer_step(
    parameters: np.ndarray,
    gradient: np.ndarray,
    moments: np.ndarray,
    optimizer: OptimizerConfig,
    step: int,
    lr: float,
) -> float:
    """As ``lstm_ext.engine.interface.EngineModule.optimizer_step``. Raises NonFiniteError."""
    norm = global_norm(gradient)
    if not math.isfinite(norm):
        raise NonFiniteError(step, math.nan, norm)
    with np.errstate(all="ignore"):
        g = clipped(gradient, norm, optimizer.clip_value, optimizer.clip_norm)
        apply(optimizer, parameters, g, moments, step, float(lr))
    return norm


def global_norm(gradient: np.ndarray) -> float:
    """‖gradient‖ of an array of any shape, summed in float64, where the square of any float32 is finite."""
    return float(np.sqrt(np.sum(np.square(gradient, dtype=np.float64))))


def clipped(gradient: np.ndarray, norm: float, clip_value: float, clip_norm: float) -> np.ndarray:
    """A gradient (P,) with norm ``norm``, limited by value and then by norm (Pascanu et al. 2013): a new array, or
    the gradient itself if it is within both."""
    if clip_value > 0:
        gradient = np.clip(gradient, -clip_value, clip_value)
        norm = global_norm(gradient)
    if 0 < clip_norm < norm:
        gradient = gradient * (clip_norm / norm)
    return gradient


def apply(
    optimizer: OptimizerConfig, parameters: np.ndarray, g: np.ndarray, moments: np.ndarray, step: int, lr: float
) -> None:
    """Move ``parameters`` (P,) and ``moments`` (2, P) in place by the gradient g (P,); ``step`` counts from 1."""
    o, s = optimizer, moments[1]
    if o.kind == "sgd":
        v = moments[0]
        v *= o.momentum
        v += g
        parameters -= lr * v
    elif o.kind == "rmsprop":
        s *= o.rho
        s += (1 - o.rho) * g * g
        parameters -= lr * g / (np.sqrt(s) + o.eps)
    elif o.kind == "adagrad":
        s += g * g
        parameters -= lr * g / (np.sqrt(s) + o.eps)
    else:
        m = moments[0]
        m *= o.beta1
        m += (1 - o.beta1) * g
        s *= o.beta2
        s += (1 - o.beta2) * g * g
        # m and s start at 0; dividing by 1−βᵗ makes them unbiased (Kingma and Ba 2015, section 3).
        unbiased_s = s / (1 - o.beta2**step)
        parameters -= (lr / (1 - o.beta1**step)) * m / (np.sqrt(unbiased_s) + o.eps)
