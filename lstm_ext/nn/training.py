"""Training networks: the plain loop, and batches for it."""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Seed, Size, check_choice, check_memory, checked
from ..engine.stop import StopFlag
from ..errors import ArgumentError
from .model import Model
from .optimizer import Optimizer
from .schedule import SCHEDULES, Schedule, factor

#: Inputs, lengths and targets.
AnyBatch = tuple[ArrayLike, ArrayLike | None, ArrayLike]


class Progress(NamedTuple):
    """One step of training."""

    #: The optimizer's count of steps, this one included.
    step: int
    #: The loss of this step's batch, before the update.
    loss: float
    #: The norm of the whole gradient, before clipping.
    norm: float
    #: The learning rate.
    lr: float
    #: The validation loss after this step, if it was taken.
    val_loss: float | None = None
    #: The lowest validation loss so far.
    best_loss: float | None = None


@checked
@dataclass(frozen=True, repr=False)
class FitResult:
    """What ``fit`` did: ``done`` steps, and the loss and gradient norm of each.

    Losses have the unit of the model's criterion: mean nats, or a squared unit. Raises ArgumentError for arrays of
    other lengths.
    """

    done: int
    #: (done,) float64, of each step's batch, before the update.
    losses: np.ndarray
    #: (done,) float64, of the whole gradient, before clipping.
    norms: np.ndarray
    #: (E,) the optimizer's count of steps at each evaluation, and (E,) float64 the validation losses.
    val_steps: np.ndarray
    val_losses: np.ndarray
    #: Why it ended: no more batches or steps; ``stop`` was set; no better validation loss for ``patience`` evaluations.
    ended: Literal["finished", "stopped", "patience"]

    def __post_init__(self) -> None:
        for name in ("losses", "norms", "val_steps", "val_losses"):
            array, size = getattr(self, name), len(self.val_steps) if name.startswith("val") else self.done
            if array.shape != (size,):
                raise ArgumentError(f"{name}: got shape {array.shape}, expected ({size},)")

    @property
    def best_step(self) -> int | None:
        """The step with the lowest validation loss, the first of several; None without evaluations."""
        return int(self.val_steps[self.val_losses.argmin()]) if self.val_losses.size else None

    @property
    def best_loss(self) -> float | None:
        """The lowest validation loss; None without evaluations."""
        return float(self.val_losses.min()) if self.val_losses.size else None

    def __repr__(self) -> str:
        losses = f", loss {self.losses[0]:.4g} to {self.losses[-1]:.4g}" if self.done else ""
        best = f", best validation {self.best_loss:.4g} at step {self.best_step:,}" if self.val_losses.size else ""
        return f"<FitResult: {self.done:,} steps{losses}{best}, {self.ended}>"


@checked
def fit(
    model: Model,
    batches: Iterable[AnyBatch],
    optimizer: Optimizer | None = None,
    *,
    steps: Count | None = None,
    seed: Seed = 0,
    schedule: Schedule = "constant",
    validation: AnyBatch | Sequence[AnyBatch] | None = None,
    eval_every: Size = 100,
    patience: Size | None = None,
    keep_best: bool = False,
    progress: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
    stop: StopFlag | None = None,
) -> FitResult:
    """One optimizer step for each (inputs, lengths, targets) of ``batches``.

    It ends with the batches, after ``steps`` of them, or when ``stop`` is set, for instance by ``on_progress``,
    which is called after every step. The default ``optimizer`` is Adam; passed from call to call, an optimizer
    continues where it was. ``seed`` and the step's number decide the masks of dropout, which acts only during
    these steps: before, after and in ``on_progress`` the model is in evaluation mode. So the same batches and
    seeds give the same weights.

    ``schedule`` lets the learning rate fall to 0, in a straight line or along half a cosine wave, from the
    optimizer's first step to the last one of this call, for which ``steps`` must be given. (So a run that was saved
    continues with the learning rates that it would have had.)

    ``validation``, one batch or a list of them, is evaluated every ``eval_every`` steps and at the end: the mean
    loss over all targets that count. Training ends after ``patience`` evaluations in a row without a new lowest
    loss. ``keep_best`` leaves the model with the weights of the lowest loss; otherwise it has the last.

    ``progress`` writes a line to standard error now and then.

    Raises NonFiniteError if a loss or gradient is not finite, with the weights from before that step; ArgumentError
    for settings that do not go together.
    """
    optimizer = optimizer or Optimizer(model)
    if optimizer.model is not model:
        raise ArgumentError(f"optimizer: got one of {optimizer.model!r}, expected one of this model, {model!r}")
    check_choice("schedule", schedule, SCHEDULES)
    if schedule != "constant" and steps is None:
        raise ArgumentError(f"steps: got None, expected a number: schedule {schedule!r} has to know the end")
    if validation is None and (patience is not None or keep_best):
        raise ArgumentError("validation: got None, expected batches: patience and keep_best look at their loss")
    evaluator = None if validation is None else _Evaluator(model, validation, keep_best)
    last = optimizer.steps + (steps or 0)
    line = _ProgressLine(last if steps else None) if progress else None
    losses: list[float] = []
    norms: list[float] = []
    ended: Literal["finished", "stopped", "patience"] = "finished"
    remaining = iter(batches)
    while steps is None or len(losses) < steps:
        if stop is not None and stop.is_set():
            ended = "stopped"
            break
        batch = next(remaining, None)
        if batch is None:
            break
        number = optimizer.steps + 1
        lr = optimizer.rate(number)
        if schedule != "constant":
            lr *= factor(schedule, (number - 1) / last)
        loss, norm = model.train_step(*batch, optimizer, seed=seed, lr=lr)
        losses.append(loss)
        norms.append(norm)
        val_loss = None
        if evaluator is not None and (number % eval_every == 0 or len(losses) == steps):
            val_loss = evaluator.evaluate(number)
        report = Progress(number, loss, norm, lr, val_loss, None if evaluator is None else evaluator.best)
        if line is not None:
            line.show(report)
        if on_progress is not None:
            on_progress(report)
        if evaluator is not None and patience is not None and evaluator.since_best >= patience:
            ended = "patience"
            break
    if evaluator is not None and losses and evaluator.steps[-1:] != [optimizer.steps]:
        evaluator.evaluate(optimizer.steps)
    if line is not None:
        line.end()
    if evaluator is not None and evaluator.weights is not None:
        model.load(evaluator.weights)
    val_steps, val_losses = ([], []) if evaluator is None else (evaluator.steps, evaluator.losses)
    return FitResult(
        len(losses), np.array(losses), np.array(norms), np.array(val_steps, np.int64), np.array(val_losses), ended
    )


