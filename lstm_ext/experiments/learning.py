"""What the experiments share: learning a task of symbols, learning a text."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cells import CellName
from ..data import DEFAULT_TEXT, TEXT_CHOICES, Lanes, Split, Text, load_text, split
from ..engine.config import ModelConfig, OptimizerConfig
from ..engine.interface import Training
from ..errors import DataError, NonFiniteError
from ..nn import Batch, Model, Optimizer
from ..nn.language_model import LanguageModel
from ..tasks.symbols import SymbolTask, accuracy
from ..train.evaluation import evaluate
from .experiment import Experiment

#: A task counts as learned when this share of an unseen batch is right.
GOAL = 0.999
#: Sequences in an unseen batch.
UNSEEN = 500


def generator(seed: int, purpose: int) -> np.random.Generator:
    """Random numbers for one purpose (0, 1, …) of a run."""
    return np.random.default_rng([seed, purpose])


class Learner:
    """A network from symbols to symbols that learns from batches, each from a zero state, with Adam."""

    def __init__(self, model: Model, clip_norm: float = 1.0) -> None:
        self.model = model
        self._optimizer = Optimizer(model, OptimizerConfig(clip_norm=clip_norm))

    def step(self, batch: Batch, lr: float) -> float:
        """One update; returns the loss before it, in mean nats per counted symbol. Raises NonFiniteError."""
        return self.model.train_step(*batch, self._optimizer, lr=lr)[0]

    def logits(self, batch: Batch) -> np.ndarray:
        """Logits (T, B, V) of a batch."""
        with self.model.evaluating():
            return self.model.forward(batch.inputs, batch.lengths)


@dataclass(frozen=True)
class Learned:
    """How a task was learned."""

    #: Updates until an unseen batch was right, ∞ if it never was.
    steps: float
    #: On sequences that did not decide when to stop.
    accuracy: float


def learn_symbols(
    learner: Learner,
    task: SymbolTask,
    seed: int,
    *,
    lr: float,
    limit: int,
    batch_size: int = 32,
    check_every: int = 50,
    goal: float = GOAL,
    counted: Callable[[Batch], np.ndarray] = lambda batch: batch.targets,
) -> Learned:
    """Train on new batches until the task is learned, at most ``limit`` steps.

    Every ``check_every`` steps an unseen batch decides; the accuracy is measured on another one. ``counted``
    gives the targets (T, B) that the accuracy counts. A loss that is not finite ends it as not learned.
    """
    train, unseen = generator(seed, 1), task.batch(generator(seed, 2), UNSEEN)
    steps = math.inf
    for step in range(1, limit + 1):
        try:
            learner.step(task.batch(train, batch_size), lr)
        except NonFiniteError:
            break
        if step % check_every == 0 and accuracy(learner.logits(unseen), counted(unseen)) >= goal:
            steps = step
            break
    tested = task.batch(generator(seed, 3), UNSEEN)
    return Learned(steps, accuracy(learner.logits(tested), counted(tested)))


def language_model(
    cell: CellName, task: SymbolTask, hidden_size: int, seed: int, init: str, forget_bias: float
) -> LanguageModel:
    """One layer between a task's symbols and its answers."""
    config = ModelConfig(task.input_size, hidden_size, task.output_size, cell=cell)
    return LanguageModel(config, seed=seed, init=init, forget_bias=forget_bias)


def learn_text(
    model: LanguageModel,
    split: Split,
    checkpoints: Sequence[int],
    *,
    lr: float | Callable[[int], float],
    batch_size: int = 16,
    seq_length: int = 50,
    optimizer: OptimizerConfig | None = None,
    dropout_seed: int = 0,
    evaluated: int = 20_000,
) -> list[float]:
    """Validation losses in nats per character after each number of updates in ``checkpoints``.

    Lanes are contiguous and carry their state; each epoch starts from a zero state. From the first loss that
    is not finite on, all are NaN.
    """
    lanes = Lanes(split.train, batch_size, seq_length)
    optimizer = optimizer or OptimizerConfig()
    moments = np.zeros((2, model.config.num_parameters), model.config.dtype)
    state = model.zero_state(batch_size)
    assert split.validation is not None
    validation = split.validation[:evaluated]
    losses: list[float] = []
    done = 0
    for checkpoint in checkpoints:
        while done < checkpoint:
            if done % lanes.steps == 0:
                state[...] = 0
            inputs, targets = lanes.chunk(done % lanes.steps, min(64, checkpoint - done))
            rates = np.array([lr(done + 1 + n) if callable(lr) else lr for n in range(len(inputs))], np.float64)
            try:
                model.engine.train(inputs, targets, state, Training(optimizer, moments, done + 1, rates, dropout_seed))
            except NonFiniteError:
                return losses + [math.nan] * (len(checkpoints) - len(losses))
            done += len(inputs)
        losses.append(evaluate(model, validation).nats)
    return losses


def cosine(lr: float, steps: int, final: float = 0.1) -> Callable[[int], float]:
    """A learning rate that falls from ``lr`` to ``final``·``lr`` over ``steps`` along a half cosine."""
    return lambda step: lr * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(step, steps) / steps)))


class TextExperiment(Experiment):
    """An experiment on a text: ``DEFAULT_TEXT``, unless ``data`` is another one."""

    reads = TEXT_CHOICES

    def text(self) -> Text:
        """The whole text."""
        return loaded(self.data or DEFAULT_TEXT)

    def split(self) -> Split:
        """The text's first 90 % to learn from, the rest to validate on. Raises DataError if it is too short."""
        parts = split(self.text())
        if parts.validation is None:
            raise DataError(f"{self.data}: {parts.description}")
        return parts

    def text_settings(self) -> dict[str, Any]:
        """What identifies the text, as settings."""
        return identity(self.text())


def identity(text: Text) -> dict[str, Any]:
    """What identifies a text, as settings."""
    return {"text": text.name, "characters": len(text), "sha256": text.sha256}


@functools.cache
def loaded(name: str) -> Text:
    """``load_text``, once."""
    return load_text(name)
