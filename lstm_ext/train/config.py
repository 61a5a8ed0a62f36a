"""How a model is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..engine.config import OptimizerConfig
from ..errors import ArgumentError
from .schedule import SCHEDULES


@dataclass(frozen=True)
class TrainerConfig:
    """The settings of a training run, apart from how long it lasts; docs/training.md has what the defaults gave.

    seq_length, batch_size
        T and B of one step of truncated backpropagation through time.
    reset_every
        The carried state is set back to 0 every so many steps; 0: only where the text begins anew.
        A network whose state is never set back may come to depend on what it gathered over very
        many symbols, and then predicts badly where it starts from nothing: in validation, when writing.
    lr, schedule, warmup
        The learning rate rises to ``lr`` in a straight line over ``warmup`` steps, and goes on
        from there by ``schedule``: "constant", or "linear" or "cosine" down to 0 at the run's end.
    average
        Share of all steps so far over which, about, a moving average of the weights goes; that
        average is what is evaluated and kept. 0: none.
    validation
        Share of the text, at its end, that is kept for validation.
    eval_every
        Steps between evaluations; None: so many that they cost about 5 % of the time.
    patience
        Training ends after so many evaluations in a row without a new best; None: never for that.
    eval_symbols
        Of the validation text, at most so many symbols are evaluated while training.
    checkpoint, checkpoint_every
        Where to save, every so many seconds and at the end; None: nowhere.
    seed
        Of the dropout masks.
    """

    seq_length: int = 50
    batch_size: int = 16
    reset_every: int = 50
    lr: float = 4e-3
    schedule: str = "constant"
    warmup: int = 100
    average: float = 0.05
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(clip_norm=1.0))
    seed: int = 0
    validation: float = 0.1
    eval_every: int | None = None
    patience: int | None = None
    eval_symbols: int = 262_144
    checkpoint: str | None = None
    checkpoint_every: float = 60.0

    def __post_init__(self) -> None:
        for name, least in (
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
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {least}")
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
    """Raises ValueError unless ``lr`` can be a learning rate."""
    if not (lr > 0.0 and math.isfinite(lr)):
        raise ArgumentError(f"lr: got {lr!r}, expected a number above 0")
