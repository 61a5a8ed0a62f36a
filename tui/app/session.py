"""What the lab works on, apart from any screen: the settings, the current run, and how much of it is unsaved."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_ext.data import DEFAULT_TEXT, Text, load_text
from lstm_ext.errors import CheckpointError, LabError
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.runs.registry import Registry

from .. import memory
from .overlay import Overlay
from .recovery import Recovery, Summary, left_behind, reason
from .remembered import Remembered

if TYPE_CHECKING:  # the first frame does not wait for it
    from .measuring import Measuring

#: More threads would each have too few of a small batch's lanes to be worth it.
MAX_THREADS = 4
#: The lab's own default: training leaves one CPU to the screen.
THREADS = max(1, min(MAX_THREADS, (os.cpu_count() or 1) - 1))
#: Seconds of training that quitting forgets without asking.
TRIVIAL_SECONDS = 60.0
#: Seconds of training that nobody misses, however the lab ended.
UNNOTICED_SECONDS = 2.0


@dataclass(frozen=True)
class Wish:
    """What config.toml asks for, or what the last lab was left with: a network, and a text, which may have gone."""

    config: RunConfig
    data: str
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Opening:
    """What the lab opens with: a text, or a run that is continued; at the Step screen a file of the learner's,
    ``against``; or the course, with the learner's ``folder`` (None: the one that is remembered).
    """

    data: str = DEFAULT_TEXT
    encoding: str = "utf-8"
    checkpoint: str | None = None
    against: str = ""
    learn: bool = False
    folder: Path | None = None
    #: Where every run ends: at a step, after as many passes over the text, or after seconds in the lab; None: nowhere.
    steps: int | None = None
    epochs: float | None = None
    seconds: float | None = None
    #: What it opens with instead, if that is possible.
    wish: Wish | None = None


class Session:
    """The app owns it and gives it to its screens. A run is made first, perhaps in another thread, then ``use``d."""

    def __init__(
        self, config: RunConfig | None = None, opening: Opening | None = None, *, folder: Path | None = None
    ) -> None:
        """``folder``: for recovery checkpoints; None: none are kept."""
        #: The settings of the next network.
        self.config = config or RunConfig.from_options({"threads": THREADS})
        self.trainer: Trainer | None = None
        #: The runs behind the current one: the last one before it, and those that were laid over.
        self.last: Overlay | None = None
        self.laid_over: tuple[Overlay, ...] = ()
        #: What is remembered from one lab to the next.
        self.registry = Registry()
        #: The experiment that is being measured, or was measured last.
        self.measuring: Measuring | None = None
        self._opening = opening or Opening()
        #: Why the run that was wished for could not be made, or "".
        self.unfulfilled = ""
        self._saved_step, self._saved_seconds = 0, 0.0
        self.unsaved_folder = folder
        self._recovery: Recovery | None = None
        self._problem = ""
        #: Set when the current run ends.
        self._ended = threading.Event()
        self._closing = threading.Lock()

    def open(self) -> Trainer:
        """The run that the lab opens with. Raises ``DataError``, ``CheckpointError``, ``ArgumentError``."""
        opening, wish = self._opening, self._opening.wish
        if opening.checkpoint is not None:
            return self.load(opening.checkpoint)
        if wish is not None:
            try:
                return self.make(wish.config, self.read(wish.data, wish.encoding))
            except (LabError, OSError, MemoryError) as error:  # it has gone, or is too large
                self.unfulfilled = f"The lab opens with {opening.data}: {str(error) or 'not enough memory'}"
        return self.make(self.config, self.read(opening.data, opening.encoding))

    def read(self, name: str, encoding: str = "utf-8") -> Text:
        """A text to learn. Raises ``DataError``."""
        text = load_text(name, encoding)
        self.registry.remember_text(name, encoding)
        return text

    def make(self, config: RunConfig, text: Text) -> Trainer:
        """A new network and its run. Raises ``DataError``, ``ArgumentError``."""
        return config.trainer(text, check_memory=memory.check)

    def load(self, path: str) -> Trainer:
        """The run saved at ``path``, to continue without an end at the learning rate that it had, and to
        be saved only when asked to. Raises ``CheckpointError``, ``DataError``."""
        trainer = self._resume(path, None)
        self.registry.remember_run(path)
        return trainer

    def _resume(self, path: str, text: str | None) -> Trainer:
        backend, threads = self.config.backend, self.config.threads
        return Trainer.resume(path, text, backend=backend, threads=threads, schedule="constant", checkpoint=None)

    def recovery_paths(self) -> list[Path]:
        """Where what is not saved of the current run is kept."""
        return [] if self._recovery is None else [self._recovery.path]

    def start(self, trainer: Trainer) -> None:
        """Start ``trainer``, up to the end that the lab was opened with, if any."""
        end = self._opening
        seconds = None if end.seconds is None else trainer.snapshot().seconds + end.seconds
        trainer.start(steps=end.steps, epochs=end.epochs, seconds=seconds)

    def left_behind(self) -> list[Recovery]:
        """What labs that were cut off had learned, the newest first."""
        return left_behind(self.unsaved_folder) if self.unsaved_folder is not None else []

    def resume(self, recovery: Recovery) -> Trainer:
        """Its run, to continue as that would have. Raises ``CheckpointError``, ``DataError``."""
        return self._resume(str(recovery.path), recovery.text(Summary.of(recovery).text))

    def use(self, trainer: Trainer, recovery: Recovery | None = None) -> None:
        """Make ``trainer``, perhaps resumed from ``recovery``, the current run, and forget the one before."""
        if self.trainer is not None and self.trainer.snapshot().step:
            self.last = Overlay.of(self.trainer)
        self.close(keep=False)
        self.trainer = trainer
        trainer.keep_timeline()
        self.config = RunConfig.of(trainer)
        self._saved_step, self._saved_seconds = 0, 0.0
        if recovery is None:
            self._mark_saved()
        self._recovery, self._ended = recovery or self._new_recovery(), threading.Event()
        if self._recovery is not None:
            keep_on, arguments = self._recovery.keep_on, (trainer, self._ended)
            threading.Thread(target=keep_on, args=arguments, name="lab-recovery", daemon=True).start()

    def _new_recovery(self) -> Recovery | None:
        """None where none can be kept: training is possible all the same."""
        if self.unsaved_folder is None:
            return None
        try:
            return Recovery.new(self.unsaved_folder)
        except (OSError, CheckpointError) as error:
            self._problem = reason(error)
            return None

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """The runs to draw behind the current one, the last one before it first."""
        return self.laid_over if self.last is None else (self.last, *self.laid_over)

    def lay_over(self, overlay: Overlay) -> None:
        """Draw ``overlay`` behind the current run, in the place of one of the same name."""
        self.laid_over = (*(each for each in self.laid_over if each.name != overlay.name), overlay)

    def take_away(self, path: str) -> None:
        """No longer draw the run that was read from ``path``."""
        self.laid_over = tuple(each for each in self.laid_over if each.path != path)

    def clear_overlays(self) -> None:
        """Draw the current run alone."""
        self.last, self.laid_over = None, ()

    @property
    def keeps(self) -> bool:
        """Whether what is not saved outlives the lab."""
        return self._recovery is not None

    @property
    def problem(self) -> str:
        """Why no recovery checkpoint can be written at present, or ""."""
        return self._problem if self._recovery is None else self._recovery.problem

    def save(self, path: str) -> None:
        """Write a checkpoint of the current run to ``path``; the recovery checkpoint has then done its duty.

        Raises ``CheckpointError``.
        """
        if self.trainer is not None:
            self.trainer.save(path)
            self._mark_saved()
            self.registry.remember_run(path)
            if self._recovery is not None:
                self._recovery.clear()

    def remembered(self, theme: str) -> Remembered:
        """What the next lab may open with: ``theme``, unless that is "", the text and the network."""
        before, trainer = Remembered.read(), self.trainer
        now = before if trainer is None else Remembered.of(trainer)
        return replace(now, theme=theme or before.theme)

    def measure(self, arguments: Sequence[str]) -> None:
        """Begin to measure what `lstm-lab experiment` would with these arguments. Raises OSError."""
        from .measuring import Measuring

        if self.measuring is None or not self.measuring.progress.running:
            self.measuring = Measuring(arguments)

    def stop(self) -> None:
        """End the current run after its step, and the measuring; nothing waits for them."""
        if self.measuring is not None:
            self.measuring.cancel()
        if self.trainer is not None:
            self.trainer.stop()

    def close(self, *, keep: bool) -> str:
        """End the current run, and ``keep`` what of it is not saved for the next start of the lab, or forget it.

        Returns why that could not be done, or "". May be called from any thread, and again.
        """
        with self._closing:
            trainer, recovery, problem = self.trainer, self._recovery, ""
            if trainer is None:
                return ""
            self._ended.set()
            trainer.stop()
            if recovery is not None:
                keep = keep and self._unsaved_seconds() > UNNOTICED_SECONDS
                if keep:
                    try:
                        recovery.keep(trainer)
                    except (OSError, LabError) as error:
                        problem = reason(error)
                recovery.release(keep=keep)
                self._recovery = None
            return problem

    def _mark_saved(self) -> None:
        if self.trainer is not None:
            snapshot = self.trainer.snapshot()
            self._saved_step, self._saved_seconds = snapshot.step, snapshot.seconds

    def _unsaved_seconds(self) -> float:
        if self.trainer is None or not self.unsaved_steps():
            return 0.0
        return self.trainer.snapshot().seconds - self._saved_seconds

    def unsaved(self) -> bool:
        """Whether more than a minute of training would be lost."""
        return self._unsaved_seconds() > TRIVIAL_SECONDS

    def unsaved_steps(self) -> int:
        """Steps that no file of the user's has."""
        return 0 if self.trainer is None else self.trainer.snapshot().step - self._saved_step
