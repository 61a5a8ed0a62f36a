"""A network that can be trained: one with a loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Seed
from ..cells.activations import Activations
from ..engine.rng import dropout_key
from ..errors import ArgumentError, NonFiniteError
from .checks import checked_lengths, counted_steps
from .losses import cross_entropy, softmax
from .module import Module
from .optimizer import Optimizer
from .recurrent import RecurrentLayer
from .trace import Trace, as_batch, own_arrays


class Model(Module):
    """A module whose ``forward(inputs, lengths)`` is compared with targets by ``criterion``.

    ``criterion(outputs, targets)`` returns the loss and ∂loss/∂outputs, as the functions in ``losses`` do. It is
    ``cross_entropy``, in mean nats, unless a subclass names another.
    """

    criterion: Callable[[Any, Any], tuple[float, np.ndarray]] = staticmethod(cross_entropy)

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """The outputs for inputs (T, B) or (T, B, D); their shape is the network's."""
        raise NotImplementedError

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """From ∂L/∂outputs, in the outputs' shape: fills ``gradient``; returns ∂L/∂inputs, or None for symbols."""
        raise NotImplementedError

    def compare(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> tuple[float, np.ndarray]:
        """Run ``forward``; returns the loss, and its gradient with respect to the outputs, in their shape."""
        return self.criterion(self.forward(inputs, lengths), targets)

    def loss(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        """The loss of a batch without dropout, in the unit of ``criterion``: mean nats, or a squared unit."""
        with self.evaluating():
            return self.compare(inputs, lengths, targets)[0]

    def loss_and_gradient(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> float:
        """The loss of a batch in the unit of ``criterion``, with dropout in ``train`` mode; fills ``gradient``."""
        loss, dout = self.compare(inputs, lengths, targets)
        self.backward(dout)
        return loss

    def count(self, lengths: ArrayLike | None, targets: ArrayLike) -> int:
        """How many targets of a batch count in its loss."""
        array = np.asarray(targets)
        return array.size if array.dtype.kind == "f" else int(np.count_nonzero(array >= 0))

    def predict(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """The network's answers, without dropout: for logits, the likeliest class of each sequence (B,) or of each
        step (T, B), −1 in padding; otherwise what ``forward`` gives."""
        outputs = self._evaluated(inputs, lengths)
        if not self._gives_logits:
            return outputs
        classes: np.ndarray = outputs.argmax(axis=-1)
        counted = _steps_of(classes, lengths)
        return classes if counted is None else np.where(counted, classes, -1)

    def predict_proba(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """The probability of each class, float64 (B, K) or (T, B, K), 0 in padding.

        Raises ArgumentError for a network whose outputs are not logits.
        """
        if not self._gives_logits:
            raise ArgumentError(f"predict_proba: {type(self).__name__} predicts numbers, expected a network of classes")
        probabilities = softmax(self._evaluated(inputs, lengths))
        counted = _steps_of(probabilities[..., 0], lengths)
        return probabilities if counted is None else np.where(counted[..., np.newaxis], probabilities, 0.0)

    @property
    def _gives_logits(self) -> bool:
        return self.criterion is cross_entropy

    def _evaluated(self, inputs: ArrayLike, lengths: ArrayLike | None) -> np.ndarray:
        with self.evaluating():
            return self.forward(inputs, lengths)

    def trace(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> Trace:
        """Gates and states of all recurrent layers over a batch, or over one sequence, symbols (T,) or numbers
        (T, D), without dropout; do not call it between ``forward`` and ``backward``."""
        self._evaluated(as_batch(inputs), lengths)
        return Trace(self._activations())

    def _activations(self) -> dict[str, Activations]:
        """Those of the last forward pass, by the names of the layers."""
        layers = {prefix: module for prefix, module in self.modules() if isinstance(module, RecurrentLayer)}
        return {prefix.removesuffix("."): own_arrays(layer.activations) for prefix, layer in layers.items()}

    def train_step(
        self,
        inputs: ArrayLike,
        lengths: ArrayLike | None,
        targets: ArrayLike,
        optimizer: Optimizer,
        *,
        seed: Seed = 0,
        lr: float | None = None,
    ) -> tuple[float, float]:
        """One update, at ``lr`` or else the optimizer's rate; returns the loss before it, and the gradient's norm
        before clipping.

        ``seed`` and the step's number decide the masks of dropout, which acts here. Raises NonFiniteError if the
        loss or the norm is not finite, and has then changed nothing.
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
            return loss, optimizer.step(lr)
        except NonFiniteError as error:
            raise NonFiniteError(number, loss, error.norm) from None


def _steps_of(classes: np.ndarray, lengths: ArrayLike | None) -> np.ndarray | None:
    """(T, B) bool, which steps count; None where all do, or where there is one answer for each sequence."""
    if classes.ndim != 2 or lengths is None:
        return None
    counts = checked_lengths(lengths, *classes.shape)
    return None if counts is None else counted_steps(counts, len(classes))
