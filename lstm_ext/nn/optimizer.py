"""From gradients to better weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arguments import checked
from ..engine.config import OptimizerConfig
from .module import Module


@checked
class Optimizer:
    """Clips the gradient and updates all weights of a network at once, by the formulas of ``OptimizerConfig``.

    ``lr`` is the learning rate, or a function of the step's number, which counts from 1.
    """

    def __init__(
        self, model: Module, config: OptimizerConfig | None = None, *, lr: float | Callable[[int], float] = 1e-3
    ) -> None:
        self.model = model
        self.config = config or OptimizerConfig()
        self.lr = lr
        #: How many steps were made.
        self.steps = 0
        #: (2, P), the moments of ``OptimizerConfig``; unused rows stay 0.
        self.moments = np.zeros((2, model.parameters.size), model.dtype)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return float(self.lr(step) if callable(self.lr) else self.lr)

    def step(self, lr: float | None = None) -> float:
        """Update the weights along ``model.gradient``, at ``lr`` or else ``rate``; returns the gradient's norm before
        clipping.

        Raises NonFiniteError, and changes nothing, if the norm is infinite or NaN.
        """
        number, model = self.steps + 1, self.model
        norm = model.engine_module.optimizer_step(
            model.parameters, model.gradient, self.moments, self.config, number, self.rate(number) if lr is None else lr
        )
        self.steps = number
        return norm
