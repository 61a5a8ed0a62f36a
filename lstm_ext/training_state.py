"""Everything besides the weights that a training run needs in order to continue."""

from __future__ import annotations

from dataclasses import dataclass, field

from .config import OptimizerConfig


@dataclass(frozen=True)
class TrainerConfig:
    """How a model is trained.

    seq_length, batch_size: T and B of one step (truncated backpropagation through time).
    validation: share of the text, at its end, that is kept for validation.
    eval_every: steps between evaluations; None chooses, so that they cost about 5 % of the time.
    eval_symbols: at most so many validation symbols are evaluated while training.
    checkpoint: where to save, every ``checkpoint_every`` seconds and at the end; None: nowhere.
    """

    seq_length: int = 50
    batch_size: int = 16
    lr: float = 2e-3
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    seed: int = 0
    validation: float = 0.1
    eval_every: int | None = None
    eval_symbols: int = 262_144
    checkpoint: str | None = None
    checkpoint_every: float = 60.0
