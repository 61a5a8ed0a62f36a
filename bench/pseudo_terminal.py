"""A terminal for programs under test: it reads as fast as a given line carries, and notes when which bytes came."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

#: Questions of programs, and what a terminal answers: where the cursor is, and that it knows synchronized output.
ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
_LONGEST = max(map(len, ANSWERS))
_CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78])")
#: A throttled line delivers in portions of this many seconds.
_PORTION = 0.01
_PATIENCE = 60.0


class Silent(RuntimeError):
    """What was expected did not come."""


class PseudoTerminal:
    """Starts ``command`` in a terminal of ``columns`` × ``rows``; ``rate``: bytes per second of the line to it.

    A context manager; at its end the program is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int,
        rows: int,
        environment: Mapping[str, str],
        folder: str,
        rate: float | None = None,
    ) -> None:
        self.rows = rows
        self._rate = rate
        self._end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment, start_new_session=True
        )
        os.close(theirs)
        #: All that it has written.
        self.output = bytearray()
        self._arrived = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._end)

    def _read(self) -> None:
        portion = 1 << 16 if self._rate is None else max(1, round(self._rate * _PORTION))
        while True:
            if self._rate is not None:
                time.sleep(_PORTION)
            try:
                data = os.read(self._end, portion)
            except OSError:  # Linux's way to say that the program is gone
                data = b""
            with self._arrived:
                known = len(self.output)
                self.output += data
                self._ended = not data
                self._arrived.notify_all()
            if not data:
                return
            self._answer(max(0, known - _LONGEST + 1), known)

    def _answer(self, start: int, known: int) -> None:
        for question, answer in ANSWERS.items():
            begin = start
            while (found := self.output.find(question, begin)) >= 0:
                begin = found + 1
                if found + len(question) > known:
                    with contextlib.suppress(OSError):
                        os.write(self._end, answer)

    def press(self, keys: str) -> int:
        """Type ``keys``; returns how much had been written by then."""
        with self._arrived:
            mark = len(self.output)
        os.write(self._end, keys.encode())
        return mark

    def until(self, pattern: str, mark: int = 0) -> re.Match[str]:
        """Wait for a text that was written after ``mark``, apart from what controls the terminal. Raises Silent."""
        wanted, deadline = re.compile(pattern), time.monotonic() + _PATIENCE
        with self._arrived:
            while True:
                found = wanted.search(self.text(mark))
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0 or not self._arrived.wait(left):
                    raise Silent(f"expected {pattern!r}, got {self.text(mark)[-400:]!r}")

    def text(self, mark: int = 0) -> str:
        """What was written after ``mark``, without control sequences."""
        return _CONTROL.sub(b"", bytes(self.output[mark:])).decode(errors="replace")

    def bytes_during(self, seconds: float) -> int:
        """How many bytes came in ``seconds`` from now."""
        before = len(self.output)
        time.sleep(seconds)
        return len(self.output) - before
