"""Textual's driver, which knows when its output has arrived, and with a suspension that signals at any moment cannot
break; other programs in the terminal."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition
from textual.message import Message

from .pacing import QUESTION, SSH_BYTES_PER_SECOND, Link, over_ssh


class LabDriver(LinuxDriver):
    """Asks the terminal after each frame, and suspends on SIGTSTP and comes back on SIGCONT, both in the event loop.

    Textual's own does so wherever the signal comes, which may be within its output queue; and on a SIGCONT without a
    SIGTSTP it starts a second time, and then takes the lab's terminal modes for those to be restored.
    """

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None):
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._suspended = False
        #: Wakes the thread that reads.
        self._awake = os.pipe()
        #: Called in the event loop whenever all that was sent has arrived.
        self.on_arrival: Callable[[], object] = lambda: None
        self.link = Link(SSH_BYTES_PER_SECOND if over_ssh() else None)

    # What is known of the line.

    def write(self, data: str) -> None:
        """Write, and keep count."""
        super().write(data)
        self.link.sent(len(data.encode(errors="replace")))

    def ask(self) -> None:
        """Ask the terminal whether all has arrived, unless a question is on its way."""
        if self.link.asks():
            super().write(QUESTION)

    def process_message(self, message: Message) -> None:
        """Textual's, but for the answers."""
        if isinstance(message, CursorPosition):
            self.link.answered()
            self.ask()
            self._soon(self.on_arrival)
        else:
            super().process_message(message)

    # Reading.

    def run_input_thread(self) -> None:
        """Read until the end; Textual's own would notice the end two tenths of a second later."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._awake[0], selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = {key.fd for key, _ in selector.select(0.1)}
                if self._awake[0] in ready:
                    os.read(self._awake[0], 1)
                data = self._read() if self.fileno in ready else b""
                if self.fileno in ready and not data:
                    selector.unregister(self.fileno)  # nobody is there
                for event in chain(parser.feed(decode(data)) if data else (), parser.tick()):
                    self.process_message(event)

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):
            return os.read(self.fileno, 4096)
        return b""

    def disable_input(self) -> None:
        """Read no more, once the last answer has come."""
        self.link.settle()
        if not self.exit_event.is_set() and self._key_thread is not None and self._key_thread.is_alive():
            os.write(self._awake[1], b"x")
        super().disable_input()

    # Suspension.

    def _sigtstp_application(self, *_: object) -> None:
        self._soon(self._suspend)

    def _sigcont_application(self, *_: object) -> None:
        self._soon(self._come_back)

    def _soon(self, callback: Callable[[], object]) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(callback)

    def _suspend(self) -> None:
        if not self._suspended and self._app.is_running:
            self._leave()
            os.kill(os.getpid(), signal.SIGSTOP)

    def _come_back(self) -> None:
        """Also after a stop that nobody could see coming: the shell has changed the terminal meanwhile."""
        if self._app.is_running:
            if not self._suspended:
                self._leave()
            self._suspended = False
            self.resume_application_mode()
            self._app.refresh(layout=True)

    def _leave(self) -> None:
        self.suspend_application_mode()
        self._suspended = self._must_signal_resume = True


def lend_terminal(app: App[Any], command: Sequence[str]) -> int:
    """Let another program have the terminal until it ends; returns its status. Raises OSError, SuspendNotSupported.

    Meanwhile the event loop stands still, so that nothing is painted over the program. Ctrl-C is the program's, and
    Ctrl-Z stops both, as the shell expects.
    """
    with app.suspend():
        handlers: dict[signal.Signals, Any] = {
            signal.SIGINT: lambda *_: None,  # not SIG_IGN, which the program would inherit
            signal.SIGTSTP: signal.SIG_DFL,
            signal.SIGCONT: signal.SIG_DFL,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        ended: int | OSError
        try:
            ended = subprocess.run(command).returncode
        except OSError as error:  # raised in here, it would keep Textual from coming back
            ended = error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if isinstance(ended, OSError):
        raise ended
    return ended
