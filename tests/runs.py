"""What the tests of training have in common: a small run, ways to compare runs, and stand-ins for engine and clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ext.data import Text, load_text
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import TrainResult
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.state import RunState
from lstm_ext.train.trainer import Trainer

#: Generous, so that a stuck thread fails a test instead of hanging it.
TIMEOUT = 60


#: 1,339 training symbols in 3 lanes of 446 pairs: 63 steps of 7 symbols and one of 5.
HAMLET = load_text("hamlet")


STEPS_PER_EPOCH = 64


#: Nothing but the steps: no warm-up, averages or resets, unless a test is about them.
CONFIG = TrainerConfig(
    seq_length=7,
    batch_size=3,
    lr=5e-3,
    seed=9,
    eval_every=20,
    warmup=0,
    average=0.0,
    reset_every=0,
    optimizer=OptimizerConfig(),
)


def make_trainer(backend: str, config: TrainerConfig = CONFIG, text: Text = HAMLET, **model: Any) -> Trainer:
    size = len(text.vocabulary)
    model_config = ModelConfig(size, 6, size, **model)
    return Trainer(LanguageModel(model_config, seed=1, backend=backend), text, config)


def contents(trainer: Trainer, directory: Path) -> RunState:
    """All there is of a run, by way of a checkpoint."""
    path = directory / "contents.safetensors"
    trainer.save(str(path))
    return load_checkpoint(str(path)).state


def assert_same_run(one: RunState, other: RunState) -> None:
    """Bit for bit, but for the clock and for evaluations that only one of them made."""
    for field in fields(RunState):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif field.name == "history":
            assert_same_curve(a.view(), b.view())
        elif field.name != "seconds":
            assert a == b, field.name


def assert_same_curve(one: Any, other: Any) -> None:
    for name in ("steps", "loss", "low", "high", "smoothed", "lr_steps", "lrs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    a, b = (dict(zip(view.val_steps, view.val_loss, strict=True)) for view in (one, other))
    common = a.keys() & b.keys()
    assert {step: a[step] for step in common} == {step: b[step] for step in common}
    assert {step for step in a if step % 20 == 0} == {step for step in b if step % 20 == 0}


class Engine:
    """Stands before a real engine; ``train`` is replaced."""

    def __init__(self, trainer: Trainer, train: Callable[..., TrainResult]) -> None:
        self.real = trainer.model.engine
        self.train = train
        trainer.model.engine = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Gate:
    """Lets the engine's first call begin, and holds it until it is opened."""

    def __init__(self, trainer: Trainer) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        Engine(trainer, self._train).train = self._train
        self._trainer = trainer

    def _train(self, *arguments: Any) -> TrainResult:
        self.entered.set()
        assert self.opened.wait(TIMEOUT)
        return self._trainer.model.engine.real.train(*arguments)  # type: ignore[attr-defined,no-any-return]


class Clock:
    """Advances by one second whenever it is read, except by threads that were there before."""

    def __init__(self) -> None:
        self.now = 0.0
        self._others = set(threading.enumerate()) - {threading.current_thread()}

    def perf_counter(self) -> float:
        if threading.current_thread() not in self._others:
            self.now += 1.0
        return self.now


def rates(trainer: Trainer) -> dict[int, float]:
    """The learning rate of each step from now on, as the engine gets it."""
    used: dict[int, float] = {}
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        used.update(
            zip(
                range(arguments[3].first_step, arguments[3].first_step + result.done),
                arguments[3].lrs.tolist(),
                strict=False,
            )
        )
        return result

    Engine(trainer, train)
    return used


def counting(trainer: Trainer) -> threading.Semaphore:
    """Released after every call of the engine's ``train``."""
    semaphore = threading.Semaphore(0)
    real = trainer.model.engine.train

    def train(*arguments: Any) -> TrainResult:
        result = real(*arguments)
        semaphore.release()
        return result

    Engine(trainer, train)
    return semaphore


def join(trainer: Trainer) -> None:
    thread = trainer._thread
    if thread is not None:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
