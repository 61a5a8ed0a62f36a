"""The real program in a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from typing import Any

TIMEOUT = 60.0
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
LAB = ("lab", "--data", "hamlet", "--hidden-size", "8", "--batch-size", "2")


class Terminal:
    """A child in a pseudo-terminal of 80×24, and all that it has written."""

    def __init__(
        self,
        *arguments: str,
        program: tuple[str, ...] = ("-m", "lstm_lab"),
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        self.output = b""
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM")}
            os.environ.clear()
            os.environ.update({**inherited, "TERM": "xterm-256color", **environment})
            os.execv(python, [python, *program, *arguments])
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self) -> bool:
        """Takes what is there; False at the end."""
        if not select.select([self.end], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.end, 65536)
        except OSError:  # Linux's way to say that the child is gone
            return False
        self.output += data
        return bool(data)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.read() and time.monotonic() < deadline, self.output[-2000:]

    def press(self, keys: str) -> None:
        os.write(self.end, keys.encode())

    def code(self) -> int:
        """The exit code, once it has ended."""
        deadline = time.monotonic() + TIMEOUT
        while self.read():
            assert time.monotonic() < deadline, self.output[-2000:]
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.end >= 0:
            os.close(self.end)

    # Without reading, and for signals.

    def modes(self) -> list[Any]:
        """The terminal's settings: raw while the lab has it."""
        return termios.tcgetattr(self.end)

    def pending(self) -> int:
        """Bytes that wait to be read."""
        return int.from_bytes(fcntl.ioctl(self.end, termios.FIONREAD, b"\0" * 4), sys.byteorder)

    def wait(self, options: int = 0) -> int:
        """The status as of ``os.waitpid``, awaited without reading."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            pid, status = os.waitpid(self.pid, options | os.WNOHANG)
            if pid:
                if not os.WIFSTOPPED(status):
                    self.pid = 0
                return status
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def hang_up(self) -> None:
        """What happens to a terminal whose window is closed."""
        os.close(self.end)
        self.end = -1
