"""A network that can be trained: one with a loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.rng import dropout_key
from ..errors import NonFiniteError
from .losses import cross_entropy
from .module import Module
from .optimizer import Optimizer


class Model(Module):
    """A module whose ``forward(inputs, lengths)`` is compared with targets by ``criterion``.

    ``criterion(outputs, targets)`` returns the loss and ∂loss/∂outputs, as the functions in ``losses``
    do; a subclass may name another one than ``cross_entropy``.
    """

    criterion: Callable[[Any, Any], tuple[float, np.ndarray]] = staticmethod(cross_entropy)

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        raise NotImplementedError

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        raise NotImplementedError

    def compare(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> tuple[float, np.ndarray]:
        """Runs ``forward``; the loss, and its gradient with respect to what came out."""
        return self.criterion(self.forward(inputs, lengths), targets)

    def loss(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        """The loss of a batch, without dropout."""
        with self.evaluating():
            return self.compare(inputs, lengths, targets)[0]

    def loss_and_gradient(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        """The loss of a batch, dropout acting in ``train`` mode; afterwards ``gradient`` is that of the loss."""
        loss, dout = self.compare(inputs, lengths, targets)
        self.backward(dout)
        return loss

    def train_step(
        self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike, optimizer: Optimizer, seed: int
    ) -> tuple[float, float]:
        """One update: the loss before it, and the gradient's norm before clipping.

        ``seed`` and the step's number decide the masks of dropout, which acts meanwhile. Raises
        ``NonFiniteError`` where loss or norm are not finite, and has then changed nothing.
        """
        number = optimizer.steps + 1
        self.noise.restart(dropout_key(seed, number))
        self.train()
        try:
            loss = self.loss_and_gradient(inputs, lengths, targets)
        finally:
            self.eval()
        if not math.isfinite(loss):
            raise NonFiniteError(number, loss, math.nan)
        try:
            return loss, optimizer.step()
        except NonFiniteError as error:
            raise NonFiniteError(number, loss, error.norm) from None
