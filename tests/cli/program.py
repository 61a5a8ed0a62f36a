"""What the tests of the command line share: how it is started, and in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LAB = [sys.executable, "-m", "lstm_lab"]
ENV = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
#: A tiny network, and steps that take no time.
SMALL = ["--hidden-size", "8", "--seq-length", "7", "--batch-size", "3"]
Run = Callable[..., tuple[int, str, str]]


def one_line(err: str) -> str:
    """The message of the one error line that ``err`` has to be."""
    match = re.fullmatch(r"lstm-lab: error: (.+)\n", err)
    assert match, err
    return match[1]


def write(path: str, content: bytes) -> str:
    Path(path).write_bytes(content)
    return path


def start(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    command = [*LAB, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def in_terminal(
    *arguments: object,
    cwd: Path,
    columns: int = 100,
    program: Sequence[object] = ("-m", "lstm_lab"),
    **environment: str,
) -> tuple[int, str]:
    """Runs the program in a pseudo-terminal: exit status and everything that it wrote."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *map(str, [*program, *arguments])],
        cwd=cwd,
        env={**ENV, **environment},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    return process.wait(timeout=60), written.decode()
