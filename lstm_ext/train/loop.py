"""The steps of a run: learning rate, updates, averages of the weights and evaluations."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from ..data import Lanes, Split
from ..engine.interface import Training
from ..engine.stop import StopFlag
from ..errors import NonFiniteError
from ..nn.language_model import LanguageModel
from ..nn.schedule import factor
from .config import TrainerConfig
from .evaluation import Evaluation, evaluation_steps
from .state import RunState
from .timeline import Timeline

#: One call of the engine takes about this long, because requests are served between calls.
CHUNK_SECONDS = 0.05
#: ... and has at most this many steps.
CHUNK_STEPS = 1024
#: The speed is that of the last seconds of training.
SPEED_SECONDS = 3.0
#: With eval_every=None, evaluations take this share of the time; evaluating a symbol takes a third of training it.
EVAL_SHARE = 0.05
#: ... but are at least this many steps apart.
MIN_EVAL_EVERY = 100
#: The weights are averaged, and the clock is read for the schedule, after each of this many first steps ...
EVERY_STEP_UNTIL = 500
#: ... and then after every step that is a multiple of this.
STRIDE = 50


class Loop:
    """Everything that changes a ``state``, in small pieces. It knows nothing of requests and files.

    ``model`` gets the state's weights. One thread at a time may use a loop; it holds ``lock`` while it changes
    what other threads read.
    """

    def __init__(
        self, model: LanguageModel, split: Split, config: TrainerConfig, state: RunState, lock: threading.RLock
    ) -> None:
        self.model = model
        self.config = config
        self.state = state
        self._lock = lock
        if state.parameters is not model.parameters:
            model.load(state.parameters)
            state.parameters = model.parameters
        #: Its weights are the moving average, its engine is for evaluations.
        self._averaged: LanguageModel | None = None
        if state.average is not None:
            self._averaged = model.copy()
            self._averaged.load(state.average)
            state.average = self._averaged.parameters
        self.lanes = Lanes(split.train, config.batch_size, config.seq_length)
        self._validation = None if split.validation is None else split.validation[: config.eval_symbols]
        #: Steps between evaluations.
        self.eval_every = config.eval_every or self._default_eval_every()
        #: Mean loss of the last chunk of steps, and gradient norm of the last step: see ``Snapshot``.
        self.loss = self.grad_norm = math.nan
        #: Keeps weights on the way, if that was asked for.
        self.timeline: Timeline | None = None
        self._evaluation: Iterator[Evaluation] | None = None
        self._seconds_per_step = math.inf
        #: (symbols, seconds) of the last chunks.
        self._speed: deque[tuple[int, float]] = deque()

    def _default_eval_every(self) -> int:
        evaluated = 0 if self._validation is None else len(self._validation)
        per_step = self.config.batch_size * self.config.seq_length
        return max(MIN_EVAL_EVERY, math.ceil(evaluated / (3.0 * EVAL_SHARE * per_step)))

    @property
    def chars_per_second(self) -> float:
        """The speed over the last seconds of training, without evaluations and pauses."""
        symbols, seconds = (sum(column) for column in zip((0, 0.0), *self._speed, strict=True))
        return symbols / seconds if seconds else 0.0

    def rate(self, step: int) -> float:
        """The learning rate of one step, counted from 1."""
        config = self.config
        warm = min(1.0, step / config.warmup) if config.warmup else 1.0
        return self.state.lr * warm * factor(config.schedule, self.state.plan.progress(step - 1))

    # What to do next.

    def at_end(self) -> bool:
        """Whether the run has reached one of its limits."""
        state, plan = self.state, self.state.plan
        return (plan.total_steps is not None and state.step >= plan.total_steps) or (
            plan.total_seconds is not None and state.seconds >= plan.total_seconds
        )

    def stalled(self) -> bool:
        """Whether to stop early."""
        return self.config.patience is not None and self.state.history.since_best >= self.config.patience

    def evaluation_is_due(self) -> bool:
        """Whether to evaluate: every ``eval_every`` steps and at the end, also where a resumed run had not done so."""
        step = self.state.step
        if self._validation is None or not step or self.state.history.val_step == step:
            return False
        return step % self.eval_every == 0 or self.at_end()

    # Doing it.

    def evaluate(self) -> None:
        """Do a part of an evaluation, so that requests need not wait for all of it."""
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
                if self.state.history.add_validation(self.state.step, self._evaluated.nats):
                    self.state.best = model.parameters.copy()

    def abandon_evaluation(self) -> None:
        """Drop an unfinished evaluation."""
        self._evaluation = None

    def change_weights(self, change: Callable[[LanguageModel], object]) -> None:
        """Call ``change`` with the network and, if there is one, with that of the averaged weights."""
        self.abandon_evaluation()
        for model in filter(None, (self.model, self._averaged)):
            change(model)

    def train(self, flag: StopFlag, *, single: bool) -> float | None:
        """Do a chunk of steps, or a ``single`` one; ``flag`` ends it after the current step.

        Returns the seconds that the engine took, or None if no step was done. Raises NonFiniteError at the
        step that it names; the steps before it are done.
        """
        state, first = self.state, self.state.step + 1
        if state.step % self._stride() == 0 and state.step != state.plan.step:
            with self._lock:
                state.plan = state.plan.ahead(state.step, state.seconds)
        inputs, targets = self.lanes.chunk(state.epoch_step, 1 if single else self._chunk_steps())
        lr = state.lr
        rates = np.array([self.rate(step) for step in range(first, first + len(inputs))])
        begin = time.perf_counter()
        try:
            result = self.model.engine.train(
                inputs,
                targets,
                state.carried,
                Training(self.config.optimizer, state.moments, first, rates, self.config.seed),
                flag,
            )
        except NonFiniteError as error:
            with self._lock:  # the losses of the steps before it are lost
                state.step = error.step - 1
                state.epoch_step += error.step - first
            raise
        elapsed = time.perf_counter() - begin
        if not result.done:
            return None
        self._record(first, result.losses, result.norms, rates[: result.done], lr)
        self.keep_frame()
        with self._lock:
            # A shorter step, at an epoch's end, counts as a part of one.
            whole_steps = result.done * inputs.shape[1] / self.config.seq_length
            self._seconds_per_step = max(elapsed, 1e-9) / whole_steps
            self._speed.append((int(np.count_nonzero(targets[: result.done] >= 0)), elapsed))
            while len(self._speed) > 1 and sum(seconds for _, seconds in self._speed) > SPEED_SECONDS:
                self._speed.popleft()
        return elapsed

    def _record(self, first: int, losses: np.ndarray, norms: np.ndarray, rates: np.ndarray, lr: float) -> None:
        state, config = self.state, self.config
        with self._lock:
            state.history.add_lr(first, lr)
            state.history.add(first, losses, norms, rates, config.optimizer.clip_norm)
            self.loss = float(losses.mean())
            self.grad_norm = float(norms[-1])
            state.step += len(losses)
            state.epoch_step += len(losses)
            if state.epoch_step == self.lanes.steps:
                state.epoch += 1
                state.epoch_step = 0
            if not state.epoch_step or (config.reset_every and not state.step % config.reset_every):
                state.carried[...] = 0.0
        if self._averaged is not None and state.step % self._stride() == 0:
            self._average(self._averaged.parameters)

    def keep_frame(self) -> None:
        """Add the weights to the timeline if it is time."""
        state = self.state
        if self.timeline is not None and self.timeline.due(state.step):
            self.timeline.add(state.step, state.history.smoothed, self.model.parameters)

    def _stride(self) -> int:
        """Averaging and reading the clock happen after steps that are multiples of this, so that they do not
        depend on how the steps are divided among calls of the engine."""
        return 1 if self.state.step <= EVERY_STEP_UNTIL else STRIDE

    def _average(self, average: np.ndarray) -> None:
        """Polynomial-decay averaging (Shamir and Zhang 2013): the span grows with the run, so it need not be chosen."""
        stride = self._stride()
        weight = stride / (stride + self.config.average * self.state.step)
        average += weight * (self.model.parameters - average)

    def _chunk_steps(self) -> int:
        """As many steps as fit into the time, but not past a step after which something else is due."""
        state, config, plan = self.state, self.config, self.state.plan
        budget = CHUNK_SECONDS
        if plan.total_seconds is not None:
            budget = min(budget, plan.total_seconds - state.seconds)
        steps = min(int(budget / self._seconds_per_step), CHUNK_STEPS, self.eval_every - state.step % self.eval_every)
        if plan.total_steps is not None:
            steps = min(steps, plan.total_steps - state.step)
        if config.reset_every:
            steps = min(steps, config.reset_every - state.step % config.reset_every)
        if self.timeline is not None and self.timeline.next_step > state.step:
            steps = min(steps, self.timeline.next_step - state.step)
        if self._averaged is not None or (plan.total_seconds is not None and config.schedule != "constant"):
            steps = min(steps, 1 if state.step < EVERY_STEP_UNTIL else STRIDE - state.step % STRIDE)
        return max(1, steps)
