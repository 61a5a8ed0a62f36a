"""A training run at one moment, for front ends to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .history import HistoryView

Status = Literal["ready", "running", "paused", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class Snapshot:
    """Losses are mean nats per symbol, NaN before the first step."""

    status: Status
    #: What the user should know, or "": a failure, a checkpoint that could not be written, another text than before.
    message: str
    #: Optimizer steps since the run's start, resumed ones included.
    step: int
    #: Passes over the training text, with the fraction of the current one.
    epoch: float
    #: Mean training loss of the last chunk of steps.
    loss: float
    #: Exponential moving average of the training loss.
    smoothed: float
    val_loss: float | None
    best_val: float | None
    #: The step of the best validation loss.
    best_step: int
    #: Of the validation loss if there is one, otherwise of ``smoothed``.
    bits_per_char: float
    #: Before clipping, of the last step.
    grad_norm: float
    #: Of the last step.
    lr: float
    #: Over the last seconds of training proper: without pauses, evaluations and checkpoints.
    chars_per_second: float
    #: Time spent since the run's start, without pauses.
    seconds: float
    #: Where the run ends, if it is limited that way.
    total_steps: int | None
    total_seconds: float | None
    #: Step of the last checkpoint that this trainer wrote or was resumed from.
    saved_step: int | None
    history: HistoryView
