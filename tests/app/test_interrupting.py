"""The lab is cut off: by signals, by its terminal, by a crash. Training is kept, and the terminal is left whole."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from app.terminal import ENTER, LAB, LEAVE, Terminal
from pythons import environment, pythons

from lstm_ext.train.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

#: Keeps whatever was learned, and often.
PROGRAM = """
import signal, sys
from lstm_lab.app import recovery, session
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.cli.main import main

session.UNNOTICED_SECONDS, recovery.SECONDS = 0.0, 0.2
what = sys.argv.pop(1)
if what == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
if what == "crash":
    def advance(self, snapshot):
        if snapshot.step > 50:
            raise ValueError("not a mistake of the user")
    TrainScreen._advance_sample = advance
sys.exit(main())
"""
#: Seconds in which a lab has to be gone, on a busy machine.
SOON = 10.0
STEP = re.compile(rb"step ([\d,]+) \xc2\xb7 loss")


@pytest.fixture
def begin(start: Callable[..., Terminal]) -> Callable[..., Terminal]:
    def begin(what: str = "", *arguments: str) -> Terminal:
        return start(*(arguments or LAB), program=("-c", PROGRAM, what))

    return begin


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "lstm-lab" / "recovery").glob("*.safetensors"))


def learning(terminal: Terminal) -> None:
    terminal.until(lambda: STEP.search(terminal.output))


def stuck(terminal: Terminal) -> None:
    """Waits until nothing more fits into the terminal: for a second, not a byte came."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < 1.0:
        if terminal.pending() != size:
            size, since = terminal.pending(), time.monotonic()
        time.sleep(0.05)
    assert size > 1000


ENDS = ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL", "hang-up", "nohup", "crash", "stuck"]


@pytest.mark.parametrize("end", ENDS)
def test_what_was_learned_is_kept_and_continued(end: str, begin: Callable[..., Terminal], tmp_path: Path) -> None:
    terminal = begin(end)
    if end != "crash":
        learning(terminal)
    if end == "SIGKILL":
        while not any(path.stat().st_size for path in kept(tmp_path)):  # it begins empty, with its permissions
            terminal.read()
    if end == "stuck":
        stuck(terminal)
    before = time.monotonic()
    if end.startswith("SIG") or end == "stuck":
        os.kill(terminal.pid, getattr(signal, end, signal.SIGTERM))
    elif end in ("hang-up", "nohup"):
        terminal.hang_up()
    code = os.waitstatus_to_exitcode(terminal.wait()) if end in ("hang-up", "nohup", "stuck") else terminal.code()
    assert time.monotonic() - before < (60 if end == "crash" else SOON)
    if end == "stuck":  # once somebody reads again, the terminal is whole
        terminal.until(lambda: LEAVE in terminal.output)
    expected = {"SIGTERM": 143, "stuck": 143, "SIGINT": 130, "SIGKILL": -9, "crash": 70}
    assert code == expected.get(end, 129)

    (path,) = kept(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    step = load_checkpoint(str(path)).state.step
    assert step > 0
    again = begin("", "lab", "--data", "abc")
    again.until(lambda: b"Training that was not saved" in again.output and b"hamlet" in again.output)
    again.press("\r")
    learning(again)
    assert int(STEP.search(again.output)[1].replace(b",", b"")) > step  # type: ignore[index]
    assert kept(tmp_path) == [path]
    again.press("q")
    assert again.code() == 0
    assert not kept(tmp_path), "quitting forgets what took less than a minute"
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("end", ["SIGTERM", "stuck", "hang-up"])
@pytest.mark.parametrize("python", pythons())
def test_on_every_python(python: str, end: str, start: Callable[..., Terminal], tmp_path: Path) -> None:
    path = {"python": pythons()[python], "PYTHONPATH": environment(tmp_path)["PYTHONPATH"]}
    terminal = start(*LAB, program=("-c", PROGRAM, ""), **path)
    learning(terminal)
    terminal.press("\x1a")
    assert os.WIFSTOPPED(terminal.wait(os.WUNTRACED))
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.until(lambda: terminal.output.count(ENTER) == 2)
    if end == "stuck":
        stuck(terminal)
    if end == "hang-up":
        terminal.hang_up()
    else:
        os.kill(terminal.pid, signal.SIGTERM)
    status = terminal.code() if end == "SIGTERM" else os.waitstatus_to_exitcode(terminal.wait())
    assert status == (129 if end == "hang-up" else 143)
    (file,) = kept(tmp_path)
    assert load_checkpoint(str(file)).state.step > 0


@pytest.mark.parametrize("numbers", [("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT"), ("SIGCONT",), ("SIGCONT", "SIGTERM")])
def test_signals_leave_the_terminal_whole(numbers: tuple[str, ...], begin: Callable[..., Terminal]) -> None:
    terminal = begin()
    before = terminal.modes()
    learning(terminal)
    assert terminal.modes() != before
    for name in numbers:
        os.kill(terminal.pid, getattr(signal, name))
        time.sleep(0.02)
    if numbers == ("SIGCONT",):
        terminal.until(lambda: terminal.output.count(ENTER) == 2)
        terminal.until(lambda: b"Status" in terminal.output.rpartition(ENTER)[2])
        terminal.press("q")
    modes = before
    status = 0
    terminal.until(lambda: LEAVE in terminal.output)
    while terminal.read():
        modes = terminal.modes()
    status = os.waitstatus_to_exitcode(terminal.wait())
    # Of two that are pending at once, Python handles the one with the lower number first.
    ends = {"SIGINT": 130, "SIGTERM": 143, "SIGCONT": 0}
    assert status in {ends[name] for name in numbers}
    assert modes == before
    assert terminal.output.count(ENTER) == terminal.output.count(LEAVE)
    assert b"Traceback" not in terminal.output


@pytest.mark.parametrize("how", ["key", "SIGTSTP", "SIGSTOP"])
def test_suspending_and_coming_back(how: str, begin: Callable[..., Terminal]) -> None:
    terminal = begin()
    before = terminal.modes()
    learning(terminal)
    if how == "key":
        terminal.press("\x1a")
    else:
        os.kill(terminal.pid, getattr(signal, how))
    assert os.WIFSTOPPED(terminal.wait(os.WUNTRACED))
    while terminal.pending():
        terminal.read()
    if how != "SIGSTOP":
        assert terminal.modes() == before
        assert terminal.output.rstrip().endswith(b"\x1b[?1004l")
    entered = terminal.output.count(ENTER)
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.until(lambda: terminal.output.count(ENTER) > entered)
    terminal.until(lambda: b"Status" in terminal.output.rpartition(ENTER)[2])
    shown = len(terminal.output)
    terminal.until(lambda: STEP.search(terminal.output[shown:]))
    assert terminal.modes() != before
    terminal.press("q")
    terminal.until(lambda: terminal.output.count(LEAVE) == terminal.output.count(ENTER))
    assert terminal.code() == 0
