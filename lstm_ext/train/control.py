"""What other threads ask of the training thread: to pause, to do a single step, to call a function, to stop."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ..engine.stop import StopFlag
from ..nn.language_model import LanguageModel


@dataclass(frozen=True)
class Task:
    """A function of the model that someone waits for."""

    future: Future[Any]
    function: Callable[[LanguageModel], Any]

    def execute(self, model: LanguageModel) -> None:
        """Call the function unless it was cancelled; the future gets its result or its error."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function(model)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


@dataclass(frozen=True)
class Turn:
    """What the training thread has to do next."""

    #: A function to call; None: train.
    task: Task | None
    #: Train only one step, because the run is paused.
    single: bool


class Ended:
    """Set when a run has ended. A signal handler's exception may interrupt ``wait``, which can then be called again.

    Neither holds for ``Thread.join``, which up to Python 3.12 takes an interrupted thread for ended, nor quite for an
    ``Event``, whose lock the exception can leave locked.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """The run has ended."""
        self._is_set = True
        self._woken.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; returns whether it has come."""
        if not self._is_set:
            try:
                self._woken.get(timeout=seconds)
            except queue.Empty:
                return self._is_set
            self._woken.put(None)  # for others who wait
        return True


class Control:
    """Takes requests from any thread, and lets the training thread wait for them.

    ``lock`` is the trainer's; it is held only briefly.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._wake = threading.Condition(lock)
        #: Ends a call of the engine after the current step.
        self.flag = StopFlag()
        self.paused = False
        #: Whether the run was asked to stop.
        self.stopping = False
        self._single_steps = 0
        self._tasks: deque[Task] = deque()

    def begin(self, *, paused: bool) -> None:
        """Prepare for a new thread. Submitted functions stay, all other requests are forgotten."""
        with self._wake:
            self.stopping, self.paused, self._single_steps = False, paused, 0

    def stop(self) -> None:
        """Stop after the current step."""
        with self._wake:
            self.stopping = True
            self._interrupt()

    def stop_without_lock(self) -> None:
        """``stop`` for a thread that a signal handler's exception may interrupt: it would leave the lock locked.

        A training thread that pauses does not notice it; that takes a ``stop`` from another thread.
        """
        self.stopping = True
        self.flag.set()

    def pause(self) -> None:
        """Pause after the current step."""
        with self._wake:
            self.paused, self._single_steps = True, 0
            self._interrupt()

    def resume(self) -> None:
        """End the pause."""
        with self._wake:
            self.paused, self._single_steps = False, 0
            self._wake.notify_all()

    def single_step(self) -> None:
        """Do one more step, then pause."""
        with self._wake:
            self.paused = True
            self._single_steps += 1
            self._interrupt()

    def submit(self, task: Task) -> None:
        """Have ``task`` done between two chunks of steps."""
        with self._wake:
            self._tasks.append(task)
            self._wake.notify_all()

    def _interrupt(self) -> None:
        """Make the training thread look at its requests after the current step."""
        self.flag.set()
        self._wake.notify_all()

    # The training thread's side.

    def wait(self) -> Turn | None:
        """Wait for the next turn; None: stop."""
        with self._wake:
            while not self.stopping:
                if self._tasks:
                    return self._turn(self._tasks.popleft())
                if not self.paused or self._single_steps:
                    return self._turn(None)
                self._wake.wait()
            return None

    def _turn(self, task: Task | None) -> Turn:
        self.flag.clear()
        return Turn(task, self.paused)

    def step_done(self) -> None:
        """Count one of the requested single steps as done."""
        with self._wake:
            self._single_steps = max(0, self._single_steps - 1)

    def end(self) -> list[Task]:
        """Take no more requests; returns the submitted functions that are still to be called."""
        with self._wake:
            self.paused = False
            tasks, self._tasks = list(self._tasks), deque()
            return tasks
