"""How long the lab takes to show something: the real program in a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios

ROWS, COLUMNS = 24, 80
#: Where the cursor goes to draw the last line.
_LAST_LINE = b"\x1b[%d;1H" % ROWS
_PATIENCE = 30.0


def open_and_kill() -> None:
    """Opens the lab and kills it as soon as it has drawn its last line.

    Raises RuntimeError if it ends, or draws nothing for half a minute.
    """
    ours, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        lab = subprocess.Popen(
            (sys.executable, "-m", "lstm_lab", "lab"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        stack.callback(lab.wait)
        stack.callback(lab.kill)
        drawn = b""
        while _LAST_LINE not in drawn:
            if not select.select([ours], [], [], _PATIENCE)[0]:
                raise RuntimeError("the lab draws nothing")
            try:
                drawn += os.read(ours, 1 << 16)
            except OSError as error:  # the other end is closed
                raise RuntimeError("the lab ended before it drew anything") from error
