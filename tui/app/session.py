"""What the lab works on, apart from any screen: the settings, the current run, and how much of it is unsaved."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lstm_ext.data import DEFAULT_TEXT, Text, load_text
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer

from .. import memory

#: More threads would each have too few of a small batch's lanes to be worth it.
MAX_THREADS = 4
#: The lab's own default: training leaves one CPU to the screen.
THREADS = max(1, min(MAX_THREADS, (os.cpu_count() or 1) - 1))
#: Seconds of training that may be lost without asking.
TRIVIAL_SECONDS = 60.0


@dataclass(frozen=True)
class Opening:
    """What the lab opens with: a text, or a run that is continued."""

    data: str = DEFAULT_TEXT
    encoding: str = "utf-8"
    checkpoint: str | None = None


class Session:
    """The app owns it and gives it to its screens. A run is made first, perhaps in another thread, then ``use``d."""

    def __init__(self, config: RunConfig | None = None, opening: Opening | None = None) -> None:
        #: The settings of the next network.
        self.config = config or RunConfig.from_options({"threads": THREADS})
        self.trainer: Trainer | None = None
        self._opening = opening or Opening()
        self._saved_seconds = 0.0

    def open(self) -> Trainer:
        """The run that the lab opens with. Raises ``DataError``, ``CheckpointError``, ``ArgumentError``."""
        if self._opening.checkpoint is not None:
            return self.load(self._opening.checkpoint)
        return self.make(self.config, load_text(self._opening.data, self._opening.encoding))

    def make(self, config: RunConfig, text: Text) -> Trainer:
        """A new network and its run. Raises ``DataError``, ``ArgumentError``."""
        return config.trainer(text, check_memory=memory.check)

    def load(self, path: str) -> Trainer:
        """The run saved at ``path``, to continue without an end at the learning rate that it had, and to
        be saved only when asked to. Raises ``CheckpointError``, ``DataError``."""
        backend, threads = self.config.backend, self.config.threads
        return Trainer.resume(path, backend=backend, threads=threads, schedule="constant", checkpoint=None)

    def use(self, trainer: Trainer) -> None:
        """Make ``trainer`` the current run and end the one before."""
        self.end()
        self.trainer = trainer
        self.config = RunConfig.of(trainer)
        self.mark_saved()

    def end(self) -> None:
        """End the current run."""
        if self.trainer is not None:
            self.trainer.stop()

    def mark_saved(self) -> None:
        """Note that nothing learned so far is unsaved."""
        if self.trainer is not None:
            self._saved_seconds = self.trainer.snapshot().seconds

    def unsaved(self) -> bool:
        """Whether more than a minute of training would be lost."""
        return self.trainer is not None and self.trainer.snapshot().seconds - self._saved_seconds > TRIVIAL_SECONDS

    def unsaved_steps(self) -> int:
        """Steps since the last checkpoint."""
        if self.trainer is None:
            return 0
        snapshot = self.trainer.snapshot()
        return snapshot.step - (snapshot.saved_step or 0)
