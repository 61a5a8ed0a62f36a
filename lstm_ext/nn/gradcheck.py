"""Proof that a network's gradients are those of its loss, by central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arguments import checked
from ..data.batch import Batch
from .model import Model
from .numerics import numerical_gradient, relative_error


@checked
def gradient_errors(
    model: Model, batch: Sequence[Any], *, entries: int | None = None, key: int = 0, eps: float = 1e-5
) -> dict[str, float]:
    """The relative error of each gradient, ‖given − numerical‖ / the larger norm, by the weight's name.

    ``batch`` is (inputs, lengths, targets); if the inputs are numbers, "inputs" is checked as well. In ``train`` mode
    dropout acts, with the masks of ``key`` each time. ``entries``: check only this many of each array, if all of
    them would take too long. A network built in float64 is right if all errors are below 1e-6.
    """
    inputs, lengths, targets = batch
    inputs = np.array(inputs)
    loss = batch_loss(model, Batch(inputs, lengths, targets), key)
    dinputs = batch_gradient(model, Batch(inputs, lengths, targets), key)
    given = {name: gradient.copy() for name, gradient in model.gradients().items()}
    moved = model.weights()
    if dinputs is not None:
        given["inputs"], moved["inputs"] = dinputs, inputs
    errors, random = {}, np.random.default_rng(key)
    for name, gradient in given.items():
        some = random.permutation(gradient.size)[:entries]
        errors[name] = relative_error(gradient.flat[some], numerical_gradient(loss, moved[name], eps, some))
    return errors


@checked
def batch_loss(model: Model, batch: Batch, key: int) -> Callable[[], float]:
    """The loss of a batch, in the unit of the model's criterion, as a function that reads the arrays when called; the
    masks are the same each time."""

    def loss() -> float:
        model.noise.restart(key)
        return model.compare(*batch)[0]

    return loss


@checked
def batch_gradient(model: Model, batch: Batch, key: int) -> np.ndarray | None:
    """Fill ``model.gradient``; returns ∂loss/∂inputs, of the inputs' shape, or None for symbols."""
    model.noise.restart(key)
    return model.backward(model.compare(*batch)[1])
