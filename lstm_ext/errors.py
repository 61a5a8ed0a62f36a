"""Errors that a user can put right: each message is one line that says what is wrong and what was expected."""

from __future__ import annotations


class LabError(Exception):
    """The base of all of them. Besides these, OSError and MemoryError are the user's; any other error is our bug."""


class ArgumentError(LabError, ValueError):
    """An argument with an impossible value; the message begins with its name, or with the class that was called."""

    #: The class whose constructor was called, where the message begins with it.
    owner = ""

    def raised_by(self, owner: str) -> None:
        """Begins the message with ``owner``, in place of an owner that is there already."""
        message = str(self).removeprefix(f"{self.owner}: ") if self.owner else str(self)
        self.owner = owner
        self.args = (f"{owner}: {message}",)


class DataError(LabError, ValueError):
    """A text or a data file that cannot be used, and why."""


class CheckpointError(LabError):
    """A checkpoint that cannot be read or written, and why."""


class MissingError(LabError, RuntimeError):
    """Something that this installation or machine lacks; the message says how to get it."""


class StateError(LabError, RuntimeError):
    """A call in the wrong order, such as ``backward`` before ``forward``; the message says which one comes first."""


class NonFiniteError(LabError, ArithmeticError):
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
