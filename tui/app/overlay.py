"""Earlier runs that are drawn behind the current one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lstm_ext.train.checkpoint import load_header
from lstm_ext.train.history import HistoryView
from lstm_ext.train.trainer import Trainer
from lstm_lab.runs.known import network_name


@dataclass(frozen=True)
class Overlay:
    """A run as it is laid behind another: its name for the legend, its curve, and its best validation loss."""

    name: str
    history: HistoryView
    #: Mean nats per character; None: it was never evaluated.
    best_val: float | None
    #: The checkpoint that it was read from; "" for what is in no file.
    path: str = ""

    @classmethod
    def of(cls, trainer: Trainer) -> Overlay:
        """The run of ``trainer`` as it is now."""
        snapshot = trainer.snapshot()
        name = f"{network_name(trainer.model.config)} {os.path.basename(trainer.text.name)}"
        return cls(name, snapshot.history, snapshot.best_val)

    @classmethod
    def read(cls, path: str) -> Overlay:
        """The run kept in the checkpoint ``path``. Raises ``CheckpointError``."""
        header = load_header(path)
        name = f"{network_name(header.config)} {os.path.basename(path)}"
        return cls(name, header.history.view(), header.history.best_val, os.path.abspath(path))
