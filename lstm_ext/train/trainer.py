"""The training loop, in pure Python over the engine. It knows nothing of terminals."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from ..data import Lanes, Split, Text, Vocabulary, load_text, split
from ..engine.stop import StopFlag
from ..errors import ArgumentError, CheckpointError, DataError, NonFiniteError, StateError
from ..nn.language_model import LanguageModel
from .checkpoint import Checkpoint, check_destination, load_checkpoint, save_checkpoint
from .config import TrainerConfig, check_lr
from .evaluation import Evaluation, evaluation_steps
from .history import History, HistoryView
from .schedule import Plan, factor

__all__ = ["Snapshot", "Trainer", "TrainerConfig"]

T = TypeVar("T")
Status = Literal["ready", "running", "paused", "finished", "stopped", "failed"]

#: One call of the engine takes about so long: requests are served between calls.
CHUNK_SECONDS = 0.05
#: ... and has at most so many steps.
CHUNK_STEPS = 1024
#: ``run`` reports progress this often.
PROGRESS_SECONDS = 0.05
#: chars_per_second is over the last so many seconds of training.
SPEED_SECONDS = 3.0
#: With eval_every=None, evaluations cost this share of the time, a symbol costing a third of what it costs in training.
EVAL_SHARE = 0.05
#: ... but are at least so many steps apart.
MIN_EVAL_EVERY = 100
#: The weights are averaged, and the clock is read for the schedule, after each of the first so many steps ...
EVERY_STEP_UNTIL = 500
#: ... and then every so many.
STRIDE = 50
#: Lower priority of the background thread, so that a front end stays quick.
NICENESS = 10


@dataclass(frozen=True)
class Snapshot:
    """A training run at one moment; losses are mean nats per symbol, NaN before the first step."""

    status: Status
    #: What the user should know (why it failed, that a checkpoint could not be written), or "".
    message: str
    #: Optimizer steps since the run's start, resumed ones included.
    step: int
    #: Passes over the training text, with the fraction of the present one.
    epoch: float
    #: Mean training loss of the last chunk of steps.
    loss: float
    #: Exponential moving average of the training loss.
    smoothed: float
    val_loss: float | None
    best_val: float | None
    #: The step after which that was taken.
    best_step: int
    #: Of the validation loss where there is one, otherwise of ``smoothed``.
    bits_per_char: float
    #: Before clipping, of the last step.
    grad_norm: float
    #: Of the last step.
    lr: float
    #: Over the last seconds of training proper: without pauses, evaluations and checkpoints.
    chars_per_second: float
    #: Time spent since the run's start, without pauses.
    seconds: float
    #: Where the run ends, if it is limited that way.
    total_steps: int | None
    total_seconds: float | None
    #: Step of the last checkpoint that this trainer wrote or was resumed from.
    saved_step: int | None
    history: HistoryView


class Trainer:
    """Trains ``model`` on ``text``. Front ends pull a ``snapshot()``; the loop never waits for them.

    All methods may be called from any thread. The model belongs to the trainer: while a run is
    on, use it through ``submit``.
    """

    def __init__(self, model: LanguageModel, text: Text, config: TrainerConfig | None = None) -> None:
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
        self.lanes = Lanes(self.split.train, self.config.batch_size, self.config.seq_length)
        self._validation = None if self.split.validation is None else self.split.validation[: self.config.eval_symbols]
        #: Steps between evaluations.
        self.eval_every = self.config.eval_every or self._default_eval_every()

        # Held only for moments, never during a call of the engine; reentrant, so that signal handlers may stop a run.
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        # Whoever works with the model holds this. Taken before _lock, never after.
        self._model_lock = threading.RLock()

        # The run: written by the thread that holds _model_lock, under _lock.
        self._moments = np.zeros((2, model.config.num_parameters), dtype=model.config.dtype)
        self._state = model.zero_state(self.config.batch_size)
        self._history = History()
        #: Its weights are the moving average, its engine is for evaluations.
        self._averaged: LanguageModel | None = model.copy() if self.config.average else None
        #: (P,) the weights of the best evaluation.
        self._best: np.ndarray | None = None
        self._plan = Plan()
        self._step = 0
        self._epoch = 0
        self._epoch_step = 0
        self._loss = math.nan
        self._grad_norm = math.nan
        self._lr = self.config.lr
        self._seconds = 0.0
        self._evaluation: Iterator[Evaluation] | None = None
        self._seconds_per_step = math.inf
        #: (symbols, seconds) of the last chunks.
        self._speed: deque[tuple[int, float]] = deque()
        self._saved_step: int | None = None
        # Time in the engine since a checkpoint was last tried: what a crash would cost.
        self._unsaved_seconds = 0.0

        # What is asked of the training thread: under _lock.
        self._thread: threading.Thread | None = None
        self._status: Status = "ready"
        self._message = ""
        self._error: BaseException | None = None
        self._tasks: deque[tuple[Future[Any], Callable[[LanguageModel], Any]]] = deque()
        self._stopping = False
        self._paused = False
        self._single_steps = 0
        # Ends a call of the engine after the present step.
        self._flag = StopFlag()

    def _default_eval_every(self) -> int:
        evaluated = 0 if self._validation is None else len(self._validation)
        per_step = self.config.batch_size * self.config.seq_length
        return max(MIN_EVAL_EVERY, math.ceil(evaluated / (3.0 * EVAL_SHARE * per_step)))

    @classmethod
    def resume(
        cls,
        path: str,
        text: Text | str | None = None,
        *,
        encoding: str | None = None,
        backend: str | None = None,
        threads: int = 1,
        **changes: Any,
    ) -> Trainer:
        """Continues the run saved at ``path``: with the same backend, number of threads and kernel,
        to the very losses and weights of a run that was never interrupted.

        ``text``: the text, or what ``load_text`` takes; None: what the run was started with.
        ``changes`` replace fields of the saved ``TrainerConfig``. Another text, seq_length,
        batch_size or validation share begins a new epoch, another kind of optimizer starts with
        fresh moments, something else to validate on with a new best; all the rest continues. The
        checkpoint is written to ``path`` again, unless ``checkpoint=`` says otherwise. Raises
        ``CheckpointError``, ``DataError``.
        """
        checkpoint = load_checkpoint(path)
        if text is None or isinstance(text, str):
            text = load_text(text or checkpoint.text_name, encoding or checkpoint.encoding, checkpoint.vocabulary)
        elif text.vocabulary != checkpoint.vocabulary:
            raise DataError(f"{text.name}: was not read with the vocabulary of {path}")
        saved = checkpoint.trainer_config
        config = dataclasses.replace(saved, **{"checkpoint": path, "lr": checkpoint.lr, **changes})

        trainer = cls(checkpoint.model(last=True, backend=backend, threads=threads), text, config)
        trainer._history, trainer._plan = checkpoint.history, checkpoint.plan
        if trainer._averaged is not None and checkpoint.average is not None:
            trainer._averaged.load(checkpoint.average)
        trainer._step, trainer._epoch = checkpoint.step, checkpoint.epoch
        trainer._seconds = checkpoint.seconds
        trainer._saved_step = checkpoint.step
        if config.optimizer.kind == saved.optimizer.kind:
            trainer._moments[...] = checkpoint.moments
        same_text = text.sha256 == checkpoint.text_sha256

        def same(*names: str) -> bool:
            return same_text and all(getattr(config, name) == getattr(saved, name) for name in names)

        if same("validation", "eval_symbols"):
            trainer._best = checkpoint.best
        else:
            trainer._history.forget_best()
        if same("seq_length", "batch_size", "validation"):
            if checkpoint.epoch_step >= trainer.lanes.steps:
                raise CheckpointError(f"{path}: is damaged: step {checkpoint.epoch_step} of {trainer.lanes.steps}")
            trainer._epoch_step = checkpoint.epoch_step
            trainer._state[...] = checkpoint.state
        elif checkpoint.epoch_step:
            trainer._epoch += 1
        return trainer

    # ------------------------------------------------------------- front ends

    @property
    def lr(self) -> float:
        """The learning rate, before warm-up and schedule; a new one takes effect with the next chunk of steps."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        check_lr(value)
        self._lr = float(value)

    @property
    def running(self) -> bool:
        """There is a training thread; it may be paused."""
        return self._thread is not None

    @property
    def paused(self) -> bool:
        """The training thread pauses, or will after the present step."""
        return self._paused

    def run(
        self,
        *,
        steps: int | None = None,
        epochs: float | None = None,
        seconds: float | None = None,
        on_progress: Callable[[Snapshot], object] | None = None,
    ) -> Snapshot:
        """Trains up to the first of the limits, and returns the last snapshot; without limits, until ``stop``.

        The limits count from the run's start, also after ``resume``, and the schedule of the
        learning rate spans the whole of the run up to them: later limits than before stretch it.
        ``on_progress`` is called in this thread, about 20 times a second and at the end.
        KeyboardInterrupt, or whatever else is raised here, first ends training at the boundary
        of a step and writes the checkpoint. A loss or gradient that is not finite ends it with
        status "failed". Raises ``CheckpointError`` at once if no checkpoint can be written.
        """
        # In a thread, because the exceptions of signal handlers strike the main thread, anywhere.
        thread = self._start(steps, epochs, seconds, paused=False, niceness=0)
        try:
            while thread.is_alive():
                thread.join(PROGRESS_SECONDS)
                if on_progress is not None and thread.is_alive():
                    on_progress(self.snapshot())
        except BaseException:
            self.stop()
            thread.join()
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
        steps: int | None = None,
        epochs: float | None = None,
        seconds: float | None = None,
        paused: bool = False,
    ) -> None:
        """``run`` in a daemon thread of lower priority."""
        self._start(steps, epochs, seconds, paused=paused, niceness=NICENESS)

    def stop(self, wait: bool = False) -> None:
        """Ends training after the present step; ``wait`` until the checkpoint is written, too."""
        with self._lock:
            thread = self._thread
            if thread is not None:
                self._stopping = True
                self._interrupt()
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join()

    def pause(self) -> None:
        """Pauses after the present step."""
        with self._lock:
            if self._thread is not None:
                self._paused = True
                self._single_steps = 0
                self._interrupt()

    def resume_run(self) -> None:
        """Goes on after ``pause``."""
        with self._lock:
            self._paused = False
            self._single_steps = 0
            self._wake.notify_all()

    def single_step(self) -> None:
        """One step, then pause; starts the thread if there is none."""
        with self._lock:
            if self._thread is None:
                self.start(paused=True)
            self._paused = True
            self._single_steps += 1
            self._interrupt()

    def submit(self, function: Callable[[LanguageModel], T]) -> Future[T]:
        """Runs ``function(model)`` between two steps, in the training thread, also while it is
        paused; at once, in the caller's thread, when there is none."""
        future: Future[T] = Future()
        with self._lock:
            if self._thread is not None and self._thread is not threading.current_thread():
                self._tasks.append((future, function))
                self._wake.notify_all()
                return future
        self._execute(future, function)
        return future

    def snapshot(self) -> Snapshot:
        """The present state. Never waits for a step."""
        with self._lock:
            smoothed, val_loss = self._history.smoothed, self._history.val_loss
            symbols, seconds = (sum(column) for column in zip((0, 0.0), *self._speed, strict=True))
            return Snapshot(
                status=self._status if self._thread is None else "paused" if self._paused else "running",
                message=self._message,
                step=self._step,
                epoch=self._epoch + self._epoch_step / self.lanes.steps,
                loss=self._loss,
                smoothed=smoothed,
                val_loss=val_loss,
                best_val=self._history.best_val,
                best_step=self._history.best_step,
                bits_per_char=(smoothed if val_loss is None else val_loss) / math.log(2.0),
                grad_norm=self._grad_norm,
                lr=self._rate(max(1, self._step)),
                chars_per_second=symbols / seconds if seconds else 0.0,
                seconds=self._seconds,
                total_steps=self._plan.total_steps,
                total_seconds=self._plan.total_seconds,
                saved_step=self._saved_step,
                history=self._history.view(),
            )

    def save(self, path: str) -> None:
        """Writes a checkpoint, between two steps. Raises ``CheckpointError``."""
        self.submit(lambda _: self._save(path)).result()

    def _interrupt(self) -> None:
        """Lets the training thread see what is asked of it after the present step."""
        self._flag.set()
        self._wake.notify_all()

    # --------------------------------------------------------- training thread

    def _start(
        self, steps: int | None, epochs: float | None, seconds: float | None, *, paused: bool, niceness: int
    ) -> threading.Thread:
        if self.config.checkpoint is not None:
            check_destination(self.config.checkpoint)
        with self._lock:
            if self._thread is not None:
                raise StateError("this trainer is running already")
            limits = [] if steps is None else [steps]
            if epochs is not None:
                done = self._epoch * self.lanes.steps + self._epoch_step
                limits.append(self._step + max(0, round(epochs * self.lanes.steps) - done))
            total_steps = min(limits, default=None)
            if (total_steps, seconds) != (self._plan.total_steps, self._plan.total_seconds):
                self._plan = Plan(total_steps, seconds).ahead(self._step, self._seconds)
            self._stopping, self._paused, self._single_steps = False, paused, 0
            self._message, self._error = "", None
            thread = threading.Thread(target=self._work, args=(niceness,), name="trainer", daemon=True)
            self._thread = thread
            thread.start()
        return thread

    def _work(self, niceness: int) -> None:
        if niceness and sys.platform == "linux":  # where a thread has a priority of its own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        status: Status
        message = ""
        error: BaseException | None = None
        try:
            status = self._loop()
            if self.config.checkpoint is not None and self._saved_step != self._step:
                self._save_on_the_way(self.config.checkpoint)
            if status == "finished" and self._stalled():
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
            self._paused = False
            self._evaluation = None
            self._thread = None
            tasks, self._tasks = self._tasks, deque()
        for future, function in tasks:
            self._execute(future, function)

    def _loop(self) -> Status:
        while True:
            task = None
            with self._lock:
                while True:
                    if self._stopping:
                        return "stopped"
                    if self._tasks:
                        task = self._tasks.popleft()
                        break
                    if not self._paused or self._single_steps:
                        break
                    self._wake.wait()
                self._flag.clear()
                single = self._paused
            begin = time.perf_counter()
            try:
                if task is not None:
                    self._execute(*task)
                elif self._evaluation_is_due():
                    self._evaluate_a_little()
                elif self._at_limit() or self._stalled():
                    return "finished"
                elif self.config.checkpoint and self._unsaved_seconds >= self.config.checkpoint_every:
                    self._save_on_the_way(self.config.checkpoint)
                else:
                    self._train_a_little(single)
            finally:
                with self._lock:
                    if task is None or not self._paused:
                        self._seconds += time.perf_counter() - begin

    def _at_limit(self) -> bool:
        plan = self._plan
        return (plan.total_steps is not None and self._step >= plan.total_steps) or (
            plan.total_seconds is not None and self._seconds >= plan.total_seconds
        )

    def _stalled(self) -> bool:
        """It is time to stop early."""
        return self.config.patience is not None and self._history.since_best >= self.config.patience

    def _evaluation_is_due(self) -> bool:
        """Every ``eval_every`` steps, and at the end; so also where a resumed run had not come to it."""
        if self._validation is None or not self._step or self._history.val_step == self._step:
            return False
        return self._step % self.eval_every == 0 or self._at_limit()

    def _evaluate_a_little(self) -> None:
        """Evaluates a part, so that requests do not wait for the whole of it."""
        with self._model_lock:
            model = self._averaged or self.model
            if self._evaluation is None:
                assert self._validation is not None
                self._evaluation = evaluation_steps(model, self._validation)
                self._evaluated = Evaluation(math.nan, 0)
            try:
                self._evaluated = next(self._evaluation)
            except StopIteration:
                with self._lock:
                    self._evaluation = None
                    if self._history.add_validation(self._step, self._evaluated.nats):
                        self._best = model.parameters.copy()

    def _train_a_little(self, single: bool) -> None:
        config, first = self.config, self._step + 1
        if self._step % self._stride() == 0 and self._step != self._plan.step:
            with self._lock:
                self._plan = self._plan.ahead(self._step, self._seconds)
        inputs, targets = self.lanes.chunk(self._epoch_step, 1 if single else self._chunk_steps())
        lr = self._lr
        rates = np.array([self._rate(step) for step in range(first, first + len(inputs))])
        begin = time.perf_counter()
        with self._model_lock:
            try:
                result = self.model.engine.train(
                    inputs,
                    targets,
                    self._state,
                    config.optimizer,
                    self._moments,
                    first,
                    rates,
                    config.seed,
                    self._flag,
                )
            except NonFiniteError as error:
                # The steps before it are done, though their losses are lost.
                with self._lock:
                    self._step = error.step - 1
                    self._epoch_step += error.step - first
                raise
            elapsed = time.perf_counter() - begin
            if not result.done:
                return
            self._record(first, result.losses, result.norms, lr)
        with self._lock:
            if single:
                self._single_steps = max(0, self._single_steps - 1)
            # A shorter step, at an epoch's end, counts as the part that it is.
            whole_steps = result.done * inputs.shape[1] / config.seq_length
            self._seconds_per_step = max(elapsed, 1e-9) / whole_steps
            self._unsaved_seconds += elapsed
            self._speed.append((int(np.count_nonzero(targets[: result.done] >= 0)), elapsed))
            while len(self._speed) > 1 and sum(seconds for _, seconds in self._speed) > SPEED_SECONDS:
                self._speed.popleft()

    def _record(self, first: int, losses: np.ndarray, norms: np.ndarray, lr: float) -> None:
        with self._lock:
            self._history.add_lr(first, lr)
            self._history.add(first, losses)
            self._loss = float(losses.mean())
            self._grad_norm = float(norms[-1])
            self._step += len(losses)
            self._epoch_step += len(losses)
            if self._epoch_step == self.lanes.steps:
                self._epoch += 1
                self._epoch_step = 0
            if not self._epoch_step or (self.config.reset_every and not self._step % self.config.reset_every):
                self._state[...] = 0.0
        if self._averaged is not None and self._step % self._stride() == 0:
            self._average()

    def _rate(self, step: int) -> float:
        """The learning rate of one step, counted from 1."""
        config = self.config
        warm = min(1.0, step / config.warmup) if config.warmup else 1.0
        return self._lr * warm * factor(config.schedule, self._plan.progress(step - 1))

    def _stride(self) -> int:
        """Averages, and readings of the clock, come after steps that are multiples of this, so that they
        do not depend on how the steps are dealt out to calls of the engine."""
        return 1 if self._step <= EVERY_STEP_UNTIL else STRIDE

    def _average(self) -> None:
        """Polynomial-decay averaging (Shamir and Zhang 2013): the span grows with the run, so it need not be chosen."""
        assert self._averaged is not None
        stride = self._stride()
        average = self._averaged.parameters
        average += stride / (stride + self.config.average * self._step) * (self.model.parameters - average)

    def _chunk_steps(self) -> int:
        """As many steps as fit the time, but not beyond where something else is to be done."""
        plan = self._plan
        budget = CHUNK_SECONDS
        if plan.total_seconds is not None:
            budget = min(budget, plan.total_seconds - self._seconds)
        steps = min(int(budget / self._seconds_per_step), CHUNK_STEPS, self.eval_every - self._step % self.eval_every)
        if plan.total_steps is not None:
            steps = min(steps, plan.total_steps - self._step)
        if self.config.reset_every:
            steps = min(steps, self.config.reset_every - self._step % self.config.reset_every)
        if self._averaged is not None or (plan.total_seconds is not None and self.config.schedule != "constant"):
            steps = min(steps, 1 if self._step < EVERY_STEP_UNTIL else STRIDE - self._step % STRIDE)
        return max(1, steps)

    def _execute(self, future: Future[T], function: Callable[[LanguageModel], T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            with self._model_lock:
                result = function(self.model)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _save_on_the_way(self, path: str) -> None:
        """A full disk is no reason to lose the run."""
        try:
            self._save(path)
            message = ""
        except CheckpointError as error:
            message = f"{error}; the last good checkpoint is untouched"
        with self._lock:
            self._message = message
            self._unsaved_seconds = 0.0

    def _save(self, path: str) -> None:
        with self._model_lock:
            save_checkpoint(
                Checkpoint(
                    config=self.model.config,
                    vocabulary=self.vocabulary,
                    parameters=self.model.parameters,
                    trainer_config=self.config,
                    moments=self._moments,
                    state=self._state,
                    history=self._history,
                    step=self._step,
                    epoch=self._epoch,
                    epoch_step=self._epoch_step,
                    lr=self._lr,
                    seconds=self._seconds,
                    text_name=self.text.name,
                    encoding=self.text.encoding,
                    text_length=len(self.text),
                    text_sha256=self.text.sha256,
                    plan=self._plan,
                    average=None if self._averaged is None else self._averaged.parameters,
                    best=self._best,
                ),
                path,
            )
            with self._lock:
                self._saved_step = self._step

    def _explain(self, error: NonFiniteError) -> str:
        what = "loss" if not math.isfinite(error.loss) else "gradient"
        optimizer = self.config.optimizer
        clipping = "" if optimizer.clip_norm or optimizer.clip_value else ", or clip gradients (clip_norm 5)"
        return (
            f"training failed: the {what} was no longer a finite number at step {error.step:,}; the weights are "
            f"those from before it. Try a learning rate below {self._lr:g}{clipping}"
        )
