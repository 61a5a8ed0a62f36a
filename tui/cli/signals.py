"""SIGINT, SIGTERM and SIGHUP: each ends a command at once, with status 128 + n, and keeps what was learned."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from .output import note

if TYPE_CHECKING:  # NumPy comes with it, which --version does not need
    from lstm_ext.train.trainer import Trainer

#: So long an ended command may take to write its last words: a terminal or a pipe may have stopped reading.
GRACE_SECONDS = 3.0
#: After so long the user is told what a stopped run is still doing, and may give up.
PATIENCE_SECONDS = 1.0


class EndedBySignal(KeyboardInterrupt):
    """A signal ended the command."""

    #: The one that was raised.
    came: ClassVar[EndedBySignal | None] = None

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


def _taken() -> Iterator[int]:
    """The signals that end a command. A SIGHUP or SIGTERM that is ignored stays so, for nohup; a SIGINT is meant even
    where a script's `&` has it ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and (name == "SIGINT" or signal.getsignal(number) != signal.SIG_IGN):
            yield number


def _ignore(number: int, frame: FrameType | None) -> None:
    pass


def raise_ended() -> None:
    """From now on the first of the signals raises ``EndedBySignal``, and no other one disturbs the end that follows."""

    def handler(number: int, frame: FrameType | None) -> None:
        for other in _taken():
            signal.signal(other, _ignore)  # SIG_IGN would have Python complain about one that has just come
        timer = threading.Timer(GRACE_SECONDS, os._exit, [128 + number])
        timer.daemon = True
        timer.start()
        EndedBySignal.came = EndedBySignal(number)
        raise EndedBySignal.came

    for number in _taken():
        signal.signal(number, handler)


class Stopping:
    """The signals that came during a run of training, which they end after a step and with a checkpoint."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._left = threading.Event()
        self._since = 0.0
        self._said = False
        #: The first signal; None: the run goes on.
        self.signal: signal.Signals | None = None

    def _handler(self, number: int, frame: FrameType | None) -> None:
        if self._said:
            with suppress(OSError):  # not through a stream, which may be in the middle of a line
                os.write(2, f"lstm-lab: gave up: {self._kept()}\n".encode())
            os._exit(128 + number)
        if self.signal is None:
            self.signal, self._since = signal.Signals(number), time.monotonic()
            self._trainer.stop()
            threading.Thread(target=self._leave, args=(number,), daemon=True).start()

    def _leave(self, number: int) -> None:
        self._trainer.stop(wait=True)
        while not self._left.wait(GRACE_SECONDS):
            if not self._trainer.running:
                os._exit(128 + number)

    def _kept(self) -> str:
        return f"the checkpoint is that of step {self._trainer.snapshot().saved_step or 0:,}"

    def follow_up(self) -> None:
        """Call it now and then once a signal came. A second one gives up, but only after the user was told so."""
        self._trainer.stop()  # the signal may have come just before the run
        if not self._said and time.monotonic() - self._since > PATIENCE_SECONDS:
            note(f"finishing a step and writing it down; the same again gives up, and {self._kept()}")
            self._said = True


@contextmanager
def stopping(trainer: Trainer) -> Iterator[Stopping]:
    """``with stopping(trainer) as stop``: around the run and what is written about it."""
    stop = Stopping(trainer)
    previous: dict[int, Any] = {number: signal.signal(number, stop._handler) for number in _taken()}
    try:
        yield stop
    finally:
        stop._left.set()
        for number, handler in previous.items():
            signal.signal(number, handler)
