"""What the lab's Train screen learns and with what, apart from any screen: settings, and a trainer made from them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from rich.filesize import decimal

from lstm_ext.data import Text
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer

from ..memory import bytes_available, bytes_needed

T = TypeVar("T")
#: Steps after which the carried state is set back to zero.
RESET_EVERY = 50
#: More threads would each have too few of a small batch's lanes to be worth it.
MOST_THREADS = 4


@dataclass(frozen=True)
class Settings:
    """A network and how it is trained: what the model form and ``lstm-lab lab``'s options set."""

    cell: str = "lstm"
    hidden_size: int = 128
    num_layers: int = 1
    reset_after: bool = False
    peephole: bool = False
    coupled: bool = False
    dropout: float = 0.0
    dtype: str = "float32"
    seq_length: int = 50
    batch_size: int = 16
    lr: float = 2e-3
    optimizer: str = "adam"
    seed: int = 0
    threads: int = max(1, min(MOST_THREADS, (os.cpu_count() or 1) - 1))
    backend: str | None = None

    def model_config(self, num_symbols: int) -> ModelConfig:
        """The network for an alphabet of so many symbols. Raises ArgumentError, naming the setting that is wrong."""
        return ModelConfig(
            input_size=num_symbols,
            hidden_size=self.hidden_size,
            output_size=num_symbols,
            cell=self.cell,
            num_layers=self.num_layers,
            reset_after=self.reset_after,
            peephole=self.peephole,
            coupled=self.coupled,
            dropout=self.dropout,
            dtype=self.dtype,
        )

    def check_memory(self, num_symbols: int) -> None:
        """Raises ArgumentError if the network would not fit into the memory that is free."""
        needed = bytes_needed(
            self.cell,
            num_symbols,
            self.hidden_size,
            self.num_layers,
            self.dtype,
            batch_size=self.batch_size,
            seq_length=self.seq_length,
        )
        available = bytes_available()
        if needed > available:
            raise ArgumentError(
                f"hidden_size: got {self.hidden_size}, which needs {decimal(needed)} of memory; "
                f"{decimal(available)} are free"
            )

    def trainer_config(self) -> TrainerConfig:
        """How it is trained. Raises ArgumentError, naming the setting that is wrong.

        There is no end to plan for, so the learning rate stays. The carried state is set back now
        and then: without that, validation gets worse for a reason that nobody sees on the screen.
        """
        return TrainerConfig(
            reset_every=RESET_EVERY,
            seq_length=self.seq_length,
            batch_size=self.batch_size,
            lr=self.lr,
            optimizer=OptimizerConfig(kind=self.optimizer),
            seed=self.seed,
        )

    def check(self) -> None:
        """Raises ArgumentError for the first setting that is wrong."""
        self.model_config(1)
        self.trainer_config()
        if self.threads < 1:
            raise ArgumentError(f"threads: got {self.threads}, expected an integer of at least 1")

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Settings:
        """Settings from options or form fields, numbers possibly as text; ``None`` stands for the default.

        Raises ArgumentError for the first one that is wrong, beginning with its name.
        """
        known = {field.name: field.default for field in fields(cls)}
        given: dict[str, object] = {}
        for name, value in values.items():
            if value is None:
                continue
            default = known[name]
            if isinstance(value, str) and isinstance(default, int | float) and not isinstance(default, bool):
                kind = "an integer" if isinstance(default, int) else "a number"
                try:
                    value = type(default)(value)
                except ValueError:
                    raise ArgumentError(f"{name}: got {value!r}, expected {kind}") from None
            given[name] = value
        settings = replace(cls(), **given)  # type: ignore[arg-type]
        settings.check()
        return settings

    @classmethod
    def of(cls, trainer: Trainer) -> Settings:
        """The settings that a trainer was made from."""
        network, training = trainer.model.config, trainer.config
        return cls(
            cell=network.cell,
            hidden_size=network.hidden_size,
            num_layers=network.num_layers,
            reset_after=network.reset_after,
            peephole=network.peephole,
            coupled=network.coupled,
            dropout=network.dropout,
            dtype=network.dtype,
            seq_length=training.seq_length,
            batch_size=training.batch_size,
            lr=training.lr,
            optimizer=training.optimizer.kind,
            seed=training.seed,
            threads=trainer.model.threads,
            backend=trainer.model.backend,
        )


def make_trainer(settings: Settings, text: Text) -> Trainer:
    """A new network and its trainer. Raises ArgumentError (``DataError`` for a text that is too short)."""
    settings.check()
    settings.check_memory(len(text.vocabulary))
    model = LanguageModel(
        settings.model_config(len(text.vocabulary)),
        seed=settings.seed,
        backend=settings.backend,
        threads=settings.threads,
    )
    return Trainer(model, text, settings.trainer_config())


def resume_trainer(settings: Settings, path: str) -> Trainer:
    """The run saved at ``path``, to go on without an end at the learning rate that it had, and to be
    saved only when asked to. Raises ``CheckpointError``, ``DataError``."""
    return Trainer.resume(
        path, backend=settings.backend, threads=settings.threads, schedule="constant", warmup=0, checkpoint=None
    )


def in_background(function: Callable[[], T]) -> Future[T]:
    """Runs ``function`` in a daemon thread, which never delays the program's end."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = function()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, daemon=True, name="lab-background").start()
    return future
