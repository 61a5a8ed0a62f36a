"""The real program in a pseudo-terminal: it starts, learns, quits, and leaves the terminal as it was."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from app.terminal import ENTER, LAB, LEAVE, Terminal

pytestmark = pytest.mark.slow

SHOW_CURSOR, MOUSE_OFF = b"\x1b[?25h", b"\x1b[?1003l"
COLOR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


def steps(output: bytes) -> list[int]:
    """Numbers of steps under which samples were stamped, in their order."""
    return [int(number.replace(b",", b"")) for number in re.findall(rb"step ([\d,]+) \xc2\xb7 loss", output)]


def test_learns_and_quits_and_leaves_the_terminal_as_it_was(start: Callable[..., Terminal]) -> None:
    terminal = start(*LAB)
    terminal.until(lambda: b"learning" in terminal.output)
    terminal.until(lambda: len(set(steps(terminal.output))) >= 2)
    assert steps(terminal.output)[-1] > steps(terminal.output)[0]
    terminal.press("q")
    assert terminal.code() == 0
    assert terminal.output.count(ENTER) == terminal.output.count(LEAVE) == 1
    after = terminal.output.split(LEAVE)[1]
    assert SHOW_CURSOR in after and MOUSE_OFF in after
    assert b"Traceback" not in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_leaves_the_terminal_as_it_was_when_told_to_end(start: Callable[..., Terminal], number: int) -> None:
    terminal = start(*LAB)
    terminal.until(lambda: b"learning" in terminal.output)
    os.kill(terminal.pid, number)
    assert terminal.code() == 128 + number
    assert LEAVE in terminal.output and b"Traceback" not in terminal.output


def test_ctrl_c_quits(start: Callable[..., Terminal]) -> None:
    terminal = start(*LAB)
    terminal.until(lambda: b"learning" in terminal.output)
    terminal.press("\x03")
    assert terminal.code() == 0
    assert LEAVE in terminal.output


def test_no_color_sends_no_colour(start: Callable[..., Terminal]) -> None:
    terminal = start(*LAB, NO_COLOR="1")
    terminal.until(lambda: b"Gates" in terminal.output and steps(terminal.output))
    terminal.press("q")
    assert terminal.code() == 0
    colors = {match.group() for match in COLOR.finditer(terminal.output)}
    assert colors == set()


def test_ascii_sends_only_ascii(start: Callable[..., Terminal]) -> None:
    terminal = start(*LAB, "--ascii")
    terminal.until(lambda: b"learning" in terminal.output and b"Gates" in terminal.output)
    terminal.press("q")
    assert terminal.code() == 0
    assert terminal.output.isascii()


def test_a_bad_file_is_one_line_on_the_command_line(start: Callable[..., Terminal]) -> None:
    terminal = start("lab", "--data", "no-such-file.txt")
    assert terminal.code() == 1
    message = terminal.output.split(LEAVE)[-1].decode()
    assert re.search(r"error: .*no-such-file\.txt.*", message) and "Traceback" not in message


CRASH = """
import sys
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.cli.main import main

def failing(self, *_):
    raise ValueError("not a mistake of the user")

setattr(TrainScreen, sys.argv.pop(1), failing)
sys.exit(main())
"""


@pytest.mark.parametrize("method", ["compose", "_tick", "adopt"])  # before the first frame, by a timer, in a worker
def test_a_crash_restores_the_terminal_and_ends_with_one_line(
    start: Callable[..., Terminal], tmp_path: Path, method: str
) -> None:
    terminal = start(*LAB, program=("-c", CRASH, method), XDG_STATE_HOME=str(tmp_path))
    assert terminal.code() == 70
    after = terminal.output.rpartition(LEAVE)[2]
    assert SHOW_CURSOR in terminal.output
    (line,) = [line for line in after.replace(b"\r", b"").split(b"\n") if b"lstm-lab" in line]
    assert b"this is a bug in lstm-lab (ValueError: not a mistake of the user)" in line
    assert b"Traceback" not in terminal.output
    (path,) = tmp_path.rglob("*.txt")
    assert str(path).encode() in line and ", in failing" in path.read_text()
