"""A network that can be trained: one with a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .losses import cross_entropy
from .module import Module


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
