"""The training loop, in pure Python over the engine. It knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from .data import Split, Text, Vocabulary
from .history import HistoryView
from .language_model import LanguageModel
from .trainer_config import TrainerConfig

T = TypeVar("T")
Status = Literal["ready", "running", "paused", "finished", "stopped", "failed"]

__all__ = ["Snapshot", "Trainer", "TrainerConfig"]


@dataclass(frozen=True)
class Snapshot:
    """A training run at one moment; losses are mean nats per symbol, NaN before the first step."""

    status: Status
    #: What the user should know (why it failed, that a checkpoint could not be written), or "".
    message: str
    #: Optimizer steps since the run's start, resumed ones included.
    step: int
    #: Passes over the training text, with the fraction of the present one.
    epoch: float
    #: Mean training loss of the last chunk of steps.
    loss: float
    #: Exponential moving average of the training loss.
    smoothed: float
    val_loss: float | None
    best_val: float | None
    #: Of the validation loss where there is one, otherwise of ``smoothed``.
    bits_per_char: float
    #: Before clipping, of the last step.
    grad_norm: float
    lr: float
    #: Over the last seconds of training proper: without pauses, evaluation and checkpoints.
    chars_per_second: float
    #: Time spent since the run's start, without pauses.
    seconds: float
    #: Where the run ends, if it is limited that way.
    total_steps: int | None
    total_seconds: float | None
    #: Step of the last checkpoint written in or read by this process, or None.
    saved_step: int | None
    history: HistoryView


class Trainer:
    """Trains ``model`` on ``text``. Front ends pull a ``snapshot()``; the loop never waits for them."""

    model: LanguageModel
    text: Text
    vocabulary: Vocabulary
    split: Split
    config: TrainerConfig

    def __init__(self, model: LanguageModel, text: Text, config: TrainerConfig | None = None) -> None: ...

    @classmethod
    def resume(
        cls,
        path: str,
        text: Text | str | None = None,
        *,
        backend: str | None = None,
        threads: int = 1,
        **changes: Any,
    ) -> Trainer:
        """Continues the run saved at ``path``, exactly.

        ``text``: the text or its name; None: the one the run was started with. ``changes``
        replace fields of the saved ``TrainerConfig``. Another text, seq_length, batch_size or
        validation share starts a new epoch; everything else continues. The checkpoint is then
        written to ``path``, unless ``checkpoint=`` says otherwise.
        Raises ``CheckpointError``, ``DataError``.
        """
        raise NotImplementedError

    @property
    def lr(self) -> float:
        """Learning rate; a new one takes effect with the next chunk of steps."""
        raise NotImplementedError

    @lr.setter
    def lr(self, value: float) -> None: ...

    @property
    def running(self) -> bool:
        """A training thread is there (it may be paused)."""
        raise NotImplementedError

    @property
    def paused(self) -> bool:
        raise NotImplementedError

    def run(
        self,
        *,
        steps: int | None = None,
        epochs: float | None = None,
        seconds: float | None = None,
        on_progress: Callable[[Snapshot], object] | None = None,
    ) -> Snapshot:
        """Trains until the first of the limits, which count from the run's start, and returns
        the last snapshot. ``on_progress`` is called in the caller's thread, about 20 times a second.
        KeyboardInterrupt (or any exception of ``on_progress``) ends training at a step's boundary,
        writes the checkpoint and goes on to the caller."""
        raise NotImplementedError

    def start(
        self,
        *,
        steps: int | None = None,
        epochs: float | None = None,
        seconds: float | None = None,
        paused: bool = False,
    ) -> None:
        """``run`` in a daemon thread of low priority; without limits, until ``stop``."""

    def stop(self, wait: bool = False) -> None:
        """Ends training after the present step; ``wait`` until it has, and the checkpoint is written."""

    def pause(self) -> None:
        """Pauses after the present step."""

    def resume_run(self) -> None:
        """Goes on after ``pause``."""

    def single_step(self) -> None:
        """One step, then pause."""

    def submit(self, function: Callable[[LanguageModel], T]) -> Future[T]:
        """Runs ``function(model)`` between two steps, in the training thread, also while it is
        paused; at once, in the caller's thread, when there is none."""
        raise NotImplementedError

    def snapshot(self) -> Snapshot:
        """The present state; from any thread, never waits for a step."""
        raise NotImplementedError

    def save(self, path: str) -> None:
        """Writes a checkpoint at a step's boundary. Raises ``CheckpointError``."""
