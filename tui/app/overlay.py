"""Earlier runs that are drawn behind the current one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lstm_ext.cells import CELLS
from lstm_ext.engine.config import ModelConfig
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.history import HistoryView
from lstm_ext.train.trainer import Trainer


@dataclass(frozen=True)
class Overlay:
    """A run as it is laid behind another: its name for the legend, its curve, and its best validation loss."""

    name: str
    history: HistoryView
    #: Mean nats per character; None: it was never evaluated.
    best_val: float | None

    @classmethod
    def of(cls, trainer: Trainer) -> Overlay:
        """The run of ``trainer`` as it is now."""
        snapshot = trainer.snapshot()
        name = f"{network_name(trainer.model.config)} {os.path.basename(trainer.text.name)}"
        return cls(name, snapshot.history, snapshot.best_val)

    @classmethod
    def read(cls, path: str) -> Overlay:
        """The run kept in the checkpoint ``path``. Raises ``CheckpointError``."""
        checkpoint = load_checkpoint(path)
        history = checkpoint.state.history
        return cls(f"{network_name(checkpoint.config)} {os.path.basename(path)}", history.view(), history.best_val)


def network_name(config: ModelConfig) -> str:
    """A network in short: LSTM 128, GRU 64×2."""
    layers = f"×{config.num_layers}" if config.num_layers > 1 else ""
    return f"{CELLS[config.cell].title} {config.hidden_size}{layers}"
