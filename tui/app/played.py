"""The network of a recorded lesson, where a screen expects one in training."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lstm_ext.data import BUILTIN, Text, load_text
from lstm_ext.errors import CheckpointError, DataError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint
from lstm_ext.train.history import HistoryView
from lstm_ext.train.loop import Loop
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer

from ..lessons.log import PROGRESS, network_bytes


def recorded(net: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint in a ``net`` event. Raises DataError."""
    with tempfile.TemporaryDirectory(prefix="lstm-lab-") as folder:
        path = Path(folder) / "recorded.safetensors"
        path.write_bytes(network_bytes(net))
        try:
            return load_checkpoint(str(path))
        except CheckpointError as error:
            why = str(error).removeprefix(f"{path}: ")
            raise DataError(f"the network that was recorded at step {net['step']:,} cannot be shown: {why}") from None


def text_of(checkpoint: Checkpoint, folder: Path | None) -> Text:
    """The text that it learned: a built-in one, or a file in the lesson's ``folder``. Raises DataError."""
    known = checkpoint.text
    name = known.name if known.name in BUILTIN else Path(known.name).name
    if name in BUILTIN:
        text = load_text(name, vocabulary=checkpoint.vocabulary)
    elif folder is None or not (folder / name).is_file():
        raise DataError(f"the lesson was recorded with the text {name}; put that file beside the lesson")
    else:
        text = load_text(str(folder / name), known.encoding, checkpoint.vocabulary)
    if text.sha256 != known.sha256:
        raise DataError(f"{name}: is not the text that the lesson was recorded with")
    return text


class PlayedTrainer(Trainer):
    """A run at the moments that were recorded. It stands still until it is ``released``; then it trains on."""

    def __init__(self, checkpoint: Checkpoint, text: Text) -> None:
        super().__init__(LanguageModel(checkpoint.config), text, checkpoint.trainer_config, state=checkpoint.state)
        self.released = False
        self._progress: Mapping[str, Any] | None = None
        self._ahead: HistoryView | None = None

    def turn_to(self, checkpoint: Checkpoint) -> None:
        """To another moment of the same run."""
        with self._model_lock, self._lock:
            self.config = checkpoint.trainer_config
            self._loop = Loop(self.model, self.split, self.config, checkpoint.state, self._lock)

    def show(self, progress: Mapping[str, Any] | None, ahead: Checkpoint | None) -> None:
        """The numbers on the way from this moment to the one ``ahead``, whose curve has them all; None: as they are."""
        self._progress = progress
        self._ahead = None if ahead is None or progress is None else ahead.state.history.view()

    def release(self) -> None:
        """From now on it is a run like any other, at the last moment that was recorded."""
        self.released, self._progress = True, None

    def snapshot(self) -> Snapshot:
        """As it was recorded."""
        snapshot, progress = super().snapshot(), self._progress
        if self.released:
            return snapshot
        if progress is None:
            return replace(snapshot, status="paused")
        numbers = {name: progress[name] for name in PROGRESS}
        for name in ("loss", "smoothed", "bits_per_char", "grad_norm"):
            numbers[name] = math.nan if numbers[name] is None else numbers[name]
        history = snapshot.history if self._ahead is None else up_to(self._ahead, numbers["step"])
        return replace(snapshot, status=progress["status"], **numbers, history=history)

    # Nothing that a screen asks for moves it before it is released.

    def start(self, **limits: Any) -> None:
        """Only when released."""
        if self.released:
            super().start(**limits)

    def single_step(self) -> None:
        """Only when released."""
        if self.released:
            super().single_step()


def up_to(history: HistoryView, step: int) -> HistoryView:
    """The beginning of a loss curve."""
    axes = {"val_steps": "val_steps", "val_loss": "val_steps", "lr_steps": "lr_steps", "lrs": "lr_steps"}
    cut = {}
    for entry in fields(history):
        axis = getattr(history, axes.get(entry.name, "steps"))
        cut[entry.name] = getattr(history, entry.name)[: int(axis.searchsorted(step, side="right"))]
    return HistoryView(**cut)
