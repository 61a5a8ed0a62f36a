"""Errors that training can end with."""

from __future__ import annotations


class NonFiniteError(ArithmeticError):
    """The loss or the gradient became infinite or NaN at ``step``.

    Weights, optimizer moments and carried state are those from before that step. ``norm`` is
    NaN where the loss was already non-finite, so that no gradient was computed.
    """

    def __init__(self, step: int, loss: float, norm: float) -> None:
        super().__init__(f"step {step}: loss {loss:g}, gradient norm {norm:g}")
        self.step = step
        self.loss = loss
        self.norm = norm

    def __reduce__(self) -> tuple[type[NonFiniteError], tuple[int, float, float]]:
        return NonFiniteError, (self.step, self.loss, self.norm)
