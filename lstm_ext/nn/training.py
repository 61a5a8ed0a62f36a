"""Training networks: the plain loop, and batches to feed it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..engine.interface import TrainResult
from ..engine.stop import StopFlag
from ..errors import ArgumentError
from .model import Model
from .optimizer import Optimizer


class Progress(NamedTuple):
    """One step of training."""

    #: The optimizer's count of steps, this one included.
    step: int
    #: Of this step's batch, before the update.
    loss: float
    #: Of the whole gradient, before clipping.
    norm: float


def fit(
    model: Model,
    batches: Iterable[tuple[ArrayLike, ArrayLike | None, ArrayLike]],
    optimizer: Optimizer | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], object] | None = None,
    stop: StopFlag | None = None,
) -> TrainResult:
    """One optimizer step for each (inputs, lengths, targets) of ``batches``.

    Ends when the batches do, after ``steps`` of them, or once ``stop`` is set, be it by ``on_progress``,
    which is called after every step. Without ``optimizer`` it is Adam with its defaults; handed on
    from call to call, it continues where it was. ``seed`` and the step's number decide the
    masks of dropout, which acts during these steps only: before, after and in ``on_progress`` the
    model is in evaluation mode. So the same batches and seeds give the same weights.

    Raises ``NonFiniteError`` where loss or gradient are not finite; the weights are those from before that step.
    """
    optimizer = optimizer or Optimizer(model)
    if optimizer.model is not model:
        raise ArgumentError(f"optimizer: got one of {optimizer.model!r}, expected one of this model, {model!r}")
    losses: list[float] = []
    norms: list[float] = []
    remaining = iter(batches)
    while (steps is None or len(losses) < steps) and not (stop is not None and stop.is_set()):
        batch = next(remaining, None)
        if batch is None:
            break
        loss, norm = model.train_step(*batch, optimizer, seed)
        losses.append(loss)
        norms.append(norm)
        if on_progress is not None:
            on_progress(Progress(optimizer.steps, loss, norm))
    return TrainResult(len(losses), np.array(losses), np.array(norms))


def shuffled(count: int, batch_size: int, *, seed: int = 0, epochs: int | None = None) -> Iterator[np.ndarray]:
    """Which of ``count`` sequences make up each batch: indices, in a new random order in each epoch, for ever
    or for so many ``epochs``. The last batch of an epoch may be smaller. ::

        batches = (nn.Batch(x[:, n], lengths[n], labels[n]) for n in nn.shuffled(len(labels), 32))
    """
    rng = np.random.default_rng(seed)
    for _ in itertools.count() if epochs is None else range(epochs):
        order = rng.permutation(count)
        for start in range(0, count, batch_size):
            yield order[start : start + batch_size]