class _Evaluator:
    """Validation losses so far, and the weights of the lowest if they are to be kept."""

    def __init__(self, model: Model, batches: AnyBatch | Sequence[AnyBatch], keep: bool) -> None:
        # A batch is a tuple, and so may be a list of them: only then is the first entry a tuple, too.
        several = isinstance(batches, list) or isinstance(batches[0], tuple)
        self._batches: list[AnyBatch] = list(batches) if several else [batches]  # type: ignore[list-item, arg-type]
        if not self._batches:
            raise ArgumentError("validation: got no batches, expected at least one")
        self._model, self._keep = model, keep
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.best: float | None = None
        self.since_best = 0
        self.weights: np.ndarray | None = None

    def evaluate(self, step: int) -> float:
        counts = [self._model.count(lengths, targets) for _, lengths, targets in self._batches]
        total = sum(self._model.loss(*batch) * count for batch, count in zip(self._batches, counts, strict=True))
        loss = float(total / max(1, sum(counts)))
        self.steps.append(step)
        self.losses.append(loss)
        self.since_best += 1
        if self.best is None or loss < self.best:
            self.best, self.since_best = loss, 0
            if self._keep:
                self.weights = self._model.parameters.copy()
        return loss


class _ProgressLine:
    """One line on standard error: overwritten on a terminal, elsewhere a new one now and then."""

    def __init__(self, last: int | None) -> None:
        self._last = last
        self._terminal = sys.stderr.isatty()
        self._pause = 0.1 if self._terminal else 10.0
        self._shown = -math.inf
        self._line = ""
        self._validation = ""

    def show(self, report: Progress) -> None:
        if report.val_loss is not None:
            self._validation = f", validation {report.val_loss:.4f}, best {report.best_loss:.4f}"
        of_all = "" if self._last is None else f" of {self._last:,}"
        self._line = f"step {report.step:,}{of_all}, loss {report.loss:.4f}{self._validation}"
        now = time.monotonic()
        if now - self._shown >= self._pause:
            self._shown = now
            self._write()

    def end(self) -> None:
        if self._line:
            self._write()
        if self._terminal and self._shown > -math.inf:
            sys.stderr.write("\n")

    def _write(self) -> None:
        sys.stderr.write(f"\r{self._line}\x1b[K" if self._terminal else f"{self._line}\n")
        sys.stderr.flush()
        self._line = ""


@checked
def shuffled(count: Count, batch_size: Size, *, seed: Seed = 0, epochs: Count | None = None) -> Iterator[np.ndarray]:
    """The indices (n,) of the sequences in each batch, out of ``count``, in a new random order in each epoch.

    It is endless unless ``epochs`` is given. The last batch of an epoch may be smaller. Raises ArgumentError where it
    would be endless, and without any batch.

        batches = (nn.Batch(x[:, n], lengths[n], labels[n]) for n in nn.shuffled(len(labels), 32))
    """
    if count == 0 and epochs is None:
        raise ArgumentError("count: got 0, expected at least 1, or there would never be a batch")
    check_memory("count", count, 3 * count)
    rng = np.random.default_rng(seed)
    for _ in itertools.count() if epochs is None else range(epochs):
        order = rng.permutation(count)
        for start in range(0, count, batch_size):
            yield order[start : start + batch_size]
