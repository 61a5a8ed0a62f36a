"""Textual's driver, with a suspension that signals at any moment cannot break; other programs in the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class LabDriver(LinuxDriver):
    """Suspends on SIGTSTP and comes back on SIGCONT, both in the event loop.

    Textual's own does so wherever the signal comes, which may be within its output queue; and on a SIGCONT without a
    SIGTSTP it starts a second time, and then takes the lab's terminal modes for those to be restored.
    """

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None):
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._suspended = False

    def _sigtstp_application(self, *_: object) -> None:
        self._soon(self._suspend)

    def _sigcont_application(self, *_: object) -> None:
        self._soon(self._come_back)

    def _soon(self, callback: Callable[[], None]) -> None:
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
