"""How a model is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..arguments import Seed, check_types
from ..engine.config import OptimizerConfig
from ..errors import ArgumentError
from ..nn.schedule import SCHEDULES, Schedule


@dataclass(frozen=True)
class TrainerConfig:
    """The settings of a training run, apart from how long it lasts; docs/training.md says what the defaults gave.

    seq_length, batch_size
        T and B of one step of truncated backpropagation through time.
    reset_every
        Steps after which the carried state is set to 0; 0: only where the text starts again. A network
        whose state is never reset may come to depend on what it gathered over very many symbols, and
        then predicts badly from a zero state: in validation, and when it writes.
    lr, schedule, warmup
        The learning rate rises linearly to ``lr`` over ``warmup`` steps and then follows ``schedule``:
        "constant", or "linear" or "cosine" down to 0 at the run's end.
    average
        Share of all steps so far over which the weights are averaged, approximately; the average is what
        is evaluated and kept. 0: no average.
    validation
        Share of the text, at its end, that is kept apart for validation.
    eval_every
        Steps between evaluations; None: chosen so that they take about 5 % of the time.
    patience
        Training ends after this many evaluations in a row without a new best; None: it does not end early.
    eval_symbols
        The most symbols of the validation text that are evaluated during training.
    checkpoint, checkpoint_every
        The file to save to, and the seconds between two saves, besides that at the end; None: no file.
    seed
        The seed of the dropout masks.

    Raises ArgumentError, which begins with the name of the wrong setting.
    """

    seq_length: int = 50
    batch_size: int = 16
    reset_every: int = 50
    lr: float = 4e-3
    schedule: Schedule = "constant"
    warmup: int = 100
    average: float = 0.05
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(clip_norm=1.0))
    seed: Seed = 0
    validation: float = 0.1
    eval_every: int | None = None
    patience: int | None = None
    eval_symbols: int = 262_144
    checkpoint: str | None = None
    checkpoint_every: float = 60.0

    def __post_init__(self) -> None:
        for name, smallest in (
            ("seq_length", 1),
            ("batch_size", 1),
            ("reset_every", 0),
            ("warmup", 0),
            ("eval_every", 1),
            ("patience", 1),
            ("eval_symbols", 2),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if name in ("eval_every", "patience") and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
                raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {smallest}")
        check_types(self)
        check_lr(self.lr)
        if self.schedule not in SCHEDULES:
            raise ArgumentError(f"schedule: got {self.schedule!r}, expected one of {', '.join(SCHEDULES)}")
        if not 0.0 <= self.average < 1.0:
            raise ArgumentError(f"average: got {self.average!r}, expected a share in [0, 1)")
        if not 0.0 <= self.validation < 1.0:
            raise ArgumentError(f"validation: got {self.validation!r}, expected a share in [0, 1)")
        if not self.checkpoint_every > 0.0:
            raise ArgumentError(f"checkpoint_every: got {self.checkpoint_every!r}, expected seconds above 0")


def check_lr(lr: float) -> None:
    """Raises ArgumentError unless ``lr`` is a finite number above 0."""
    if not (lr > 0.0 and math.isfinite(lr)):
        raise ArgumentError(f"lr: got {lr!r}, expected a number above 0")
