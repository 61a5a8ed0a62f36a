"""A run between two of its steps: everything that training changes and a checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..arguments import checked
from ..nn.language_model import LanguageModel
from .config import TrainerConfig
from .history import History
from .schedule import Plan


@checked
@dataclass
class RunState:
    """``Loop`` changes it in place, a checkpoint keeps it, and ``adapt`` fits it to other settings."""

    #: (P,) the weights after the last step, in the order of ``config.parameter_shapes()``
    parameters: np.ndarray
    #: (2, P) the optimizer's moments
    moments: np.ndarray
    #: (L, S, B, H) the network's state, carried from the last step to the next
    carried: np.ndarray
    #: The learning rate, before warm-up and schedule.
    lr: float
    #: Optimizer steps done; whole epochs done; steps done in the current epoch.
    step: int = 0
    epoch: int = 0
    epoch_step: int = 0
    #: Time spent, without pauses.
    seconds: float = 0.0
    #: Where the run ends.
    plan: Plan = field(default_factory=Plan)
    history: History = field(default_factory=History)
    #: (P,) moving average of the weights, if there is one
    average: np.ndarray | None = None
    #: (P,) weights of the best evaluation, if there was one
    best: np.ndarray | None = None

    @classmethod
    def start(cls, model: LanguageModel, config: TrainerConfig) -> RunState:
        """The state before the first step of ``model``, whose ``parameters`` it shares."""
        return cls(
            parameters=model.parameters,
            moments=np.zeros((2, model.config.num_parameters), dtype=model.config.dtype),
            carried=model.zero_state(config.batch_size),
            lr=config.lr,
            average=model.parameters.copy() if config.average else None,
        )

    @property
    def kept(self) -> str:
        """Which weights to use: "best", "average" or "last"."""
        return "best" if self.best is not None else "average" if self.average is not None else "last"

    @property
    def kept_weights(self) -> np.ndarray:
        """The weights to use, (P,): the best that an evaluation found, else the average, else the last."""
        return {"best": self.best, "average": self.average, "last": self.parameters}[self.kept]  # type: ignore[return-value]

    def adapt(self, model: LanguageModel, saved: TrainerConfig, config: TrainerConfig, *, same_text: bool) -> None:
        """Continue a run that had the settings ``saved`` with those of ``config``, on the same text or another.

        Another text, seq_length, batch_size or validation share begins a new epoch; another kind of optimizer
        starts with new moments; another validation text starts without a best loss.
        """

        def same(*names: str) -> bool:
            return same_text and all(getattr(config, name) == getattr(saved, name) for name in names)

        self.lr = config.lr
        if not config.average:
            self.average = None
        elif self.average is None:
            self.average = self.parameters.copy()
        if config.optimizer.kind != saved.optimizer.kind:
            self.moments = np.zeros_like(self.moments)
        if not same("validation", "eval_symbols"):
            self.best = None
            self.history.forget_best()
        if not same("seq_length", "batch_size", "validation"):
            self.carried = model.zero_state(config.batch_size)
            self.epoch += bool(self.epoch_step)
            self.epoch_step = 0
