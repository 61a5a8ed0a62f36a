"""The trainer: a run in its own thread, and what others may ask of it. It knows nothing of terminals."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ..arguments import Amount, Count, Threads, checked
from ..data import Lanes, Split, Text, Vocabulary, load_text, split
from ..errors import ArgumentError, CheckpointError, DataError, MissingError, NonFiniteError, StateError
from ..lock import locked
from ..nn.language_model import LanguageModel
from ..tensors import check_destination
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .config import TrainerConfig, check_lr
from .control import Control, Ended, Task, Turn
from .loop import Loop
from .schedule import Plan
from .snapshot import Snapshot, Status
from .state import RunState
from .suspension import TICK_SECONDS, Suspension
from .timeline import Timeline

T = TypeVar("T")

#: ``run`` reports progress this often, and nobody waits longer than this at a time.
PROGRESS_SECONDS = 0.05
#: Lower priority of the background thread, so that a front end stays quick.
NICENESS = 10


@checked
class Trainer:
    """Trains ``model`` on ``text``. Front ends pull a ``snapshot()``; the loop never waits for them.

    All methods may be called from any thread. The model belongs to the trainer: during a run, use it through
    ``submit``; calls of it from elsewhere raise StateError. It holds the weights after the last step;
    ``best_model()`` returns a network with those that did best in validation.
    """

    def __init__(
        self, model: LanguageModel, text: Text, config: TrainerConfig | None = None, *, state: RunState | None = None
    ) -> None:
        """``state``: where to continue; None: from the start. Raises ArgumentError if model and text do not fit."""
        size = len(text.vocabulary)
        if not model.config.input_size == model.config.output_size == size:
            raise ArgumentError(
                f"model: got {model.config.input_size} inputs and {model.config.output_size} outputs, "
                f"expected the text's {size} symbols for both"
            )
        self.model = model
        self.text = text
        self.vocabulary: Vocabulary = text.vocabulary
        self.config = config or TrainerConfig()
        self.split: Split = split(text, self.config.validation)

        # Held only for moments, never during a call of the engine; reentrant, so that signal handlers may stop a run.
        self._lock = threading.RLock()
        # Held while working with the model. Taken before _lock, never after.
        self._model_lock = threading.RLock()
        self._loop = Loop(model, self.split, self.config, state or RunState.start(model, self.config), self._lock)
        self._control = Control(self._lock)
        self._thread: threading.Thread | None = None
        self._ended = Ended()  # of that thread
        #: The lock of the checkpoint, during a run.
        self._exclusive = contextlib.ExitStack()
        self._status: Status = "ready"
        #: What a front end is told until something more important happens.
        self._notice = ""
        self._message = ""
        self._error: BaseException | None = None
        self._saved_step: int | None = None
        # The step in the run's own checkpoint, and what tells that file from any other.
        self._kept: tuple[int, tuple[int, ...] | None] = (0, None)
        # Time in the engine since the last attempt at a checkpoint: what a crash would lose.
        self._unsaved_seconds = 0.0

    @classmethod
    def resume(
        cls,
        path: str,
        text: Text | str | None = None,
        *,
        encoding: str | None = None,
        backend: str | None = None,
        threads: Threads = 1,
        **changes: Any,
    ) -> Trainer:
        """Continue the run saved at ``path``: with the same backend, number of threads and kernel, it gives exactly
        the losses and weights of a run without the interruption.

        ``text``: the text, or what ``load_text`` takes; None: the text that the run was started with. If it has
        changed since, by its hash, the snapshots' ``message`` says so. ``changes`` replace fields of the saved
        ``TrainerConfig``; ``RunState.adapt`` says what then starts afresh. The checkpoint is written to ``path``
        again, unless ``checkpoint=`` names another file. Raises CheckpointError, DataError.
        """
        checkpoint = load_checkpoint(path)
        if text is None or isinstance(text, str):
            learned = checkpoint.text
            text = load_text(text or learned.name, encoding or learned.encoding, checkpoint.vocabulary)
        elif text.vocabulary != checkpoint.vocabulary:
            raise DataError(f"{text.name}: was not read with the vocabulary of {path}")
        saved, state = checkpoint.trainer_config, checkpoint.state
        config = dataclasses.replace(saved, **{"checkpoint": path, "lr": state.lr, **changes})
        model = LanguageModel(checkpoint.config, backend=backend, threads=threads)
        state.adapt(model, saved, config, same_text=text.identity.sha256 == checkpoint.text.sha256)
        trainer = cls(model, text, config, state=state)
        if state.epoch_step >= trainer.lanes.steps:
            raise CheckpointError(f"{path}: is damaged: step {state.epoch_step} of {trainer.lanes.steps}")
        trainer._saved_step = state.step
        if config.checkpoint == path:
            trainer._kept = state.step, _identity(path)
        trainer._notice = checkpoint.text.meets(text.identity, "continuing on")
        return trainer

    # ------------------------------------------------------------- front ends

    @property
    def timeline(self) -> Timeline | None:
        """The weights on the way, if ``keep_timeline`` was called."""
        return self._loop.timeline

    def keep_timeline(self) -> Timeline:
        """Keep the weights, in memory, at the present step and at some of those to come; returns where they are."""
        if self._loop.timeline is None:
            self._loop.timeline = Timeline(self.model.config, self.vocabulary, self.text.name)
            self.submit(lambda _: self._loop.keep_frame()).result()
        return self._loop.timeline

    @property
    def lanes(self) -> Lanes:
        """How the training text is read."""
        return self._loop.lanes

    @property
    def eval_every(self) -> int:
        """Steps between evaluations."""
        return self._loop.eval_every

    @property
    def lr(self) -> float:
        """The learning rate, before warm-up and schedule; a new one takes effect with the next chunk of steps."""
        return self._loop.state.lr

    @lr.setter
    def lr(self, value: float) -> None:
        check_lr(value)
        self._loop.state.lr = float(value)

    @property
    def error(self) -> BaseException | None:
        """What ended training unexpectedly, so that its status is "failed"; None for a loss that was not finite."""
        return self._error

    @property
    def running(self) -> bool:
        """Whether there is a training thread; it may be paused."""
        return self._thread is not None

    @property
    def paused(self) -> bool:
        """Whether the training thread pauses, or will after the current step."""
        return self._control.paused

    def run(
        self,
        *,
        steps: Count | None = None,
        epochs: Amount | None = None,
        seconds: Amount | None = None,
        on_progress: Callable[[Snapshot], object] | None = None,
    ) -> Snapshot:
        """Train up to the first of the limits, and return the last snapshot; without limits, until ``stop``.

        The limits count from the run's start, also after ``resume``, and the learning-rate schedule spans the
        whole run up to them: later limits stretch it. ``on_progress`` is called in this thread, about 20 times a
        second and at the end. KeyboardInterrupt, or any other error raised here, first ends training at the end
        of a step and writes the checkpoint; until that is done, another KeyboardInterrupt changes nothing. A loss
        or gradient that is not finite ends the run with status "failed". Raises CheckpointError at once if no
        checkpoint can be written, or another process is writing it.
        """
        # In a thread, because a signal handler's exception can interrupt the main thread anywhere.
        ended = Ended()
        try:
            self._start(self._total_steps(steps, epochs), seconds, ended, paused=False, niceness=0)
            while not ended.wait(PROGRESS_SECONDS):
                if on_progress is not None:
                    on_progress(self.snapshot())
        except BaseException:
            if self._ended is ended:
                self._stop_and_wait(ended)
            raise
        if self._error is not None:
            raise self._error
        snapshot = self.snapshot()
        if on_progress is not None:
            on_progress(snapshot)
        return snapshot

    def start(
        self,
        *,
        steps: Count | None = None,
        epochs: Amount | None = None,
        seconds: Amount | None = None,
        paused: bool = False,
    ) -> None:
        """``run`` in a thread of lower priority. Where the program ends first, it ends as by ``stop(wait=True)``."""
        self._start(self._total_steps(steps, epochs), seconds, Ended(), paused=paused, niceness=NICENESS)

    def stop(self, wait: bool = False) -> None:
        """End training after the current step; with ``wait``, return only when the checkpoint is written."""
        with self._lock:
            thread, ended = self._thread, self._ended
            if thread is not None:
                self._control.stop()
        if wait and thread is not None and thread is not threading.current_thread():
            while not ended.wait(PROGRESS_SECONDS):
                pass

    def pause(self) -> None:
        """Pause after the current step."""
        with self._lock:
            if self._thread is not None:
                self._control.pause()

    def resume_run(self) -> None:
        """Continue after ``pause``."""
        self._control.resume()

    def single_step(self) -> None:
        """Do one step, then pause; starts the thread if there is none."""
        with self._lock:
            if self._thread is None:
                self.start(paused=True)
            self._control.single_step()

    def submit(self, function: Callable[[LanguageModel], T]) -> Future[T]:
        """Call ``function(model)`` between two steps in the training thread, even while it is paused; without a
        training thread at once, in the caller's."""
        task = Task(Future[T](), function)
        with self._lock:
            if self._thread is not None and self._thread is not threading.current_thread():
                self._control.submit(task)
                return task.future
        self._execute(task)
        return task.future

    def snapshot(self) -> Snapshot:
        """The current state. Never waits for a step."""
        with self._lock:
            loop, state = self._loop, self._loop.state
            history = state.history
            smoothed = history.smoothed
            val_loss = None if history.best_val is None else history.val_loss  # what was forgotten is not quoted
            return Snapshot(
                status=self._status if self._thread is None else "paused" if self.paused else "running",
                message=self._message or self._notice,
                step=state.step,
                epoch=state.epoch + state.epoch_step / self.lanes.steps,
                loss=loop.loss,
                smoothed=smoothed,
                val_loss=val_loss,
                best_val=history.best_val,
                best_step=history.best_step,
                bits_per_char=(smoothed if val_loss is None else val_loss) / math.log(2.0),
                grad_norm=loop.grad_norm,
                lr=loop.rate(max(1, state.step)),
                chars_per_second=loop.chars_per_second,
                seconds=state.seconds,
                total_steps=state.plan.total_steps,
                total_seconds=state.plan.total_seconds,
                saved_step=self._saved_step,
                history=history.view(),
            )

    def best_model(self) -> LanguageModel:
        """A new network with the weights to use: those with the best validation loss so far, which are averaged
        where an average is kept. Before any evaluation the average or, without one, the last weights."""

        def copy(model: LanguageModel) -> LanguageModel:
            best = model.copy()
            best.load(self._loop.state.kept_weights)
            return best

        return self.submit(copy).result()

    def change_weights(self, change: Callable[[LanguageModel], object]) -> Future[None]:
        """Call ``change`` between two steps with the network and then, if an average of the weights is kept, with the
        network of those. What did best in validation so far stays as it is, and so do the optimizer's moments."""
        return self.submit(lambda _: self._loop.change_weights(change))

    def save(self, path: str) -> None:
        """Write a checkpoint between two steps. Raises CheckpointError."""
        self.submit(lambda _: self._save(path)).result()

    def _total_steps(self, steps: int | None, epochs: float | None) -> int | None:
        """The step at which the run ends, counted from its start."""
        limits = [] if steps is None else [steps]
        if epochs is not None:
            with self._lock:
                state, per_epoch = self._loop.state, self.lanes.steps
                done = state.epoch * per_epoch + state.epoch_step
                limits.append(state.step + max(0, round(min(epochs * per_epoch, 2.0**62)) - done))
        return min(limits, default=None)

    def _stop_and_wait(self, ended: Ended) -> None:
        """``stop(wait=True)`` that no KeyboardInterrupt cuts short."""
        while True:
            try:
                self._control.stop_without_lock()
                while not ended.wait(PROGRESS_SECONDS):
                    pass
                return
            except KeyboardInterrupt:
                continue

    def _start(
        self, total_steps: int | None, seconds: float | None, ended: Ended, *, paused: bool, niceness: int
    ) -> None:
        if self.config.checkpoint is not None:
            check_destination(self.config.checkpoint)
        with self._lock:
            if self._thread is not None:
                raise StateError("this trainer is running already")
            if self.config.checkpoint is not None:
                self._exclusive.enter_context(locked(self.config.checkpoint))  # until training ends
            state = self._loop.state
            if (total_steps, seconds) != (state.plan.total_steps, state.plan.total_seconds):
                state.plan = Plan(total_steps, seconds).ahead(state.step, state.seconds)
            self._control.begin(paused=paused)
            self._message, self._error = "", None
            suspension = Suspension()
            watch = threading.Thread(target=self._watch, args=(suspension, ended), name="trainer's watch", daemon=True)
            thread = threading.Thread(target=self._work, args=(niceness, suspension, ended), name="trainer")
            self._thread, self._ended = thread, ended
            interruption: KeyboardInterrupt | None = None
            try:
                for each in (watch, thread):
                    try:
                        each.start()
                    except KeyboardInterrupt as error:  # while waiting for a thread that has been started
                        interruption = error
            except RuntimeError:
                self._thread = None
                self._exclusive.close()
                ended.set()
                raise MissingError(
                    "no thread can be started for training: memory or the number of processes is limited too narrowly"
                ) from None
            if interruption is not None:
                raise interruption

    # --------------------------------------------------------- training thread

    def _work(self, niceness: int, suspension: Suspension, ended: Ended) -> None:
        try:
            self._train_and_save(niceness, suspension)
        finally:
            ended.set()

    def _train_and_save(self, niceness: int, suspension: Suspension) -> None:
        if niceness and sys.platform == "linux":  # where each thread has its own priority
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        status: Status
        message = ""
        error: BaseException | None = None
        try:
            with self.model.engine.held():
                status = self._train(suspension)
            if self.config.checkpoint is not None and self._saved_step != self._loop.state.step:
                self._save_on_the_way(self.config.checkpoint)
            if status == "finished" and self._loop.stalled():
                message = self._message or f"stopped early: no better validation in {self.config.patience} evaluations"
        except NonFiniteError as failure:
            status, message = "failed", self._explain(failure)
        except BaseException as failure:
            status, message = "failed", f"training ended by an error: {type(failure).__name__}: {failure}"
            error = failure
        with self._lock:
            self._status = status
            self._message = message or self._message
            self._error = error
            self._loop.abandon_evaluation()
            self._exclusive.close()
            self._thread = None
            tasks = self._control.end()
        for task in tasks:
            self._execute(task)

    def _watch(self, suspension: Suspension, ended: Ended) -> None:
        """Looks at the clock, ends a pause for ``stop_without_lock``, and ends training with the program."""
        while not ended.wait(TICK_SECONDS):
            suspension.seconds()
            if self._control.stopping or not threading.main_thread().is_alive():
                self.stop()

    def _train(self, suspension: Suspension) -> Status:
        while (turn := self._control.wait()) is not None:
            begin, suspended = time.perf_counter(), suspension.seconds()
            try:
                if turn.task is not None:
                    self._execute(turn.task)
                elif not self._advance(turn):
                    return "finished"
            finally:
                with self._lock:
                    if turn.task is None or not self.paused:
                        seconds = time.perf_counter() - begin - (suspension.seconds() - suspended)
                        self._loop.state.seconds += max(0.0, seconds)
        return "stopped"

    def _advance(self, turn: Turn) -> bool:
        """Do the next thing, about a twentieth of a second of it; False at the end of the run."""
        loop, path = self._loop, self.config.checkpoint
        if loop.evaluation_is_due():
            with self._model_lock:
                loop.evaluate()
        elif loop.at_end() or loop.stalled():
            return False
        elif path is not None and self._unsaved_seconds >= self.config.checkpoint_every:
            self._save_on_the_way(path)
        else:
            with self._model_lock:
                elapsed = loop.train(self._control.flag, single=turn.single)
            if elapsed is not None:
                self._unsaved_seconds += elapsed
                if turn.single:
                    self._control.step_done()
        return True

    def _execute(self, task: Task) -> None:
        with self._model_lock:
            task.execute(self.model)

    def _save_on_the_way(self, path: str) -> None:
        """Save, but let a full disk not end the run."""
        try:
            self._save(path)
            message = ""
        except CheckpointError as error:
            with self._lock:
                step, identity = self._kept
                kept = f"still that of step {step:,}" if identity == _identity(path) is not None else "gone"
            message = f"{error}; the last checkpoint is {kept}"
        with self._lock:
            self._message = message
            self._unsaved_seconds = 0.0

    def _save(self, path: str) -> None:
        with self._model_lock:
            checkpoint = Checkpoint(
                self.model.config, self.vocabulary, self.config, self.text.identity, self._loop.state
            )
            save_checkpoint(checkpoint, path)
            with self._lock:
                self._saved_step = self._loop.state.step
                if path == self.config.checkpoint:
                    self._kept = self._saved_step, _identity(path)

    def _explain(self, error: NonFiniteError) -> str:
        what = "loss" if not math.isfinite(error.loss) else "gradient"
        optimizer = self.config.optimizer
        clipping = "" if optimizer.clip_norm or optimizer.clip_value else ", or clip gradients (clip_norm 5)"
        return (
            f"training failed: the {what} was no longer a finite number at step {error.step:,}; the weights are "
            f"those from before it. Try a learning rate below {self.lr:g}{clipping}"
        )


def _identity(path: str) -> tuple[int, ...] | None:
    """What tells the file at ``path`` from every other that was or will be there; None: there is none."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    return None
